/** Bytes of a trace as f32 numbers, by the dtype names of safetensors. */
import { decodeFloats } from '@tenfold/core/tensor';
import { traceError } from '../trace-check-errors.ts';

interface StoredDtype {
  readonly bytes: number;
  /** Decodes `count` elements at the start of `bytes` (aligned to 8). */
  decode(bytes: Uint8Array, count: number, target: Float32Array, at: number): void;
}

const plain = (bytes: number, view: (buffer: ArrayBufferLike, offset: number, count: number) => ArrayLike<number>) => ({
  bytes,
  decode: (source: Uint8Array, count: number, target: Float32Array, at: number) =>
    target.set(view(source.buffer, source.byteOffset, count), at),
});
/** Narrow formats by a table of all their values, made when the first of them is read. */
const narrow = (bytes: 1 | 2, dtype: 'float16' | 'float8e4m3fn' | 'float8e5m2'): StoredDtype => {
  let table: Float32Array | undefined;
  const tableOf = (): Float32Array =>
    bytes === 2
      ? decodeFloats(
          dtype,
          Uint16Array.from({ length: 1 << 16 }, (_, bits) => bits),
        )
      : decodeFloats(
          dtype,
          Uint8Array.from({ length: 1 << 8 }, (_, bits) => bits),
        );
  return {
    bytes,
    decode(source, count, target, at) {
      table ??= tableOf();
      const bits =
        bytes === 2
          ? new Uint16Array(source.buffer, source.byteOffset, count)
          : new Uint8Array(source.buffer, source.byteOffset, count);
      for (let i = 0; i < count; i++) target[at + i] = table[bits[i]];
    },
  };
};

/** BF16 is the upper half of an f32. */
const bfloat16: StoredDtype = {
  bytes: 2,
  decode(source, count, target, at) {
    const bits = new Uint16Array(source.buffer, source.byteOffset, count);
    const words = new Uint32Array(target.buffer, target.byteOffset + 4 * at, count);
    for (let i = 0; i < count; i++) words[i] = bits[i] << 16;
  },
};

const STORED: Readonly<Record<string, StoredDtype>> = {
  F32: plain(4, (buffer, offset, count) => new Float32Array(buffer, offset, count)),
  F64: plain(8, (buffer, offset, count) => new Float64Array(buffer, offset, count)),
  I32: plain(4, (buffer, offset, count) => new Int32Array(buffer, offset, count)),
  I16: plain(2, (buffer, offset, count) => new Int16Array(buffer, offset, count)),
  I8: plain(1, (buffer, offset, count) => new Int8Array(buffer, offset, count)),
  U8: plain(1, (buffer, offset, count) => new Uint8Array(buffer, offset, count)),
  BOOL: plain(1, (buffer, offset, count) => new Uint8Array(buffer, offset, count)),
  I64: {
    bytes: 8,
    decode(source, count, target, at) {
      const words = new BigInt64Array(source.buffer, source.byteOffset, count);
      for (let i = 0; i < count; i++) target[at + i] = Number(words[i]);
    },
  },
  BF16: bfloat16,
  F16: narrow(2, 'float16'),
  F8_E4M3: narrow(1, 'float8e4m3fn'),
  F8_E5M2: narrow(1, 'float8e5m2'),
};

/** @throws TF-TRACE-013 on a dtype that is not read here */
export function storedDtype(name: string, location: string): StoredDtype {
  const found = STORED[name];
  if (found) return found;
  throw traceError('TF-TRACE-013', {
    subject: 'openTrace',
    expected: `a dtype of ${Object.keys(STORED).join(', ')}`,
    actual: name,
    location,
  });
}
