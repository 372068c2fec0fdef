/** The interpreter's values: every dtype is held as float64 and rounded to its dtype after each op.
 *  Integers above 2⁵³ lose their low bits; nothing in the op set makes such values from ordinary inputs. */
import { DTYPES, castTensor, decodeFloats, encodeFloats, isSmallFloat, numbersFromTensor } from '../../tensor/index.ts';
import type { Dtype, Shape, Tensor } from '../../tensor/index.ts';

export interface RefValue {
  readonly dtype: Dtype;
  readonly shape: Shape;
  /** [numel] row-major. Never changed once the value exists: layout ops share it. */
  readonly data: Float64Array;
}

/** Static type of a value. */
export interface ValueType {
  readonly dtype: Dtype;
  readonly shape: Shape;
}

export const isFloatDtype = (dtype: Dtype): boolean => DTYPES[dtype].kind === 'float';

/** Decodes a tensor into f64. @returns a fresh value; the tensor is not kept */
export function refValueFromTensor(tensor: Tensor): RefValue {
  return { dtype: tensor.dtype, shape: tensor.shape, data: Float64Array.from(numbersFromTensor(tensor)) };
}

/** Encodes a value; rounds to nearest even if the dtype is narrower than what the value holds. */
export function tensorFromRefValue(value: RefValue, dtype: Dtype = value.dtype): Tensor {
  return castTensor({ dtype: 'float64', shape: value.shape, data: value.data }, dtype);
}

/** Rounds every element to the dtype, once, to nearest even; integers wrap as two's complement, bool is 0 or 1.
 *  @param data  [numel] f64
 *  @param saturate  float8 only: overflow becomes the largest finite value
 *  Mutates: `data`. */
export function roundValues(data: Float64Array, dtype: Dtype, saturate = true): void {
  if (dtype === 'float64') return;
  if (dtype === 'float32') {
    for (let i = 0; i < data.length; i++) data[i] = Math.fround(data[i]!);
  } else if (isSmallFloat(dtype)) {
    data.set(decodeFloats(dtype, encodeFloats(dtype, data, undefined, { saturate })));
  } else if (dtype === 'bool') {
    for (let i = 0; i < data.length; i++) data[i] = data[i] === 0 ? 0 : 1;
  } else if (dtype === 'int64' || dtype === 'uint64') {
    for (let i = 0; i < data.length; i++) data[i] = wrapWide(data[i]!, dtype);
  } else {
    // Integer typed arrays wrap modulo 2^bits on assignment.
    const wrapped = new DTYPES[dtype].ArrayType(data.length) as Int32Array;
    wrapped.set(data);
    data.set(wrapped);
  }
}

function wrapWide(x: number, dtype: 'int64' | 'uint64'): number {
  const whole = Math.trunc(x) + 0;
  if (Math.abs(whole) <= Number.MAX_SAFE_INTEGER && (whole >= 0 || dtype === 'int64')) return whole;
  if (!Number.isFinite(whole)) return 0;
  return Number(dtype === 'int64' ? BigInt.asIntN(64, BigInt(whole)) : BigInt.asUintN(64, BigInt(whole)));
}
