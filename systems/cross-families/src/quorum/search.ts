/** Exhaustive search for the best quorum system on up to six nodes (spec §2.11, §2.12).
 *
 *  Every pair (F, dual F) of monotone functions is looked at; non-expressions such as ac + bd + cd are among them. The
 *  node prices of the last winners bound most systems without a program: load ≥ cheapest read + cheapest write. */
import { throwIfCancelled, yieldToEventLoop } from '@tenfold/core/base';
import { familiesError } from '../families-errors.ts';
import { dual } from './expression.ts';
import { dualTable, exprFromSets, minimalSets, monotoneFunctions, ones, resilientTable, survives } from './monotone.ts';
import type { TruthTable } from './monotone.ts';
import { sixNodeClasses } from './six-nodes.ts';
import { solveSmall } from './small-strategy.ts';
import type { SmallContext, TimedQuorum } from './small-strategy.ts';
import { optimalStrategy } from './strategy.ts';
import type { Objective, Strategy } from './strategy.ts';
import type { QuorumExpr, QuorumNode, QuorumSystem, Workload } from './types.ts';

export interface SearchRequest {
  readonly nodes: readonly QuorumNode[];
  readonly workload: Workload;
  readonly objective?: Objective;
  readonly loadLimit?: number;
  readonly networkLimit?: number;
  readonly latencyLimitMs?: number;
  /** Failures that reads and writes both survive. Default 0. */
  readonly resilience?: number;
  /** Failures that every used quorum survives. Default 0. */
  readonly failures?: number;
}

export interface SearchFinding {
  readonly system: QuorumSystem;
  /** Exact, with certificate for this system. */
  readonly strategy: Strategy;
  readonly value: number;
  /** Systems (pairs of reads and dual writes) that met the resilience and were compared. */
  readonly numSystems: number;
  readonly numPrograms: number;
  readonly isComplete: true;
}

export interface ExhaustiveOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (done: number, total: number | undefined, best: number) => void;
}

const MAX_PRICE_VECTORS = 8;
const SLACK = 1e-10;
const SYSTEMS_BETWEEN_YIELDS = 512;

/** The best system on at most six nodes, proved by looking at all of them.
 *  @throws TF-FAMILIES-003 above six nodes, TF-FAMILIES-013 if no system fits */
export async function searchSystems(request: SearchRequest, options: ExhaustiveOptions = {}): Promise<SearchFinding> {
  const nodes = sortAlike(request.nodes);
  const n = nodes.length;
  const { resilience = 0, failures = 0, objective = 'load' } = request;
  if (n < 1 || n > 6)
    throw familiesError('TF-FAMILIES-003', {
      subject: 'searchSystems',
      expected: '1 to 6 nodes for a search through all systems',
      actual: String(n),
      hints: ['Use the heuristic search, which prints its gap.'],
    });
  const context: SmallContext = {
    nodes,
    workload: request.workload,
    objective,
    loadLimit: request.loadLimit,
    networkLimit: request.networkLimit,
    latencyLimitMs: request.latencyLimitMs,
  };
  const bounds: Float64Array[] = [];
  let best: { value: number; reads: number[]; readQuorums: number[] } | undefined;
  let numSystems = 0;
  let numPrograms = 0;
  const consider = (candidate: Candidate): void => {
    numSystems++;
    if (best && bounds.some((prices) => priceBound(context, prices, candidate) >= best!.value * (1 - SLACK))) return;
    numPrograms++;
    const reads = timed(candidate.readSets, candidate.readHolds, nodes);
    const writes = timed(candidate.writeSets, candidate.writeHolds, nodes);
    const found = solveSmall(context, reads, writes);
    if (!found || (best && found.value >= best.value * (1 - SLACK))) {
      if (found?.prices) keepPrices(bounds, found.prices);
      return;
    }
    best = { value: found.value, reads: candidate.minimalReads, readQuorums: candidate.readSets };
    if (found.prices) keepPrices(bounds, found.prices);
  };
  let seen = 0;
  const tables = n <= 5 ? monotoneFunctions(n).length : undefined;
  for (const candidate of n <= 5
    ? smallCandidates(n, resilience, failures)
    : sixCandidates(nodes, resilience, failures)) {
    if (seen++ % SYSTEMS_BETWEEN_YIELDS === 0) {
      throwIfCancelled(options.signal, 'searchSystems');
      options.onProgress?.(seen, tables, best?.value ?? Infinity);
      await yieldToEventLoop();
    }
    if (candidate) consider(candidate);
  }
  if (!best)
    throw familiesError('TF-FAMILIES-013', {
      subject: 'searchSystems',
      expected: `a system on ${n} nodes with resilience ${resilience} within the limits`,
      actual: 'none',
    });
  const reads: QuorumExpr = exprFromSets(
    best.reads,
    nodes.map((node) => node.id),
  );
  const system: QuorumSystem = { nodes: request.nodes, reads, writes: dual(reads) };
  const strategy = await optimalStrategy(system, request.workload, {
    objective,
    failures,
    ...(request.loadLimit === undefined ? {} : { loadLimit: request.loadLimit }),
    ...(request.networkLimit === undefined ? {} : { networkLimit: request.networkLimit }),
    ...(request.latencyLimitMs === undefined ? {} : { latencyLimitMs: request.latencyLimitMs }),
  });
  return { system, strategy, value: best.value, numSystems, numPrograms, isComplete: true };
}

interface Candidate {
  readonly minimalReads: number[];
  /** Used quorums: minimal ones, or minimal resilient ones. */
  readonly readSets: number[];
  readonly writeSets: number[];
  readonly readHolds: (set: number) => boolean;
  readonly writeHolds: (set: number) => boolean;
}

