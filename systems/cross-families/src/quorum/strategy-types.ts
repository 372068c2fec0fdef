/** What a strategy is and what it is asked for. */
import type { Rational } from './rational.ts';

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
  /** Absent where some node has no latency. */
  readonly latencyMs?: number;
  /** Load of each node under the mean read fraction. */
  readonly nodeLoads: readonly number[];
}
