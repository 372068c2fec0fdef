/** Which stretches of the forward pass are cut, and into how many parts:
 *      T(n) = min_{i<n} ( T(i) + min_{1≤k≤K} P(i, n, k) ),  T(0) = 0     (paper)
 *  over group borders only; a range is at most `maxGroups` groups long; P = ∞ where a range cannot be cut. */

export interface RangeProblem {
  /** Groups are consecutive; a range is a run of groups [start, end). */
  readonly numGroups: number;
  /** ρ: most parts. */
  readonly maxParts: number;
  /** ι: longest range, in groups. Default: no limit. */
  readonly maxGroups?: number;
  /** P(start, end, k) in ms; ∞ if not possible. k = 1 must be finite. */
  rangeMs(start: number, end: number, numParts: number): number;
}

export interface ChosenRange {
  readonly start: number;
  readonly end: number;
  readonly numParts: number;
  readonly ms: number;
}

export interface RangeChoice {
  readonly totalMs: number;
  /** In order; together they are all groups. Whole groups have numParts 1. */
  readonly ranges: readonly ChosenRange[];
  readonly numEvaluations: number;
}

/** All k from 1 to ρ are tried (the public code stops at the first that is worse, which may miss the best).
 *  Cost: O(N·G·K) evaluations of P. Ties go to fewer parts, then to the later start. */
export function chooseRanges(problem: RangeProblem): RangeChoice {
  const { numGroups, maxParts, maxGroups = numGroups } = problem;
  const totalMs = new Float64Array(numGroups + 1).fill(Infinity);
  totalMs[0] = 0;
  const bestStart = new Int32Array(numGroups + 1);
  const bestParts = new Int32Array(numGroups + 1);
  let numEvaluations = 0;
  for (let end = 1; end <= numGroups; end++) {
    for (let start = end - 1; start >= Math.max(0, end - maxGroups); start--) {
      for (let numParts = 1; numParts <= maxParts; numParts++) {
        numEvaluations++;
        const ms = totalMs[start]! + problem.rangeMs(start, end, numParts);
        if (ms < totalMs[end]!) {
          totalMs[end] = ms;
          bestStart[end] = start;
          bestParts[end] = numParts;
        }
      }
    }
  }
  const ranges: ChosenRange[] = [];
  for (let end = numGroups; end > 0; end = bestStart[end]!) {
    const start = bestStart[end]!;
    ranges.unshift({ start, end, numParts: bestParts[end]!, ms: totalMs[end]! - totalMs[start]! });
  }
  return { totalMs: totalMs[numGroups]!, ranges, numEvaluations };
}

/** The optimum over all 2^(N−1) ways to cut the list; for tests. */
export function chooseRangesByBruteForce(problem: RangeProblem): number {
  const { numGroups, maxParts, maxGroups = numGroups } = problem;
  let bestMs = Infinity;
  for (let cuts = 0; cuts < 2 ** (numGroups - 1); cuts++) {
    let ms = 0;
    let start = 0;
    for (let end = 1; end <= numGroups; end++) {
      const isCutHere = end === numGroups || ((cuts >> (end - 1)) & 1) === 1;
      if (!isCutHere) continue;
      let best = Infinity;
      if (end - start <= maxGroups) {
        for (let numParts = 1; numParts <= maxParts; numParts++) {
          best = Math.min(best, problem.rangeMs(start, end, numParts));
        }
      }
      ms += best;
      start = end;
    }
    bestMs = Math.min(bestMs, ms);
  }
  return bestMs;
}
