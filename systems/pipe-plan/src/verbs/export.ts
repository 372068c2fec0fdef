/** export: the plan as a file for other programs. */
import { chromeTraceText, traceFromSimulation } from '@tenfold/core/schedule';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { planFileFrom } from '../profiles/plan-json.ts';
import { searchPlans, simulateCandidate } from '../search.ts';
import { scheduleFromWords, writeTorchCsv } from '../torch-csv.ts';
import { readInputs, type PlanParams } from './inputs.ts';

type Format = 'json' | 'torch-csv' | 'chrome-trace';

const FILES: Readonly<Record<Format, { readonly name: string; readonly mediaType: string }>> = {
  json: { name: 'plan.json', mediaType: 'application/json' },
  'torch-csv': { name: 'schedule.csv', mediaType: 'text/csv' },
  'chrome-trace': { name: 'trace.json', mediaType: 'application/json' },
};

export async function run(params: PlanParams & { readonly format: Format }, context: VerbContext): Promise<VerbResult> {
  const { model, cluster, options } = await readInputs(params, context);
  const { best } = searchPlans(model, cluster, options);
  const plan = planFileFrom(best);
  const text =
    params.format === 'json'
      ? `${JSON.stringify(plan, null, 1)}\n`
      : params.format === 'torch-csv'
        ? writeTorchCsv(scheduleFromWords(plan.instructions), 'full')
        : chromeTraceText(traceFromSimulation(simulateCandidate(best).simulation));
  const file = FILES[params.format];
  return {
    ok: true,
    value: { format: params.format, text },
    report: {
      title: `Plan of ${model.name} as ${params.format}`,
      verdict: { tone: 'good', text: `${file.name}: ${best.numStages} stages, ${best.numMicroBatches} micro-batches.` },
      blocks: [{ kind: 'code', text: text.length > 4000 ? `${text.slice(0, 4000)}\n…` : text }],
    },
    artifacts: [{ ...file, bytes: new TextEncoder().encode(text) }],
  };
}
