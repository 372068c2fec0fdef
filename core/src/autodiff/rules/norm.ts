/** Gradients of normalisations. With g = dy·scale and x̂ the normalised input:
 *  dx = 1/σ · (g − mean g − x̂ · mean(g·x̂)); RMS norm has no mean g. Scale: Σ dy·x̂, bias: Σ dy.
 *  Layer norm's x̂ comes from one LayerNormalization node with unit scale unless the forward node saved its statistics. */
import type { AxisOp, GraphValue } from '../../graph/index.ts';
import { numel } from '../../tensor/index.ts';
import type { GradContext, InputGradient, RulesOf } from '../types.ts';

type NormOp =
  | 'LayerNormalization'
  | 'SimplifiedLayerNormalization'
  | 'BatchNormalization'
  | 'GroupNormalization'
  | 'InstanceNormalization';

interface Normalised {
  /** x̂, of the shape of x. */
  readonly unit: GraphValue;
  /** 1/σ, broadcastable to x. */
  readonly invStd: GraphValue;
}

/** dx from g; `axes` are those of one normalised row. */
function inputGradient(
  context: GradContext,
  g: GraphValue,
  { unit, invStd }: Normalised,
  options: { readonly axes: readonly number[]; readonly isCentred: boolean },
): GraphValue {
  const { builder: b } = context;
  const mean = (value: GraphValue): GraphValue => b.op('ReduceMean', [value], { axes: options.axes, keepdims: 1 });
  const projected = b.mul(unit, mean(b.mul(g, unit)));
  const centred = options.isCentred ? b.sub(g, mean(g)) : g;
  return b.mul(b.sub(centred, projected), invStd);
}

const tailAxes = (axis: number, rank: number): number[] => Array.from({ length: rank - axis }, (_, i) => axis + i);

/** The statistics of a layer norm: saved ones where the forward node has them. */
function layerStatistics(context: GradContext<'LayerNormalization'>): Normalised {
  const { builder: b, x, y, attributes, numOutputs } = context;
  const { dtype } = x(0);
  if (numOutputs === 3) {
    const invStd = b.cast(y(2), dtype);
    return { unit: b.mul(b.sub(x(0), b.cast(y(1), dtype)), invStd), invStd };
  }
  return unitLayer(context as unknown as GradContext, x(0), attributes);
}

/** x̂ and 1/σ of rows `axis`…, in one node. */
function unitLayer(
  { builder: b }: GradContext,
  x: GraphValue,
  attributes: { readonly axis: number; readonly epsilon: number },
): Normalised {
  const ones = b.full(x.shape.slice(attributes.axis), 1, x.dtype);
  const [unit, , invStd] = b.multi('LayerNormalization', [x, ones], attributes, { numOutputs: 3 });
  return { unit: unit!, invStd: b.cast(invStd!, x.dtype) };
}

const layerNormRule: InputGradient<'LayerNormalization'> = (given, index) => {
  const context = given as unknown as GradContext;
  const { axis } = given.attributes;
  const { x, y, lean } = context;
  if (index === 2) return lean.sumTo(context.dy(), y().shape, x(2).shape);
  const statistics = context.once('statistics', () => layerStatistics(given));
  if (index === 1) return lean.sumTo(lean.mul(context.dy(), statistics.unit), y().shape, x(1).shape);
  const g = lean.mul(context.dy(), x(1));
  return inputGradient(context, g, statistics, { axes: tailAxes(axis, x(0).shape.length), isCentred: true });
};

const rmsNormRule: InputGradient<'SimplifiedLayerNormalization'> = (given, index) => {
  const context = given as unknown as GradContext;
  const { axis, epsilon } = given.attributes;
  const { builder: b, x, y, lean } = context;
  const axes = tailAxes(axis, x(0).shape.length);
  const statistics = context.once('statistics', () => {
    // A saved InvStdDev is not used: onnxruntime's WebGPU provider writes the mean there.
    const meanSquare = b.op('ReduceMean', [b.mul(x(0), x(0))], { axes, keepdims: 1 });
    const invStd = b.reciprocal(b.sqrt(b.add(meanSquare, epsilon)));
    return { unit: b.mul(x(0), invStd), invStd };
  });
  if (index === 1) return lean.sumTo(lean.mul(context.dy(), statistics.unit), y().shape, x(1).shape);
  return inputGradient(context, lean.mul(context.dy(), x(1)), statistics, { axes, isCentred: false });
};

