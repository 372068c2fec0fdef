/** Optimal strategies by column generation with an exact rational certificate (spec §2.11).
 *
 *  Columns are read and write quorums; rows are nodes (one set of rows per read fraction), the two sums of probabilities
 *  and the limits. The duals price nodes; the cheapest quorum under the prices is the next column. At the end the simplex
 *  basis is solved exactly, and both sides are evaluated with rationals: gap 0 is a proof of optimality.
 *
 *  Symbols: f read fraction with probability p_f, y_{f,x} node prices, r and w the distributions on quorums,
 *    load_f(x) = f·P_r(x)/readCapacity(x) + (1−f)·P_w(x)/writeCapacity(x),  network = f·E|r| + (1−f)·E|w|. */
import { throwIfCancelled, yieldToEventLoop } from '@tenfold/core/base';
import { familiesError } from '../families-errors.ts';
import { contains } from './expression.ts';
import { createMaster } from './master.ts';
import type { Column, Master, MasterPoint } from './master.ts';
import {
  add,
  commonDenominator,
  compare,
  divide,
  multiply,
  ONE,
  rational,
  rationalFromNumber,
  subtract,
  toNumber,
  ZERO,
} from './rational.ts';
import type { Rational } from './rational.ts';
import { createQuorumSource, doubles, integers } from './source.ts';
import type { QuorumSource } from './source.ts';
import type { QuorumExpr, QuorumSystem, Workload } from './types.ts';

export type Objective = 'load' | 'network' | 'latency';

export interface StrategyOptions {
  readonly objective?: Objective;
  /** Upper limits on what is not optimised: load in 1/capacity units, network in messages, latency in ms. */
  readonly loadLimit?: number;
  readonly networkLimit?: number;
  readonly latencyLimitMs?: number;
  /** Failures that every used quorum must survive. Default 0. */
  readonly failures?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (round: number, value: number, bound: number) => void;
}

export interface WeightedQuorum {
  readonly members: readonly string[];
  readonly probability: Rational;
}

export interface Strategy {
  readonly reads: readonly WeightedQuorum[];
  readonly writes: readonly WeightedQuorum[];
  readonly objective: Objective;
  /** Exact value of the objective and an exact lower bound over all strategies; their difference is the gap. */
  readonly value: Rational;
  readonly bound: Rational;
  readonly gap: Rational;
  /** Node prices that prove the bound: prices[f][x]. */
  readonly prices: readonly (readonly Rational[])[];
  readonly limitPrices: { readonly load: Rational; readonly network: Rational; readonly latency: Rational };
  readonly meanReadFraction: number;
  readonly numColumns: number;
  readonly numRounds: number;
  readonly metrics: StrategyMetrics;
}

export interface StrategyMetrics {
  /** E[load], 1/E[load] and E[1/load] over the workload. */
  readonly load: number;
  readonly capacity: number;
  readonly meanCapacity: number;
  readonly loadOfFraction: readonly number[];
  readonly network: number;
  readonly latencyMs: number;
  /** Load of each node under the mean read fraction. */
  readonly nodeLoads: readonly number[];
}

const TOLERANCE = 1e-9;
const MAX_ROUNDS = 5000;
/** Columns added per side and round: the cheapest and some that avoid its nodes. */
const COLUMNS_PER_ROUND = 6;
/** Weight of the best prices so far against the master's. */
const SMOOTHING = 0.9;

/** Finds an optimal strategy.
 *  @throws TF-FAMILIES-013 if no strategy keeps the limits, TF-BASE-001 if cancelled */
