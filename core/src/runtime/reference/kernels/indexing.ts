/** Gather, scatter, one-hot and top-k. Negative indices count from the end. */
import { numel, stridesFromShape } from '../../../tensor/index.ts';
import { input, integers, numberAttribute, splitAtAxis, stringAttribute } from '../kernel-call.ts';
import type { Kernel, KernelCall } from '../kernel-call.ts';
import { referenceError } from '../reference-errors.ts';

/** Index from the front.
 *  @throws TF-REFERENCE-004 if it is outside the axis */
function checkedIndex(call: KernelCall, index: number, size: number): number {
  const fromFront = index < 0 ? index + size : index;
  if (fromFront >= 0 && fromFront < size) return fromFront;
  throw referenceError('TF-REFERENCE-004', {
    subject: 'evaluateNode',
    expected: `${call.node.op} needs indices in [${-size}, ${size})`,
    actual: String(index),
    location: `node "${call.node.name}"`,
  });
}

export const gather: Kernel = (call) => {
  const data = input(call, 0);
  const indices = input(call, 1).data;
  const { outer, size, inner } = splitAtAxis(data.shape, numberAttribute(call, 'axis', 0));
  const out = new Float64Array(outer * indices.length * inner);
  for (let o = 0; o < outer; o++) {
    for (let j = 0; j < indices.length; j++) {
      const from = (o * size + checkedIndex(call, indices[j]!, size)) * inner;
      out.set(data.data.subarray(from, from + inner), (o * indices.length + j) * inner);
    }
  }
  return [out];
};

/** Flat position in `data` of every element of an indices tensor that replaces one coordinate. */
function elementPositions(call: KernelCall): Int32Array {
  const data = input(call, 0);
  const indices = input(call, 1);
  const axis = numberAttribute(call, 'axis', 0);
  const strides = stridesFromShape(data.shape);
  const positions = new Int32Array(indices.data.length);
  for (let i = 0; i < positions.length; i++) {
    let rest = i;
    let position = checkedIndex(call, indices.data[i]!, data.shape[axis]!) * strides[axis]!;
    for (let d = indices.shape.length - 1; d >= 0; d--) {
      const coordinate = rest % indices.shape[d]!;
      rest = Math.floor(rest / indices.shape[d]!);
      if (d !== axis) position += coordinate * strides[d]!;
    }
    positions[i] = position;
  }
  return positions;
}

export const gatherElements: Kernel = (call) => {
  const data = input(call, 0).data;
  const positions = elementPositions(call);
  const out = new Float64Array(positions.length);
  for (let i = 0; i < out.length; i++) out[i] = data[positions[i]!]!;
  return [out];
};

type Combine = (old: number, update: number) => number;
const COMBINES: Readonly<Record<string, Combine>> = {
  none: (_, update) => update,
  add: (old, update) => old + update,
  mul: (old, update) => old * update,
  max: Math.max,
  min: Math.min,
};

export const scatterElements: Kernel = (call) => {
  const out = Float64Array.from(input(call, 0).data);
  const updates = input(call, 2).data;
  const combine = COMBINES[stringAttribute(call, 'reduction', 'none')]!;
  const positions = elementPositions(call);
  for (let i = 0; i < positions.length; i++) out[positions[i]!] = combine(out[positions[i]!]!, updates[i]!);
  return [out];
};

/** Start of each indexed slice of `data` and its length, for GatherND and ScatterND. */
function slicePositions(call: KernelCall, batchDims: number): { starts: Int32Array; length: number } {
  const data = input(call, 0);
  const indices = input(call, 1);
  const depth = indices.shape[indices.shape.length - 1]!;
  const strides = stridesFromShape(data.shape);
  const starts = new Int32Array(numel(indices.shape) / depth);
  const perBatch = starts.length / numel(data.shape.slice(0, batchDims));
  const batchStride = batchDims === 0 ? 0 : strides[batchDims - 1]!;
  for (let i = 0; i < starts.length; i++) {
    let position = Math.floor(i / perBatch) * batchStride;
    for (let d = 0; d < depth; d++) {
      const axis = batchDims + d;
      position += checkedIndex(call, indices.data[i * depth + d]!, data.shape[axis]!) * strides[axis]!;
    }
    starts[i] = position;
  }
  return { starts, length: numel(data.shape.slice(batchDims + depth)) };
}

export const gatherND: Kernel = (call) => {
  const data = input(call, 0).data;
  const { starts, length } = slicePositions(call, numberAttribute(call, 'batch_dims', 0));
  const out = new Float64Array(starts.length * length);
  for (let i = 0; i < starts.length; i++) out.set(data.subarray(starts[i]!, starts[i]! + length), i * length);
  return [out];
};

export const scatterND: Kernel = (call) => {
  const out = Float64Array.from(input(call, 0).data);
  const updates = input(call, 2).data;
  const combine = COMBINES[stringAttribute(call, 'reduction', 'none')]!;
  const { starts, length } = slicePositions(call, 0);
  for (let i = 0; i < starts.length; i++) {
    const start = starts[i]!;
    for (let j = 0; j < length; j++) out[start + j] = combine(out[start + j]!, updates[i * length + j]!);
  }
  return [out];
};

export const oneHot: Kernel = (call) => {
  const indices = input(call, 0);
  const outShape = call.outputs[0]!.shape;
  const [off, on] = integers(call, 'values') as [number, number];
  const { size, inner } = splitAtAxis(outShape, numberAttribute(call, 'axis', outShape.length - 1));
  const out = new Float64Array(numel(outShape)).fill(off);
  for (let i = 0; i < indices.data.length; i++) {
    const raw = indices.data[i]!;
    const index = raw < 0 ? raw + size : raw;
    if (index < 0 || index >= size) continue;
    out[(Math.floor(i / inner) * size + index) * inner + (i % inner)] = on;
  }
  return [out];
};

/** Values and Indices; equal values keep the lower index first. */
export const topK: Kernel = (call) => {
  const x = input(call, 0);
  const { outer, size, inner } = splitAtAxis(x.shape, numberAttribute(call, 'axis', x.shape.length - 1));
  const k = numberAttribute(call, 'k', 1);
  const sign = numberAttribute(call, 'largest', 1) !== 0 ? -1 : 1;
  const values = new Float64Array(outer * k * inner);
  const indices = new Float64Array(values.length);
  const order = new Array<number>(size);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const at = (j: number): number => x.data[(o * size + j) * inner + i]!;
      for (let j = 0; j < size; j++) order[j] = j;
      order.sort((a, b) => sign * (at(a) - at(b)) || a - b);
      for (let j = 0; j < k; j++) {
        values[(o * k + j) * inner + i] = at(order[j]!);
        indices[(o * k + j) * inner + i] = order[j]!;
      }
    }
  }
  return [values, indices];
};
