/** Pre: sound graph. Post: no node has only constant inputs, unless its result is larger than the limit.
 *  The evaluator is an argument, so that this folder needs no runtime; core/runtime's reference fits. */
import { numel, type Tensor } from '../../tensor/index.ts';
import { OP_PROPERTIES } from '../ops/op-properties.ts';
import type { Graph, GraphNode, ValueId } from '../types.ts';
import { transformGraph } from './transform-graph.ts';

/** Runs one node. @param inputs  undefined where an optional input is absent */
export type EvaluateNode = (node: GraphNode, inputs: readonly (Tensor | undefined)[]) => readonly Tensor[];

/** Larger results are cheaper to compute than to store: one page of f32. */
const DEFAULT_MAX_ELEMENTS = 1024;

/** @param options.maxElements  elements of the largest result that is stored, default 1024
 *  Cost: O(nodes) plus the evaluations. */
export function foldConstants(
  graph: Graph,
  evaluate: EvaluateNode,
  { maxElements = DEFAULT_MAX_ELEMENTS }: { readonly maxElements?: number } = {},
): Graph {
  const known = new Map<ValueId, Tensor>(graph.initializers);
  const outputs = new Set(graph.outputs);
  return transformGraph(graph, (node, { builder }) => {
    const { isCollective, hasSideEffect } = OP_PROPERTIES[node.op];
    const isConstant = node.inputs.every((id) => id < 0 || known.has(id));
    const isSmall = node.outputs.every((id) => numel(graph.values[id]!.shape) <= maxElements);
    const isOutput = node.outputs.some((id) => outputs.has(id));
    if (isCollective || hasSideEffect || !isConstant || !isSmall || isOutput) return undefined;
    const tensors = evaluate(
      node,
      node.inputs.map((id) => known.get(id)),
    );
    return node.outputs.map((id, i) => {
      known.set(id, tensors[i]!);
      return builder.constant(tensors[i]!, graph.values[id]!.name);
    });
  });
}
