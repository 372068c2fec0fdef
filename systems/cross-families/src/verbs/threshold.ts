/** threshold: the fewest families for which the star overtakes the ball, for k-uniform families. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { ballCentre, ballValue, starValue } from '../closed-form.ts';
import { familiesError } from '../families-errors.ts';
import { normaliseProblem } from '../problem.ts';
import { formatBig } from '../report.ts';

interface ThresholdParams {
  readonly n: number;
  readonly k: number;
}

const MAX_FAMILIES = 10_000;

export async function run({ n, k }: ThresholdParams, context: VerbContext): Promise<VerbResult> {
  if (n < 2 * k)
    throw familiesError('TF-FAMILIES-001', { subject: 'threshold', expected: 'n ≥ 2k', actual: `n = ${n}, k = ${k}` });
  context.progress({ phase: 'threshold' });
  if (k === 1)
    return {
      ok: true,
      value: { m: null, star: 'm', ball: 'm' },
      report: {
        title: `Star against ball: n = ${n}, k = 1`,
        verdict: {
          tone: 'info',
          text: 'With k = 1 the star never wins: star and ball both have m sets for m families.',
        },
        blocks: [],
      },
    };
  // Star grows by C(n−1,k−1) with each family, the ball by 1.
  for (let m = 2; m <= MAX_FAMILIES; m++) {
    const { problem } = normaliseProblem({ n, sizes: Array.from({ length: m }, () => [k]) });
    const star = starValue(problem);
    const ball = ballValue(problem, 0, ballCentre(problem, 0));
    if (star <= ball) continue;
    return {
      ok: true,
      value: { m, star: String(star), ball: String(ball) },
      report: {
        title: `Star against ball: n = ${n}, k = ${k}`,
        verdict: {
          tone: 'good',
          text: `From m = ${m} families on the star wins: ${formatBig(star)} against ${formatBig(ball)}.`,
        },
        blocks: [],
      },
    };
  }
  throw familiesError('TF-FAMILIES-003', {
    subject: 'threshold',
    expected: `a star that wins with at most ${MAX_FAMILIES} families`,
    actual: 'more',
  });
}
