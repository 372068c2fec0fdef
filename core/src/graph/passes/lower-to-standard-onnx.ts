/** Says ops outside the ONNX standard (com.microsoft and our own) with standard ones, for files that other runtimes read.
 *  ONNX Runtime on the CPU and onnxruntime-web run every op as it is; what its WebGPU provider lacks, core/runtime rewrites. */
import type { GraphBuilder } from '../build/graph-builder.ts';
import type { OpName } from '../ops/op-names.ts';
import { attributesOf } from '../ops/op-schemas.ts';
import type { Graph, GraphNode, GraphValue } from '../types.ts';
import { transformGraph } from './transform-graph.ts';

type Lowering = (g: GraphBuilder, inputs: readonly GraphValue[], node: GraphNode) => readonly GraphValue[];

const swapLast = (rank: number) =>
  Array.from({ length: rank }, (_, i) => (i === rank - 1 ? rank - 2 : i === rank - 2 ? rank - 1 : i));

/** What composes each op from simpler ones. */
const LOWERINGS = {
  StopGradient: (g, [x]) => [g.identity(x!)],
  QuickGelu: (g, [x], node) => [g.mul(x!, g.sigmoid(g.mul(x!, attributesOf(node, 'QuickGelu').alpha)))],
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
} as const satisfies Partial<Record<OpName, Lowering>>;

/** Pre: sound graph. Post: only ops of the ONNX standard (and collectives). Cost: O(nodes). */
export function lowerToStandardOnnx(graph: Graph): Graph {
  return transformGraph(graph, (node, { builder, inputs }) => {
    const lowering: Lowering | undefined = (LOWERINGS as Partial<Record<OpName, Lowering>>)[node.op];
    return lowering?.(builder, inputs as readonly GraphValue[], node);
  });
}

/** Names of the ops that are lowered. */
export const NON_STANDARD_OPS = Object.keys(LOWERINGS) as readonly OpName[];
