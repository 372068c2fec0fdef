/** A graph as prims, without those whose result nobody reads. */
import type { Graph, GraphNode, ValueId } from '../../graph/index.ts';
import { LOWER_MOVES } from './lower-moves.ts';
import { LOWER_OPS } from './lower-ops.ts';
import { createLowering } from './lowering.ts';
import type { Lowering } from './lowering.ts';
import { POINTWISE_CODE, powerCode } from './pointwise-ops.ts';
import { NoKernel, readsOf } from './prims.ts';
import type { Prim, PrimValue } from './prims.ts';

export interface LoweredGraph {
  readonly values: readonly PrimValue[];
  readonly prims: readonly Prim[];
  /** For every graph output and next state, the value that holds it in memory. */
  readonly stored: ReadonlyMap<ValueId, ValueId>;
}

const FLOAT_ONLY: ReadonlySet<string> = new Set([
  'Exp',
  'Log',
  'Sqrt',
  'Reciprocal',
  'Sigmoid',
  'Softplus',
  'Gelu',
  'QuickGelu',
  'Elu',
  'LeakyRelu',
  'Erf',
]);

/** @throws NoKernel at the first op or form without a kernel here */
export function lowerToPrims(graph: Graph): LoweredGraph {
  const lowering = createLowering(graph);
  for (const node of graph.nodes) {
    lowering.at(node.op, node.name);
    lowerNode(lowering, node);
  }
  lowering.at('Identity', 'outputs');
  const stored = new Map<ValueId, ValueId>();
  for (const id of [...graph.outputs, ...graph.states.flatMap(({ next }) => next ?? [])]) {
    if (!stored.has(id)) stored.set(id, lowering.stored(id));
  }
  return { values: lowering.values, prims: withoutUnread(lowering, [...stored.values()]), stored };
}

function lowerNode(lowering: Lowering, node: GraphNode): void {
  const { values } = lowering;
  const special = LOWER_OPS[node.op] ?? LOWER_MOVES[node.op];
  if (special !== undefined) return special(lowering, node);
  if (node.op === 'ConstantOfShape') return lowering.fill(node.outputs[0], node.attributes['value'] as number);
  if (node.op === 'Pow') {
    const exponent = values[node.inputs[1]].splat;
    if (exponent === undefined) throw new NoKernel('Pow with a computed exponent');
    const code = powerCode(exponent);
    lowering.map([node.inputs[0]], (args, types) => code(args, types, node.attributes), { out: node.outputs[0] });
    return;
  }
  const code = POINTWISE_CODE[node.op];
  if (code === undefined || node.outputs.length !== 1) throw new NoKernel(node.op);
  if (FLOAT_ONLY.has(node.op) && values[node.outputs[0]].kind === 'i32') throw new NoKernel(`${node.op} of integers`);
  lowering.map(node.inputs, (args, types) => code(args, types, node.attributes), { out: node.outputs[0] });
}

function withoutUnread({ values, prims }: Lowering, kept: readonly ValueId[]): Prim[] {
  const isRead = new Set(kept.map((id) => values[id].root));
  const found: Prim[] = [];
  for (const prim of prims.toReversed()) {
    if (!isRead.has(prim.out)) continue;
    found.push(prim);
    for (const id of readsOf(prim)) isRead.add(values[id].root);
  }
  return found.reverse();
}
