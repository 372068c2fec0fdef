/** Ops of ONNX files that are not ours, said with ours. */
import type { Operand } from '../build/builder-core.ts';
import type { GraphBuilder } from '../build/graph-builder.ts';
import type { GraphValue } from '../types.ts';

export type ForeignAttributes = Readonly<Record<string, unknown>>;
export type ForeignExpansion = (
  g: GraphBuilder,
  inputs: readonly (GraphValue | undefined)[],
  attributes: ForeignAttributes,
) => readonly GraphValue[];

const number = (attributes: ForeignAttributes, name: string, fallback: number) =>
  (attributes[name] as number | undefined) ?? fallback;
const chain =
  (op: 'add' | 'min' | 'max'): ForeignExpansion =>
  (g, inputs) => [(inputs as readonly GraphValue[]).reduce((left, right) => g[op](left, right))];
const unary =
  (body: (g: GraphBuilder, x: GraphValue, attributes: ForeignAttributes) => GraphValue): ForeignExpansion =>
  (g, [x], attributes) => [body(g, x!, attributes)];
const scaled = (g: GraphBuilder, x: Operand, factor: number) => (factor === 1 ? (x as GraphValue) : g.mul(x, factor));

/** Softsign, Selu, …: value-preserving compositions. Variadic Min, Max, Sum and Mean become chains. */
export const FOREIGN_OPS: Readonly<Record<string, ForeignExpansion>> = {
  Sum: chain('add'),
  Min: chain('min'),
  Max: chain('max'),
  Mean: (g, inputs) => [g.div(chain('add')(g, inputs, {})[0]!, inputs.length)],
  /** Inference: the identity. */
  Dropout: (_g, [x]) => [x!],
  HardSigmoid: unary((g, x, a) => g.clip(g.add(scaled(g, x, number(a, 'alpha', 0.2)), number(a, 'beta', 0.5)), 0, 1)),
  HardSwish: unary((g, x) => g.mul(x, g.clip(g.add(g.div(x, 6), 0.5), 0, 1))),
  Softsign: unary((g, x) => g.div(x, g.add(g.abs(x), 1))),
  Selu: unary((g, x, a) => {
    // Defaults of the ONNX definition.
    const alpha = number(a, 'alpha', 1.6732632423543772);
    return g.mul(g.elu(x, alpha), number(a, 'gamma', 1.0507009873554805));
  }),
  Celu: unary((g, x, a) => {
    const alpha = number(a, 'alpha', 1);
    return g.mul(g.elu(g.div(x, alpha), 1), alpha);
  }),
  Mish: unary((g, x) => g.mul(x, g.tanh(g.softplus(x)))),
  Swish: unary((g, x, a) => g.op('QuickGelu', [x], { alpha: number(a, 'alpha', 1) })),
  ThresholdedRelu: unary((g, x, a) => g.where(g.greater(x, number(a, 'alpha', 1)), x, 0)),
  Tan: unary((g, x) => g.div(g.sin(x), g.cos(x))),
  PRelu: (g, [x, slope]) => [g.where(g.less(x!, 0), g.mul(x!, slope!), x!)],
  RMSNormalization: (g, [x, scale], a) => [
    g.rmsNorm(x!, scale!, { axis: number(a, 'axis', -1), epsilon: number(a, 'epsilon', 1e-5) }),
  ],
  ReduceLogSum: unary((g, x, a) =>
    g.log(
      g.op('ReduceSum', [x], {
        keepdims: number(a, 'keepdims', 1),
        ...(a['axes'] ? { axes: a['axes'] as number[] } : {}),
      }),
    ),
  ),
  Hardmax: unary((g, x, a) => {
    const axis = number(a, 'axis', -1);
    return g.cast(g.oneHot(g.argMax(x, axis), x.shape.at(axis)!, { axis }), x.dtype);
  }),
  DepthToSpace: unary((g, x, a) => {
    const size = number(a, 'blocksize', 1);
    const [n, c, h, w] = x.shape as readonly [number, number, number, number];
    const depth = c / (size * size);
    const isColumnRow = a['mode'] === 'CRD';
    const split = g.reshape(x, isColumnRow ? [n, depth, size, size, h, w] : [n, size, size, depth, h, w]);
    const moved = g.transpose(split, isColumnRow ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]);
    return g.reshape(moved, [n, depth, h * size, w * size]);
  }),
  SpaceToDepth: unary((g, x, a) => {
    const size = number(a, 'blocksize', 1);
    const [n, c, h, w] = x.shape as readonly [number, number, number, number];
    const split = g.reshape(x, [n, c, h / size, size, w / size, size]);
    return g.reshape(g.transpose(split, [0, 3, 5, 1, 2, 4]), [n, c * size * size, h / size, w / size]);
  }),
};
