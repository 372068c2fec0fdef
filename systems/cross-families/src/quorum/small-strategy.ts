/** Optimal load, network or latency of a small listed system, in doubles: the inner step of exhaustive search. */
import { minimiseDense } from './dense-lp.ts';
import type { Objective } from './strategy.ts';
import type { QuorumNode, Workload } from './types.ts';

export interface SmallContext {
  readonly nodes: readonly QuorumNode[];
  readonly workload: Workload;
  readonly objective: Objective;
  readonly loadLimit?: number | undefined;
  readonly networkLimit?: number | undefined;
  readonly latencyLimitMs?: number | undefined;
}

/** A quorum with the time at which it answers. */
export interface TimedQuorum {
  readonly mask: number;
  readonly size: number;
  readonly latencyMs: number;
}

export interface SmallOptimum {
  readonly value: number;
  /** prices[f · n + x] of the nodes, for bounding other systems. Load objective without limits only. */
  readonly prices: Float64Array | undefined;
}

/** Penalty per unit of a broken limit (objective and limits are of order 1); an optimum that pays it is infeasible. */
const PENALTY = 1e4;
const FEASIBLE = 1e-9;

/** @returns the optimum, or undefined if the limits cannot be kept */
export function solveSmall(
  context: SmallContext,
  reads: readonly TimedQuorum[],
  writes: readonly TimedQuorum[],
): SmallOptimum | undefined {
  const { nodes, workload, objective } = context;
  const n = nodes.length;
  const numFractions = workload.length;
  const mean = workload.reduce((sum, { readFraction, probability }) => sum + readFraction * probability, 0);
  const unit = Math.max(...nodes.map((node) => Math.max(node.readCapacity, node.writeCapacity)));
  const usesLoad = objective === 'load' || context.loadLimit !== undefined;
  const columns = [...reads, ...writes];
  const numLoads = usesLoad ? numFractions : 0;
  const limits: { row: Float64Array; limit: number }[] = [];
  const numLimits = [context.loadLimit, context.networkLimit, context.latencyLimitMs].filter(
    (limit) => limit !== undefined,
  ).length;
  const width = columns.length + numLoads + numLimits;
  const share = (c: number): number => (c < reads.length ? mean : 1 - mean);
  const limitRow = (limit: number | undefined, scale: number, entry: (c: number) => number, load: number): void => {
    if (limit === undefined) return;
    const row = new Float64Array(width);
    for (let c = 0; c < columns.length; c++) row[c] = entry(c) / scale;
    if (load > 0) for (const [f, { probability }] of workload.entries()) row[columns.length + f] = probability;
    row[columns.length + numLoads + limits.length] = -1;
    limits.push({ row, limit: limit / scale });
  };
  limitRow(context.loadLimit, 1 / unit, () => 0, 1);
  limitRow(context.networkLimit, 1, (c) => share(c) * columns[c]!.size, 0);
  limitRow(
    context.latencyLimitMs,
    Math.max(1e-9, context.latencyLimitMs ?? 1),
    (c) => share(c) * columns[c]!.latencyMs,
    0,
  );
  const rows: Float64Array[] = [];
  const right: number[] = [];
  const start: number[] = [];
  const sum = (from: number, to: number): Float64Array => {
    const row = new Float64Array(width);
    for (let c = from; c < to; c++) row[c] = 1;
    return row;
  };
  // The two equations first; they start with one read and one write quorum.
  rows.push(sum(0, reads.length), sum(reads.length, columns.length));
  right.push(1, 1);
  start.push(0, reads.length);
  for (let f = 0; f < numLoads; f++) {
    const { readFraction } = workload[f]!;
    const loads = nodes.map((node, x) => {
      const row = new Float64Array(width);
      for (const [c, { mask }] of columns.entries()) {
        if (!((mask >> x) & 1)) continue;
        row[c] = unit * (c < reads.length ? readFraction / node.readCapacity : (1 - readFraction) / node.writeCapacity);
      }
      row[columns.length + f] = -1;
      return { row, atStart: row[0]! + row[reads.length]! };
    });
    const worst = loads.reduce((best, entry, x) => (entry.atStart > loads[best]!.atStart ? x : best), 0);
    for (const [x, { row }] of loads.entries()) {
      rows.push(row);
      right.push(0);
      start.push(x === worst ? columns.length + f : -1);
    }
  }
  for (const { row, limit } of limits) {
    const atStart = row[0]! + row[reads.length]! + startLoad(rows, row, columns.length, numLoads, n, reads.length);
    rows.push(row);
    right.push(limit);
    start.push(atStart > limit ? columns.length + numLoads + limits.findIndex((entry) => entry.row === row) : -1);
  }
  const cost = new Float64Array(width);
  for (let c = 0; c < columns.length; c++)
    cost[c] =
      objective === 'network'
        ? share(c) * columns[c]!.size
        : objective === 'latency'
          ? share(c) * columns[c]!.latencyMs
          : 0;
  if (objective === 'load')
    for (const [f, { probability }] of workload.entries()) cost[columns.length + f] = probability;
  const scale = objective === 'latency' ? Math.max(1, ...columns.map((column) => column.latencyMs)) : 1;
  for (let c = 0; c < columns.length; c++) cost[c]! /= scale;
  for (let l = 0; l < limits.length; l++) cost[columns.length + numLoads + l] = PENALTY;
  const optimum = minimiseDense({
    rows,
    right: Float64Array.from(right),
    cost,
    start: Int32Array.from(start),
    numEquations: 2,
  });
  if (!optimum) return undefined;
  for (let l = 0; l < limits.length; l++) if (optimum.x[columns.length + numLoads + l]! > FEASIBLE) return undefined;
  const { value } = optimum;
  if (objective !== 'load') return { value: value * scale, prices: undefined };
  const prices =
    limits.length === 0
      ? Float64Array.from(optimum.duals.subarray(2, 2 + numLoads * n), (dual) => Math.max(0, -dual))
      : undefined;
  return { value: value / unit, prices };
}

function startLoad(
  rows: readonly Float64Array[],
  limit: Float64Array,
  numColumns: number,
  numLoads: number,
  n: number,
  firstWrite: number,
): number {
  let total = 0;
  for (let f = 0; f < numLoads; f++) {
    const probability = limit[numColumns + f]!;
    if (probability === 0) continue;
    let worst = 0;
    for (let x = 0; x < n; x++) {
      const row = rows[2 + f * n + x]!;
      worst = Math.max(worst, row[0]! + row[firstWrite]!);
    }
    total += probability * worst;
  }
  return total;
}
