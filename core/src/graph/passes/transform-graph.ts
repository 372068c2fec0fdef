/** The frame of all passes: builds a new graph node by node, so that every result is type-checked.
 *  Names of inputs, states, outputs and untouched nodes stay; constants that nothing reads vanish. */
import { createGraphBuilder, type GraphBuilder } from '../build/graph-builder.ts';
import type { Graph, GraphNode, GraphValue, ValueId } from '../types.ts';

export interface TransformContext {
  readonly builder: GraphBuilder;
  /** The new graph's value of an old id (constants are copied on first use). */
  readonly map: (id: ValueId) => GraphValue;
  /** Mapped inputs of the node at hand. */
  readonly inputs: readonly (GraphValue | undefined)[];
  /** Copies the node as it is; its new outputs. */
  readonly copy: () => readonly GraphValue[];
}

/** @returns new outputs of the node, one an old output; undefined: copy the node; 'drop': leave it out (nothing may read it) */
export type Visit = (node: GraphNode, context: TransformContext) => readonly GraphValue[] | undefined | 'drop';

/** @param graph  a sound graph; not changed
 *  @param options.finish  may add nodes, states or outputs at the end
 *  Cost: O(nodes + values). */
export function transformGraph(
  graph: Graph,
  visit: Visit,
  { finish }: { readonly finish?: (context: Pick<TransformContext, 'builder' | 'map'>) => void } = {},
): Graph {
  // What a pass adds must not take a name that an old value or node brings along later.
  const reserved = new Set<string>();
  for (const value of graph.values) reserved.add(value.name);
  for (const node of graph.nodes) reserved.add(node.name);
  const builder = createGraphBuilder(graph.name, { reserved });
  const mapped = new Array<GraphValue | undefined>(graph.values.length);
  for (const id of graph.inputs) {
    const { name, dtype, shape } = graph.values[id]!;
    mapped[id] = builder.input(name, dtype, shape);
  }
  for (const state of graph.states) {
    const { dtype, shape } = graph.values[state.value]!;
    mapped[state.value] = builder.state(state.name, state.kind, dtype, shape);
  }
  const map = (id: ValueId): GraphValue => {
    const known = mapped[id];
    if (known !== undefined) return known;
    const copied = builder.constant(graph.initializers.get(id)!, graph.values[id]!.name);
    mapped[id] = copied;
    return copied;
  };
  for (const node of graph.nodes) {
    // Mapped on demand: a constant that only replaced nodes read is not copied.
    let mappedInputs: readonly (GraphValue | undefined)[] | undefined;
    const context: TransformContext = {
      builder,
      map,
      get inputs() {
        mappedInputs ??= node.inputs.map((id) => (id < 0 ? undefined : map(id)));
        return mappedInputs;
      },
      copy: () =>
        builder.node(node.op, context.inputs, node.attributes, {
          name: node.name,
          numOutputs: node.outputs.length,
          notes: node.notes,
        }),
    };
    const outputs = builder.withNotes(node.notes, () => visit(node, context)) ?? context.copy();
    if (outputs === 'drop') continue;
    for (const [i, id] of node.outputs.entries()) mapped[id] = outputs[i];
  }
  for (const id of graph.outputs) mapped[id] = builder.output(map(id), graph.values[id]!.name);
  for (const state of graph.states) if (state.next !== undefined) builder.setNextState(state.name, map(state.next));
  finish?.({ builder, map });
  return builder.finish();
}

/** How many nodes, outputs and states read each value. */
export function countUses(graph: Graph): Uint32Array {
  const uses = new Uint32Array(graph.values.length);
  for (const node of graph.nodes) for (const id of node.inputs) if (id >= 0) uses[id]!++;
  for (const id of graph.outputs) uses[id]!++;
  for (const state of graph.states) if (state.next !== undefined) uses[state.next]!++;
  return uses;
}

/** The node that makes each value; undefined for inputs, states and constants. */
export function findProducers(graph: Graph): readonly (GraphNode | undefined)[] {
  const producers = new Array<GraphNode | undefined>(graph.values.length);
  for (const node of graph.nodes) for (const id of node.outputs) producers[id] = node;
  return producers;
}
