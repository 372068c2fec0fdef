/** Elementwise loops with multidirectional broadcasting by strides. */
import { numel, stridesFromShape } from '../../../tensor/index.ts';
import type { Shape } from '../../../tensor/index.ts';
import { input } from '../kernel-call.ts';
import type { Kernel } from '../kernel-call.ts';
import type { RefValue } from '../ref-value.ts';

/** Strides of `shape` seen through the (longer) `outShape`: 0 on broadcast axes. */
export function broadcastStrides(shape: Shape, outShape: Shape): number[] {
  const own = stridesFromShape(shape);
  const offset = outShape.length - shape.length;
  return outShape.map((_, axis) => (axis < offset || shape[axis - offset] === 1 ? 0 : own[axis - offset]!));
}

/** Visits every row (last axis) of a shape in row-major order.
 *  @param strides  one list of strides per operand
 *  @param visit  receives the row number and the operands' offsets (one array, reused) */
export function forEachRow(
  shape: Shape,
  strides: readonly (readonly number[])[],
  visit: (row: number, offsets: readonly number[]) => void,
): void {
  const outerRank = Math.max(0, shape.length - 1);
  const numRows = shape.length === 0 ? 1 : numel(shape.slice(0, -1));
  if (numel(shape) === 0) return;
  const index = new Array<number>(outerRank).fill(0);
  const offsets = strides.map(() => 0);
  for (let row = 0; row < numRows; row++) {
    visit(row, offsets);
    for (let axis = outerRank - 1; axis >= 0; axis--) {
      index[axis]!++;
      for (let s = 0; s < strides.length; s++) offsets[s]! += strides[s]![axis]!;
      if (index[axis]! < shape[axis]!) break;
      for (let s = 0; s < strides.length; s++) offsets[s]! -= strides[s]![axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
}

/** Copies a value into a larger shape. */
export function expandTo(value: RefValue, outShape: Shape): Float64Array {
  const count = numel(outShape);
  if (value.data.length === count) return value.data;
  const out = new Float64Array(count);
  if (value.data.length === 1) return out.fill(value.data[0]!);
  const strides = broadcastStrides(value.shape, outShape);
  const width = outShape[outShape.length - 1] ?? 1;
  const step = strides[strides.length - 1] ?? 0;
  forEachRow(outShape, [strides], (row, [offset]) => {
    const start = row * width;
    for (let i = 0; i < width; i++) out[start + i] = value.data[offset! + i * step]!;
  });
  return out;
}

export type BinaryFunction = (a: number, b: number) => number;

export function applyBinary(f: BinaryFunction, a: RefValue, b: RefValue, outShape: Shape): Float64Array {
  const count = numel(outShape);
  const out = new Float64Array(count);
  const x = a.data;
  const y = b.data;
  if (x.length === count && y.length === count) {
    for (let i = 0; i < count; i++) out[i] = f(x[i]!, y[i]!);
    return out;
  }
  if (x.length === count && y.length === 1) {
    const right = y[0]!;
    for (let i = 0; i < count; i++) out[i] = f(x[i]!, right);
    return out;
  }
  const aStrides = broadcastStrides(a.shape, outShape);
  const bStrides = broadcastStrides(b.shape, outShape);
  const width = outShape[outShape.length - 1] ?? 1;
  const aStep = aStrides[aStrides.length - 1] ?? 0;
  const bStep = bStrides[bStrides.length - 1] ?? 0;
  forEachRow(outShape, [aStrides, bStrides], (row, [aOffset, bOffset]) => {
    const start = row * width;
    for (let i = 0; i < width; i++) out[start + i] = f(x[aOffset! + i * aStep]!, y[bOffset! + i * bStep]!);
  });
  return out;
}

/** Kernel of a unary elementwise op. */
export function unary(f: (x: number) => number): Kernel {
  return (call) => {
    const x = input(call, 0).data;
    const out = new Float64Array(x.length);
    for (let i = 0; i < x.length; i++) out[i] = f(x[i]!);
    return [out];
  };
}

/** Kernel of a binary op. */
export function binary(f: BinaryFunction): Kernel {
  return (call) => [applyBinary(f, input(call, 0), input(call, 1), call.outputs[0]!.shape)];
}

/** Copies with permuted axes. */
export function transposeData(data: Float64Array, shape: Shape, perm: readonly number[]): Float64Array {
  const outShape = perm.map((axis) => shape[axis]!);
  const own = stridesFromShape(shape);
  const strides = perm.map((axis) => own[axis]!);
  return gatherStrided(data, outShape, strides, 0);
}

/** out[i…] = data[start + Σ i·stride]. */
export function gatherStrided(
  data: Float64Array,
  outShape: Shape,
  strides: readonly number[],
  start: number,
): Float64Array {
  const out = new Float64Array(numel(outShape));
  const width = outShape[outShape.length - 1] ?? 1;
  const step = strides[strides.length - 1] ?? 0;
  forEachRow(outShape, [strides], (row, [offset]) => {
    const from = start + offset!;
    const target = row * width;
    for (let i = 0; i < width; i++) out[target + i] = data[from + i * step]!;
  });
  return out;
}
