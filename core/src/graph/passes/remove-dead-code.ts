/** Pre: sound graph. Post: every node is needed by an output, a next state or a side effect; meaning unchanged. */
import { OP_PROPERTIES } from '../ops/op-properties.ts';
import type { Graph } from '../types.ts';
import { transformGraph } from './transform-graph.ts';

/** The graph without nodes and constants that nothing needs. Cost: O(nodes). */
export function removeDeadCode(graph: Graph): Graph {
  const isLive = new Uint8Array(graph.values.length);
  for (const id of graph.outputs) isLive[id] = 1;
  for (const state of graph.states) if (state.next !== undefined) isLive[state.next] = 1;
  const kept = new Set<string>();
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i]!;
    if (!OP_PROPERTIES[node.op].hasSideEffect && !node.outputs.some((id) => isLive[id] === 1)) continue;
    kept.add(node.name);
    for (const id of node.inputs) if (id >= 0) isLive[id] = 1;
  }
  return transformGraph(pruned(graph, kept), () => undefined);
}

function pruned(graph: Graph, kept: ReadonlySet<string>): Graph {
  return { ...graph, nodes: graph.nodes.filter((node) => kept.has(node.name)) };
}
