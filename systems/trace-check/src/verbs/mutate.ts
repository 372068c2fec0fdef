/** mutate: which synthetic faults the tolerances of a trace would catch. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { mutateSteps } from '../check/mutate.ts';
import { estimateTolerance, perturbedSteps } from '../check/tolerance.ts';
import { inTurns } from '../check/turns.ts';
import { assertValues, withTraces } from './trace-folders.ts';

interface MutateParams {
  readonly reference: string;
  readonly pert: readonly string[];
  readonly k?: number;
}

export async function run({ reference, pert, k }: MutateParams, context: VerbContext): Promise<VerbResult> {
  return withTraces([reference, ...pert], context, async ([trace, ...perturbed]) => {
    assertValues(trace, 'mutate');
    const comparisons = await inTurns(perturbedSteps(trace, perturbed), 'mutate', context.signal);
    const tolerances = estimateTolerance(trace.info.precision, comparisons, { factor: k });
    const rows = await inTurns(mutateSteps(trace, tolerances), 'mutate', context.signal);
    const numCaught = rows.reduce((sum, row) => sum + row.numCaught, 0);
    const numTried = rows.reduce((sum, row) => sum + row.numTried, 0);
    return {
      ok: true,
      value: rows,
      report: {
        title: `Faults put into ${reference}`,
        verdict: { tone: 'info', text: `${numCaught} of ${numTried} faults would have been caught.` },
        blocks: [
          {
            kind: 'table',
            columns: [
              { key: 'text', label: 'fault' },
              { key: 'numTried', label: 'tensors', format: 'count' },
              { key: 'share', label: 'caught', format: 'percent' },
              { key: 'smallestCaught', label: 'smallest caught' },
              { key: 'largestMissed', label: 'largest missed' },
              { key: 'missedIn', label: 'unseen in' },
            ],
            rows: rows.map((row) => ({
              text: row.text,
              numTried: row.numTried,
              share: row.numTried === 0 ? null : row.numCaught / row.numTried,
              smallestCaught: Number.isNaN(row.smallestCaught) ? null : row.smallestCaught.toExponential(1),
              largestMissed: Number.isNaN(row.largestMissed) ? null : row.largestMissed.toExponential(1),
              missedIn: row.missedIn,
            })),
          },
        ],
      },
    };
  });
}
