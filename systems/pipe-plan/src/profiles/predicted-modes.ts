/** What a plan predicts for every mode of the runner: its own pipeline filled and not, the same stages with the classic
 *  warm-up, GPipe over equal layer counts, and data parallelism on the same devices; the update counts where it was measured. */
import { createFrozenWork, frozenMs } from '../fill/frozen-work.ts';
import { createNetworkCosts } from '../network.ts';
import { costsOfBackbone, problemFromModel, timesOfPartition } from '../partition/from-model.ts';
import { simulatePipeline } from '../pipeline/simulation.ts';
import type { Plan } from '../plan-types.ts';
import { simulateDataParallel } from '../rivals/data-parallel.ts';

export interface PredictedModes {
  readonly ddp?: number;
  readonly gpipe: number;
  readonly '1f1b': number;
  readonly 'plan-nofill': number;
  readonly 'plan-fill': number;
}

/** @returns undefined for self-conditioned plans and several backbones, which the runner does not know */
export function predictedModes(plan: Plan): PredictedModes | undefined {
  const { model, cluster, stages, numMicroBatches, microBatch, groupDevices, numGroups, placement } = plan;
  if (model.selfConditioning || model.backbones.length !== 1) return undefined;
  const { layers } = model.backbones[0]!;
  const groupBatch = microBatch * numMicroBatches;
  const numLayers = layers.length;
  const replicas = stages.map((stage) => stage.replicas);
  const problem = problemFromModel(costsOfBackbone(model.backbones[0]!), {
    cluster,
    groupDevices,
    numMicroBatches,
    microBatch,
    placement,
    recomputes: plan.recomputes,
    allowsUneven: true,
  });
  const overlapSlowdown = cluster.overlapSlowdown ?? 1;
  const pipelineMs = (ends: readonly number[], schedule: 'gpipe' | 'classic'): number =>
    simulatePipeline(timesOfPartition(problem, { ends, replicas }), { schedule, overlapSlowdown }).iterationMs;
  const equalEnds = stages.map((_, stage) => Math.round(((stage + 1) * numLayers) / stages.length));
  const ends = stages.map(({ end }) => end);
  const msPerByte = model.measured?.updateMsPerByte ?? 0;
  const updateMs = (borders: readonly number[]): number =>
    Math.max(...borders.map((end, stage) => msPerByte * paramBytes(plan, borders[stage - 1] ?? 0, end)));
  const frozenFirstMs = frozenMs(createFrozenWork(model.frozen), groupBatch, groupDevices);
  const deliveredMs = deliveryMs(plan, groupBatch);
  const unfilled = (ms: number, borders: readonly number[]): number =>
    frozenFirstMs + deliveredMs + ms + updateMs(borders);
  const ddp = simulateDataParallel(model, cluster, numGroups * groupBatch, 'ddp');
  return {
    ...(ddp ? { ddp: ddp.iterationMs + updateMs([numLayers]) } : {}),
    gpipe: unfilled(pipelineMs(equalEnds, 'gpipe'), equalEnds),
    '1f1b': unfilled(pipelineMs(ends, 'classic'), ends),
    'plan-nofill': unfilled(plan.pipelineMs, ends),
    'plan-fill': plan.iterationMs + deliveredMs + updateMs(ends),
  };
}

function paramBytes({ model }: Plan, start: number, end: number): number {
  return model.backbones[0]!.layers.slice(start, end).reduce((sum, layer) => sum + layer.paramBytes, 0);
}

/** The runner hands frozen outputs to all devices of the group at once, as a sum. */
function deliveryMs({ model, cluster, groupDevices, placement }: Plan, groupBatch: number): number {
  const bytes = model.frozen.reduce((sum, { layers }) => sum + (layers.at(-1)?.outputBytesPerSample ?? 0), 0);
  if (groupDevices === 1 || bytes === 0) return 0;
  const oneGroup = { ...cluster, numDevices: groupDevices };
  const { fixedMs, msPerByte } = createNetworkCosts(oneGroup, groupDevices, placement).sync(0, groupDevices);
  return fixedMs + groupBatch * bytes * msPerByte;
}