export async function optimalStrategy(
  system: QuorumSystem,
  workload: Workload,
  options: StrategyOptions = {},
): Promise<Strategy> {
  const model = createModel(system, workload, options);
  const master = await createMaster(model.shape);
  try {
    startColumns(model, master);
    if (model.hasLimits) await generate(model, master, options, 'feasibility');
    await generate(model, master, options, 'objective');
    // A dual vertex that is exact can still leave a cheaper quorum by a hair: price once more with exact numbers.
    for (let attempt = 0; ; attempt++) {
      const strategy = certify(model, master);
      if (strategy.gap.num === 0n || attempt >= 20) return strategy;
      if (
        !addColumns(
          model,
          master,
          strategy.prices.map((row) => row.map(toNumber)),
          limitNumbers(strategy),
        )
      )
        return strategy;
      master.solve('objective');
    }
  } finally {
    master.dispose();
  }
}

interface Model {
  readonly system: QuorumSystem;
  readonly ids: readonly string[];
  readonly workload: Workload;
  readonly objective: Objective;
  readonly sources: { readonly read: QuorumSource; readonly write: QuorumSource };
  readonly latencyOf: (side: Side, members: readonly number[]) => number;
  readonly meanReadFraction: Rational;
  readonly hasLimits: boolean;
  readonly usesLatency: boolean;
  readonly failures: number;
  readonly shape: Parameters<typeof createMaster>[0];
  numRounds: number;
}

type Side = 'read' | 'write';

function createModel(system: QuorumSystem, workload: Workload, options: StrategyOptions): Model {
  const { objective = 'load', failures = 0 } = options;
  const ids = system.nodes.map((node) => node.id);
  const latencies = system.nodes.map((node) => node.latencyMs);
  const sources = {
    read: createQuorumSource(system.reads, ids, failures),
    write: createQuorumSource(system.writes, ids, failures),
  };
  for (const side of ['read', 'write'] as const)
    if (
      !sources[side].cheapest(
        ids.map(() => 1),
        doubles,
      )
    )
      throw familiesError('TF-FAMILIES-013', {
        subject: 'optimalStrategy',
        expected: `${side} quorums that survive ${failures} failures`,
        actual: 'none',
        hints: ['Ask for fewer failures, or use a system of higher resilience.'],
      });
  const { loadLimit, networkLimit, latencyLimitMs } = options;
  const limitOf: Readonly<Record<Objective, number | undefined>> = {
    load: loadLimit,
    network: networkLimit,
    latency: latencyLimitMs,
  };
  if (limitOf[objective] !== undefined)
    throw familiesError('TF-FAMILIES-013', {
      subject: 'optimalStrategy',
      expected: `no limit on ${objective}, which is what is optimised`,
      actual: String(limitOf[objective]),
    });
  const usesLatency = objective === 'latency' || latencyLimitMs !== undefined;
  if (usesLatency && failures > 0 && (!sources.read.listed || !sources.write.listed))
    for (const side of ['read', 'write'] as const)
      if (system.nodes.length > 16)
        throw familiesError('TF-FAMILIES-003', {
          subject: 'optimalStrategy',
          expected: `at most 16 nodes for latency with ${failures} failures (${side} side)`,
          actual: String(system.nodes.length),
        });
  const weights = workload.map(({ weight, probability }) => rationalFromNumber(weight ?? probability));
  const totalWeight = weights.reduce(add, ZERO);
  const probabilities = weights.map((weight) => divide(weight, totalWeight));
  let meanReadFraction = ZERO;
  for (const [f, { readFraction }] of workload.entries())
    meanReadFraction = add(meanReadFraction, multiply(rationalFromNumber(readFraction), probabilities[f]!));
  return {
    system,
    ids,
    workload,
    objective,
    sources,
    meanReadFraction,
    usesLatency,
    failures,
    hasLimits: loadLimit !== undefined || networkLimit !== undefined || latencyLimitMs !== undefined,
    latencyOf: (side, members) =>
      firstQuorumMs(side === 'read' ? system.reads : system.writes, members, latencies, ids),
    numRounds: 0,
    shape: {
      numNodes: ids.length,
      objective,
      fractions: workload.map((entry, f) => ({
        read: rationalFromNumber(entry.readFraction),
        write: subtract(ONE, rationalFromNumber(entry.readFraction)),
        probability: probabilities[f]!,
      })),
      readCost: system.nodes.map((node) => divide(ONE, rationalFromNumber(node.readCapacity))),
      writeCost: system.nodes.map((node) => divide(ONE, rationalFromNumber(node.writeCapacity))),
      limits: {
        load: loadLimit === undefined ? undefined : rationalFromNumber(loadLimit),
        network: networkLimit === undefined ? undefined : rationalFromNumber(networkLimit),
        latency: latencyLimitMs === undefined ? undefined : rationalFromNumber(latencyLimitMs),
      },
      meanReadFraction,
    },
  };
}

