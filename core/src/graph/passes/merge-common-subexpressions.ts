/** Pre: sound graph. Post: no two nodes of one phase compute the same thing from the same inputs.
 *  Collectives and ops with side effects stay; so do copies across phases, which recomputation makes on purpose. */
import { OP_PROPERTIES } from '../ops/op-properties.ts';
import type { Graph, GraphNode, GraphValue } from '../types.ts';
import { transformGraph, type TransformContext } from './transform-graph.ts';

/** Cost: O(nodes · attributes). */
export function mergeCommonSubexpressions(graph: Graph): Graph {
  const known = new Map<string, readonly GraphValue[]>();
  const outputs = new Set(graph.outputs);
  return transformGraph(graph, (node, context) => {
    const properties = OP_PROPERTIES[node.op];
    if (properties.isCollective || properties.hasSideEffect) return undefined;
    // An output keeps its own node: it has a name of its own.
    if (node.outputs.some((id) => outputs.has(id))) return undefined;
    const key = keyOf(node, context, properties.commutes);
    const before = known.get(key);
    if (before !== undefined) return before;
    const copied = context.copy();
    known.set(key, copied);
    return copied;
  });
}

function keyOf(node: GraphNode, { inputs }: TransformContext, commutes: boolean): string {
  const ids = inputs.map((input) => input?.id ?? -1);
  if (commutes) ids.sort((a, b) => a - b);
  return `${node.op}|${ids.join()}|${node.outputs.length}|${node.notes.phase}|${JSON.stringify(node.attributes)}`;
}
