/** From a simulated candidate to a plan: bubbles filled, outputs delivered, memory told apart. */
import { perfectGain } from '../fill/check-fill.ts';
import { deliveryOf } from '../fill/delivery.ts';
import { fillPerDevice } from '../fill/device-fill.ts';
import { fillExactly } from '../fill/exact-fill.ts';
import { frozenMs, type FrozenWork } from '../fill/frozen-work.ts';
import { fillGreedily } from '../fill/greedy-fill.ts';
import { stageMemory } from '../memory.ts';
import { idleSlotsPerStage, jointIdleSlots, type PipelineSimulation } from '../pipeline/simulation.ts';
import type { Candidate, Plan } from '../plan-types.ts';
import type { FillMode, FillResult, Stage } from '../types.ts';
import { simulatePlain, simulateTimes } from './candidate.ts';
import { groupBatchOf, memoryOptionsOf, type Space } from './space.ts';

const DEFAULT_MIN_BUBBLE_SHARE = 0.005;

export function planFrom(space: Space, candidate: Candidate): Plan {
  const { model, cluster, options, work, prefixes } = space;
  const { groupDevices, numStages, partition: chosen } = candidate;
  const groupBatch = groupBatchOf(space, groupDevices);
  const stages = chosen.ends.map((end, stage): Stage => ({
    start: chosen.ends[stage - 1] ?? 0,
    end,
    replicas: chosen.replicas[stage]!,
  }));
  const main = finish(space, candidate, stages, simulateTimes(space, candidate.times, candidate.warmup));
  const chance = model.selfConditioning?.probability ?? 1;
  const plain =
    chance < 1 ? finish(space, candidate, stages, simulatePlain(space, candidate.times, candidate.warmup)) : undefined;
  const mean = (of: (each: Finished) => number): number => chance * of(main) + (plain ? (1 - chance) * of(plain) : 0);
  const iterationMs = mean(({ iterationMs: ms }) => ms);
  const pipelineMs = mean(({ run }) => run.iterationMs);
  const coldStartMs = frozenMs(work, groupBatch, groupDevices);
  const memory = memoryOptionsOf(space, candidate);
  return {
    ...candidate,
    model,
    cluster,
    batch: options.batch,
    placement: options.placement ?? 'pipeline-inner',
    stages,
    fill: main.fill,
    deliveryMs: main.delivery.lateMs,
    ...(plain ? { withoutExtraPassMs: plain.iterationMs, withExtraPassMs: main.iterationMs } : {}),
    iterationMs,
    samplesPerSec: (1000 * options.batch) / iterationMs,
    filledBubbleRatio: mean(({ idleDeviceMs }) => idleDeviceMs) / (groupDevices * iterationMs),
    memory: stages.map((stage, index) => stageMemory(prefixes, stage, { stage: index, numStages }, memory)),
    coldStartMs,
    perfectGain:
      plain === undefined
        ? perfectGain(
            work,
            main.run.iterationMs,
            main.run.bubbleRatio * main.run.iterationMs * groupDevices,
            groupDevices,
            groupBatch,
          )
        : NaN,
    gain: (pipelineMs + coldStartMs) / iterationMs,
  };
}

interface Finished {
  readonly run: PipelineSimulation;
  readonly fill: FillResult;
  readonly delivery: ReturnType<typeof deliveryOf>;
  readonly iterationMs: number;
  readonly idleDeviceMs: number;
}

function finish(space: Space, candidate: Candidate, stages: readonly Stage[], run: PipelineSimulation): Finished {
  const { model, cluster, options, work } = space;
  const { groupDevices } = candidate;
  const minBubbleMs = (options.minBubbleShare ?? DEFAULT_MIN_BUBBLE_SHARE) * run.iterationMs;
  const batch = groupBatchOf(space, groupDevices);
  const fill = fillSlots(work, run, options.fill ?? 'greedy', { batch, minBubbleMs });
  const delivery = deliveryOf({
    components: model.frozen,
    cluster,
    groupDevices,
    placement: options.placement ?? 'pipeline-inner',
    stages,
    fill,
    firstForwardMs: stages.map((_, stage) => firstStart(run, stage)),
  });
  const iterationMs = fill.iterationMs + delivery.lateMs;
  const leftDeviceMs = fill.spans
    .filter((span) => span.isLeftOver)
    .reduce((sum, { startMs, endMs, numDevices }) => sum + (endMs - startMs) * numDevices, 0);
  const busyBefore = (1 - run.bubbleRatio) * run.iterationMs * groupDevices;
  return {
    run,
    fill,
    delivery,
    iterationMs,
    idleDeviceMs: groupDevices * iterationMs - busyBefore - fill.filledDeviceMs - leftDeviceMs,
  };
}

function firstStart({ simulation: { program, startMs }, pipeline }: PipelineSimulation, stage: number): number {
  const resource = pipeline.computeOf[stage]!;
  return startMs[program.orderIds[program.orderStarts[resource]!]!]!;
}

/** The simulation behind a plan, with all operations (for timelines). */
export function simulatePlan(plan: Plan): PipelineSimulation {
  return simulateTimes(plan, plan.times, plan.warmup);
}

export function fillSlots(
  work: FrozenWork,
  run: PipelineSimulation,
  mode: FillMode,
  options: { readonly batch: number; readonly minBubbleMs: number },
): FillResult {
  const { batch, minBubbleMs } = options;
  const joint = { slots: jointIdleSlots(run, minBubbleMs), pipelineMs: run.iterationMs, replicas: run.times.replicas };
  switch (mode) {
    case 'none':
      return { ...fillGreedily(work, { ...joint, slots: [] }, { batch }), mode };
    case 'greedy':
      return fillGreedily(work, joint, { batch });
    case 'fullOnly':
      return fillGreedily(work, joint, { batch, allowsPartial: false });
    case 'perDevice':
      return fillPerDevice(work, { ...joint, slots: idleSlotsPerStage(run, minBubbleMs) }, { batch });
    case 'exact':
      return fillExactly(work, joint, { batch });
  }
}
