/** From an assignment to a new order of operations: chosen weight gradients stand right behind their all-to-all, so that
 *  they are launched right behind it; everything else keeps its place. */
import type { MipStatus } from '@tenfold/core/schedule';
import { assignOfficial, assignPaper, type DwAssignment, type DwProblem } from './dw-assign.ts';
import { assignExactly, type ExactOptions } from './dw-exact.ts';
import { labelDw, type DwLabels } from './dw-labels.ts';
import { dataflowOf, isComm } from './op-graph.ts';
import { createLaneProgram, simulateLanes } from './two-lanes.ts';
import type { LaneTimes, OverlapGraph } from './types.ts';

export const DW_RULES = ['paper', 'official', 'exact'] as const;
export type DwRule = (typeof DW_RULES)[number];

export interface DwSchedule {
  readonly rule: DwRule;
  readonly labels: DwLabels;
  readonly assignment: DwAssignment;
  /** Exact rule only: what was proved. */
  readonly status?: MipStatus;
  readonly boundMs?: number;
  readonly graph: OverlapGraph;
}

export function dwProblem(graph: OverlapGraph, labels: DwLabels): DwProblem {
  return {
    a2aMs: labels.allToAlls.map((op) => graph.ops[op]!.timeMs),
    dwMs: labels.candidates.map((op) => graph.ops[op]!.timeMs),
    allowed: labels.allowed,
    predecessors: labels.predecessors,
  };
}

export async function scheduleDw(
  graph: OverlapGraph,
  options: ExactOptions & { readonly rule: DwRule },
): Promise<DwSchedule> {
  const labels = labelDw(graph);
  const problem = dwProblem(graph, labels);
  if (options.rule === 'exact') {
    const { status, boundMs, ties } = await assignExactly(problem, options);
    // All hide the same time; the shortest simulated step wins.
    const orders = ties.map((assignment) => ({ assignment, graph: reorderDw(graph, labels, assignment) }));
    const spanOf = (order: (typeof orders)[number]): number => simulateGraph(order.graph).makespanMs;
    const best = orders.reduce((a, b) => (spanOf(b) < spanOf(a) ? b : a));
    return { rule: 'exact', labels, status, boundMs, ...best };
  }
  const assignment = options.rule === 'paper' ? assignPaper(problem) : assignOfficial(problem);
  return { rule: options.rule, labels, assignment, graph: reorderDw(graph, labels, assignment) };
}

/** Cost: O(V + E). @returns the same operations in an order that keeps all dependencies */
export function reorderDw(graph: OverlapGraph, labels: DwLabels, { a2aOf, chosen }: DwAssignment): OverlapGraph {
  const { producers } = dataflowOf(graph);
  const behind: number[][] = labels.allToAlls.map(() => []);
  for (const dw of chosen) if (a2aOf[dw]! >= 0) behind[a2aOf[dw]!]!.push(labels.candidates[dw]!);
  const a2aIndexOf = new Map(labels.allToAlls.map((op, index) => [op, index]));
  const isMoved = new Set(behind.flat());
  const isOut = new Uint8Array(graph.ops.length);
  const order: number[] = [];
  // Something that was not moved may need a moved gradient before its all-to-all: it then pulls it along.
  const emit = (op: number): void => {
    if (isOut[op] === 1) return;
    isOut[op] = 1;
    for (const producer of producers[op]!) emit(producer);
    order.push(op);
    const a2a = a2aIndexOf.get(op);
    if (a2a !== undefined) for (const dw of behind[a2a]!) emit(dw);
  };
  for (let op = 0; op < graph.ops.length; op++) if (!isMoved.has(op)) emit(op);
  for (const op of isMoved) emit(op);
  return { ...graph, ops: order.map((op) => graph.ops[op]!) };
}

/** Times of the operations in their written order. */
export function simulateGraph(graph: OverlapGraph): LaneTimes {
  const { producers } = dataflowOf(graph);
  return simulateLanes(
    createLaneProgram(
      graph.ops.map((op, index) => ({ timeMs: op.timeMs, isComm: isComm(op), producers: producers[index]! })),
    ),
  );
}
