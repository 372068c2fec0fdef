/** Checks a graph and answers who feeds whom. */
import { nearestNameHints } from '@tenfold/core/base';
import { overlapError } from './overlap-errors.ts';
import { GATE_NAMES, OP_KINDS, type OverlapGraph, type OverlapOp } from './types.ts';

export const isComm = ({ kind }: OverlapOp): boolean => kind !== 'compute';
export const isAllToAll = ({ kind }: OverlapOp): boolean => kind === 'a2a' || kind === 'a2av';

/** Producers and readers by position in `ops`. */
export interface Dataflow {
  readonly producers: readonly (readonly number[])[];
  readonly readers: readonly (readonly number[])[];
}

/** @throws TF-OVERLAP-001 on a circle, a tensor used before it is made, or two producers */
export function dataflowOf(graph: Pick<OverlapGraph, 'ops'>): Dataflow {
  const { ops } = graph;
  const producerOf = new Map<string, number>();
  ops.forEach((op, index) => {
    for (const tensor of op.outs) {
      const other = producerOf.get(tensor);
      if (other !== undefined) {
        throw lineError('one producer per tensor', `"${ops[other]!.id}" and "${op.id}" for "${tensor}"`, op);
      }
      producerOf.set(tensor, index);
    }
  });
  const producers = ops.map((op) => {
    const found = op.ins.map((tensor) => producerOf.get(tensor)).filter((index) => index !== undefined);
    return [...new Set(found)].sort((a, b) => a - b);
  });
  assertNoCircle(ops, producers);
  const readers: number[][] = ops.map(() => []);
  ops.forEach((op, index) => {
    for (const producer of producers[index]!) {
      if (producer >= index) {
        const tensor = op.ins.find((name) => producerOf.get(name) === producer)!;
        throw lineError('tensors made before they are used', `"${tensor}" used by "${op.id}" at position ${index}`, op);
      }
      readers[producer]!.push(index);
    }
  });
  return { producers, readers };
}

/** @throws TF-OVERLAP-001 as dataflowOf; TF-OVERLAP-002 on unknown kinds and gates, all-to-alls without a layer, bad times */
export function verifyOverlapGraph(graph: OverlapGraph): OverlapGraph {
  if (!GATE_NAMES.includes(graph.gate)) {
    throw overlapError('TF-OVERLAP-002', {
      subject: 'verifyOverlapGraph',
      expected: `a gate of ${GATE_NAMES.join(', ')}`,
      actual: `"${graph.gate}"`,
      hints: nearestNameHints(graph.gate, GATE_NAMES),
    });
  }
  const ids = new Set<string>();
  for (const op of graph.ops) {
    if (ids.has(op.id)) throw fieldError('a name of its own for every operation', `"${op.id}" twice`, op);
    ids.add(op.id);
    if (!OP_KINDS.includes(op.kind)) throw fieldError(`a kind of ${OP_KINDS.join(', ')}`, `"${op.kind}"`, op);
    if (isAllToAll(op) && op.moe === undefined) {
      throw fieldError('a "moe" tag on every all-to-all', 'none', op);
    }
    if (!(op.timeMs >= 0 && op.timeMs < Infinity)) throw fieldError('a finite time ≥ 0', String(op.timeMs), op);
  }
  dataflowOf(graph);
  return graph;
}

function assertNoCircle(ops: readonly OverlapOp[], producers: readonly (readonly number[])[]): void {
  const state = new Uint8Array(ops.length); // 0 new, 1 on the path, 2 done
  for (let root = 0; root < ops.length; root++) {
    if (state[root] !== 0) continue;
    const path: number[] = [root];
    const next: number[] = [0];
    state[root] = 1;
    while (path.length > 0) {
      const op = path.at(-1)!;
      const producer = producers[op]![next[next.length - 1]!++];
      if (producer === undefined) {
        state[op] = 2;
        path.pop();
        next.pop();
      } else if (state[producer] === 1) {
        const circle = path.slice(path.indexOf(producer)).map((index) => ops[index]!.id);
        throw lineError('no circle', `${circle.toReversed().join(' → ')} → ${circle.at(-1)}`, ops[producer]!);
      } else if (state[producer] === 0) {
        state[producer] = 1;
        path.push(producer);
        next.push(0);
      }
    }
  }
}

function lineError(expected: string, actual: string, op: OverlapOp): Error {
  return overlapError('TF-OVERLAP-001', { subject: 'dataflowOf', expected, actual, location: `operation "${op.id}"` });
}

function fieldError(expected: string, actual: string, op: OverlapOp): Error {
  return overlapError('TF-OVERLAP-002', {
    subject: 'verifyOverlapGraph',
    expected,
    actual,
    location: `operation "${op.id}"`,
  });
}
