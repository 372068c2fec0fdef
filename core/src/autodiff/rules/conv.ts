/** Gradients of Conv and ConvTranspose. They are each other's adjoint in the data; the weights' gradient is, for both, the
 *  product of the narrow side with the windows of the wide side. */
import { tensorFromNumbers } from '../../graph/index.ts';
import type { GraphBuilder, GraphValue } from '../../graph/index.ts';
import { numel } from '../../tensor/index.ts';
import type { InputGradient } from '../types.ts';
import { weightGradient, type Windows } from './conv-weights.ts';

/** Both sides need as many channels before a Conv with flipped weights beats ConvTranspose (onnxruntime's CPU provider). */
const MIN_FLIPPED_CHANNELS = 32;

/** spreadWindows at stride 1 as a Conv with flipped, channel-swapped weights. undefined where that does not pay or fit. */
function spreadByFlipping(
  b: GraphBuilder,
  narrow: GraphValue,
  weights: GraphValue,
  { strides, pads, dilations, wide, group }: Windows & { wide: readonly number[]; group: number },
): GraphValue | undefined {
  const [M, C, ...kernel] = weights.shape as [number, number, ...number[]];
  const isPlain = group === 1 && strides.every((stride) => stride === 1) && Math.min(M, C) >= MIN_FLIPPED_CHANNELS;
  // onnxruntime 1.30's WebGPU Conv gives wrong numbers for 33 input channels and 32 filters.
  if (!isPlain || M % 4 !== 0) return undefined;
  const before = kernel.map((size, axis) => (size - 1) * dilations[axis]! - pads[axis]!);
  const after = kernel.map(
    (size, axis) => wide[axis]! - narrow.shape[2 + axis]! + (size - 1) * dilations[axis]! - before[axis]!,
  );
  if ([...before, ...after].some((pad) => pad < 0)) return undefined;
  const axes = kernel.map((_, axis) => axis + 2);
  const swapped = b.transpose(weights, [1, 0, ...axes]); // [C, M, …]
  const numTaps = numel(kernel);
  // A Gather of the taps in reverse; onnxruntime's WebGPU Slice does not step backwards.
  const backwards = Array.from({ length: numTaps }, (_, tap) => numTaps - 1 - tap);
  const flipped =
    numTaps === 1
      ? swapped
      : b.reshape(
          b.gather(b.reshape(swapped, [C, M, numTaps]), b.constant(tensorFromNumbers('int64', backwards)), 2),
          swapped.shape,
        );
  return b.conv(narrow, flipped, { dilations, pads: [...before, ...after], strides: strides.map(() => 1) });
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
  const flipped = spreadByFlipping(b, narrow, weights, options);
  if (flipped) return flipped;
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