/** Time when the responses so far contain a quorum, in ms. */
export function firstQuorumMs(
  expr: QuorumExpr,
  members: readonly number[],
  latencies: readonly number[],
  ids: readonly string[],
): number {
  const order = [...members].sort((a, b) => latencies[a]! - latencies[b]!);
  const answered = new Set<string>();
  for (const index of order) {
    answered.add(ids[index]!);
    if (contains(expr, (node) => answered.has(node))) return latencies[index]!;
  }
  return Infinity;
}

/** Windows around the ring of nodes: for a majority of equal nodes they are already optimal. */
function startColumns(model: Model, master: Master): void {
  const n = model.ids.length;
  const { nodes } = model.system;
  for (const side of ['read', 'write'] as const)
    for (let start = 0; start < n; start++) {
      const prices = nodes.map(
        (node, x) => (1 + ((x - start + n) % n)) / (side === 'read' ? node.readCapacity : node.writeCapacity),
      );
      offer(model, master, side, prices, 0, Infinity);
    }
  if (!model.usesLatency) return;
  for (const side of ['read', 'write'] as const)
    for (const limit of distinct(nodes.map((node) => node.latencyMs)))
      offer(
        model,
        master,
        side,
        nodes.map(() => 1),
        0,
        limit,
      );
}

async function generate(
  model: Model,
  master: Master,
  options: StrategyOptions,
  phase: 'feasibility' | 'objective',
): Promise<void> {
  // Smoothing (Wentges): price at a point between the best prices so far and the master's, which jump about.
  const isSmoothed = phase === 'objective' && model.objective === 'load' && !model.hasLimits;
  let anchor: readonly (readonly number[])[] | undefined;
  let anchorBound = -Infinity;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    if (round % 8 === 7) await yieldToEventLoop();
    throwIfCancelled(options.signal, 'optimalStrategy');
    model.numRounds++;
    const point = master.solve(phase);
    if (phase === 'feasibility' && point.value <= TOLERANCE) return;
    options.onProgress?.(model.numRounds, point.value, Math.max(anchorBound, -Infinity));
    if (isSmoothed && anchor) {
      const blend = point.prices.map((row, f) =>
        row.map((price, x) => SMOOTHING * anchor![f]![x]! + (1 - SMOOTHING) * price),
      );
      const bound = loadBoundAt(model, blend, point.limitPrices);
      if (bound > anchorBound) [anchor, anchorBound] = [blend, bound];
      if (addColumns(model, master, point.prices, point.limitPrices, blend)) continue;
    }
    const isImproved = addColumns(model, master, point.prices, point.limitPrices);
    if (isSmoothed) {
      const bound = loadBoundAt(model, point.prices, point.limitPrices);
      if (bound > anchorBound) [anchor, anchorBound] = [point.prices, bound];
    }
    if (isImproved) continue;
    if (phase === 'feasibility')
      throw familiesError('TF-FAMILIES-013', {
        subject: 'optimalStrategy',
        expected: 'a strategy within the limits',
        actual: `a violation of at least ${point.value.toPrecision(4)}`,
        hints: ['Relax a limit; every strategy breaks one of them.'],
      });
    return;
  }
}

