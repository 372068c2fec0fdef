/** compare: several methods on one model, judged on text that none of them saw. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { compareMethods, type Comparison } from '../compare.ts';
import { refuseUnread } from '../criterion.ts';
import { modelPath } from '../model/model-path.ts';
import { openModel } from '../model/open-model.ts';
import type { LearnParams } from '../params.ts';
import { reportComparison } from '../report.ts';
import { settingsFromParams } from '../settings.ts';
import { assertUnseen, rowsFor } from '../texts.ts';
import type { MethodName } from '../types.ts';

interface CompareParams extends LearnParams {
  readonly model: string;
  readonly methods: readonly MethodName[];
  readonly heldOut?: string | undefined;
  readonly heldOutRows: number;
}

export async function run(params: CompareParams, context: VerbContext): Promise<VerbResult> {
  assertUnseen(params, context);
  refuseUnread(params.methods, params);
  context.progress({ phase: 'loading the model' });
  const model = await openModel(modelPath(params.model, context.workingFolder));
  const rows = (file: string | undefined, numRows: number, purpose: 'calibration' | 'held out') =>
    rowsFor(model, { ...(file === undefined ? {} : { file }), numRows, context: params.context, purpose }, context);
  const calibration = await rows(params.text, params.rows, 'calibration');
  const held = await rows(params.heldOut, params.heldOutRows, 'held out');
  const comparison = await compareMethods(
    params.methods,
    {
      model,
      calibration,
      settings: settingsFromParams(model, params),
      rng: context.rng,
      clock: context.clock,
      signal: context.signal,
      onProgress: (phase, done, total) => context.progress({ phase, done, total }),
      onMetric: context.metric,
    },
    held,
  );
  return {
    ok: true,
    value: plainComparison(comparison),
    report: reportComparison(comparison, `2:4 masks of ${params.model}`),
  };
}

export function plainComparison({ densePerplexity, rows }: Comparison): unknown {
  return {
    densePerplexity,
    rows: rows.map(({ outcome, differsByMatrix, ...row }) => ({
      ...row,
      differsByMatrix: Object.fromEntries(differsByMatrix),
      sparseShare: outcome.sparseShare ?? null,
      warnings: outcome.warnings,
    })),
  };
}
