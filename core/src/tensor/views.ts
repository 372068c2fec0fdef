/** Strided views: slices, transposes and broadcasts without copying; and the copy of boxes between tensors. */
import { createTensor } from './create.ts';
import { formatShape, numel, stridesFromShape } from './shape.ts';
import { tensorError } from './tensor-errors.ts';
import type { Dtype, DtypeArrays, Shape, Tensor } from './types.ts';

/** Element (i_0, …) stands at data[offset + Σ i_a · strides[a]]. A view shares the tensor's memory. */
export interface TensorView<D extends Dtype = Dtype> {
  readonly dtype: D;
  readonly shape: Shape;
  /** In elements; 0 repeats, negative runs backwards. */
  readonly strides: readonly number[];
  readonly offset: number;
  readonly data: DtypeArrays[D];
}

export interface SliceRange {
  /** 0-based, negative counts from the end; default 0. */
  readonly start?: number;
  /** Half-open, negative counts from the end; default the axis' size. */
  readonly end?: number;
  /** Positive; default 1. */
  readonly step?: number;
}

/** The whole tensor as a view. */
export function viewFromTensor<D extends Dtype>(tensor: Tensor<D>): TensorView<D> {
  const { dtype, shape, data } = tensor;
  return { dtype, shape, strides: stridesFromShape(shape), offset: 0, data };
}

/** Part of one axis. @throws TF-TENSOR-003 if the axis or the range does not exist */
export function sliceView<D extends Dtype>(view: TensorView<D>, axis: number, range: SliceRange): TensorView<D> {
  assertAxis('sliceView', view.shape, axis);
  const size = view.shape[axis];
  const { step = 1 } = range;
  const start = fromEnd(range.start ?? 0, size);
  const end = fromEnd(range.end ?? size, size);
  if (!(start >= 0 && start <= end && end <= size && step >= 1 && Number.isInteger(step))) {
    throw tensorError('TF-TENSOR-003', {
      subject: 'sliceView',
      expected: `0 ≤ start ≤ end ≤ ${size} and a whole step ≥ 1`,
      actual: `${start}:${end}:${step}`,
      location: `axis ${axis} of ${formatShape(view.shape)}`,
    });
  }
  const shape = view.shape.with(axis, Math.ceil((end - start) / step));
  const strides = view.strides.with(axis, view.strides[axis] * step);
  return { ...view, shape, strides, offset: view.offset + start * view.strides[axis] };
}

/** Axes in a new order: axis a of the result is axis permutation[a] of the view.
 *  @throws TF-TENSOR-003 unless permutation names every axis once */
export function transposeView<D extends Dtype>(view: TensorView<D>, permutation: readonly number[]): TensorView<D> {
  if ([...permutation].sort((a, b) => a - b).join() !== view.shape.map((_, axis) => axis).join()) {
    throw tensorError('TF-TENSOR-003', {
      subject: 'transposeView',
      expected: `each axis of ${formatShape(view.shape)} once`,
      actual: formatShape(permutation),
    });
  }
  return {
    ...view,
    shape: permutation.map((axis) => view.shape[axis]),
    strides: permutation.map((axis) => view.strides[axis]),
  };
}

/** Repeats axes of size 1 and new leading axes, as NumPy and ONNX broadcast.
 *  @throws TF-TENSOR-002 if the shapes are not compatible */
export function broadcastView<D extends Dtype>(view: TensorView<D>, shape: Shape): TensorView<D> {
  const numNew = shape.length - view.shape.length;
  const fits = numNew >= 0 && view.shape.every((size, axis) => size === 1 || size === shape[axis + numNew]);
  if (!fits) {
    throw tensorError('TF-TENSOR-002', {
      subject: 'broadcastView',
      expected: `a shape that broadcasts to ${formatShape(shape)}`,
      actual: formatShape(view.shape),
    });
  }
  const strides = shape.map((_, axis) => {
    const from = axis - numNew;
    return from < 0 || view.shape[from] === 1 ? 0 : view.strides[from];
  });
  return { ...view, shape, strides };
}

/** A dense copy of a view. */
export function tensorFromView<D extends Dtype>(view: TensorView<D>): Tensor<D> {
  const tensor = createTensor(view.dtype, view.shape);
  copyStrided(view, viewFromTensor(tensor));
  return tensor;
}

/** The same elements under another shape; shares memory. @throws TF-TENSOR-001 if the number of elements differs */
export function reshapeTensor<D extends Dtype>(tensor: Tensor<D>, shape: Shape): Tensor<D> {
  if (numel(shape) !== tensor.data.length) {
    throw tensorError('TF-TENSOR-001', {
      subject: 'reshapeTensor',
      expected: `a shape of ${tensor.data.length} elements for ${formatShape(tensor.shape)}`,
      actual: formatShape(shape),
    });
  }
  return { ...tensor, shape };
}

