/** Which operations may run while an all-to-all is under way: those without a directed path to or from it (paper).
 *  Candidates are weight gradients (and what only they need); everything behind an all-reduce is left out. */
import { dataflowOf, isAllToAll, type Dataflow } from './op-graph.ts';
import type { OverlapGraph } from './types.ts';

export interface DwLabels {
  /** Positions of the all-to-alls of the backward pass, in sequence order. */
  readonly allToAlls: readonly number[];
  /** Positions of the candidates, in sequence order. */
  readonly candidates: readonly number[];
  /** allowed[c] lists the all-to-alls (indices into `allToAlls`) that candidate c may hide. */
  readonly allowed: readonly (readonly number[])[];
  /** predecessors[c] lists candidates (indices into `candidates`) that c needs. */
  readonly predecessors: readonly (readonly number[])[];
}

/** @param options.allToAlls  positions; default: all-to-alls whose role is dX
 *  Cost: O((V + E)·A) for A all-to-alls. */
export function labelDw(graph: OverlapGraph, options: { readonly allToAlls?: readonly number[] } = {}): DwLabels {
  const flow = dataflowOf(graph);
  const { ops } = graph;
  const allToAlls =
    options.allToAlls ?? ops.flatMap((op, index) => (isAllToAll(op) && op.role === 'dX' ? [index] : []));
  const behindReduce = reach(
    flow.readers,
    ops.flatMap((op, index) => (op.kind === 'allreduce' ? [index] : [])),
  );
  const isCandidate = ops.map((op, index) => op.kind === 'compute' && op.role === 'dW' && behindReduce[index] === 0);
  const candidates = ops.flatMap((_, index) => (isCandidate[index] ? [index] : []));
  const indexOf = new Map(candidates.map((op, index) => [op, index]));
  const allowed: number[][] = candidates.map(() => []);
  allToAlls.forEach((position, a2a) => {
    const before = reach(flow.producers, [position]);
    const behind = reach(flow.readers, [position]);
    candidates.forEach((op, candidate) => {
      if (before[op] === 0 && behind[op] === 0) allowed[candidate]!.push(a2a);
    });
  });
  // One that may hide nothing stays in place, before its followers' first chance.
  const predecessors = candidates.map((op) =>
    predecessorsOf(flow, op, indexOf).filter((other) => allowed[other]!.length > 0),
  );
  return { allToAlls, candidates, allowed, predecessors };
}

/** 1 for everything that a path from a seed reaches, seeds included. */
export function reach(next: Dataflow['readers'], seeds: readonly number[]): Uint8Array {
  const seen = new Uint8Array(next.length);
  const stack = [...seeds];
  for (const seed of seeds) seen[seed] = 1;
  for (let op = stack.pop(); op !== undefined; op = stack.pop()) {
    for (const other of next[op]!) {
      if (seen[other] === 1) continue;
      seen[other] = 1;
      stack.push(other);
    }
  }
  return seen;
}

function predecessorsOf(flow: Dataflow, op: number, indexOf: ReadonlyMap<number, number>): number[] {
  return flow.producers[op]!.flatMap((producer) => indexOf.get(producer) ?? []);
}