/** [C] → [C, 1, …], to broadcast over [N, C, …]. */
const perChannel = ({ builder: b }: GradContext, value: GraphValue, rank: number): GraphValue =>
  b.reshape(value, [value.shape[0]!, ...new Array<number>(rank - 2).fill(1)]);

const batchNormRule: InputGradient<'BatchNormalization'> = (given, index) => {
  const context = given as unknown as GradContext;
  const { builder: b, x, once } = context;
  const { epsilon, training_mode: isTraining } = given.attributes;
  const rank = x(0).shape.length;
  const axes = x(0)
    .shape.map((_, axis) => axis)
    .filter((axis) => axis !== 1);
  const count = numel(x(0).shape) / x(0).shape[1]!;
  const dy = context.dyFull();
  const sum = (value: GraphValue): GraphValue => b.op('ReduceSum', [value], { axes, keepdims: 1 });
  const flat = (value: GraphValue): GraphValue => b.reshape(value, [x(0).shape[1]!]);
  const statistics = once('statistics', () => {
    const mean = isTraining ? b.op('ReduceMean', [x(0)], { axes, keepdims: 1 }) : perChannel(context, x(3), rank);
    const centred = b.sub(x(0), mean);
    const variance = isTraining
      ? b.op('ReduceMean', [b.mul(centred, centred)], { axes, keepdims: 1 })
      : perChannel(context, x(4), rank);
    const invStd = b.reciprocal(b.sqrt(b.add(variance, epsilon)));
    return { unit: b.mul(centred, invStd), invStd };
  });
  const sumDy = (): GraphValue => once('Σ dy', () => sum(dy));
  const sumUnit = (): GraphValue => once('Σ dy·x̂', () => sum(b.mul(dy, statistics.unit)));
  const factor = (): GraphValue => once('scale/σ', () => b.mul(perChannel(context, x(1), rank), statistics.invStd));
  if (index === 1) return flat(sumUnit());
  if (index === 2) return flat(sumDy());
  if (index === 0) {
    if (!isTraining) return b.mul(dy, factor());
    const projected = b.mul(b.add(sumDy(), b.mul(statistics.unit, sumUnit())), 1 / count);
    return b.mul(b.sub(dy, projected), factor());
  }
  if (isTraining) return undefined;
  if (index === 3) return b.neg(flat(b.mul(sumDy(), factor())));
  // d/dv (v + ε)^(−½) = −½ (v + ε)^(−3/2)
  const cubic = b.mul(b.mul(statistics.invStd, factor()), -0.5);
  return flat(b.mul(sumUnit(), cubic));
};

/** Group and instance norm: rows are the groups' elements, scale and bias are per channel. */
function groupedRule(given: GradContext, index: number, numGroups: number, epsilon: number): GraphValue {
  const { builder: b, x, once } = given;
  const [N, C] = x(0).shape as [number, number];
  const rank = x(0).shape.length;
  const axes = x(0)
    .shape.map((_, axis) => axis)
    .filter((axis) => axis !== 1);
  const dy = given.dyFull();
  if (index === 2) return b.op('ReduceSum', [dy], { axes, keepdims: 0 });
  const rows = [N, numGroups, numel(x(0).shape) / (N * numGroups)];
  const statistics = once('statistics', () => unitLayer(given, b.reshape(x(0), rows), { axis: 2, epsilon }));
  if (index === 1) {
    const unit = b.reshape(statistics.unit, x(0).shape);
    return b.op('ReduceSum', [b.mul(dy, unit)], { axes, keepdims: 0 });
  }
  const scale = b.reshape(x(1), [C, ...new Array<number>(rank - 2).fill(1)]);
  const g = b.reshape(b.mul(dy, scale), rows);
  return b.reshape(inputGradient(given, g, statistics, { axes: [2], isCentred: true }), x(0).shape);
}

export const NORM_RULES: RulesOf<Extract<AxisOp, NormOp>> = {
  LayerNormalization: layerNormRule,
  SimplifiedLayerNormalization: rmsNormRule,
  BatchNormalization: batchNormRule,
  GroupNormalization: (context, index) =>
    groupedRule(context as unknown as GradContext, index, context.attributes.num_groups, context.attributes.epsilon),
  InstanceNormalization: (context, index) =>
    groupedRule(context as unknown as GradContext, index, context.x(0).shape[1]!, context.attributes.epsilon),
};