export interface BoxCopy {
  readonly source: Tensor;
  /** First index of the box per axis; default all 0. */
  readonly sourceStart?: readonly number[];
  readonly target: Tensor;
  readonly targetStart?: readonly number[];
  /** Extent of the box per axis. */
  readonly size: Shape;
}

/** Copies a hyper-rectangular box of elements from one tensor into another of the same dtype and rank.
 *  Source and target must not be overlapping parts of one buffer.
 *  Cost: O(elements of the box), whole runs at a time along the innermost axes.   Mutates: target.data.
 *  @throws TF-TENSOR-002 if dtypes or ranks differ, TF-TENSOR-003 if the box leaves a tensor */
export function copyBox({ source, target, size, ...starts }: BoxCopy): void {
  const rank = size.length;
  const { sourceStart = new Array<number>(rank).fill(0), targetStart = new Array<number>(rank).fill(0) } = starts;
  if (source.dtype !== target.dtype || source.shape.length !== rank || target.shape.length !== rank) {
    throw tensorError('TF-TENSOR-002', {
      subject: 'copyBox',
      expected: `source and target of one dtype and rank ${rank}`,
      actual: `${source.dtype} ${formatShape(source.shape)} and ${target.dtype} ${formatShape(target.shape)}`,
    });
  }
  assertBoxInside('source', source.shape, sourceStart, size);
  assertBoxInside('target', target.shape, targetStart, size);
  copyStrided(boxView(source, sourceStart, size), boxView(target, targetStart, size));
}

function boxView(tensor: Tensor, start: readonly number[], size: Shape): TensorView {
  const strides = stridesFromShape(tensor.shape);
  const offset = start.reduce((sum, index, axis) => sum + index * strides[axis], 0);
  return { dtype: tensor.dtype, shape: size, strides, offset, data: tensor.data };
}

/** Walks the outer axes; the innermost axes that are dense on both sides are copied as one run. */
function copyStrided(source: TensorView, target: TensorView): void {
  const { shape } = source;
  if (numel(shape) === 0) return;
  let runLength = 1;
  let numOuter = shape.length;
  while (
    numOuter > 0 &&
    (shape[numOuter - 1] === 1 ||
      (source.strides[numOuter - 1] === runLength && target.strides[numOuter - 1] === runLength))
  ) {
    runLength *= shape[--numOuter];
  }
  const [from, to] = [source.data as Float32Array, target.data as Float32Array]; // any class: both are the same
  const isRun = runLength > 1;
  const innerAxis = isRun ? -1 : numOuter - 1; // without a run, loop the last axis tightly
  const loopAxes = isRun ? numOuter : Math.max(0, numOuter - 1);
  const innerSize = innerAxis < 0 ? 1 : shape[innerAxis];
  const sourceStep = innerAxis < 0 ? 0 : source.strides[innerAxis];
  const targetStep = innerAxis < 0 ? 0 : target.strides[innerAxis];
  const counters = new Array<number>(loopAxes).fill(0);
  let [s, t] = [source.offset, target.offset];
  for (;;) {
    if (isRun) copyRun(from, s, to, t, runLength);
    else for (let i = 0; i < innerSize; i++) to[t + i * targetStep] = from[s + i * sourceStep];
    let axis = loopAxes - 1;
    for (; axis >= 0; axis--) {
      s += source.strides[axis];
      t += target.strides[axis];
      if (++counters[axis] < shape[axis]) break;
      s -= source.strides[axis] * shape[axis];
      t -= target.strides[axis] * shape[axis];
      counters[axis] = 0;
    }
    if (axis < 0) return;
  }
}

/** Below this many elements a loop beats the set-up of `TypedArray.set`. */
const SHORT_RUN = 32;

function copyRun(from: Float32Array, start: number, to: Float32Array, at: number, length: number): void {
  if (length <= SHORT_RUN) for (let i = 0; i < length; i++) to[at + i] = from[start + i];
  else to.set(from.subarray(start, start + length), at);
}

function assertBoxInside(which: string, shape: Shape, start: readonly number[], size: Shape): void {
  const isInside =
    start.length === shape.length &&
    shape.every((extent, axis) => start[axis] >= 0 && size[axis] >= 0 && start[axis] + size[axis] <= extent);
  if (isInside) return;
  throw tensorError('TF-TENSOR-003', {
    subject: 'copyBox',
    expected: `a box inside the ${which} ${formatShape(shape)}`,
    actual: `start ${formatShape(start)}, size ${formatShape(size)}`,
  });
}

function assertAxis(subject: string, shape: Shape, axis: number): void {
  if (Number.isInteger(axis) && axis >= 0 && axis < shape.length) return;
  throw tensorError('TF-TENSOR-003', { subject, expected: `an axis of ${formatShape(shape)}`, actual: `${axis}` });
}

function fromEnd(position: number, size: number): number {
  return position < 0 ? position + size : position;
}
