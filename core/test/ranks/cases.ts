/** Random collective cases: inputs that any thread can make from the seed, and what each collective is by definition. */
import { createRng } from '../../src/base/index.ts';
import {
  createTensor,
  numbersFromTensor,
  numel,
  roundToDtype,
  type Dtype,
  type Shape,
  type Tensor,
} from '../../src/tensor/index.ts';
import type { ReduceAlgorithm, Reduction, WireDtype } from '../../src/ranks/index.ts';

export interface CollectiveCase {
  readonly seed: number;
  readonly call:
    | 'allReduce'
    | 'reduceScatter'
    | 'allGather'
    | 'broadcast'
    | 'allToAll'
    | 'allToAllSplits'
    | 'ringShift';
  /** Axes of the group. */
  readonly axes: readonly string[];
  readonly dtype: Dtype;
  /** Sizes before division; the divided axis is multiplied by the group size. */
  readonly shape: Shape;
  readonly axis: number;
  readonly concatAxis: number;
  readonly reduction: Reduction;
  readonly algorithm: ReduceAlgorithm;
  readonly wire: WireDtype;
}

/** The input of a rank; integers small, floats normal. */
export function inputOf({ seed, dtype }: CollectiveCase, rank: number, shape: Shape): Tensor {
  const rng = createRng(seed, `rank ${rank}`);
  const tensor = createTensor(dtype, shape);
  for (let i = 0; i < tensor.data.length; i++) {
    if (dtype === 'int64') (tensor.data as BigInt64Array)[i] = BigInt(rng.integer(2000) - 1000);
    else if (dtype === 'int32') (tensor.data as Int32Array)[i] = rng.integer(2000) - 1000;
    else if (dtype === 'float16' || dtype === 'bfloat16') (tensor.data as Uint16Array)[i] = 0x3c00 + rng.integer(0x200);
    else (tensor.data as Float32Array)[i] = rng.normal();
  }
  return tensor;
}

/** Shape that a member of a group of n ranks gives. */
export function inputShape({ call, shape, axis }: CollectiveCase, n: number): Shape {
  const isDivided = call === 'reduceScatter' || call === 'allToAll';
  return shape.map((size, i) => (i === axis && isDivided ? size * n : size));
}

/** Rows that member `from` sends to member `to`. */
export function splitSize({ seed }: CollectiveCase, from: number, to: number): number {
  return createRng(seed, `split ${from} ${to}`).integer(4);
}

/** Sum (or other reduction) of one element over members in the documented order, one operation at a time. */
export function reducedElement(
  { reduction, algorithm, wire, dtype }: CollectiveCase,
  values: readonly number[],
  chunk: number,
): number {
  const n = values.length;
  const onWire: Dtype = wire === 'bfloat16' ? 'bfloat16' : dtype;
  const round = (value: number): number =>
    onWire === 'float32'
      ? Math.fround(value)
      : onWire === 'float64' || onWire === 'int32'
        ? value
        : roundToDtype(onWire, value);
  const combine = (a: number, b: number): number =>
    round(reduction === 'max' ? Math.max(a, b) : reduction === 'min' ? Math.min(a, b) : a + b);
  const rounded = values.map(round);
  let result: number;
  if (algorithm === 'tree') {
    const partial = [...rounded];
    for (let stride = 1; stride < n; stride *= 2)
      for (let i = 0; i + stride < n; i += 2 * stride) partial[i] = combine(partial[i]!, partial[i + stride]!);
    result = partial[0]!;
  } else {
    const first = algorithm === 'ring' ? chunk + 1 : 0;
    result = rounded[first % n]!;
    for (let i = 1; i < n; i++) result = combine(result, rounded[(first + i) % n]!);
  }
  if (reduction !== 'mean') return result;
  return dtype === 'int32' || dtype === 'int64' ? Math.trunc(result / n) + 0 : round(result / n);
}

export function numbersOf(tensor: Tensor): number[] {
  return tensor.dtype === 'int64'
    ? Array.from(tensor.data as BigInt64Array, Number)
    : Array.from(numbersFromTensor(tensor));
}

/** Row-major elements of `tensor` with index on `axis` in [start, end). */
export function sliceElements(
  values: readonly number[],
  shape: Shape,
  axis: number,
  start: number,
  end: number,
): number[] {
  const inner = numel(shape.slice(axis + 1));
  return values.filter((_, i) => {
    const index = Math.floor(i / inner) % shape[axis]!;
    return index >= start && index < end;
  });
}

/** Concatenates row-major blocks along an axis. */
export function concatElements(blocks: readonly { values: readonly number[]; shape: Shape }[], axis: number): number[] {
  const shape = blocks[0]!.shape;
  const outer = numel(shape.slice(0, axis));
  const result: number[] = [];
  for (let o = 0; o < outer; o++) {
    for (const { values, shape: own } of blocks) {
      const run = numel(own.slice(axis));
      result.push(...values.slice(o * run, (o + 1) * run));
    }
  }
  return result;
}
