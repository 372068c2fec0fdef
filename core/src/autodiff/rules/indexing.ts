/** Gradients of gathers and scatters. Gather's gradient adds whole slices with ScatterND: one node, no one-hot matrix. */
import type { GraphValue, IndexOp } from '../../graph/index.ts';
import { createTensor, numel } from '../../tensor/index.ts';
import type { GradContext, InputGradient, RulesOf } from '../types.ts';

const zerosOf = ({ builder: b }: Pick<GradContext, 'builder'>, value: GraphValue): GraphValue =>
  b.full(value.shape, 0, value.dtype);

/** Moves axis `axis` to the front. */
const frontPermutation = (rank: number, axis: number): number[] => [
  axis,
  ...Array.from({ length: rank }, (_, i) => i).filter((i) => i !== axis),
];

const inversePermutation = (perm: readonly number[]): number[] => perm.map((_, axis) => perm.indexOf(axis));

/** Sums of many rows are made in f32: half precision would lose the small ones, and WebGPU has no atomics for it. */
const widened = ({ lean }: Pick<GradContext, 'lean'>, value: GraphValue): GraphValue =>
  value.dtype === 'float16' || value.dtype === 'bfloat16' ? lean.cast(value, 'float32') : value;

const gatherRule: InputGradient<'Gather'> = (context) => {
  const { builder: b, x, attributes } = context;
  const { axis } = attributes;
  const [data, indices] = [x(0), x(1)];
  const dy = widened(context, context.dyFull());
  const count = numel(indices.shape);
  const entries = b.reshape(indices, [count, 1]);
  const before = data.shape.slice(0, axis);
  const after = data.shape.slice(axis + 1);
  const merged = b.reshape(dy, [...before, count, ...after]);
  const perm = frontPermutation(data.shape.length, axis);
  const front = b.transpose(merged, perm); // [count, rest of data]
  const zeros = b.full([data.shape[axis]!, ...before, ...after], 0, dy.dtype);
  const total = b.transpose(b.scatterND(zeros, entries, front, { reduction: 'add' }), inversePermutation(perm));
  return context.lean.cast(total, data.dtype);
};

/** Indices with the batch coordinates written out in front, so that ScatterND (which has no batch_dims) reads them. */
function withBatchCoordinates(context: GradContext<'GatherND'>): GraphValue {
  const { builder: b, x, attributes } = context;
  const indices = x(1);
  const numBatch = attributes.batch_dims;
  if (numBatch === 0) return indices;
  const lead = indices.shape.slice(0, -1);
  const coordinates = createTensor('int64', [...lead, numBatch]);
  const perBatch = numel(lead.slice(numBatch));
  for (let i = 0; i < numel(lead); i++) {
    let rest = Math.floor(i / perBatch);
    for (let axis = numBatch - 1; axis >= 0; axis--) {
      coordinates.data[i * numBatch + axis] = BigInt(rest % lead[axis]!);
      rest = Math.floor(rest / lead[axis]!);
    }
  }
  const constant = b.cast(b.constant(coordinates), indices.dtype);
  return b.concat([constant, indices], indices.shape.length - 1);
}

const scatterElementsRule: InputGradient<'ScatterElements'> = (context, index) => {
  const { builder: b, x, attributes } = context;
  const { axis, reduction } = attributes;
  if (reduction !== 'none' && reduction !== 'add') context.refuse(`reduction "${reduction}" has none`);
  const dy = context.dyFull();
  if (index === 2) return b.gatherElements(dy, x(1), axis);
  return reduction === 'add' ? dy : b.scatterElements(dy, x(1), zerosOf(context, x(2)), { axis });
};

const scatterNDRule: InputGradient<'ScatterND'> = (context, index) => {
  const { builder: b, x, attributes } = context;
  const { reduction } = attributes;
  if (reduction !== 'none' && reduction !== 'add') context.refuse(`reduction "${reduction}" has none`);
  const dy = context.dyFull();
  if (index === 2) return b.gatherND(dy, x(1));
  return reduction === 'add' ? dy : b.scatterND(dy, x(1), zerosOf(context, x(2)));
};

export const INDEX_RULES: RulesOf<IndexOp> = {
  Gather: gatherRule,
  GatherElements: ({ dyFull, x, attributes }) => ({
    kind: 'sparse',
    axis: attributes.axis,
    indices: x(1),
    updates: dyFull(),
    hasDuplicates: x(1).shape[attributes.axis] !== 1,
  }),
  GatherND: (context) => {
    const { builder: b, lean, x } = context;
    const dy = widened(context, context.dyFull());
    const zeros = b.full(x(0).shape, 0, dy.dtype);
    return lean.cast(b.scatterND(zeros, withBatchCoordinates(context), dy, { reduction: 'add' }), x(0).dtype);
  },
  ScatterElements: scatterElementsRule,
  ScatterND: scatterNDRule,
  OneHot: { none: 'its only input is an integer index' },
};
