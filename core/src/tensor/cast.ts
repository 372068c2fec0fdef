/** Changing the dtype of a tensor.
 *  To a float: rounded once to nearest even.  Float to integer: towards zero, clamped to the range, NaN becomes 0.
 *  Integer to integer: modulo 2^bits (two's complement).  To bool: 1 where not zero (NaN is not zero). */
import { decodeFloats, encodeFloats } from './codecs.ts';
import { createDtypeArray, DTYPES } from './dtype.ts';
import { encodeFloat64, isSmallFloat, numberFromBits, SMALL_FLOATS, saturates } from './small-floats.ts';
import type { EncodeOptions } from './small-floats.ts';
import type { Dtype, DtypeArrays, Tensor, TensorData } from './types.ts';

export interface CastOptions extends EncodeOptions {
  /** Back the result with a SharedArrayBuffer. Default false. */
  readonly shared?: boolean;
}

const INTEGER_RANGES: Readonly<Partial<Record<Dtype, readonly [min: number, max: number]>>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-2147483648, 2147483647],
  uint32: [0, 4294967295],
};

/** A copy of the tensor in another dtype; a plain copy if it already has that dtype.
 *  @returns a new tensor of the same shape; never shares memory with the input
 *  Cost: O(N) time.   Mutates: nothing. */
export function castTensor<D extends Dtype>(tensor: Tensor, dtype: D, options: CastOptions = {}): Tensor<D> {
  const data = createDtypeArray(dtype, tensor.data.length, options.shared);
  castInto(tensor, dtype, data, options);
  return { dtype, shape: tensor.shape, data };
}

/** The elements as numbers: the array itself for float32 and float64 (not a copy), else a new float32 or float64 array.
 *  64-bit integers beyond 2^53 are rounded to nearest even. */
export function numbersFromTensor(tensor: Tensor): Float32Array | Float64Array {
  const { dtype, data } = tensor;
  if (dtype === 'float32' || dtype === 'float64') return data as Float32Array | Float64Array;
  if (isSmallFloat(dtype)) return decodeFloats(dtype, data as Uint16Array);
  const numbers = new Float64Array(data.length);
  for (let i = 0; i < data.length; i++) numbers[i] = Number(data[i]);
  return numbers;
}

/** A number rounded to what the dtype can hold: to nearest even for floats; integers and bool as castTensor does. */
export function roundToDtype(dtype: Dtype, value: number, options: EncodeOptions = {}): number {
  if (dtype === 'float64') return value;
  if (dtype === 'float32') return Math.fround(value);
  if (isSmallFloat(dtype)) {
    return numberFromBits(dtype, encodeFloat64(SMALL_FLOATS[dtype], value, saturates(dtype, options)));
  }
  if (dtype === 'bool') return value === 0 ? 0 : 1;
  if (dtype === 'int64' || dtype === 'uint64') return Number(bigintFromNumber(dtype, value));
  return clampToRange(value, INTEGER_RANGES[dtype]!);
}

function castInto(tensor: Tensor, dtype: Dtype, target: TensorData, options: CastOptions): void {
  const source = tensor.data;
  const sourceDtype = tensor.dtype;
  if (sourceDtype === dtype) (target as Float32Array).set(source as Float32Array);
  else if (isSmallFloat(sourceDtype) && dtype === 'float32') {
    decodeFloats(sourceDtype, source as Uint16Array, target as Float32Array);
  } else if (isSmallFloat(dtype) && DTYPES[sourceDtype].kind === 'float') {
    encodeFloats(dtype, numbersFromTensor(tensor) as Float32Array, target as Uint16Array & Uint8Array, options);
  } else if (sourceDtype === 'float32' && dtype === 'float64') (target as Float64Array).set(source as Float32Array);
  else if (sourceDtype === 'float64' && dtype === 'float32') (target as Float32Array).set(source as Float64Array);
  else castEach(tensor, dtype, target, options);
}

