/** The nouns of core/tensor: dtypes and row-major tensors. */

/** ONNX Runtime's names. `bool` is one byte (0 or 1). int64/uint64 live in BigInt64Array/BigUint64Array.
 *  float16, bfloat16 and the two float8 are stored as their bit patterns (Uint16Array, Uint8Array). */
export type Dtype =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'float8e4m3fn'
  | 'float8e5m2'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'bool';

export interface DtypeArrays {
  float32: Float32Array;
  float64: Float64Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  float8e4m3fn: Uint8Array;
  float8e5m2: Uint8Array;
  int8: Int8Array;
  uint8: Uint8Array;
  int16: Int16Array;
  uint16: Uint16Array;
  int32: Int32Array;
  uint32: Uint32Array;
  int64: BigInt64Array;
  uint64: BigUint64Array;
  bool: Uint8Array;
}

export type TensorData = DtypeArrays[Dtype];

/** Sizes of each axis, outermost first. `[]` is a scalar. */
export type Shape = readonly number[];

/** A dense row-major tensor. Invariant: `data.length === numel(shape)`; the array's class is the dtype's.
 *  The data may be backed by a SharedArrayBuffer. A Tensor never owns its buffer exclusively: functions
 *  that keep or change `data` say so under "Mutates". */
export interface Tensor<D extends Dtype = Dtype> {
  readonly dtype: D;
  readonly shape: Shape;
  readonly data: DtypeArrays[D];
}
