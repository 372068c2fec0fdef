/** One table of all dtypes: storage class, size, exponent and mantissa. */
import type { Dtype, DtypeArrays } from './types.ts';

export interface DtypeInfo {
  readonly bytesPerElement: number;
  readonly kind: 'float' | 'int' | 'bool';
  /** Bits of mantissa without the hidden one; 0 for integers. */
  readonly mantissaBits: number;
  /** Short form for comments and tables: f32, bf16, i64. */
  readonly short: string;
  readonly ArrayType: {
    new (length: number): DtypeArrays[Dtype];
    new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): DtypeArrays[Dtype];
  };
}

export const DTYPES = {
  float32: { bytesPerElement: 4, kind: 'float', mantissaBits: 23, short: 'f32', ArrayType: Float32Array },
  float64: { bytesPerElement: 8, kind: 'float', mantissaBits: 52, short: 'f64', ArrayType: Float64Array },
  float16: { bytesPerElement: 2, kind: 'float', mantissaBits: 10, short: 'f16', ArrayType: Uint16Array },
  bfloat16: { bytesPerElement: 2, kind: 'float', mantissaBits: 7, short: 'bf16', ArrayType: Uint16Array },
  float8e4m3fn: { bytesPerElement: 1, kind: 'float', mantissaBits: 3, short: 'e4m3', ArrayType: Uint8Array },
  float8e5m2: { bytesPerElement: 1, kind: 'float', mantissaBits: 2, short: 'e5m2', ArrayType: Uint8Array },
  int8: { bytesPerElement: 1, kind: 'int', mantissaBits: 0, short: 'i8', ArrayType: Int8Array },
  uint8: { bytesPerElement: 1, kind: 'int', mantissaBits: 0, short: 'u8', ArrayType: Uint8Array },
  int16: { bytesPerElement: 2, kind: 'int', mantissaBits: 0, short: 'i16', ArrayType: Int16Array },
  uint16: { bytesPerElement: 2, kind: 'int', mantissaBits: 0, short: 'u16', ArrayType: Uint16Array },
  int32: { bytesPerElement: 4, kind: 'int', mantissaBits: 0, short: 'i32', ArrayType: Int32Array },
  uint32: { bytesPerElement: 4, kind: 'int', mantissaBits: 0, short: 'u32', ArrayType: Uint32Array },
  int64: { bytesPerElement: 8, kind: 'int', mantissaBits: 0, short: 'i64', ArrayType: BigInt64Array },
  uint64: { bytesPerElement: 8, kind: 'int', mantissaBits: 0, short: 'u64', ArrayType: BigUint64Array },
  bool: { bytesPerElement: 1, kind: 'bool', mantissaBits: 0, short: 'bool', ArrayType: Uint8Array },
} as const satisfies Readonly<Record<Dtype, DtypeInfo>>;

/** Bytes of one element. */
export function bytesPerElement(dtype: Dtype): number {
  return DTYPES[dtype].bytesPerElement;
}

/** A zeroed array of the dtype's storage class. @param shared  back it with a SharedArrayBuffer */
export function createDtypeArray<D extends Dtype>(dtype: D, length: number, shared = false): DtypeArrays[D] {
  const info: DtypeInfo = DTYPES[dtype];
  if (!shared) return new info.ArrayType(length) as DtypeArrays[D];
  return new info.ArrayType(new SharedArrayBuffer(length * info.bytesPerElement)) as DtypeArrays[D];
}
