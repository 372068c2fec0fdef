/** Which states may be overwritten where they stand.
 *
 *  The engine orders nodes by data flow only, so `next` may share memory with `value` exactly if every reader of `value`
 *  has finished before `next` is written whatever the order: each reader is the producer of `next` itself (elementwise,
 *  same shape) or one of its ancestors.  Readers whose result the engine may alias or fuse into their own readers
 *  (layout ops, casts) pass the demand on to those. */
import { equalShapes } from '../../tensor/index.ts';
import type { Graph, GraphNode, OpName, ValueId } from '../../graph/index.ts';
import type { StateSlot } from '../engine/engine-graph.ts';

const PASSES_ON: ReadonlySet<OpName> = new Set<OpName>([
  'Transpose',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Flatten',
  'Identity',
  'StopGradient',
  'Cast',
  'Expand',
  'Slice',
  'Split',
]);
/** Elementwise kernels that read position i before they write position i. */
const SAFE_PRODUCERS: ReadonlySet<OpName> = new Set<OpName>(['Add', 'Sub', 'Mul', 'Div']);

/** Names of the states whose next value may be written over the current one. Cost: O(states · nodes) at worst. */
export function findInPlaceStates(graph: Graph, states: readonly StateSlot[]): ReadonlySet<string> {
  const readers: number[][] = graph.values.map(() => []);
  const producer = new Int32Array(graph.values.length).fill(-1);
  graph.nodes.forEach((node, index) => {
    for (const input of node.inputs) if (input >= 0) readers[input].push(index);
    for (const output of node.outputs) producer[output] = index;
  });
  const safe = new Set<string>();
  const outputs = new Set(graph.outputs);
  for (const state of states) {
    if (state.next === undefined || state.engineDtype !== state.dtype || outputs.has(state.value)) continue;
    const nextId = graph.values.find((value) => value.name === state.nextEngineName)?.id;
    if (nextId !== state.next) continue; // made by a border node: rare, not worth the proof
    const last = producer[state.next];
    const demanded = demandedReaders(graph, readers, state.value, last);
    if (demanded !== undefined && areAncestors(graph, producer, demanded, last)) safe.add(state.name);
  }
  return safe;
}

/** All nodes that may read the state's memory; undefined if one of them is an unsafe `last`. */
function demandedReaders(
  graph: Graph,
  readers: readonly (readonly number[])[],
  value: ValueId,
  last: number,
): Set<number> | undefined {
  const found = new Set<number>();
  const open: ValueId[] = [value];
  const seen = new Set<ValueId>(open);
  while (open.length > 0) {
    const current = open.pop()!;
    if (current !== value && graph.outputs.includes(current)) return undefined;
    for (const index of readers[current]) {
      const node = graph.nodes[index];
      if (index === last) {
        if (!isSafeProducer(graph, node, current)) return undefined;
        continue;
      }
      found.add(index);
      if (!PASSES_ON.has(node.op)) continue;
      for (const output of node.outputs) {
        if (seen.has(output)) continue;
        seen.add(output);
        open.push(output);
      }
    }
  }
  return found;
}

function isSafeProducer(graph: Graph, node: GraphNode, read: ValueId): boolean {
  return SAFE_PRODUCERS.has(node.op) && equalShapes(graph.values[read].shape, graph.values[node.outputs[0]].shape);
}

/** True if every wanted node is an ancestor of `last`. */
function areAncestors(graph: Graph, producer: Int32Array, wanted: ReadonlySet<number>, last: number): boolean {
  if (wanted.size === 0) return true;
  let earliest = Infinity;
  for (const index of wanted) earliest = Math.min(earliest, index);
  let missing = wanted.size;
  const seen = new Set<number>([last]);
  const open = [last];
  while (open.length > 0) {
    for (const input of graph.nodes[open.pop()!].inputs) {
      const from = input < 0 ? -1 : producer[input];
      if (from < earliest || seen.has(from)) continue;
      seen.add(from);
      if (wanted.has(from) && --missing === 0) return true;
      open.push(from);
    }
  }
  return false;
}
