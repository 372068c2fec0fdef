/** The nouns of the quorum planner. A read/write quorum system is a pair of cross-intersecting families of node sets. */

/** Monotone expression over nodes: a + b is choose 1 of 2, a * b is choose 2 of 2. */
export type QuorumExpr =
  | { readonly kind: 'node'; readonly node: string }
  | { readonly kind: 'choose'; readonly k: number; readonly of: readonly QuorumExpr[] };

export interface QuorumNode {
  readonly id: string;
  /** Operations per second; default 1. */
  readonly readCapacity: number;
  readonly writeCapacity: number;
  /** Of no meaning where `isLatencyAssumed`. */
  readonly latencyMs: number;
  /** True where nobody gave the latency. */
  readonly isLatencyAssumed?: true;
  /** Probability of being up; absent if unknown. */
  readonly up?: number;
  readonly zone?: string;
}

/** Read fractions with their probabilities, which add up to 1. The weight, where given, is the exact figure behind the
 *  probability (10 of 470), so that certificates are exact. */
export type Workload = readonly {
  readonly readFraction: number;
  readonly probability: number;
  readonly weight?: number;
}[];

export interface QuorumSystem {
  readonly nodes: readonly QuorumNode[];
  readonly reads: QuorumExpr;
  readonly writes: QuorumExpr;
}
