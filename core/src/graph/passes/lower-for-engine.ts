/** Replaces ops that an engine lacks by ones that it has. Pre: sound graph. Post: no node whose op is in ENGINE_GAPS of
 *  the engine; meaning unchanged up to rounding.
 *  Gaps of `webgpu` are ops without a kernel class in onnxruntime-node 1.30's WebGPU provider; `onnx` has no
 *  com.microsoft ops, for files that other runtimes read. */
import { numel } from '../../tensor/index.ts';
import type { GraphBuilder } from '../build/graph-builder.ts';
import { tensorFromNumbers } from '../build/scalar-tensor.ts';
import type { OpName } from '../ops/op-names.ts';
import { attributesOf } from '../ops/op-schemas.ts';
import type { Graph, GraphNode, GraphValue } from '../types.ts';
import { transformGraph } from './transform-graph.ts';

export type LoweringTarget = 'cpu' | 'webgpu' | 'web' | 'onnx';

type Lowering = (g: GraphBuilder, inputs: readonly GraphValue[], node: GraphNode) => readonly GraphValue[];

const swapLast = (rank: number) =>
  Array.from({ length: rank }, (_, i) => (i === rank - 1 ? rank - 2 : i === rank - 2 ? rank - 1 : i));

/** What composes each op from simpler ones. */
const LOWERINGS = {
  StopGradient: (g, [x]) => [g.identity(x!)],
  QuickGelu: (g, [x], node) => [g.mul(x!, g.sigmoid(g.mul(x!, attributesOf(node, 'QuickGelu').alpha)))],
  Xor: (g, [a, b]) => [g.and(g.or(a!, b!), g.not(g.and(a!, b!)))],
  IsNaN: (g, [x]) => [g.not(g.equal(x!, x!))],
  IsInf(g, [x], node) {
    const { detect_negative: negative, detect_positive: positive } = attributesOf(node, 'IsInf');
    const isUp = g.equal(x!, Infinity);
    const isDown = g.equal(x!, -Infinity);
    if (negative === 0) return [positive === 0 ? g.and(isUp, g.not(isUp)) : isUp];
    return [positive === 0 ? isDown : g.or(isUp, isDown)];
  },
  Sign: (g, [x]) => [g.where(g.greater(x!, 0), 1, g.where(g.less(x!, 0), -1, g.mul(x!, 0)))],
  /** Half to even: floor(x + 1/2), one less where that went up from a tie to an odd number. */
  Round(g, [x]) {
    const up = g.floor(g.add(x!, 0.5));
    const isTie = g.equal(g.sub(up, x!), 0.5);
    const isOdd = g.greater(g.sub(up, g.mul(g.floor(g.mul(up, 0.5)), 2)), 0.5);
    return [g.where(g.and(isTie, isOdd), g.sub(up, 1), up)];
  },
  Mod(g, [a, b], node) {
    if (attributesOf(node, 'Mod').fmod === 0) {
      // Integer division truncates; the remainder then takes the divisor's sign.
      const rest = g.sub(a!, g.mul(g.div(a!, b!), b!));
      const isOtherSign = g.less(g.mul(rest, b!), 0);
      return [g.where(isOtherSign, g.add(rest, b!), rest)];
    }
    const quotient = g.div(a!, b!);
    const truncated = g.where(g.less(quotient, 0), g.ceil(quotient), g.floor(quotient));
    return [g.sub(a!, g.mul(truncated, b!))];
  },
  ReduceL1(g, [x], node) {
    const { axes, keepdims } = attributesOf(node, 'ReduceL1');
    return [g.reduceSum(g.abs(x!), { axes, keepdims: keepdims !== 0 })];
  },
  ReduceL2(g, [x], node) {
    const { axes, keepdims } = attributesOf(node, 'ReduceL2');
    return [g.sqrt(g.reduceSumSquare(x!, { axes, keepdims: keepdims !== 0 }))];
  },
  LogSoftmax(g, [x], node) {
    const axes = [attributesOf(node, 'LogSoftmax').axis];
    const shifted = g.sub(x!, g.reduceMax(x!, { axes, keepdims: true }));
    return [g.sub(shifted, g.log(g.reduceSum(g.exp(shifted), { axes, keepdims: true })))];
  },
  OneHot(g, [indices], node) {
    const { depth, axis, values, dtype } = attributesOf(node, 'OneHot');
    const classes = g.range(depth, { dtype: indices!.dtype });
    const rank = indices!.shape.length + 1;
    const alongAxis = g.reshape(
      classes,
      Array.from({ length: rank }, (_, i) => (i === axis ? depth : 1)),
    );
    const wrapped = g.where(g.less(indices!, 0), g.add(indices!, depth), indices!);
    const hit = g.equal(g.unsqueeze(wrapped, [axis]), alongAxis);
    const [off, on] = [g.scalar(values[0]!, dtype), g.scalar(values[1]!, dtype)];
    return [g.where(hit, on, off)];
  },
  MaxUnpool(g, [x, indices], node) {
    const { output_shape: shape } = attributesOf(node, 'MaxUnpool');
    const zeros = g.full([numel(shape)], 0, x!.dtype);
    return [g.reshape(g.scatterElements(zeros, g.reshape(indices!, [-1]), g.reshape(x!, [-1])), shape)];
  },
  GroupNormalization(g, [x, scale, bias], node) {
    const { num_groups: groups, epsilon } = attributesOf(node, 'GroupNormalization');
    const grouped = g.reshape(x!, [x!.shape[0]!, groups, -1]);
    const [centred, deviation] = standardise(g, grouped, [2], epsilon);
    const normalised = g.reshape(g.mul(centred, deviation), x!.shape);
    return [perChannel(g, normalised, scale!, bias!)];
  },
  InstanceNormalization(g, [x, scale, bias], node) {
    const axes = Array.from({ length: x!.shape.length - 2 }, (_, i) => i + 2);
    const [centred, deviation] = standardise(g, x!, axes, attributesOf(node, 'InstanceNormalization').epsilon);
    return [perChannel(g, g.mul(centred, deviation), scale!, bias!)];
  },
  BatchNormalization(g, [x, scale, bias, mean, variance], node) {
    const { epsilon, momentum, training_mode: training } = attributesOf(node, 'BatchNormalization');
    if (training === 0) return [g.batchNorm(x!, [scale!, bias!, mean!, variance!], epsilon)];
    const axes = x!.shape.map((_, i) => i).filter((axis) => axis !== 1);
    const batchMean = g.reduceMean(x!, { axes, keepdims: true });
    const centred = g.sub(x!, batchMean);
    const batchVariance = g.reduceMean(g.mul(centred, centred), { axes, keepdims: true });
    const normalised = g.div(centred, g.sqrt(g.add(batchVariance, epsilon)));
    const blend = (old: GraphValue, fresh: GraphValue) =>
      g.add(g.mul(old, momentum), g.mul(g.reshape(fresh, old.shape), 1 - momentum));
    const outputs = [
      perChannel(g, normalised, scale!, bias!),
      blend(mean!, batchMean),
      blend(variance!, batchVariance),
    ];
    return outputs.slice(0, node.outputs.length);
  },
  SimplifiedLayerNormalization(g, [x, scale], node) {
    const { axis, epsilon } = attributesOf(node, 'SimplifiedLayerNormalization');
    const axes = x!.shape.map((_, i) => i).slice(axis);
    const deviation = g.reciprocal(g.sqrt(g.add(g.reduceMean(g.mul(x!, x!), { axes, keepdims: true }), epsilon)));
    return [g.mul(g.mul(x!, deviation), scale!), deviation].slice(0, node.outputs.length);
  },
  FusedMatMul(g, [a, b], node) {
    const { alpha, transA, transB, transBatchA, transBatchB } = attributesOf(node, 'FusedMatMul');
    const unrolled = (value: GraphValue, transBatch: number, trans: number) => {
      const rank = value.shape.length;
      const inner = Array.from({ length: Math.max(rank - 2, 0) }, (_, i) => i + 1);
      const rolled = transBatch !== 0 && rank > 2 ? g.transpose(value, [...inner, 0, rank - 1]) : value;
      return trans !== 0 && rank > 1 ? g.transpose(rolled, swapLast(rank)) : rolled;
    };
    const product = g.matMul(unrolled(a!, transBatchA, transA), unrolled(b!, transBatchB, transB));
    return [alpha === 1 ? product : g.mul(product, alpha)];
  },
  RotaryEmbedding(g, [x, cos, sin], node) {
    const { interleaved, rotary_embedding_dim: partial } = attributesOf(node, 'RotaryEmbedding');
    const width = x!.shape[3]!;
    const rotated = partial === 0 ? width : partial;
    const turned = rotated === width ? x! : g.sliceAxis(x!, 3, 0, rotated);
    const place = (start: number) =>
      interleaved === 0
        ? g.sliceAxis(turned, 3, (start * rotated) / 2, ((start + 1) * rotated) / 2)
        : g.slice(turned, { starts: [start], ends: [rotated], axes: [3], steps: [2] });
    const [first, second] = [place(0), place(1)];
    const left = g.sub(g.mul(cos!, first), g.mul(sin!, second));
    const right = g.add(g.mul(sin!, first), g.mul(cos!, second));
    const pairs =
      interleaved === 0
        ? g.concat([left, right], 3)
        : g.reshape(g.concat([g.unsqueeze(left, [4]), g.unsqueeze(right, [4])], 4), turned.shape);
    return [rotated === width ? pairs : g.concat([pairs, g.sliceAxis(x!, 3, rotated, width)], 3)];
  },
  Range(g, _inputs, node) {
    const { start, delta, dtype } = attributesOf(node, 'Range');
    const count = Math.max(0, Math.ceil((attributesOf(node, 'Range').limit - start) / delta));
    return [
      g.constant(
        tensorFromNumbers(
          dtype,
          Array.from({ length: count }, (_, i) => start + i * delta),
        ),
      ),
    ];
  },
} as const satisfies Partial<Record<OpName, Lowering>>;

