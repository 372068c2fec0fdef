/** Reductions of dense gradients go into gaps of the communication lane where they delay no all-to-all: for each gap the
 *  longest ready one that fits; what is left follows the last all-to-all. Updates come last. (public code; the paper is
 *  silent) */
import { dataflowOf, isComm } from './op-graph.ts';
import { reach } from './dw-labels.ts';
import { simulateGraph } from './dw-order.ts';
import type { OverlapGraph, OverlapOp } from './types.ts';

export function placeAllReduces(graph: OverlapGraph): OverlapGraph {
  const { ops } = graph;
  if (!ops.some(({ kind }) => kind === 'allreduce')) return graph;
  const flow = dataflowOf(graph);
  // What needs a reduction or an update comes last, in the written order; reductions among it stay there.
  const isLast = ops.map((op) => op.kind === 'allreduce' || op.role === 'opt');
  const isTail = reach(
    flow.readers,
    isLast.flatMap((isOne, index) => (isOne ? [index] : [])),
  );
  const isBehind = reach(
    flow.readers,
    isLast.flatMap((isOne, index) => (isOne ? flow.readers[index]! : [])),
  );
  const reductions = ops.flatMap((op, index) => (op.kind === 'allreduce' && isBehind[index] === 0 ? [index] : []));
  const isPlaced = new Set(reductions);
  const body = ops.filter((_, index) => isTail[index] === 0);
  const times = simulateGraph({ ...graph, ops: body });
  const endOf = new Map<string, number>();
  body.forEach((op, index) => op.outs.forEach((tensor) => endOf.set(tensor, times.endMs[index]!)));
  const pending = reductions.map((index) => {
    const op = ops[index]!;
    return { op, readyMs: Math.max(0, ...op.ins.map((tensor) => endOf.get(tensor) ?? 0)) };
  });
  pending.sort((a, b) => b.op.timeMs - a.op.timeMs);
  const before = new Map<OverlapOp, OverlapOp[]>();
  let freeMs = 0;
  body.forEach((op, index) => {
    if (!isComm(op)) return;
    const startMs = times.startMs[index]!;
    for (;;) {
      const fit = pending.findIndex(({ op: other, readyMs }) => Math.max(freeMs, readyMs) + other.timeMs <= startMs);
      if (fit < 0) break;
      const [{ op: placed, readyMs }] = pending.splice(fit, 1) as [(typeof pending)[number]];
      before.set(op, [...(before.get(op) ?? []), placed]);
      freeMs = Math.max(freeMs, readyMs) + placed.timeMs;
    }
    freeMs = times.endMs[index]!;
  });
  // A reduction stands where its gradient exists in the written order, at the latest before its gap's all-to-all.
  const ordered: OverlapOp[] = [];
  const made = new Set<string>();
  const late: OverlapOp[] = [];
  const producedInBody = new Set(body.flatMap(({ outs }) => outs));
  const isReady = (op: OverlapOp): boolean => op.ins.every((name) => !producedInBody.has(name) || made.has(name));
  for (const op of body) {
    for (const reduction of before.get(op) ?? []) (isReady(reduction) ? ordered : late).push(reduction);
    ordered.push(op);
    for (const name of op.outs) made.add(name);
  }
  const rest = [...late, ...pending.toSorted((a, b) => a.readyMs - b.readyMs).map(({ op }) => op)];
  const tail = ops.filter((_, index) => isTail[index] === 1 && !isPlaced.has(index));
  return { ...graph, ops: [...ordered, ...rest, ...tail] };
}

/** Issues every irregular all-to-all as late as its readers and the next exchange allow: issuing it makes the host wait
 *  for the counts. The order on both lanes stays. */
export function delayIrregular(graph: OverlapGraph): OverlapGraph {
  const ops: OverlapOp[] = [];
  let held: OverlapOp | undefined;
  for (const op of graph.ops) {
    if (held && (isComm(op) || op.ins.some((name) => held!.outs.includes(name)))) {
      ops.push(held);
      held = undefined;
    }
    if (op.kind === 'a2av') held = op;
    else ops.push(op);
  }
  if (held) ops.push(held);
  return { ...graph, ops };
}
