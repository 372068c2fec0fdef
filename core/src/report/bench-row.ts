/** What a bench reports: ours beside a peer, measured in one run. */

export interface BenchRow {
  readonly name: string;
  /** Median of ours, in `unit`. */
  readonly ours: number;
  /** Median of the peer in the same run; NaN where there is no peer. */
  readonly peer: number;
  readonly unit: string;
  /** How many times better ours is (> 1: ours is better), whatever the unit's direction. */
  readonly ratio: number;
  readonly note?: string;
}