/** Lower bound on the load under prices that add up to the fractions' probabilities. */
function loadBoundAt(
  model: Model,
  prices: readonly (readonly number[])[],
  limitPrices: MasterPoint['limitPrices'],
): number {
  let bound = 0;
  for (const side of ['read', 'write'] as const)
    bound += model.sources[side].cheapest(sidePrices(model, side, prices, limitPrices).node, doubles)!.cost;
  return bound;
}

/** Adds quorums that are cheaper than the master's value of a side.
 *  @param searchPrices  where to look; the true prices decide what is added
 *  @returns false if there are none */
function addColumns(
  model: Model,
  master: Master,
  prices: readonly (readonly number[])[],
  limitPrices: MasterPoint['limitPrices'],
  searchPrices: readonly (readonly number[])[] = prices,
): boolean {
  let isImproved = false;
  for (const side of ['read', 'write'] as const) {
    const { node, latency } = sidePrices(model, side, prices, limitPrices);
    const search = searchPrices === prices ? node : sidePrices(model, side, searchPrices, limitPrices).node;
    const value = master.sideValue(side);
    const scale = 1 + Math.abs(value);
    const thresholds = latency > 0 ? distinct(model.system.nodes.map((entry) => entry.latencyMs)) : [Infinity];
    for (const limit of thresholds) {
      const perturbed = [...search];
      for (let extra = 0; extra < COLUMNS_PER_ROUND; extra++) {
        const added = offer(model, master, side, perturbed, latency, limit, node, value - TOLERANCE * scale);
        if (!added) break;
        isImproved = true;
        for (const x of added) perturbed[x]! += 0.1 * perturbed[x]! + 1e-6 * scale;
      }
    }
  }
  return isImproved;
}

/** Puts the cheapest quorum under `prices` into the master if its true cost is below `below` and it is new. */
function offer(
  model: Model,
  master: Master,
  side: Side,
  prices: readonly number[],
  latencyPrice: number,
  limitMs: number,
  truePrices: readonly number[] = prices,
  below = Infinity,
): readonly number[] | undefined {
  const { nodes } = model.system;
  const found = model.sources[side].cheapest(
    prices,
    doubles,
    limitMs === Infinity ? undefined : (x) => nodes[x]!.latencyMs <= limitMs,
  );
  if (!found) return undefined;
  const latencyMs = model.latencyOf(side, found.members);
  let cost = latencyPrice * latencyMs;
  for (const x of found.members) cost += truePrices[x]!;
  if (cost >= below) return undefined;
  return master.addColumn({ side, members: found.members, latencyMs }) ? found.members : undefined;
}

/** What a node adds to the price of a quorum, and what a millisecond adds. */
function sidePrices(
  model: Model,
  side: Side,
  prices: readonly (readonly number[])[],
  limitPrices: MasterPoint['limitPrices'],
): { node: number[]; latency: number } {
  const { nodes } = model.system;
  const mean = toNumber(model.meanReadFraction);
  const share = side === 'read' ? mean : 1 - mean;
  const node = nodes.map((entry, x) => {
    let cost = limitPrices.network * share;
    for (const [f, { readFraction }] of model.workload.entries())
      cost +=
        (prices[f]![x]! * (side === 'read' ? readFraction : 1 - readFraction)) /
        (side === 'read' ? entry.readCapacity : entry.writeCapacity);
    return cost;
  });
  return { node, latency: limitPrices.latency * share };
}

/** Solves the final basis exactly and evaluates value and bound with rationals. */
function certify(model: Model, master: Master): Strategy {
  const exact = master.exactVertex();
  const { prices, limitPrices } = exact;
  let bound = ZERO;
  for (const side of ['read', 'write'] as const) bound = add(bound, cheapestExactly(model, side, prices, limitPrices));
  const { limits } = model.shape;
  // Prices of limits include 1 for the objective itself; only the rest is paid back.
  for (const name of ['load', 'network', 'latency'] as const) {
    const limit = limits[name];
    if (limit) bound = subtract(bound, multiply(limitPrices[name], limit));
  }
  const reads = weighted(model, exact.columns, 'read');
  const writes = weighted(model, exact.columns, 'write');
  const metrics = metricsOf(model, exact.columns);
  return {
    reads,
    writes,
    objective: model.objective,
    value: exact.value,
    bound,
    gap: subtract(exact.value, bound),
    prices,
    limitPrices,
    meanReadFraction: toNumber(model.meanReadFraction),
    numColumns: master.numColumns,
    numRounds: model.numRounds,
    metrics,
  };
}

