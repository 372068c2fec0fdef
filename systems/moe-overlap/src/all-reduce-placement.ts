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
  const reductions = ops.flatMap((op, index) => (op.kind === 'allreduce' ? [index] : []));
  const isTail = reach(flow.readers, reductions);
  ops.forEach((op, index) => {
    if (op.role === 'opt') isTail[index] = 1;
  });
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
  const tail = ops.filter((op, index) => isTail[index] === 1 && op.kind !== 'allreduce');
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
