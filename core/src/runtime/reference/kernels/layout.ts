/** Ops that move values without computing: where, transpose, concat, split, slice, pad, tile, trilu, sources, rotary. */
import { numel, stridesFromShape } from '../../../tensor/index.ts';
import { input, integers, numberAttribute, splitAtAxis, stringAttribute } from '../kernel-call.ts';
import type { Kernel } from '../kernel-call.ts';
import { expandTo, gatherStrided, transposeData } from './broadcast.ts';

/** Same elements in the same order (Reshape, Squeeze, Unsqueeze, Flatten, Identity). */
export const sameElements: Kernel = (call) => [input(call, 0).data];

export const where: Kernel = (call) => {
  const { shape } = call.outputs[0]!;
  const condition = expandTo(input(call, 0), shape);
  const x = expandTo(input(call, 1), shape);
  const y = expandTo(input(call, 2), shape);
  const out = new Float64Array(condition.length);
  for (let i = 0; i < out.length; i++) out[i] = condition[i] ? x[i]! : y[i]!;
  return [out];
};

export const transpose: Kernel = (call) => {
  const x = input(call, 0);
  return [transposeData(x.data, x.shape, integers(call, 'perm'))];
};

export const expand: Kernel = (call) => [expandTo(input(call, 0), call.outputs[0]!.shape)];

export const concat: Kernel = (call) => {
  const outShape = call.outputs[0]!.shape;
  const axis = numberAttribute(call, 'axis', 0);
  const { outer, size, inner } = splitAtAxis(outShape, axis);
  const out = new Float64Array(numel(outShape));
  let start = 0;
  for (let i = 0; i < call.inputs.length; i++) {
    const part = input(call, i);
    const width = part.shape[axis]! * inner;
    for (let o = 0; o < outer; o++) {
      out.set(part.data.subarray(o * width, (o + 1) * width), o * size * inner + start);
    }
    start += width;
  }
  return [out];
};

export const split: Kernel = (call) => {
  const x = input(call, 0);
  const { outer, size, inner } = splitAtAxis(x.shape, numberAttribute(call, 'axis', 0));
  let start = 0;
  return integers(call, 'split').map((length) => {
    const width = length * inner;
    const out = new Float64Array(outer * width);
    for (let o = 0; o < outer; o++) {
      const from = o * size * inner + start;
      out.set(x.data.subarray(from, from + width), o * width);
    }
    start += width;
    return out;
  });
};

export const slice: Kernel = (call) => {
  const x = input(call, 0);
  const strides = stridesFromShape(x.shape);
  const starts = integers(call, 'starts');
  const steps = integers(call, 'steps');
  let offset = 0;
  integers(call, 'axes').forEach((axis, i) => {
    const start = starts[i]! < 0 ? starts[i]! + x.shape[axis]! : starts[i]!;
    const step = steps[i]!;
    // ONNX clamps the start to the last element for negative steps, to one past it for positive ones.
    offset += Math.min(start, step < 0 ? x.shape[axis]! - 1 : x.shape[axis]!) * strides[axis]!;
    strides[axis]! *= step;
  });
  return [gatherStrided(x.data, call.outputs[0]!.shape, strides, offset)];
};

/** Source index of a padded coordinate, or -1 for the constant. */
function paddedSource(index: number, size: number, mode: string): number {
  if (index >= 0 && index < size) return index;
  if (mode === 'constant') return -1;
  if (mode === 'edge') return index < 0 ? 0 : size - 1;
  if (mode === 'wrap') return ((index % size) + size) % size;
  const period = 2 * (size - 1);
  if (period === 0) return 0;
  const folded = ((index % period) + period) % period;
  return folded < size ? folded : period - folded;
}

export const pad: Kernel = (call) => {
  const x = input(call, 0);
  const outShape = call.outputs[0]!.shape;
  const pads = integers(call, 'pads');
  const mode = stringAttribute(call, 'mode', 'constant');
  const strides = stridesFromShape(x.shape);
  const sources = outShape.map((size, axis) =>
    Array.from({ length: size }, (_, i) => paddedSource(i - pads[axis]!, x.shape[axis]!, mode)),
  );
  const out = new Float64Array(numel(outShape)).fill(numberAttribute(call, 'value', 0));
  const index = new Array<number>(outShape.length).fill(0);
  for (let i = 0; i < out.length; i++) {
    let position = 0;
    for (let axis = 0; axis < index.length && position >= 0; axis++) {
      const source = sources[axis]![index[axis]!]!;
      position = source < 0 ? -1 : position + source * strides[axis]!;
    }
    if (position >= 0) out[i] = x.data[position]!;
    for (let axis = index.length - 1; axis >= 0; axis--) {
      if (++index[axis]! < outShape[axis]!) break;
      index[axis] = 0;
    }
  }
  return [out];
};

export const tile: Kernel = (call) => {
  const x = input(call, 0);
  const repeats = integers(call, 'repeats');
  const own = stridesFromShape(x.shape);
  // [r0, d0, r1, d1, …] with stride 0 on the repeats has the tiled tensor's row-major order.
  const shape = x.shape.flatMap((size, axis) => [repeats[axis]!, size]);
  const strides = x.shape.flatMap((_, axis) => [0, own[axis]!]);
  return [gatherStrided(x.data, shape, strides, 0)];
};

/** Keeps the upper (or lower) triangle of each matrix, shifted by k. */
export const trilu: Kernel = (call) => {
  const x = input(call, 0);
  const [rows, columns] = x.shape.slice(-2) as [number, number];
  const isUpper = numberAttribute(call, 'upper', 1) !== 0;
  const k = numberAttribute(call, 'k', 0);
  const out = Float64Array.from(x.data);
  for (let i = 0; i < out.length; i++) {
    const column = i % columns;
    const row = Math.floor(i / columns) % rows;
    if (isUpper ? column < row + k : column > row + k) out[i] = 0;
  }
  return [out];
};

export const constantOfShape: Kernel = (call) => [
  new Float64Array(numel(call.outputs[0]!.shape)).fill(numberAttribute(call, 'value', 0)),
];

export const range: Kernel = (call) => {
  const start = numberAttribute(call, 'start', 0);
  const delta = numberAttribute(call, 'delta', 1);
  return [Float64Array.from({ length: numel(call.outputs[0]!.shape) }, (_, i) => start + i * delta)];
};

/** X [B, H, T, D] turned by the angles of each token. */
export const rotaryEmbedding: Kernel = (call) => {
  const x = input(call, 0);
  const cos = input(call, 1).data;
  const sin = input(call, 2).data;
  const [T, D] = x.shape.slice(-2) as [number, number];
  const rotated = numberAttribute(call, 'rotary_embedding_dim', 0) || D;
  const half = rotated / 2;
  const isInterleaved = numberAttribute(call, 'interleaved', 0) !== 0;
  const out = Float64Array.from(x.data);
  const numRows = x.data.length / D;
  for (let row = 0; row < numRows; row++) {
    const angles = (row % T) * half;
    for (let i = 0; i < half; i++) {
      const first = row * D + (isInterleaved ? 2 * i : i);
      const second = isInterleaved ? first + 1 : first + half;
      const c = cos[angles + i]!;
      const s = sin[angles + i]!;
      out[first] = c * x.data[first]! - s * x.data[second]!;
      out[second] = s * x.data[first]! + c * x.data[second]!;
    }
  }
  return [out];
};
