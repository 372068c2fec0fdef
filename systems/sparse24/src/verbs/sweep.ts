/** sweep: strengths of the regulariser tried on one model, weak ones stopped early. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { modelPath } from '../model/model-path.ts';
import { openModel } from '../model/open-model.ts';
import type { LearnParams } from '../params.ts';
import { reportSweep } from '../report-sweep.ts';
import { settingsFromParams } from '../settings.ts';
import { sweepKappa } from '../sweep.ts';
import { assertUnseen, rowsFor } from '../texts.ts';

interface SweepParams extends Omit<LearnParams, 'lambda1' | 'kappa' | 'maskLr'> {
  readonly model: string;
  readonly kappas: readonly number[];
  readonly keep: number;
  readonly heldOut?: string | undefined;
  readonly heldOutRows: number;
}

const UNUSED_MASK_RATE = 5e-4;

export async function run(params: SweepParams, context: VerbContext): Promise<VerbResult> {
  assertUnseen(params, context);
  context.progress({ phase: 'loading the model' });
  const model = await openModel(modelPath(params.model, context.workingFolder));
  const rows = (file: string | undefined, numRows: number, purpose: 'calibration' | 'held out') =>
    rowsFor(model, { ...(file === undefined ? {} : { file }), numRows, context: params.context, purpose }, context);
  const calibration = await rows(params.text, params.rows, 'calibration');
  const validation = await rows(params.heldOut, params.heldOutRows, 'held out');
  const { masks: _masks, ...sweep } = await sweepKappa(model, calibration, validation, {
    kappas: params.kappas,
    keep: params.keep,
    settings: settingsFromParams(model, { ...params, maskLr: UNUSED_MASK_RATE }),
    signal: context.signal,
    onProgress: (phase, done, total) => context.progress({ phase, done, total }),
  });
  return {
    ok: true,
    value: sweep,
    report: reportSweep(sweep, params.model, commandOf(params, context.seed, sweep.best.kappa)),
  };
}

/** The same training with one strength; a llama2.c .bin cannot be written as a folder, so it is compared. */
export function commandOf(params: SweepParams, seed: number, kappa: number): string {
  const { model, steps, text, rows, context, lr, lambda2, epsilon } = params;
  const verb = model.endsWith('.bin') ? ['compare', model, '--methods'] : ['prune', model, 'pruned', '--method'];
  const options = Object.entries({ kappa, steps, text, rows, context, lr, lambda2, epsilon, seed });
  const given = options
    .filter(([, value]) => value !== undefined)
    .flatMap(([name, value]) => [`--${name}`, `${value}`]);
  return ['tenfold', 'sparse24', ...verb, 'proxsparse', ...given].map(quoted).join(' ');
}

function quoted(word: string): string {
  return /^[\w./:@=+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