function* smallCandidates(n: number, resilience: number, failures: number): Generator<Candidate | undefined> {
  for (const table of monotoneFunctions(n)) {
    const writes = dualTable(table, n);
    if (!survives(table, n, resilience) || !survives(writes, n, resilience)) {
      yield undefined;
      continue;
    }
    const readSets = minimalSets(resilientTable(table, n, failures), n);
    const writeSets = minimalSets(resilientTable(writes, n, failures), n);
    if (readSets.length === 0 || writeSets.length === 0) {
      yield undefined;
      continue;
    }
    yield {
      minimalReads: minimalSets(table, n),
      readSets,
      writeSets,
      readHolds: holdsIn(table),
      writeHolds: holdsIn(writes),
    };
  }
}

function holdsIn(table: TruthTable): (set: number) => boolean {
  return (set) => ((table >>> set) & 1) === 1;
}

function* sixCandidates(
  nodes: readonly QuorumNode[],
  resilience: number,
  failures: number,
): Generator<Candidate | undefined> {
  const keys = nodes.map(nodeKey);
  const classOf = keys.map((key) => keys.indexOf(key));
  const all = 63;
  for (const { low, high } of sixNodeClasses(classOf)) {
    const table = Uint8Array.from({ length: 64 }, (_, set) =>
      set < 32 ? (low >>> set) & 1 : (high >>> (set - 32)) & 1,
    );
    const writes = table.map((_, set) => 1 - table[all & ~set]!);
    if (!wideSurvives(table, resilience) || !wideSurvives(writes, resilience)) {
      yield undefined;
      continue;
    }
    const readSets = wideMinimal(wideResilient(table, failures));
    const writeSets = wideMinimal(wideResilient(writes, failures));
    if (readSets.length === 0 || writeSets.length === 0) {
      yield undefined;
      continue;
    }
    yield {
      minimalReads: wideMinimal(table),
      readSets,
      writeSets,
      readHolds: (set) => table[set] === 1,
      writeHolds: (set) => writes[set] === 1,
    };
  }
}

function wideSurvives(table: Uint8Array, failures: number): boolean {
  for (let lost = 0; lost < 64; lost++) if (ones(lost) === failures && !table[63 & ~lost]) return false;
  return true;
}

function wideResilient(table: Uint8Array, failures: number): Uint8Array {
  let current = table;
  for (let round = 0; round < failures; round++) {
    const before = current;
    current = before.map((value, set) => {
      if (!value) return 0;
      for (let rest = set; rest !== 0; rest &= rest - 1) if (!before[set & ~(rest & -rest)]) return 0;
      return 1;
    });
  }
  return current;
}

function wideMinimal(table: Uint8Array): number[] {
  const minimal: number[] = [];
  for (let set = 1; set < 64; set++) {
    if (!table[set]) continue;
    let isMinimal = true;
    for (let rest = set; rest !== 0; rest &= rest - 1) if (table[set & ~(rest & -rest)]) isMinimal = false;
    if (isMinimal) minimal.push(set);
  }
  return minimal;
}

function nodeKey(node: QuorumNode): string {
  return [node.readCapacity, node.writeCapacity, node.latencyMs, node.zone ?? ''].join(' ');
}

/** Alike nodes next to each other, so that symmetry can be used. */
function sortAlike(nodes: readonly QuorumNode[]): QuorumNode[] {
  const keys = new Map<string, QuorumNode[]>();
  for (const node of nodes) keys.set(nodeKey(node), [...(keys.get(nodeKey(node)) ?? []), node]);
  return [...keys.values()].flat();
}

function timed(sets: readonly number[], holds: (set: number) => boolean, nodes: readonly QuorumNode[]): TimedQuorum[] {
  const order = nodes.map((_, x) => x).sort((a, b) => nodes[a]!.latencyMs - nodes[b]!.latencyMs);
  return sets.map((mask) => {
    let answered = 0;
    let latencyMs = Infinity;
    for (const x of order) {
      if (!((mask >> x) & 1)) continue;
      answered |= 1 << x;
      if (!holds(answered)) continue;
      latencyMs = nodes[x]!.latencyMs;
      break;
    }
    return { mask, size: ones(mask), latencyMs };
  });
}

/** E[load] ≥ cheapest read + cheapest write under prices that add up to p_f for each read fraction. */
function priceBound(context: SmallContext, prices: Float64Array, candidate: Candidate): number {
  const { nodes, workload } = context;
  const n = nodes.length;
  const readPrice = new Float64Array(n);
  const writePrice = new Float64Array(n);
  for (const [f, { readFraction }] of workload.entries())
    for (const [x, node] of nodes.entries()) {
      readPrice[x]! += (prices[f * n + x]! * readFraction) / node.readCapacity;
      writePrice[x]! += (prices[f * n + x]! * (1 - readFraction)) / node.writeCapacity;
    }
  return cheapest(candidate.readSets, readPrice) + cheapest(candidate.writeSets, writePrice);
}

function cheapest(sets: readonly number[], price: Float64Array): number {
  let best = Infinity;
  for (const set of sets) {
    let cost = 0;
    for (let rest = set; rest !== 0; rest &= rest - 1) cost += price[31 - Math.clz32(rest & -rest)]!;
    if (cost < best) best = cost;
  }
  return best;
}

function keepPrices(bounds: Float64Array[], prices: Float64Array): void {
  bounds.unshift(prices);
  if (bounds.length > MAX_PRICE_VECTORS) bounds.pop();
}
