/** What a backward pass must know before it starts: who needs a gradient, who is a weight. */
import type { GraphBuilder, GraphNode, GraphValue, ValueId } from '../graph/index.ts';
import { DTYPES, type Tensor } from '../tensor/index.ts';
import { GRADIENT_RULES } from './gradient-table.ts';
import type { CustomRegion } from './marks.ts';

export interface Analysis {
  /** 1: the value is differentiated by, or a differentiable path leads to it from one that is. */
  readonly needs: Uint8Array;
  /** 1: a parameter, or made from parameters and constants alone. */
  readonly isWeight: Uint8Array;
  /** Index of the node that makes each value, -1 if none does. */
  readonly producers: Int32Array;
  /** Graph outputs and next states. */
  readonly kept: ReadonlySet<ValueId>;
  readonly initializers: ReadonlyMap<ValueId, Tensor>;
}

export function analyseGraph(
  builder: GraphBuilder,
  nodes: readonly GraphNode[],
  wrt: readonly GraphValue[],
  regionOf: readonly (CustomRegion | undefined)[],
): Analysis {
  const graph = builder.finish();
  const { values, initializers } = graph;
  const needs = new Uint8Array(values.length);
  const isWeight = new Uint8Array(values.length);
  const producers = new Int32Array(values.length).fill(-1);
  for (const value of wrt) needs[value.id] = 1;
  for (const state of graph.states) if (state.kind === 'parameter') isWeight[state.value] = 1;
  const isFloat = (id: ValueId): boolean => DTYPES[values[id]!.dtype].kind === 'float';
  nodes.forEach((node, index) => {
    for (const id of node.outputs) producers[id] = index;
    const inputs = node.inputs.filter((id) => id >= 0);
    const hasWeight = inputs.some((id) => isWeight[id] === 1);
    if (hasWeight && inputs.every((id) => isWeight[id] === 1 || initializers.has(id))) {
      for (const id of node.outputs) isWeight[id] = 1;
    }
    const region = regionOf[index];
    if (region) {
      const isNeeded = region.inputs.some((input) => needs[input.id] === 1);
      if (isNeeded) for (const output of region.outputs) if (isFloat(output.id)) needs[output.id] = 1;
      return;
    }
    const rule = GRADIENT_RULES[node.op];
    const isZero = typeof rule === 'object' && 'zero' in rule;
    if (isZero || !inputs.some((id) => needs[id] === 1)) return;
    // Float by-products (saved statistics) are marked too: a gradient that reaches one is refused, not lost.
    for (const id of node.outputs) if (isFloat(id)) needs[id] = 1;
  });
  const kept = new Set<ValueId>(graph.outputs);
  for (const state of graph.states) if (state.next !== undefined) kept.add(state.next);
  return { needs, isWeight, producers, kept, initializers };
}
