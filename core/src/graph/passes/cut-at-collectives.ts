/** Cuts a graph into compute segments and collectives, so that ranks can run the segments in any engine and exchange
 *  values in between. Node order is kept: a collective is issued at its place and waited for at its first reader,
 *  so what stands between the two overlaps with it. */
import { createGraphBuilder } from '../build/graph-builder.ts';
import { OP_PROPERTIES } from '../ops/op-properties.ts';
import type { Graph, GraphNode, GraphValue, ValueId } from '../types.ts';

/** Values pass between steps by name. `inputs` are all fed (graph inputs, present states, earlier results);
 *  `outputs` are those that a later step, the graph's outputs or next states need. */
export interface ComputeStep {
  readonly kind: 'compute';
  readonly graph: Graph;
}
export interface IssueStep {
  readonly kind: 'issue';
  readonly node: GraphNode;
  /** Undefined for Recv. */
  readonly input?: GraphValue;
}
export interface WaitStep {
  readonly kind: 'wait';
  readonly node: GraphNode;
  /** Undefined for Send. */
  readonly output?: GraphValue;
}
export type CutStep = ComputeStep | IssueStep | WaitStep;

/** Pre: sound graph. Post: running the steps in order is running the graph; no compute step holds a collective;
 *  each collective is issued once and later waited for once. Cost: O(nodes + edges). */
export function cutAtCollectives(graph: Graph): readonly CutStep[] {
  const steps: (CutStep | { readonly kind: 'nodes'; readonly nodes: GraphNode[] })[] = [];
  const pending = new Map<ValueId, GraphNode>();
  const unread = new Set<GraphNode>();
  let current: GraphNode[] = [];

  const closeSegment = () => {
    if (current.length > 0) steps.push({ kind: 'nodes', nodes: current });
    current = [];
  };
  const waitFor = (node: GraphNode) => {
    closeSegment();
    const output = graph.values[node.outputs[0] ?? -1];
    steps.push({ kind: 'wait', node, ...(output === undefined ? {} : { output }) });
    for (const id of node.outputs) pending.delete(id);
    unread.delete(node);
  };

  for (const node of graph.nodes) {
    for (const id of node.inputs) {
      const collective = pending.get(id);
      if (collective !== undefined) waitFor(collective);
    }
    if (!OP_PROPERTIES[node.op].isCollective) {
      current.push(node);
      continue;
    }
    closeSegment();
    const input = graph.values[node.inputs[0] ?? -1];
    steps.push({ kind: 'issue', node, ...(input === undefined ? {} : { input }) });
    for (const id of node.outputs) pending.set(id, node);
    unread.add(node);
  }
  closeSegment();
  for (const node of unread) waitFor(node);
  return withSegmentGraphs(graph, steps);
}

/** Reorders nodes so that a cut has as few segments as possible: everything that needs no further collective comes first.
 *  Pre: sound graph. Post: same meaning, nodes in topological order. Cost: O(nodes). */
export function groupByCollectiveStage(graph: Graph): Graph {
  const stageOfValue = new Uint32Array(graph.values.length);
  const stages: { readonly compute: GraphNode[]; readonly collectives: GraphNode[] }[] = [];
  for (const node of graph.nodes) {
    const stage = node.inputs.reduce((latest, id) => (id < 0 ? latest : Math.max(latest, stageOfValue[id]!)), 0);
    while (stages.length <= stage) stages.push({ compute: [], collectives: [] });
    const { isCollective } = OP_PROPERTIES[node.op];
    stages[stage]![isCollective ? 'collectives' : 'compute'].push(node);
    for (const id of node.outputs) stageOfValue[id] = isCollective ? stage + 1 : stage;
  }
  return { ...graph, nodes: stages.flatMap(({ compute, collectives }) => [...compute, ...collectives]) };
}

function withSegmentGraphs(
  graph: Graph,
  steps: readonly (CutStep | { readonly kind: 'nodes'; readonly nodes: GraphNode[] })[],
): readonly CutStep[] {
  const isNeeded = new Uint8Array(graph.values.length);
  for (const id of graph.outputs) isNeeded[id] = 1;
  for (const state of graph.states) if (state.next !== undefined) isNeeded[state.next] = 1;
  const cut: CutStep[] = [];
  // Backwards, so that what later steps read is known.
  for (let i = steps.length - 1; i >= 0; i--) {
    const step = steps[i]!;
    if (step.kind === 'nodes') {
      cut.push({ kind: 'compute', graph: segmentGraph(graph, step.nodes, isNeeded, `${graph.name}.${i}`) });
      for (const node of step.nodes) for (const id of node.inputs) if (id >= 0) isNeeded[id] = 1;
    } else {
      if (step.kind === 'issue') for (const id of step.node.inputs) isNeeded[id] = 1;
      cut.push(step);
    }
  }
  return cut.reverse();
}

function segmentGraph(graph: Graph, nodes: readonly GraphNode[], isNeeded: Uint8Array, name: string): Graph {
  const builder = createGraphBuilder(name);
  const mapped = new Map<ValueId, GraphValue>();
  const take = (id: ValueId): GraphValue | undefined => {
    if (id < 0) return undefined;
    const known = mapped.get(id);
    if (known !== undefined) return known;
    const value = graph.values[id]!;
    const constant = graph.initializers.get(id);
    const taken =
      constant === undefined
        ? builder.input(value.name, value.dtype, value.shape)
        : builder.constant(constant, value.name);
    mapped.set(id, taken);
    return taken;
  };
  const outside = new Set<ValueId>();
  const inside = new Set(nodes.flatMap((node) => node.outputs));
  // Inputs first: their names must not be taken by the nodes' default names.
  for (const node of nodes) for (const id of node.inputs) if (!inside.has(id)) outside.add(id);
  for (const id of outside) take(id);
  const produced: ValueId[] = [];
  for (const node of nodes) {
    const outputs = builder.node(node.op, node.inputs.map(take), node.attributes, {
      name: node.name,
      numOutputs: node.outputs.length,
      notes: node.notes,
    });
    for (const [i, id] of node.outputs.entries()) {
      mapped.set(id, outputs[i]!);
      if (isNeeded[id] === 1) produced.push(id);
    }
  }
  for (const id of produced) mapped.set(id, builder.output(mapped.get(id)!, graph.values[id]!.name));
  return builder.finish();
}
