/** A plan's iteration as named spans by stage: what traces and timelines are made of, and what measured spans are
 *  compared with. */
import type { SpanSpec } from '@tenfold/core/schedule';
import { simulateSelfConditioned } from './pipeline/list-schedule.ts';
import { simulatePipeline, type PipelineSimulation } from './pipeline/simulation.ts';
import type { Plan } from './plan-types.ts';
import { simulatePlan } from './search/filled-plan.ts';
import type { PlanFile } from './profiles/plan-json.ts';
import type { FrozenSpan } from './types.ts';

export function planSpans(plan: Plan): SpanSpec[] {
  return [...computeSpans(simulatePlan(plan)), ...frozenSpans(plan.fill.spans)];
}

export function computeSpans({ simulation, pipeline }: PipelineSimulation): SpanSpec[] {
  const { program, startMs, endMs } = simulation;
  const laneOf = new Map(pipeline.computeOf.map((resource, stage) => [resource, `stage ${stage}`]));
  const spans: SpanSpec[] = [];
  for (let op = 0; op < program.numOps; op++) {
    const lane = laneOf.get(program.resourceIds[program.resourceStarts[op]!]!);
    if (lane === undefined) continue;
    spans.push({
      lane,
      name: program.opNames[op]!,
      startMs: startMs[op]!,
      endMs: endMs[op]!,
      category: program.opCategories[op]!,
    });
  }
  return spans;
}

export function frozenSpans(spans: readonly FrozenSpan[]): SpanSpec[] {
  return spans.flatMap((span) =>
    span.stages.map((stage) => ({
      lane: `stage ${stage}`,
      name: `${span.component}.${span.layer} × ${span.samplesPerDevice}`,
      startMs: span.startMs,
      endMs: span.endMs,
      category: `frozen ${span.component}`,
    })),
  );
}

/** The same from a plan file, whose pipeline is replayed. */
export function planFileSpans({ times, warmup, fill, selfConditioning }: PlanFile): SpanSpec[] {
  const run =
    selfConditioning === undefined
      ? simulatePipeline(times, { schedule: warmup })
      : simulateSelfConditioned(times, { warmup });
  return [...computeSpans(run), ...frozenSpans(fill)];
}
