/** Shapes and dtypes of gathers, scatters and one-hot. */
import { formatShape } from '../../tensor/index.ts';
import type { IndexOp } from './op-names.ts';
import {
  describeInput,
  expectDtype,
  expectSameDtype,
  failRule,
  INDEX_DTYPES,
  type RuleContext,
  type RuleInput,
  type TypeRule,
} from './rule-context.ts';

/** Elementwise gathers and scatters: indices of data's rank, no larger than data off the axis. */
function expectElementIndices(context: RuleContext, axis: number): readonly [RuleInput, RuleInput] {
  expectDtype(context, 1, INDEX_DTYPES);
  const [data, indices] = context.inputs as readonly [RuleInput, RuleInput];
  const isFitting =
    data.shape.length === indices.shape.length &&
    indices.shape.every((size, i) => i === axis || size <= data.shape[i]!);
  if (!isFitting)
    failRule(
      context,
      'TF-GRAPH-002',
      'indices must have the rank of data and be no larger off the axis',
      `${describeInput(data)} and ${describeInput(indices)}`,
    );
  return [data, indices];
}

export const INDEX_RULES: { readonly [Op in IndexOp]: TypeRule<Op> } = {
  Gather(context) {
    expectDtype(context, 1, INDEX_DTYPES);
    const [data, indices] = context.inputs as readonly [RuleInput, RuleInput];
    const { axis } = context.attributes;
    if (data.shape.length === 0)
      failRule(context, 'TF-GRAPH-002', 'data must have rank 1 or more', describeInput(data));
    return [
      { dtype: data.dtype, shape: [...data.shape.slice(0, axis), ...indices.shape, ...data.shape.slice(axis + 1)] },
    ];
  },
  GatherElements(context) {
    const [data, indices] = expectElementIndices(context, context.attributes.axis);
    return [{ dtype: data.dtype, shape: indices.shape }];
  },
  GatherND(context) {
    expectDtype(context, 1, ['int64']);
    const [data, indices] = context.inputs as readonly [RuleInput, RuleInput];
    const batchDims = context.attributes.batch_dims;
    const depth = indices.shape.at(-1) ?? 0;
    const isFitting =
      indices.shape.length > batchDims &&
      batchDims + depth <= data.shape.length &&
      depth > 0 &&
      data.shape.slice(0, batchDims).every((size, i) => size === indices.shape[i]);
    if (!isFitting)
      failRule(
        context,
        'TF-GRAPH-002',
        `indices must be [batch…, …, depth] with batch_dims + depth at most the rank of data`,
        `${describeInput(data)} and ${describeInput(indices)}`,
      );
    return [{ dtype: data.dtype, shape: [...indices.shape.slice(0, -1), ...data.shape.slice(batchDims + depth)] }];
  },
  ScatterElements(context) {
    const [data, indices] = expectElementIndices(context, context.attributes.axis);
    expectSameDtype(context, [0, 2]);
    const updates = context.inputs[2]!;
    if (formatShape(updates.shape) !== formatShape(indices.shape))
      failRule(
        context,
        'TF-GRAPH-002',
        'updates must have the shape of indices',
        `${describeInput(updates)} and ${describeInput(indices)}`,
      );
    return [data];
  },
  ScatterND(context) {
    expectDtype(context, 1, ['int64']);
    expectSameDtype(context, [0, 2]);
    const [data, indices, updates] = context.inputs as readonly [RuleInput, RuleInput, RuleInput];
    const depth = indices.shape.at(-1) ?? 0;
    const expected = [...indices.shape.slice(0, -1), ...data.shape.slice(depth)];
    if (depth === 0 || depth > data.shape.length || formatShape(expected) !== formatShape(updates.shape))
      failRule(context, 'TF-GRAPH-002', `updates must be ${formatShape(expected)}`, describeInput(updates));
    return [data];
  },
  OneHot(context) {
    expectDtype(context, 0, INDEX_DTYPES);
    const { depth, axis, dtype, values } = context.attributes;
    if (values.length !== 2) failRule(context, 'TF-GRAPH-004', 'values must be [off, on]', formatShape(values));
    const shape = [...context.inputs[0]!.shape];
    shape.splice(axis, 0, depth);
    return [{ dtype, shape }];
  },
};
