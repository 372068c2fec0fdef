/** invariants: what must hold within one run. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { invariantSteps } from '../check/invariants.ts';
import { inTurns } from '../check/turns.ts';
import { reportInvariants } from '../report.ts';
import { withTraces } from './trace-folders.ts';

export async function run({ run: folder }: { readonly run: string }, context: VerbContext): Promise<VerbResult> {
  return withTraces([folder], context, async ([trace]) => {
    const result = await inTurns(invariantSteps(trace), 'invariants', context.signal);
    const numChecked = Object.values(result.checked).reduce((sum, count) => sum + count, 0);
    return {
      ok: result.violations.length === 0 && numChecked > 0,
      value: result,
      report: reportInvariants(result, folder),
    };
  });
}
