/** Gradients of Conv and ConvTranspose. They are each other's adjoint in the data; the weights' gradient is, for both, a
 *  convolution of the wide side with the narrow side as kernel, batch and channel swapped, stride and dilation swapped. */
import type { GraphBuilder, GraphValue } from '../../graph/index.ts';
import { numel } from '../../tensor/index.ts';
import type { InputGradient } from '../types.ts';

export interface Windows {
  readonly strides: readonly number[];
  readonly pads: readonly number[];
  readonly dilations: readonly number[];
}

/** Adjoint of a convolution in its data: narrow [N, M, …] → wide [N, C, …].
 *  @param weights  [M, C/group, …kernel] */
export function spreadWindows(
  b: GraphBuilder,
  narrow: GraphValue,
  weights: GraphValue,
  options: Windows & { wide: readonly number[]; group: number },
): GraphValue {
  const { strides, pads, dilations, wide, group } = options;
  const kernel = weights.shape.slice(2);
  const rank = kernel.length;
  const missing = wide.map((size, axis) => {
    const reach = (narrow.shape[2 + axis]! - 1) * strides[axis]! + (kernel[axis]! - 1) * dilations[axis]! + 1;
    return size - (reach - pads[axis]! - pads[rank + axis]!);
  });
  // Windows that reach beyond the end (ceil mode) are cut by more padding there.
  const cutPads = [...pads.slice(0, rank), ...missing.map((size, axis) => pads[rank + axis]! + Math.max(0, -size))];
  const added = missing.map((size) => Math.max(0, size));
  const base = { strides, pads: cutPads, dilations, group };
  // What a stride leaves behind is less than it; engines take no more as output_padding.
  if (added.every((size, axis) => size < strides[axis]!)) {
    return b.convTranspose(narrow, weights, { ...base, output_padding: added });
  }
  return b.pad(b.convTranspose(narrow, weights, base), [...new Array<number>(rank + 4).fill(0), ...added]);
}

/** Gradient of the weights [M, C/group, …kernel] from wide [N, C, …] and narrow [N, M, …]. */
function weightGradient(
  b: GraphBuilder,
  wide: GraphValue,
  narrow: GraphValue,
  options: Windows & { kernel: readonly number[]; group: number },
): GraphValue {
  const { strides, pads, dilations, kernel, group } = options;
  const [N, C, ...wideSizes] = wide.shape as [number, number, ...number[]];
  const [, M, ...narrowSizes] = narrow.shape as [number, number, ...number[]];
  const rank = kernel.length;
  const isPointwise =
    group === 1 && kernel.every((size) => size === 1) && strides.every((s) => s === 1) && pads.every((p) => p === 0);
  if (isPointwise) {
    // Σ_n dy[n] [M, P] · x[n]ᵀ [P, C]
    const P = numel(wideSizes);
    const products = b.fusedMatMul(b.reshape(narrow, [N, M, P]), b.reshape(wide, [N, C, P]), { transB: 1 });
    const total = N === 1 ? products : b.op('ReduceSum', [products], { axes: [0], keepdims: 0 });
    return b.reshape(total, [M, C, ...kernel]);
  }
  const spatial = Array.from({ length: rank }, (_, axis) => axis);
  // [N, G, C/G, …] → [C/G, G, N, …] → [C/G, G·N, …]
  const grouped = b.reshape(wide, [N, group, C / group, ...wideSizes]);
  const swapped = b.transpose(grouped, [2, 1, 0, ...spatial.map((axis) => axis + 3)]);
  const data = b.reshape(swapped, [C / group, group * N, ...wideSizes]);
  const filters = b.transpose(narrow, [1, 0, ...spatial.map((axis) => axis + 2)]); // [M, N, …]
  const endPads = spatial.map((axis) => {
    const reach = (kernel[axis]! - 1) * dilations[axis]! + (narrowSizes[axis]! - 1) * strides[axis]! + 1;
    return Math.max(0, reach - wideSizes[axis]! - pads[axis]!);
  });
  const correlated = b.conv(data, filters, {
    strides: dilations,
    dilations: strides,
    pads: [...pads.slice(0, rank), ...endPads],
    group,
  }); // [C/G, M, …kernel or a little more]
  const axes = spatial.map((axis) => axis + 2);
  const isExact = kernel.every((size, axis) => correlated.shape[2 + axis] === size);
  const exact = isExact ? correlated : b.slice(correlated, { starts: kernel.map(() => 0), ends: kernel, axes });
  return b.transpose(exact, [1, 0, ...axes]);
}

/** Sum over everything but the channel. */
export function channelSum(b: GraphBuilder, value: GraphValue): GraphValue {
  const axes = value.shape.map((_, axis) => axis).filter((axis) => axis !== 1);
  return b.op('ReduceSum', [value], { axes, keepdims: 0 });
}

export const convRule: InputGradient<'Conv'> = (context, index) => {
  const { builder: b, x, attributes } = context;
  const { group } = attributes;
  if (index === 2) return channelSum(b, context.dyFull());
  return index === 0
    ? spreadWindows(b, context.dyFull(), x(1), { ...attributes, wide: x(0).shape.slice(2), group })
    : weightGradient(b, x(0), context.dyFull(), { ...attributes, kernel: x(1).shape.slice(2), group });
};

export const convTransposeRule: InputGradient<'ConvTranspose'> = (context, index) => {
  const { builder: b, x, attributes } = context;
  const { group, strides, pads, dilations } = attributes;
  const dy = context.dyFull();
  if (index === 2) return channelSum(b, dy);
  if (index === 1) return weightGradient(b, dy, x(0), { ...attributes, kernel: x(1).shape.slice(2), group });
  const gathered = b.conv(dy, x(1), { strides, pads, dilations, group });
  const sizes = x(0).shape.slice(2);
  if (sizes.every((size, axis) => gathered.shape[2 + axis] === size)) return gathered;
  return b.slice(gathered, { starts: sizes.map(() => 0), ends: sizes, axes: sizes.map((_, axis) => axis + 2) });
};
