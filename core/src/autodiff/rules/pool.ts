/** Gradients of pools. Where windows tile the input, no scatter is needed. */
import type { GraphValue, PoolOp } from '../../graph/index.ts';
import { filledTensor, tensorFromNumbers } from '../../graph/index.ts';
import { createTensor, numel } from '../../tensor/index.ts';
import type { GradContext, InputGradient, RulesOf } from '../types.ts';
import { windowColumns, type Windows } from './conv-weights.ts';
import { spreadWindows } from './conv.ts';

interface PoolAttributes extends Windows {
  readonly kernel_shape: readonly number[];
}

/** Do the windows cut the input into equal disjoint blocks? */
function isTiling({ kernel_shape: kernel, strides, pads, dilations }: PoolAttributes, x: GraphValue, y: GraphValue) {
  return kernel.every(
    (size, axis) =>
      strides[axis] === size &&
      (dilations[axis] === 1 || size === 1) &&
      pads[axis] === 0 &&
      x.shape[2 + axis] === size * y.shape[2 + axis]!,
  );
}

/** [N, C, o1·k1, …] ↔ [N, C, o1, k1, …] and the pooled [N, C, o1, 1, …]. */
function blockShapes(kernel: readonly number[], y: GraphValue) {
  const [N, C, ...narrow] = y.shape as [number, number, ...number[]];
  return {
    blocks: [N, C, ...narrow.flatMap((size, axis) => [size, kernel[axis]!])],
    pooled: [N, C, ...narrow.flatMap((size) => [size, 1])],
    axes: narrow.map((_, axis) => 3 + 2 * axis),
  };
}

/** Gives each block's gradient to its maxima, in equal parts where several tie. */
function tiledMaxGradient(context: GradContext<'MaxPool'>): GraphValue {
  const { builder: b, lean, x, y, attributes } = context;
  const { blocks, pooled, axes } = blockShapes(attributes.kernel_shape, y());
  const isMax = lean.indicator(b.equal(b.reshape(x(0), blocks), b.reshape(y(), pooled)), x(0).dtype);
  const share = b.div(b.reshape(context.dyFull(), pooled), b.op('ReduceSum', [isMax], { axes, keepdims: 1 }));
  return b.reshape(b.mul(isMax, share), x(0).shape);
}

/** With indices the gradient goes where the maximum was found: written where windows are disjoint, else added. */
function indexedMaxGradient(context: GradContext<'MaxPool'>): GraphValue {
  const { builder: b, x, attributes } = context;
  const { kernel_shape, strides, pads, dilations } = attributes;
  const dy = context.dyFull();
  const isDisjoint = kernel_shape.every((size, axis) => strides[axis]! >= size && dilations[axis] === 1);
  if (isDisjoint) {
    return b.maxUnpool(dy, context.y(1), { kernel_shape, strides, pads, output_shape: x(0).shape });
  }
  const zeros = b.full([numel(x(0).shape)], 0, x(0).dtype);
  const count = numel(dy.shape);
  const indices = b.reshape(context.y(1), [count]);
  const scattered = b.scatterElements(zeros, indices, b.reshape(dy, [count]), { reduction: 'add' });
  return b.reshape(scattered, x(0).shape);
}

/** Without indices (WebGPU has none): marks the maxima among the taps of every window, shares the gradient among ties and
 *  adds the taps up where windows overlap, by a ConvTranspose whose kernel t is 1 at tap t. */
function markedMaxGradient(context: GradContext<'MaxPool'>): GraphValue | undefined {
  const { builder: b, lean, x, y, attributes } = context;
  const { kernel_shape: kernel } = attributes;
  const [N, C, ...narrow] = y().shape as [number, number, ...number[]];
  const [P, numTaps] = [numel(narrow), numel(kernel)];
  const columns = windowColumns(b, x(0), y(), { ...attributes, kernel, padding: -Infinity });
  if (!columns) return undefined;
  const isMax = lean.indicator(
    b.equal(b.reshape(columns, [N, C, numTaps, P]), b.reshape(y(), [N, C, 1, P])),
    x(0).dtype,
  );
  const total = b.op('ReduceSum', [isMax], { axes: [2], keepdims: 1 });
  const shares = b.mul(isMax, b.div(b.reshape(context.dyFull(), [N, C, 1, P]), total));
  const unitTaps = new Array<number>(numTaps * numTaps).fill(0);
  for (let tap = 0; tap < numTaps; tap++) unitTaps[tap * numTaps + tap] = 1;
  const spread = b.constant(tensorFromNumbers(x(0).dtype, unitTaps, [numTaps, 1, ...kernel]));
  const planes = b.reshape(shares, [N * C, numTaps, ...narrow]);
  const wide = x(0).shape.slice(2);
  return b.reshape(spreadWindows(b, planes, spread, { ...attributes, wide, group: 1 }), x(0).shape);
}

