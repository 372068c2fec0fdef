/** optimise: the best order and partition of a training step, predicted. */
import { chromeTraceGzip, traceFromSimulation } from '@tenfold/core/schedule';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { partCostsOf } from '../device-costs.ts';
import { dwMatchings } from '../dw-matching.ts';
import { loadInput, type InputParams } from '../load-input.ts';
import { optimise, type Mode } from '../plan.ts';
import { planFile } from '../plan-file.ts';
import { exposedRatio, modeRows, reportPlans } from '../report.ts';

interface OptimiseParams extends InputParams {
  readonly maxParts: number;
  /** 0: automatic. */
  readonly gamma: number;
  readonly iota: number;
  readonly rule: 'paper' | 'official';
  readonly mode: Mode | 'best';
}

export async function run(params: OptimiseParams, context: VerbContext): Promise<VerbResult> {
  context.progress({ phase: 'building' });
  const { graph, device } = await loadInput(params, context);
  context.progress({ phase: 'optimising' });
  const startMs = context.clock.nowMs();
  const optimised = await optimise(graph, {
    costs: partCostsOf(device),
    maxParts: params.maxParts,
    dwRule: params.rule,
    ...(params.gamma > 0 ? { gammaMs: params.gamma } : {}),
    ...(params.iota > 0 ? { maxGroups: params.iota } : {}),
    slowdown: { compute: device.computeSlowdown, comm: device.commSlowdown },
    signal: context.signal,
  });
  const optimiseMs = context.clock.nowMs() - startMs;
  const mode = params.mode === 'best' ? optimised.accepted : params.mode;
  const plan = planFile(optimised.plans[mode], graph);
  const { plans, accepted } = optimised;
  return {
    ok: true,
    value: {
      accepted,
      speedUp: plans.none.simulation.makespanMs / plans[accepted].simulation.makespanMs,
      exposedRatio: exposedRatio(optimised),
      optimiseMs,
      modes: modeRows(optimised),
      ranges: plan.ranges,
      matching: await dwMatchings(graph, plans.exact.dw!),
      device: { name: device.name, origin: device.origin },
    },
    report: reportPlans(optimised, device, plan, optimiseMs),
    artifacts: [
      { name: 'plan.json', mediaType: 'application/json', bytes: new TextEncoder().encode(JSON.stringify(plan)) },
      {
        name: 'planned-trace.json.gz',
        mediaType: 'application/gzip',
        bytes: await chromeTraceGzip(traceFromSimulation(plans[mode].simulation.simulation)),
      },
    ],
  };
}
