/** replay: what the runner measured beside what its plans predict with the times of that machine. */
import { median } from '@tenfold/core/base';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { parseMeasuredFile, parsePlansFile } from '../measured-file.ts';
import { overlapError } from '../overlap-errors.ts';
import { readParsed } from '../read-parsed.ts';
import { replaySetting, type ReplayRow } from '../replay.ts';

interface ReplayParams {
  readonly measured: string;
  readonly plans: string;
  readonly overhead: number;
}

export async function run(params: ReplayParams, context: VerbContext): Promise<VerbResult> {
  const measured = await readParsed(params.measured, context, parseMeasuredFile);
  const files = await Promise.all(
    params.plans.split(',').map((file) => readParsed(file.trim(), context, parsePlansFile)),
  );

  const replayed = (overheadMs: number): ReplayRow[] =>
    measured.settings.flatMap((setting) => {
      // A native run used the first plans.
      const isAsked = setting.asked !== null && setting.asked > 0;
      const plans = isAsked ? files.find(({ ratio }) => ratio === setting.asked) : files[0];
      return plans ? replaySetting(plans, setting, overheadMs) : [];
    });
  const rows = replayed(params.overhead);
  if (rows.length === 0) {
    throw overlapError('TF-OVERLAP-003', {
      subject: 'moe-overlap replay',
      expected: `plans for a ratio of ${measured.settings.map(({ asked }) => asked ?? 0).join(', ')}`,
      actual: files.map(({ ratio }) => ratio).join(', '),
      hints: ['Give the files that were run: --plans a.json,b.json.'],
    });
  }
  const errors = rows.map(({ error }) => Math.abs(error));
  const hasParts = files.some(({ plans }) => plans.some(({ ops }) => ops.some(({ of, isMerge }) => of > 1 || isMerge)));
  const fitted = hasParts ? fittedOverheadMs(replayed) : null;
  const fastest = (setting: string): ReplayRow =>
    rows.filter((row) => row.setting === setting).reduce((a, b) => (b.measuredMs < a.measuredMs ? b : a));
  const settings = [...new Set(rows.map(({ setting }) => setting))];
  return {
    ok: true,
    value: { device: measured.device, rows, medianError: median(errors), worstError: Math.max(...errors), fitted },
    report: {
      title: `Predicted and measured on ${measured.device}`,
      verdict: {
        tone: 'info',
        text:
          `Steps differ from predictions by ${(100 * median(errors)).toFixed(1)} % (median), at most ` +
          `${(100 * Math.max(...errors)).toFixed(1)} %. Fastest: ` +
          `${settings.map((setting) => `${fastest(setting).mode} (${setting})`).join(', ')}. ` +
          adviceOf(fitted),
      },
      blocks: [
        {
          kind: 'table',
          columns: [
            { key: 'setting', label: 'setting' },
            { key: 'mode', label: 'mode' },
            { key: 'measuredMs', label: 'step', unit: 'ms', format: 'number', digits: 2 },
            { key: 'predictedMs', label: 'predicted', unit: 'ms', format: 'number', digits: 2 },
            { key: 'error', label: 'difference', format: 'percent', digits: 1 },
            { key: 'measuredExposedMs', label: 'exposed', unit: 'ms', format: 'number', digits: 2 },
            { key: 'predictedExposedMs', label: 'predicted exposed', unit: 'ms', format: 'number', digits: 2 },
          ],
          rows: rows.map((row) => ({ ...row })),
        },
      ],
    },
  };
}

interface FittedOverhead {
  readonly overheadMs: number;
  readonly medianError: number;
}

const OVERHEAD_STEP_MS = 0.01;
const MAX_OVERHEAD_MS = 0.5;

function adviceOf(fitted: FittedOverhead | null): string {
  if (!fitted) return 'No plan has parts, so nothing is said about their overhead.';
  const { overheadMs, medianError } = fitted;
  const text = overheadMs.toFixed(2);
  if (overheadMs >= MAX_OVERHEAD_MS) return `Even ${text} ms a part, the most that is tried, is too little.`;
  return (
    `An overhead of ${text} ms a part fits best (${(100 * medianError).toFixed(1)} %): ` +
    `plan anew with export --profile … --overhead ${text}.`
  );
}

/** The overhead of a part with the least median error. */
function fittedOverheadMs(replayed: (overheadMs: number) => readonly ReplayRow[]): FittedOverhead {
  let best = { overheadMs: 0, medianError: Infinity };
  for (let step = 0; step * OVERHEAD_STEP_MS <= MAX_OVERHEAD_MS; step++) {
    const overheadMs = step * OVERHEAD_STEP_MS;
    const medianError = median(replayed(overheadMs).map(({ error }) => Math.abs(error)));
    if (medianError < best.medianError) best = { overheadMs, medianError };
  }
  return best;
}