const maxPoolRule: InputGradient<'MaxPool'> = (context) => {
  if (context.numOutputs > 1) return indexedMaxGradient(context);
  if (isTiling(context.attributes, context.x(0), context.y())) return tiledMaxGradient(context);
  return markedMaxGradient(context) ?? context.refuse('it has too many taps to mark; build it with indices');
};

/** Number of input elements that each window averages (padding left out unless it counts). */
function windowCounts(context: GradContext<'AveragePool'>): { isConstant: boolean; counts: number[] } {
  const { attributes, x, y } = context;
  const { kernel_shape: kernel, strides, pads, dilations, count_include_pad: countsPadding } = attributes;
  const rank = kernel.length;
  const perAxis = kernel.map((size, axis) =>
    Array.from({ length: y().shape[2 + axis]! }, (_, window) => {
      const wide = x(0).shape[2 + axis]!;
      const [low, high] = countsPadding ? [-pads[axis]!, wide + pads[rank + axis]!] : [0, wide];
      let count = 0;
      for (let tap = 0; tap < size; tap++) {
        const at = window * strides[axis]! - pads[axis]! + tap * dilations[axis]!;
        if (at >= low && at < high) count++;
      }
      return count;
    }),
  );
  let counts = [1];
  for (const axis of perAxis) counts = counts.flatMap((outer) => axis.map((inner) => outer * inner));
  return { isConstant: counts.every((count) => count === counts[0]), counts };
}

const averagePoolRule: InputGradient<'AveragePool'> = (context) => {
  const { builder: b, lean, x, y, attributes } = context;
  const { isConstant, counts } = windowCounts(context);
  if (isTiling(attributes, x(0), y())) {
    const { blocks, pooled } = blockShapes(attributes.kernel_shape, y());
    const share = b.reshape(lean.mul(context.dyFull(), 1 / counts[0]!), pooled);
    return b.reshape(b.expand(share, blocks), x(0).shape);
  }
  const [N, C, ...narrow] = y().shape as [number, number, ...number[]];
  const wide = x(0).shape.slice(2);
  const planes = b.reshape(context.dyFull(), [N * C, 1, ...narrow]);
  const shares = isConstant ? planes : b.mul(planes, inverseCounts(context, counts, narrow));
  const weight = isConstant ? 1 / counts[0]! : 1;
  const kernel = b.constant(filledTensor(x(0).dtype, [1, 1, ...attributes.kernel_shape], weight));
  return b.reshape(spreadWindows(b, shares, kernel, { ...attributes, wide, group: 1 }), x(0).shape);
};

function inverseCounts(context: GradContext<'AveragePool'>, counts: readonly number[], narrow: readonly number[]) {
  const tensor = createTensor('float64', narrow);
  tensor.data.set(counts.map((count) => 1 / count));
  return context.builder.cast(context.builder.constant(tensor), context.x(0).dtype);
}

export const POOL_RULES: RulesOf<PoolOp> = {
  MaxPool: maxPoolRule,
  MaxUnpool: ({ builder: b, x, dyFull }) => {
    const count = numel(x(0).shape);
    const flat = b.reshape(dyFull(), [numel(dyFull().shape)]);
    return b.reshape(b.gatherElements(flat, b.reshape(x(1), [count])), x(0).shape);
  },
  AveragePool: averagePoolRule,
  GlobalAveragePool: ({ lean, dy, x }) => lean.mul(dy(), 1 / numel(x(0).shape.slice(2))),
  GlobalMaxPool: (context) => {
    const { builder: b, lean, x, y } = context;
    const isMax = lean.indicator(b.equal(x(0), y()), x(0).dtype);
    const axes = x(0)
      .shape.map((_, axis) => axis)
      .slice(2);
    return b.mul(isMax, b.div(context.dy(), b.op('ReduceSum', [isMax], { axes, keepdims: 1 })));
  },
};
