/** Peak of live activations and gradients in a written order: a tensor lives from its producer to its last reader. */
import { byteLength } from './range-costs.ts';
import type { OverlapGraph } from './types.ts';

/** Whether every tensor that the graph makes has a shape. */
export function isSized({ ops, tensors }: OverlapGraph): boolean {
  return ops.every(({ outs }) => outs.every((name) => Object.hasOwn(tensors, name)));
}

/** Parameters and inputs of the graph are not counted; tensors without a shape count nothing.
 *  Cost: O(operations + readers). */
export function peakLiveBytes(graph: OverlapGraph): number {
  const lastUse = new Map<string, number>();
  graph.ops.forEach((op, index) => [...op.ins, ...op.outs].forEach((name) => lastUse.set(name, index)));
  const alive = new Set<string>();
  let live = 0;
  let peak = 0;
  graph.ops.forEach((op, index) => {
    for (const name of op.outs) {
      alive.add(name);
      live += byteLength(graph, name);
    }
    peak = Math.max(peak, live);
    for (const name of new Set([...op.ins, ...op.outs])) {
      if (lastUse.get(name) === index && alive.delete(name)) live -= byteLength(graph, name);
    }
  });
  return peak;
}