type LoweredOp = keyof typeof LOWERINGS;

/** Which ops each engine lacks. */
export const ENGINE_GAPS: Readonly<Record<LoweringTarget, readonly LoweredOp[]>> = {
  cpu: [],
  webgpu: [
    'OneHot',
    'MaxUnpool',
    'LogSoftmax',
    'ReduceL1',
    'ReduceL2',
    'Sign',
    'Round',
    'Mod',
    'Xor',
    'IsNaN',
    'IsInf',
    'GroupNormalization',
    'BatchNormalization',
  ],
  web: ['BatchNormalization', 'MaxUnpool'],
  onnx: ['FusedMatMul', 'QuickGelu', 'SimplifiedLayerNormalization', 'RotaryEmbedding', 'StopGradient'],
};

/** @param options.also  further ops to lower (those that have a lowering), e.g. for conformance tests
 *  Cost: O(nodes). */
export function lowerForEngine(
  graph: Graph,
  engine: LoweringTarget,
  { also = [] }: { readonly also?: readonly LoweredOp[] } = {},
): Graph {
  const gaps = new Set<OpName>([...ENGINE_GAPS[engine], ...also]);
  return transformGraph(graph, (node, { builder, inputs }) => {
    if (!gaps.has(node.op) || isKept(node)) return undefined;
    const lowering: Lowering = LOWERINGS[node.op as LoweredOp];
    return lowering(builder, inputs as readonly GraphValue[], node);
  });
}

/** Names of the ops that can be lowered. */
export const LOWERED_OPS = Object.keys(LOWERINGS) as readonly LoweredOp[];

/** Only the training form of BatchNormalization is missing. */
function isKept(node: GraphNode): boolean {
  return node.op === 'BatchNormalization' && node.attributes['training_mode'] === 0;
}

/** x − mean and 1 / √(variance + ε) over axes. */
function standardise(g: GraphBuilder, x: GraphValue, axes: readonly number[], epsilon: number) {
  const centred = g.sub(x, g.reduceMean(x, { axes, keepdims: true }));
  const variance = g.reduceMean(g.mul(centred, centred), { axes, keepdims: true });
  return [centred, g.reciprocal(g.sqrt(g.add(variance, epsilon)))] as const;
}

function perChannel(g: GraphBuilder, x: GraphValue, scale: GraphValue, bias: GraphValue): GraphValue {
  const shape = x.shape.map((_, axis) => (axis === 1 ? scale.shape[0]! : 1)).slice(1);
  return g.add(g.mul(x, g.reshape(scale, shape)), g.reshape(bias, shape));
}
