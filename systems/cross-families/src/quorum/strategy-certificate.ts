/** The end of column generation: value, bound and metrics of a strategy in exact rationals. */
import type { Column, Master } from './master.ts';
import { hasLatencies } from './nodes.ts';
import {
  add,
  commonDenominator,
  compare,
  multiply,
  ONE,
  rational,
  rationalFromNumber,
  subtract,
  toNumber,
  ZERO,
} from './rational.ts';
import type { Rational } from './rational.ts';
import { integers } from './source.ts';
import { distinct, type Side, type StrategyModel } from './strategy-model.ts';
import type { Strategy, StrategyMetrics, WeightedQuorum } from './strategy-types.ts';

/** Solves the final basis exactly and evaluates value and bound with rationals. */
export function certify(model: StrategyModel, master: Master): Strategy {
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
  model: StrategyModel,
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
    const found = model.cheapestWithin(side, scaled, integers, limit);
    if (!found) continue;
    let cost = rational(found.cost, scale);
    if (limit !== Infinity) cost = add(cost, multiply(latencyPrice, rationalFromNumber(limit)));
    if (!best || compare(cost, best) < 0) best = cost;
  }
  return best!;
}

function weighted(
  model: StrategyModel,
  columns: readonly (Column & { probability: Rational })[],
  side: Side,
): WeightedQuorum[] {
  return columns
    .filter((column) => column.side === side && column.probability.num !== 0n)
    .map((column) => ({ members: column.members.map((x) => model.ids[x]!), probability: column.probability }))
    .sort((a, b) => compare(b.probability, a.probability));
}

function metricsOf(model: StrategyModel, columns: readonly (Column & { probability: Rational })[]): StrategyMetrics {
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
    ...(hasLatencies(nodes) ? { latencyMs } : {}),
    nodeLoads: loads(mean),
  };
}
