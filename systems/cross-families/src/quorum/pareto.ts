/** Systems that no other system beats in load, latency and availability at once, among all on up to five nodes. */
import { throwIfCancelled, yieldToEventLoop } from '@tenfold/core/base';
import { familiesError } from '../families-errors.ts';
import { formatExpression } from './expression.ts';
import { dualTable, exprFromSets, holds, minimalSets, monotoneFunctions, ones, survives } from './monotone.ts';
import type { TruthTable } from './monotone.ts';
import { solveSmall } from './small-strategy.ts';
import type { QuorumNode, Workload } from './types.ts';

export interface ParetoPoint {
  readonly reads: string;
  /** Least expected load of the system. */
  readonly load: number;
  /** Time to its fastest quorums at the mean read fraction, ms. */
  readonly latencyMs: number;
  /** Mean unavailability fr·(1−A_R) + (1−fr)·(1−A_W); 0 where nodes have no up-probability. */
  readonly unavailability: number;
}

export interface ParetoFront {
  readonly numSystems: number;
  readonly points: readonly ParetoPoint[];
}

const MAX_NODES = 5;
const SYSTEMS_BETWEEN_YIELDS = 256;

/** @throws TF-FAMILIES-003 above five nodes */
export async function paretoFront(
  nodes: readonly QuorumNode[],
  workload: Workload,
  resilience: number,
  options: {
    readonly signal?: AbortSignal | undefined;
    readonly onProgress?: (done: number, total: number) => void;
  } = {},
): Promise<ParetoFront> {
  const n = nodes.length;
  if (n > MAX_NODES)
    throw familiesError('TF-FAMILIES-003', {
      subject: 'paretoFront',
      expected: `at most ${MAX_NODES} nodes`,
      actual: String(n),
    });
  const mean = workload.reduce((sum, { readFraction, probability }) => sum + readFraction * probability, 0);
  const ids = nodes.map((node) => node.id);
  const stateWeight = Float64Array.from({ length: 2 ** n }, (_, set) =>
    nodes.reduce((p, node, x) => p * ((set >> x) & 1 ? (node.up ?? 1) : 1 - (node.up ?? 1)), 1),
  );
  const availabilityOf = (table: TruthTable): number =>
    stateWeight.reduce((sum, p, set) => sum + (holds(table, set) ? p : 0), 0);
  const context = { nodes, workload, objective: 'load' as const };
  const points: (ParetoPoint & { readonly table: TruthTable })[] = [];
  const tables = monotoneFunctions(n);
  let numSystems = 0;
  for (const [done, table] of tables.entries()) {
    if (done % SYSTEMS_BETWEEN_YIELDS === 0) {
      throwIfCancelled(options.signal, 'paretoFront');
      options.onProgress?.(done, tables.length);
      await yieldToEventLoop();
    }
    const writes = dualTable(table, n);
    if (!survives(table, n, resilience) || !survives(writes, n, resilience)) continue;
    numSystems++;
    const timed = (sets: readonly number[]) =>
      sets.map((mask) => ({ mask, size: ones(mask), latencyMs: slowest(mask, nodes) }));
    const [readSets, writeSets] = [timed(minimalSets(table, n)), timed(minimalSets(writes, n))];
    const load = solveSmall(context, readSets, writeSets)?.value;
    if (load === undefined) continue;
    const fastest = (sets: readonly { readonly latencyMs: number }[]): number =>
      Math.min(...sets.map((set) => set.latencyMs));
    points.push({
      table,
      reads: '',
      load,
      latencyMs: mean * fastest(readSets) + (1 - mean) * fastest(writeSets),
      unavailability: mean * (1 - availabilityOf(table)) + (1 - mean) * (1 - availabilityOf(writes)),
    });
  }
  points.sort((a, b) => a.load - b.load || a.latencyMs - b.latencyMs || a.unavailability - b.unavailability);
  const front: typeof points = [];
  for (const point of points) if (!front.some((kept) => dominates(kept, point))) front.push(point);
  return {
    numSystems,
    points: front.map(({ table, ...point }) => ({
      ...point,
      reads: formatExpression(exprFromSets(minimalSets(table, n), ids)),
    })),
  };
}

/** True if a is nowhere worse than b; of equal points the first stays. */
function dominates(a: ParetoPoint, b: ParetoPoint): boolean {
  const slack = 1e-9;
  return (
    a.load <= b.load * (1 + slack) &&
    a.latencyMs <= b.latencyMs * (1 + slack) &&
    a.unavailability <= b.unavailability * (1 + slack) + 1e-15
  );
}

function slowest(mask: number, nodes: readonly QuorumNode[]): number {
  return nodes.reduce((worst, node, x) => ((mask >> x) & 1 ? Math.max(worst, node.latencyMs) : worst), 0);
}
