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
import { createMaster } from './master.ts';
import type { Master, MasterPoint } from './master.ts';
import { toNumber } from './rational.ts';
import { doubles } from './source.ts';
import { certify } from './strategy-certificate.ts';
import { createStrategyModel, distinct, type Side, type StrategyModel } from './strategy-model.ts';
import type { Strategy, StrategyOptions } from './strategy-types.ts';
import type { QuorumSystem, Workload } from './types.ts';

export { firstQuorumMs } from './strategy-model.ts';
export type * from './strategy-types.ts';

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
  const model = createStrategyModel(system, workload, options);
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

/** Windows around the ring of nodes: for a majority of equal nodes they are already optimal. */
function startColumns(model: StrategyModel, master: Master): void {
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
  model: StrategyModel,
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
  model: StrategyModel,
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
  model: StrategyModel,
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
  model: StrategyModel,
  master: Master,
  side: Side,
  prices: readonly number[],
  latencyPrice: number,
  limitMs: number,
  truePrices: readonly number[] = prices,
  below = Infinity,
): readonly number[] | undefined {
  const found = model.cheapestWithin(side, prices, doubles, limitMs);
  if (!found) return undefined;
  const latencyMs = model.latencyOf(side, found.members);
  let cost = latencyPrice * latencyMs;
  for (const x of found.members) cost += truePrices[x]!;
  if (cost >= below) return undefined;
  return master.addColumn({ side, members: found.members, latencyMs }) ? found.members : undefined;
}

/** What a node adds to the price of a quorum, and what a millisecond adds. */
function sidePrices(
  model: StrategyModel,
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

function limitNumbers(strategy: Strategy): MasterPoint['limitPrices'] {
  const { load, network, latency } = strategy.limitPrices;
  return { load: toNumber(load), network: toNumber(network), latency: toNumber(latency) };
}
