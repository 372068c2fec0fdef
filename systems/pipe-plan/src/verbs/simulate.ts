/** simulate: stages that the user chose. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { reportPlan } from '../report.ts';
import { planOfStages } from '../search/own-stages.ts';
import { readInputs, type PlanParams } from './inputs.ts';
import { planView } from './plan-view.ts';

export async function run(
  params: PlanParams & { readonly ends: string; readonly replicas: string; readonly microBatches: number },
  context: VerbContext,
): Promise<VerbResult> {
  const { model, cluster, options } = await readInputs(params, context);
  const numbers = (list: string): number[] => list.split(',').map(Number);
  const best = planOfStages(
    model,
    cluster,
    { ...options, numMicroBatches: params.microBatches },
    { ends: numbers(params.ends), replicas: numbers(params.replicas) },
  );
  const result = { best, plans: [best], grid: [best], numCandidates: 1 };
  return { ok: best.peakBytes <= cluster.memoryBytes, value: planView(result), report: reportPlan(result) };
}
