/** Shapes and dtypes of selection, layout and source ops. */
import { equalShapes, formatShape, numel } from '../../tensor/index.ts';
import type { LayoutOp, SourceOp } from './op-names.ts';
import {
  broadcastShapes,
  describeInput,
  expectDtype,
  expectRank,
  expectSameDtype,
  failRule,
  FLOAT_DTYPES,
  type RuleInput,
  type TypeRule,
} from './rule-context.ts';
import { broadcastAll } from './rules-elementwise.ts';

export const LAYOUT_RULES: { readonly [Op in LayoutOp]: TypeRule<Op> } = {
  Where(context) {
    expectDtype(context, 0, ['bool']);
    return [{ dtype: expectSameDtype(context, [1, 2]), shape: broadcastAll(context) }];
  },
  Reshape(context) {
    const data = context.inputs[0]!;
    const { shape } = context.attributes;
    if (numel(shape) !== numel(data.shape) || shape.some((size) => size < 0))
      failRule(
        context,
        'TF-GRAPH-002',
        `shape ${formatShape(shape)} must hold as many elements as its input`,
        describeInput(data),
      );
    return [{ dtype: data.dtype, shape }];
  },
  Transpose(context) {
    const data = context.inputs[0]!;
    const { perm } = context.attributes;
    const isPermutation = perm.length === data.shape.length && data.shape.every((_, axis) => perm.includes(axis));
    if (!isPermutation)
      failRule(
        context,
        'TF-GRAPH-004',
        `perm must be a permutation of the axes of ${describeInput(data)}`,
        formatShape(perm),
      );
    return [{ dtype: data.dtype, shape: perm.map((axis) => data.shape[axis]!) }];
  },
  Expand(context) {
    const input = context.inputs[0]!;
    const { shape } = context.attributes;
    const wide = broadcastShapes(input.shape, shape);
    if (wide === undefined || !equalShapes(wide, shape))
      failRule(context, 'TF-GRAPH-002', `input must broadcast to ${formatShape(shape)}`, describeInput(input));
    return [{ dtype: input.dtype, shape }];
  },
  Squeeze(context) {
    const data = context.inputs[0]!;
    const { axes } = context.attributes;
    if (axes.some((axis) => data.shape[axis] !== 1))
      failRule(context, 'TF-GRAPH-002', `axes ${formatShape(axes)} must have size 1`, describeInput(data));
    return [{ dtype: data.dtype, shape: data.shape.filter((_, axis) => !axes.includes(axis)) }];
  },
  Unsqueeze(context) {
    const data = context.inputs[0]!;
    const shape = [...data.shape];
    for (const axis of context.attributes.axes) shape.splice(axis, 0, 1);
    return [{ dtype: data.dtype, shape }];
  },
  Flatten(context) {
    const { dtype, shape } = context.inputs[0]!;
    const { axis } = context.attributes;
    return [{ dtype, shape: [numel(shape.slice(0, axis)), numel(shape.slice(axis))] }];
  },
  Concat(context) {
    const dtype = expectSameDtype(context);
    const { axis } = context.attributes;
    const inputs = context.inputs as readonly RuleInput[];
    const first = inputs[0]!;
    let size = 0;
    for (const input of inputs) {
      const isFitting =
        first.shape.length > 0 &&
        input.shape.length === first.shape.length &&
        input.shape.every((each, i) => i === axis || each === first.shape[i]);
      if (!isFitting)
        failRule(
          context,
          'TF-GRAPH-002',
          `inputs must agree off axis ${axis}`,
          `${describeInput(first)} and ${describeInput(input)}`,
        );
      size += input.shape[axis]!;
    }
    return [{ dtype, shape: first.shape.map((each, i) => (i === axis ? size : each)) }];
  },
  Split(context) {
    const input = context.inputs[0]!;
    const { axis, split } = context.attributes;
    const total = split.reduce((sum, size) => sum + size, 0);
    if (total !== input.shape[axis] || split.length !== context.numOutputs)
      failRule(
        context,
        'TF-GRAPH-002',
        `split must have ${context.numOutputs} parts that add up to size ${input.shape[axis]} of axis ${axis}`,
        formatShape(split),
      );
    return split.map((size) => ({
      dtype: input.dtype,
      shape: input.shape.map((each, i) => (i === axis ? size : each)),
    }));
  },
  Slice(context) {
    const data = context.inputs[0]!;
    const { starts, ends, axes, steps } = context.attributes;
    const shape = [...data.shape];
    for (const [i, axis] of axes.entries()) {
      const end = steps[i]! < 0 && ends[i]! < 0 ? -1 : ends[i]!;
      shape[axis] = Math.max(0, Math.ceil((end - starts[i]!) / steps[i]!));
    }
    return [{ dtype: data.dtype, shape }];
  },
  Pad(context) {
    const data = context.inputs[0]!;
    const { pads, mode } = context.attributes;
    const rank = data.shape.length;
    if (pads.length !== 2 * rank)
      failRule(
        context,
        'TF-GRAPH-004',
        `pads must have ${2 * rank} entries for ${describeInput(data)}`,
        formatShape(pads),
      );
    const shape = data.shape.map((size, axis) => size + pads[axis]! + pads[axis + rank]!);
    if (shape.some((size) => size < 0))
      failRule(
        context,
        'TF-GRAPH-002',
        'pads must not cut more than there is',
        `${formatShape(pads)} on ${describeInput(data)}`,
      );
    if (mode === 'reflect' && pads.some((pad, i) => pad >= data.shape[i % rank]!))
      failRule(
        context,
        'TF-GRAPH-002',
        'reflect pads must be smaller than the axis',
        `${formatShape(pads)} on ${describeInput(data)}`,
      );
    return [{ dtype: data.dtype, shape }];
  },
  Tile(context) {
    const input = context.inputs[0]!;
    const { repeats } = context.attributes;
    if (repeats.length !== input.shape.length)
      failRule(
        context,
        'TF-GRAPH-004',
        `repeats must have one entry an axis of ${describeInput(input)}`,
        formatShape(repeats),
      );
    return [{ dtype: input.dtype, shape: input.shape.map((size, axis) => size * repeats[axis]!) }];
  },
  Trilu(context) {
    const input = context.inputs[0]!;
    if (input.shape.length < 2)
      failRule(context, 'TF-GRAPH-002', 'input must have rank 2 or more', describeInput(input));
    return [input];
  },
  Resize(context) {
    const x = context.inputs[0]!;
    const { sizes, scales } = context.attributes;
    if (sizes.length !== x.shape.length || (scales !== undefined && scales.length !== x.shape.length))
      failRule(
        context,
        'TF-GRAPH-004',
        `sizes and scales must have one entry an axis of ${describeInput(x)}`,
        formatShape(sizes),
      );
    return [{ dtype: x.dtype, shape: sizes }];
  },
  RotaryEmbedding(context) {
    expectDtype(context, 0, FLOAT_DTYPES);
    expectSameDtype(context);
    const x = expectRank(context, 0, 4);
    const width = context.attributes.rotary_embedding_dim || x.shape[3]!;
    const expected = [x.shape[2]!, width / 2];
    for (const cache of context.inputs.slice(1)) {
      if (!equalShapes(cache!.shape, expected))
        failRule(
          context,
          'TF-GRAPH-002',
          `${cache!.name} must be ${formatShape(expected)} for ${describeInput(x)}`,
          formatShape(cache!.shape),
        );
    }
    return [x];
  },
};

export const SOURCE_RULES: { readonly [Op in SourceOp]: TypeRule<Op> } = {
  ConstantOfShape: ({ attributes }) => [{ dtype: attributes.dtype, shape: attributes.shape }],
  Range(context) {
    const { start, limit, delta, dtype } = context.attributes;
    if (delta === 0) failRule(context, 'TF-GRAPH-004', 'delta must not be 0');
    return [{ dtype, shape: [Math.max(0, Math.ceil((limit - start) / delta))] }];
  },
};