function castEach(tensor: Tensor, dtype: Dtype, target: TensorData, options: CastOptions): void {
  const fromBigint = tensor.dtype === 'int64' || tensor.dtype === 'uint64';
  const toInteger = DTYPES[dtype].kind === 'int';
  if (fromBigint && toInteger) return wrapBigints(tensor.data as BigInt64Array, dtype, target);
  const isFloatSource = DTYPES[tensor.dtype].kind === 'float';
  if (fromBigint) return convertBigints(tensor.data as BigInt64Array, dtype, target, options);
  const numbers = isFloatSource ? numbersFromTensor(tensor) : (tensor.data as Int32Array);
  if (dtype === 'int64' || dtype === 'uint64') {
    const bigints = target as BigInt64Array;
    for (let i = 0; i < numbers.length; i++) bigints[i] = bigintFromNumber(dtype, numbers[i]);
  } else if (toInteger && !isFloatSource) {
    // typed arrays wrap modulo 2^bits on assignment
    const integers = target as Int32Array;
    for (let i = 0; i < numbers.length; i++) integers[i] = numbers[i];
  } else if (toInteger) {
    const range = INTEGER_RANGES[dtype]!;
    const integers = target as Int32Array;
    for (let i = 0; i < numbers.length; i++) integers[i] = clampToRange(numbers[i], range);
  } else if (isSmallFloat(dtype)) {
    encodeFloats(dtype, Float64Array.from(numbers), target as Uint16Array & Uint8Array, options);
  } else if (dtype === 'bool') {
    const flags = target as Uint8Array;
    for (let i = 0; i < numbers.length; i++) flags[i] = numbers[i] === 0 ? 0 : 1;
  } else {
    const floats = target as Float64Array;
    for (let i = 0; i < numbers.length; i++) floats[i] = numbers[i];
  }
}

function wrapBigints(source: BigInt64Array, dtype: Dtype, target: TensorData): void {
  if (dtype === 'int64' || dtype === 'uint64') {
    (target as BigInt64Array).set(new BigInt64Array(source.buffer, source.byteOffset, source.length));
    return;
  }
  const low = new Int32Array(source.buffer, source.byteOffset, source.length * 2); // little endian: even words are low
  const integers = target as Int32Array;
  for (let i = 0; i < source.length; i++) integers[i] = low[2 * i];
}

function convertBigints(source: BigInt64Array, dtype: Dtype, target: TensorData, options: CastOptions): void {
  if (dtype === 'bool') for (let i = 0; i < source.length; i++) (target as Uint8Array)[i] = source[i] === 0n ? 0 : 1;
  else if (dtype === 'float64') for (let i = 0; i < source.length; i++) (target as Float64Array)[i] = Number(source[i]);
  else {
    const numbers = new Float64Array(source.length);
    for (let i = 0; i < source.length; i++) numbers[i] = oddNumberFromBigint(source[i]);
    if (isSmallFloat(dtype)) encodeFloats(dtype, numbers, target as Uint16Array & Uint8Array, options);
    else (target as DtypeArrays['float32']).set(numbers);
  }
}

/** A float64 that rounds to any narrower float as the integer itself would: bits that do not fit leave a sticky last bit. */
function oddNumberFromBigint(value: bigint): number {
  const isExact = value < 2n ** 53n && value > -(2n ** 53n);
  if (isExact) return Number(value);
  const magnitude = value < 0n ? -value : value;
  const kept = (magnitude >> 11n) | ((magnitude & 0x7ffn) === 0n ? 0n : 1n); // at most 53 bits
  return Number(value < 0n ? -kept : kept) * 2 ** 11;
}

function bigintFromNumber(dtype: 'int64' | 'uint64', value: number): bigint {
  if (Number.isNaN(value)) return 0n;
  const [min, max] = dtype === 'int64' ? [-(2n ** 63n), 2n ** 63n - 1n] : [0n, 2n ** 64n - 1n];
  if (value >= Number(max)) return max;
  if (value <= Number(min)) return min;
  return BigInt(Math.trunc(value));
}

function clampToRange(value: number, [min, max]: readonly [min: number, max: number]): number {
  if (Number.isNaN(value)) return 0;
  return Math.trunc(Math.min(Math.max(value, min), max)) + 0; // + 0 turns -0 into 0
}
