/** Gradients of reductions, softmax, running sums and order statistics. */
import type { AxisOp, GraphValue, ReduceOp } from '../../graph/index.ts';
import type { GradContext, InputGradient, RulesOf } from '../types.ts';
import { NORM_RULES } from './norm.ts';

interface ReduceAttributes {
  readonly axes: readonly number[];
  readonly keepdims: number;
}

/** A value of the reduction's output shape, its reduced axes put back with size 1. */
function keepAxes(context: GradContext, value: GraphValue, attributes: ReduceAttributes): GraphValue {
  const { builder: b, lean, x, y } = context;
  if (attributes.keepdims === 1 || value.shape.length === 0) return value;
  const kept = x(0).shape.map((size, axis) => (attributes.axes.includes(axis) ? 1 : size));
  if (value.shape.length === y().shape.length && value.shape.every((size) => size === 1)) {
    return lean.reshapeFrom(value, y().shape, []);
  }
  return b.reshape(lean.full(value, y().shape), kept);
}

/** Rule of a reduction from the gradient and output with their axes kept. */
const reduceRule =
  (build: (context: GradContext, dy: GraphValue, y: () => GraphValue, count: number) => GraphValue): InputGradient =>
  (context) => {
    const attributes = context.attributes as unknown as ReduceAttributes;
    const count = attributes.axes.reduce((product, axis) => product * context.x(0).shape[axis]!, 1);
    const dy = keepAxes(context, context.dy(), attributes);
    return build(context, dy, () => keepAxes(context, context.y(), attributes), count);
  };

/** Extrema share the gradient equally among ties. */
const extremeRule = reduceRule((context, dy, y) => {
  const { builder: b, lean, x } = context;
  const { axes } = context.attributes as unknown as ReduceAttributes;
  const isExtreme = lean.indicator(b.equal(x(0), y()), x(0).dtype);
  return b.mul(isExtreme, lean.div(dy, b.op('ReduceSum', [isExtreme], { axes, keepdims: 1 })));
});

export const REDUCE_RULES = {
  ReduceSum: reduceRule((_, dy) => dy),
  ReduceMean: reduceRule(({ lean }, dy, _, count) => lean.mul(dy, 1 / count)),
  ReduceMax: extremeRule,
  ReduceMin: extremeRule,
  /** y / x, so NaN where x is 0. */
  ReduceProd: reduceRule(({ builder: b, lean, x }, dy, y) => b.div(lean.mul(dy, y()), x(0))),
  ReduceL1: reduceRule(({ builder: b, lean, x }, dy) => lean.mul(dy, b.sign(x(0)))),
  ReduceL2: reduceRule(({ builder: b, lean, x }, dy, y) => b.mul(x(0), lean.div(dy, y()))),
  ReduceSumSquare: reduceRule(({ lean, x }, dy) => lean.mul(x(0), lean.mul(dy, 2))),
  ReduceLogSumExp: reduceRule(({ builder: b, lean, x }, dy, y) => lean.mul(dy, b.exp(b.sub(x(0), y())))),
} as RulesOf<ReduceOp>;

const sumAlong = (context: GradContext, value: GraphValue, axis: number): GraphValue =>
  context.builder.op('ReduceSum', [value], { axes: [axis], keepdims: 1 });

/** y·(dy − Σ dy·y) */
const softmaxRule: InputGradient<'Softmax'> = (context) => {
  const { builder: b, lean, y, attributes } = context;
  const dy = context.dy();
  const inner = sumAlong(context as unknown as GradContext, lean.mul(dy, y()), attributes.axis);
  return b.mul(y(), b.sub(dy, inner));
};

/** dy − e^y · Σ dy. One-hot gradients (cross entropy) skip the dense dy: −e^y·Σ dy with dy added at the labels. */
const logSoftmaxRule: InputGradient<'LogSoftmax'> = (context) => {
  const { builder: b, lean, y, attributes } = context;
  const { axis } = attributes;
  const sparse = context.dySparse();
  if (sparse?.axis === axis && isAligned(sparse.updates, y(), axis)) {
    const { indices, updates } = sparse;
    const total = updates.shape[axis] === 1 ? updates : sumAlong(context as unknown as GradContext, updates, axis);
    const dense = lean.mul(b.exp(y()), lean.neg(total));
    return b.scatterElements(dense, indices, updates, { axis, reduction: 'add' });
  }
  const dy = context.dyFull();
  return b.sub(dy, lean.mul(b.exp(y()), sumAlong(context as unknown as GradContext, dy, axis)));
};

const isAligned = (updates: GraphValue, y: GraphValue, axis: number): boolean =>
  updates.shape.every((size, i) => i === axis || size === y.shape[i]);

const INTEGER = 'indices are integers and carry no gradient';

export const AXIS_RULES: RulesOf<AxisOp> = {
  Softmax: softmaxRule,
  LogSoftmax: logSoftmaxRule,
  ...NORM_RULES,
  CumSum: ({ builder: b, dyFull, attributes }) =>
    b.op('CumSum', [dyFull()], { ...attributes, reverse: attributes.reverse === 1 ? 0 : 1 }),
  ArgMax: { none: INTEGER },
  ArgMin: { none: INTEGER },
  TopK: ({ dyFull, y, attributes }) => ({
    kind: 'sparse',
    axis: attributes.axis,
    indices: y(1),
    updates: dyFull(),
    hasDuplicates: false,
  }),
};
