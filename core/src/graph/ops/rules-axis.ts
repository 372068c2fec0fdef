/** Shapes and dtypes of reductions, normalisations, running sums and order statistics. */
import { formatShape } from '../../tensor/index.ts';
import type { AxisOp, ReduceOp } from './op-names.ts';
import {
  describeInput,
  expectDtype,
  expectSameDtype,
  failRule,
  FLOAT_DTYPES,
  NUMBER_DTYPES,
  type RuleContext,
  type RuleInput,
  type TypeRule,
  type ValueType,
} from './rule-context.ts';

/** The shape after reducing axes. */
export function reducedShape(shape: readonly number[], axes: readonly number[], keepdims: boolean): readonly number[] {
  if (keepdims) return shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  return shape.filter((_, axis) => !axes.includes(axis));
}

const reduce =
  (allowed = NUMBER_DTYPES) =>
  (context: RuleContext<ReduceOp>): readonly ValueType[] => {
    expectDtype(context, 0, allowed);
    const input = context.inputs[0]!;
    const { axes, keepdims } = context.attributes;
    return [{ dtype: input.dtype, shape: reducedShape(input.shape, axes, keepdims !== 0) }];
  };

export const REDUCE_RULES: { readonly [Op in ReduceOp]: TypeRule<Op> } = {
  ReduceSum: reduce(),
  ReduceMean: reduce(),
  ReduceMax: reduce(),
  ReduceMin: reduce(),
  ReduceProd: reduce(),
  ReduceL1: reduce(),
  ReduceL2: reduce(),
  ReduceSumSquare: reduce(),
  ReduceLogSumExp: reduce(FLOAT_DTYPES),
};

function sameAsInput(context: RuleContext): readonly ValueType[] {
  expectDtype(context, 0, FLOAT_DTYPES);
  return [context.inputs[0]!];
}

function argReduce(context: RuleContext<'ArgMax' | 'ArgMin'>): readonly ValueType[] {
  expectDtype(context, 0, NUMBER_DTYPES);
  const { axis, keepdims } = context.attributes;
  return [{ dtype: 'int64', shape: reducedShape(context.inputs[0]!.shape, [axis], keepdims !== 0) }];
}

function expectVectors(context: RuleContext, indices: readonly number[], length: number): void {
  for (const index of indices) {
    const vector = context.inputs[index]!;
    if (vector.shape.length !== 1 || vector.shape[0] !== length)
      failRule(context, 'TF-GRAPH-002', `${vector.name} must be [${length}]`, formatShape(vector.shape));
  }
}

function expectChannels(context: RuleContext): RuleInput {
  const x = context.inputs[0]!;
  expectDtype(context, 0, FLOAT_DTYPES);
  if (x.shape.length < 2) failRule(context, 'TF-GRAPH-002', 'X must be [N, C, ...]', describeInput(x));
  return x;
}

/** Y and the statistics, whose normalised axes hold 1. Statistics of 16-bit floats are f32, as in ONNX Runtime. */
function layerNorm(context: RuleContext<'LayerNormalization' | 'SimplifiedLayerNormalization'>): readonly ValueType[] {
  expectDtype(context, 0, FLOAT_DTYPES);
  expectSameDtype(context);
  const x = context.inputs[0]!;
  const { axis } = context.attributes;
  const normalised = x.shape.slice(axis);
  for (const input of context.inputs.slice(1)) {
    if (input !== undefined && formatShape(input.shape) !== formatShape(normalised))
      failRule(context, 'TF-GRAPH-002', `${input.name} must be ${formatShape(normalised)}`, formatShape(input.shape));
  }
  const statistics: ValueType = {
    dtype: x.dtype === 'float64' ? 'float64' : 'float32',
    shape: x.shape.map((size, i) => (i < axis ? size : 1)),
  };
  return [x, statistics, statistics];
}

export const AXIS_RULES: { readonly [Op in AxisOp]: TypeRule<Op> } = {
  Softmax: sameAsInput,
  LogSoftmax: sameAsInput,
  LayerNormalization: layerNorm,
  SimplifiedLayerNormalization: (context) => layerNorm(context).slice(0, 2),
  BatchNormalization(context) {
    const x = expectChannels(context);
    expectVectors(context, [1, 2, 3, 4], x.shape[1]!);
    if (context.numOutputs > 1 && context.attributes.training_mode === 0)
      failRule(context, 'TF-GRAPH-001', 'running statistics are outputs only with training_mode 1');
    const statistics: ValueType = { dtype: context.inputs[3]!.dtype, shape: [x.shape[1]!] };
    return [x, statistics, statistics];
  },
  GroupNormalization(context) {
    const x = expectChannels(context);
    expectSameDtype(context);
    expectVectors(context, [1, 2], x.shape[1]!);
    if (x.shape[1]! % context.attributes.num_groups !== 0)
      failRule(
        context,
        'TF-GRAPH-002',
        `channels must be divisible by num_groups ${context.attributes.num_groups}`,
        describeInput(x),
      );
    return [x];
  },
  InstanceNormalization(context) {
    const x = expectChannels(context);
    expectSameDtype(context);
    expectVectors(context, [1, 2], x.shape[1]!);
    return [x];
  },
  CumSum(context) {
    expectDtype(context, 0, NUMBER_DTYPES);
    return [context.inputs[0]!];
  },
  ArgMax: argReduce,
  ArgMin: argReduce,
  TopK(context) {
    expectDtype(context, 0, NUMBER_DTYPES);
    const x = context.inputs[0]!;
    const { k, axis } = context.attributes;
    if (x.shape.length === 0 || k < 0 || k > x.shape[axis]!)
      failRule(context, 'TF-GRAPH-004', `k must lie in 0..${x.shape[axis] ?? 0} for ${describeInput(x)}`, `${k}`);
    const shape = x.shape.map((size, i) => (i === axis ? k : size));
    return [
      { dtype: x.dtype, shape },
      { dtype: 'int64', shape },
    ];
  },
};
