/** Three-valued verdicts: does an uncertain evidence interval stand in the asked relation to the constraint?
 *  certain: for every choice of the ends; possible: for some; impossible: for none. Boundaries may coincide
 *  (a successor takes office on the day of the hand-over). */
import type { TimeSpan } from './span.ts';

export type Signal = 'OVERLAP' | 'BEFORE' | 'AFTER' | 'START' | 'FINISH' | 'ORDINAL' | 'NONE';
export type Verdict = 'certain' | 'possible' | 'impossible' | 'undated';

/** Verdict of one pair.
 *  Math: before certain iff E.e1 ≤ C.s0, possible iff E.e0 ≤ C.s1; after is its mirror;
 *  overlap certain iff E.s1 ≤ C.e0 ∧ E.e0 ≥ C.s1, possible iff E.s0 ≤ C.e1 ∧ E.e1 ≥ C.s0;
 *  start (finish): the start (end) of E lies inside C.
 *  Differs: the paper compares integers for equality in start and finish, and has two values. */
export function verdictOf(signal: Signal, evidence: TimeSpan, constraint: TimeSpan): Verdict {
  switch (signal) {
    case 'BEFORE':
      return grade(evidence.e1 <= constraint.s0 && !sameBounds(evidence, constraint), evidence.e0 <= constraint.s1);
    case 'AFTER':
      return grade(evidence.s0 >= constraint.e1 && !sameBounds(evidence, constraint), evidence.s1 >= constraint.e0);
    case 'START':
      return grade(
        evidence.s0 >= constraint.s0 && evidence.s1 <= constraint.e1,
        evidence.s0 <= constraint.e1 && evidence.s1 >= constraint.s0,
      );
    case 'FINISH':
      return grade(
        evidence.e0 >= constraint.s0 && evidence.e1 <= constraint.e1,
        evidence.e0 <= constraint.e1 && evidence.e1 >= constraint.s0,
      );
    case 'OVERLAP':
    case 'ORDINAL':
    case 'NONE':
      return grade(
        evidence.s1 <= constraint.e0 && evidence.e0 >= constraint.s1,
        evidence.s0 <= constraint.e1 && evidence.e1 >= constraint.s0,
      );
  }
}

/** Best verdict over all pairs of evidence and constraint intervals; `undated` without evidence intervals. */
export function bestVerdict(signal: Signal, spans: readonly TimeSpan[], constraints: readonly TimeSpan[]): Verdict {
  if (spans.length === 0) return 'undated';
  let best: Verdict = 'impossible';
  for (const span of spans) {
    for (const constraint of constraints) {
      const verdict = verdictOf(signal, span, constraint);
      if (verdict === 'certain') return 'certain';
      if (verdict === 'possible') best = 'possible';
    }
  }
  return best;
}

/** Days between evidence and constraint (0 if they meet): what the nearest rule minimises. */
export function gapDays(signal: Signal, evidence: TimeSpan, constraint: TimeSpan): number {
  if (signal === 'BEFORE') return Math.max(0, constraint.s0 - evidence.e1);
  if (signal === 'AFTER') return Math.max(0, evidence.s0 - constraint.e1);
  return Math.max(0, evidence.s0 - constraint.e1, constraint.s0 - evidence.e1);
}

function sameBounds(a: TimeSpan, b: TimeSpan): boolean {
  return a.s0 === b.s0 && a.e1 === b.e1;
}

function grade(isCertain: boolean, isPossible: boolean): Verdict {
  return isCertain ? 'certain' : isPossible ? 'possible' : 'impossible';
}
