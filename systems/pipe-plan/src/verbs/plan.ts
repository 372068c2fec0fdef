/** plan: the full search for one model on one cluster. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { planFileFrom } from '../profiles/plan-json.ts';
import { reportPlan } from '../report.ts';
import { searchPlans } from '../search/search-plans.ts';
import { readInputs, type PlanParams } from './inputs.ts';
import { planView } from './plan-view.ts';

export async function run(params: PlanParams, context: VerbContext): Promise<VerbResult> {
  const { model, cluster, options } = await readInputs(params, context);
  const result = searchPlans(model, cluster, options);
  const plan = planFileFrom(result.best);
  return {
    ok: true,
    value: planView(result),
    report: reportPlan(result),
    artifacts: [
      {
        name: 'plan.json',
        mediaType: 'application/json',
        bytes: new TextEncoder().encode(JSON.stringify(plan, null, 1)),
      },
    ],
  };
}
