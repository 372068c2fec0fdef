/** The plan as plain JSON: what runners execute, and what `simulate` and `export` read. */
import { placeStages } from '../cluster.ts';
import { orderOfStage, warmupOf } from '../pipeline/one-f-one-b.ts';
import { pipeError } from '../pipe-errors.ts';
import type { Plan } from '../plan-types.ts';
import type { FrozenSpan, Stage, Warmup } from '../types.ts';

export interface PlanFile {
  readonly format: 'tenfold-pipe-plan';
  readonly version: 1;
  readonly model: string;
  readonly numDevices: number;
  readonly batch: number;
  readonly numGroups: number;
  readonly groupDevices: number;
  readonly numMicroBatches: number;
  readonly microBatch: number;
  readonly warmup: Warmup;
  readonly recomputes: boolean;
  readonly stages: readonly (Stage & { readonly ranks: readonly (readonly number[])[] })[];
  /** Per stage: `F3`, `B0`, … in order, and before which of them frozen work runs. */
  readonly instructions: readonly (readonly string[])[];
  readonly frozen: readonly FrozenSpan[];
  readonly predicted: { readonly pipelineMs: number; readonly iterationMs: number; readonly bubbleRatio: number };
}

export function planFileFrom(plan: Plan): PlanFile {
  const { numStages, numMicroBatches, warmup, stages, placement, numGroups } = plan;
  const ranks = placeStages(
    numGroups,
    stages.map(({ replicas }) => replicas),
    placement,
  );
  return {
    format: 'tenfold-pipe-plan',
    version: 1,
    model: plan.model.name,
    numDevices: plan.cluster.numDevices,
    batch: plan.batch,
    numGroups,
    groupDevices: plan.groupDevices,
    numMicroBatches,
    microBatch: plan.microBatch,
    warmup,
    recomputes: plan.recomputes,
    stages: stages.map((stage, index) => ({ ...stage, ranks: ranks.map((group) => group[index]!) })),
    instructions: stages.map((_, stage) =>
      stageInstructions(numMicroBatches, warmupOf(warmup, numStages, stage, numMicroBatches)),
    ),
    frozen: plan.fill.spans,
    predicted: { pipelineMs: plan.pipelineMs, iterationMs: plan.iterationMs, bubbleRatio: plan.filledBubbleRatio },
  };
}

export function stageInstructions(numMicroBatches: number, warmup: number): string[] {
  return Array.from(orderOfStage(numMicroBatches, warmup), (entry) => (entry >= 0 ? `F${entry}` : `B${-1 - entry}`));
}

/** @throws TF-PIPE-007 on another format, a foreign device count, or stages that do not follow one another */
export function readPlanFile(text: string, file: string, expected: { readonly numDevices?: number } = {}): PlanFile {
  const plan = JSON.parse(text) as PlanFile;
  const fail = (what: string, actual: string): never => {
    throw pipeError('TF-PIPE-007', { subject: 'readPlanFile', expected: what, actual, location: file });
  };
  if (plan.format !== 'tenfold-pipe-plan') fail('"format": "tenfold-pipe-plan"', JSON.stringify(plan.format ?? null));
  if (expected.numDevices !== undefined && plan.numDevices !== expected.numDevices)
    fail(`a plan for ${expected.numDevices} devices`, `${plan.numDevices}`);
  plan.stages.forEach((stage, index) => {
    const start = plan.stages[index - 1]?.end ?? 0;
    if (stage.start !== start || !(stage.end > stage.start))
      fail(`stage ${index} to start at layer ${start}`, `[${stage.start}, ${stage.end})`);
  });
  plan.instructions.forEach((list, stage) => {
    const wanted = new Set(
      Array.from({ length: plan.numMicroBatches }, (_, micro) => [`F${micro}`, `B${micro}`]).flat(),
    );
    for (const word of list) if (!wanted.delete(word)) fail(`every instruction of stage ${stage} once`, word);
    if (wanted.size > 0) fail(`every instruction of stage ${stage}`, `none of ${[...wanted].slice(0, 4).join(', ')}`);
  });
  return plan;
}