function cheapestExactly(
  model: Model,
  side: Side,
  prices: readonly (readonly Rational[])[],
  limitPrices: Strategy['limitPrices'],
): Rational {
  const { fractions, readCost, writeCost, meanReadFraction } = model.shape;
  const share = side === 'read' ? meanReadFraction : subtract(ONE, meanReadFraction);
  const node = model.ids.map((_, x) => {
    let cost = multiply(limitPrices.network, share);
    for (const [f, fraction] of fractions.entries())
      cost = add(
        cost,
        multiply(multiply(prices[f]![x]!, fraction[side]), side === 'read' ? readCost[x]! : writeCost[x]!),
      );
    return cost;
  });
  const latencyPrice = multiply(limitPrices.latency, share);
  const scale = commonDenominator([...node, latencyPrice]);
  const scaled = node.map(({ num, den }) => num * (scale / den));
  const latencies = model.system.nodes.map((entry) => entry.latencyMs);
  let best: Rational | undefined;
  for (const limit of latencyPrice.num === 0n ? [Infinity] : distinct(latencies)) {
    const found = model.sources[side].cheapest(
      scaled,
      integers,
      limit === Infinity ? undefined : (x) => latencies[x]! <= limit,
    );
    if (!found) continue;
    let cost = rational(found.cost, scale);
    if (limit !== Infinity) cost = add(cost, multiply(latencyPrice, rationalFromNumber(limit)));
    if (!best || compare(cost, best) < 0) best = cost;
  }
  return best!;
}

function weighted(
  model: Model,
  columns: readonly (Column & { probability: Rational })[],
  side: Side,
): WeightedQuorum[] {
  return columns
    .filter((column) => column.side === side && column.probability.num !== 0n)
    .map((column) => ({ members: column.members.map((x) => model.ids[x]!), probability: column.probability }))
    .sort((a, b) => compare(b.probability, a.probability));
}

function metricsOf(model: Model, columns: readonly (Column & { probability: Rational })[]): StrategyMetrics {
  const { nodes } = model.system;
  const use = { read: nodes.map(() => 0), write: nodes.map(() => 0) };
  const mean = toNumber(model.meanReadFraction);
  let network = 0;
  let latencyMs = 0;
  for (const { side, members, probability, latencyMs: time } of columns) {
    const p = toNumber(probability);
    const share = side === 'read' ? mean : 1 - mean;
    for (const x of members) use[side][x]! += p;
    network += share * p * members.length;
    latencyMs += share * p * time;
  }
  const loads = (fraction: number): number[] =>
    nodes.map(
      (node, x) =>
        (fraction * use.read[x]!) / node.readCapacity + ((1 - fraction) * use.write[x]!) / node.writeCapacity,
    );
  const loadOfFraction = model.workload.map(({ readFraction }) => Math.max(...loads(readFraction)));
  const load = model.workload.reduce((sum, { probability }, f) => sum + probability * loadOfFraction[f]!, 0);
  return {
    load,
    capacity: 1 / load,
    meanCapacity: model.workload.reduce((sum, { probability }, f) => sum + probability / loadOfFraction[f]!, 0),
    loadOfFraction,
    network,
    latencyMs,
    nodeLoads: loads(mean),
  };
}

function limitNumbers(strategy: Strategy): MasterPoint['limitPrices'] {
  const { load, network, latency } = strategy.limitPrices;
  return { load: toNumber(load), network: toNumber(network), latency: toNumber(latency) };
}

function distinct(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}
