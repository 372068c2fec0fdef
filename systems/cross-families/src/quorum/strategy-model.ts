/** A system, a workload and limits as what column generation needs: quorum sources, costs and the shape of the master. */
import { familiesError } from '../families-errors.ts';
import { contains } from './expression.ts';
import type { createMaster } from './master.ts';
import { add, divide, multiply, ONE, rationalFromNumber, subtract, ZERO } from './rational.ts';
import type { Rational } from './rational.ts';
import { createQuorumSource, createResilientList, doubles, listSource, MAX_LISTED_NODES } from './source.ts';
import type { PriceArithmetic, PricedQuorum, QuorumSource } from './source.ts';
import type { Objective, StrategyOptions } from './strategy-types.ts';
import type { QuorumExpr, QuorumSystem, Workload } from './types.ts';

export interface StrategyModel {
  readonly system: QuorumSystem;
  readonly ids: readonly string[];
  readonly workload: Workload;
  readonly objective: Objective;
  readonly sources: { readonly read: QuorumSource; readonly write: QuorumSource };
  readonly latencyOf: (side: Side, members: readonly number[]) => number;
  /** The cheapest quorum that answers within limitMs; Infinity for any. */
  cheapestWithin<T>(
    side: Side,
    prices: readonly T[],
    arithmetic: PriceArithmetic<T>,
    limitMs: number,
  ): PricedQuorum<T> | undefined;
  readonly meanReadFraction: Rational;
  readonly hasLimits: boolean;
  readonly usesLatency: boolean;
  readonly failures: number;
  readonly shape: Parameters<typeof createMaster>[0];
  numRounds: number;
}

export type Side = 'read' | 'write';

/** @throws TF-FAMILIES-003, 013 if the system or the limits cannot be handled */
export function createStrategyModel(system: QuorumSystem, workload: Workload, options: StrategyOptions): StrategyModel {
  const { objective = 'load', failures = 0 } = options;
  const ids = system.nodes.map((node) => node.id);
  const latencies = system.nodes.map((node) => node.latencyMs);
  const usesLatency = objective === 'latency' || options.latencyLimitMs !== undefined;
  if (usesLatency && failures > 0 && ids.length > MAX_LISTED_NODES)
    throw familiesError('TF-FAMILIES-003', {
      subject: 'optimalStrategy',
      expected: `at most ${MAX_LISTED_NODES} nodes for latency with ${failures} ${failures === 1 ? 'failure' : 'failures'} to survive`,
      actual: String(ids.length),
      hints: ['Optimise load or network without a limit on latency, or ask for no failures.'],
    });
  const sourceOf = usesLatency && failures > 0 ? createResilientList : createQuorumSource;
  const sources = {
    read: sourceOf(system.reads, ids, failures),
    write: sourceOf(system.writes, ids, failures),
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
  const weights = workload.map(({ weight, probability }) => rationalFromNumber(weight ?? probability));
  const totalWeight = weights.reduce(add, ZERO);
  const probabilities = weights.map((weight) => divide(weight, totalWeight));
  const latencyOf = (side: Side, members: readonly number[]): number =>
    firstQuorumMs(side === 'read' ? system.reads : system.writes, members, latencies, ids);
  // A quorum with members to spare answers before its slowest member does.
  const fastSources = { read: new Map<number, QuorumSource>(), write: new Map<number, QuorumSource>() };
  const fasterThan = (side: Side, limitMs: number): QuorumSource => {
    let source = fastSources[side].get(limitMs);
    if (!source) {
      source = listSource(sources[side].listed!.filter((members) => latencyOf(side, members) <= limitMs));
      fastSources[side].set(limitMs, source);
    }
    return source;
  };
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
    latencyOf,
    cheapestWithin(side, prices, arithmetic, limitMs) {
      if (limitMs === Infinity) return sources[side].cheapest(prices, arithmetic);
      if (failures > 0) return fasterThan(side, limitMs).cheapest(prices, arithmetic);
      return sources[side].cheapest(prices, arithmetic, (x) => latencies[x]! <= limitMs);
    },
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

/** Different values in rising order. */
export function distinct(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}
