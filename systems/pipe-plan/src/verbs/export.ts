/** export: the plan as a file for other programs. */
import { chromeTraceText, traceFromSpans } from '@tenfold/core/schedule';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { planSpans } from '../plan-spans.ts';
import { planFileFrom } from '../profiles/plan-json.ts';
import { searchPlans } from '../search/search-plans.ts';
import { scheduleOfPlan } from '../torch/plan-schedule.ts';
import { writeTorchCsv, type CsvDialect } from '../torch/torch-csv.ts';
import { readInputs, type PlanParams } from './inputs.ts';
import { outputText, type OutputParams } from './outputs.ts';

type Format = 'json' | 'torch-csv' | 'torch-csv-comms' | 'chrome-trace';

const FILES: Readonly<Record<Format, { readonly name: string; readonly mediaType: string }>> = {
  json: { name: 'plan.json', mediaType: 'application/json' },
  'torch-csv': { name: 'schedule.csv', mediaType: 'text/csv' },
  'torch-csv-comms': { name: 'schedule-comms.csv', mediaType: 'text/csv' },
  'chrome-trace': { name: 'trace.json', mediaType: 'application/json' },
};

const MOST_SHOWN = 4000;

export async function run(
  params: PlanParams & OutputParams & { readonly format: Format; readonly dialect: CsvDialect },
  context: VerbContext,
): Promise<VerbResult> {
  const { model, cluster, options } = await readInputs(params, context);
  const { best } = searchPlans(model, cluster, options);
  const plan = planFileFrom(best);
  const texts: Readonly<Record<Format, () => string>> = {
    json: () => `${JSON.stringify(plan, null, 1)}\n`,
    'torch-csv': () => writeTorchCsv(scheduleOfPlan(plan, false), params.dialect),
    'torch-csv-comms': () => writeTorchCsv(scheduleOfPlan(plan, true), params.dialect),
    'chrome-trace': () => chromeTraceText(traceFromSpans(planSpans(best))),
  };
  const text = texts[params.format]();
  const { where, artifacts } = outputText(
    { subject: 'pipe-plan export', ...FILES[params.format], text },
    params,
    context,
  );
  const hasReplicas = params.format.startsWith('torch') && best.stages.some(({ replicas }) => replicas > 1);
  return {
    ok: true,
    value: { format: params.format, text },
    report: {
      title: `Plan of ${model.name} as ${params.format}`,
      verdict: { tone: 'good', text: `${where}: ${best.numStages} stages, ${best.numMicroBatches} micro-batches.` },
      blocks: [
        ...(hasReplicas
          ? [
              {
                kind: 'callout' as const,
                tone: 'warn' as const,
                title: 'This plan has stages with several replicas',
                text: 'The CSV knows one rank per stage. Fix --group to the number of stages, or run the JSON plan with the PyTorch runner.',
              },
            ]
          : []),
        { kind: 'code', text: text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}\n…` : text },
      ],
    },
    ...(artifacts ? { artifacts } : {}),
  };
}
