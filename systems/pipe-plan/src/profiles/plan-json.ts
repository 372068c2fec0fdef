/** The plan as plain JSON: what runners execute, and what `check` and `compare-traces` read. */
import { placeStages } from '../network.ts';
import { pipeError } from '../pipe-errors.ts';
import type { Plan } from '../plan-types.ts';
import { simulatePlan } from '../search/filled-plan.ts';
import type { Architecture, FrozenSpan, PipelineTimes, Stage, Warmup } from '../types.ts';
import { predictedModes, type PredictedModes } from './predicted-modes.ts';
import { devicePrograms, type DeviceProgram } from './device-program.ts';

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
  /** Chance of the extra forward pass; absent without self-conditioning. */
  readonly selfConditioning?: number;
  /** `ranks[group][replica]`. */
  readonly stages: readonly (Stage & { readonly ranks: readonly (readonly number[])[] })[];
  /** Every device of a group: alike in all groups. */
  readonly devices: readonly DeviceProgram[];
  /** True if every sample's frozen layers run on one device, as runners need it. */
  readonly keepsSamplesInPlace: boolean;
  readonly layers: readonly { readonly name: string; readonly paramBytes: number }[];
  readonly components: readonly {
    readonly id: string;
    readonly numLayers: number;
    readonly preds: readonly string[];
  }[];
  readonly architecture?: Architecture;
  readonly times: PipelineTimes;
  readonly fill: readonly FrozenSpan[];
  readonly predicted: {
    readonly pipelineMs: number;
    readonly iterationMs: number;
    readonly bubbleRatio: number;
    readonly peakBytes: number;
    readonly memoryBytes: number;
    /** What every mode of the runner takes, the update included; absent where it does not run. */
    readonly modesMs?: PredictedModes;
  };
}

export function planFileFrom(plan: Plan): PlanFile {
  const { stages, placement, numGroups, numMicroBatches, model, fill } = plan;
  const ranks = placeStages(
    numGroups,
    stages.map(({ replicas }) => replicas),
    placement,
  );
  const devices = devicePrograms(stages, simulatePlan(plan), fill.spans);
  const modesMs = predictedModes(plan);
  return {
    format: 'tenfold-pipe-plan',
    version: 1,
    model: model.name,
    numDevices: plan.cluster.numDevices,
    batch: plan.batch,
    numGroups,
    groupDevices: plan.groupDevices,
    numMicroBatches,
    microBatch: plan.microBatch,
    warmup: plan.warmup,
    recomputes: plan.recomputes,
    ...(model.selfConditioning ? { selfConditioning: model.selfConditioning.probability } : {}),
    stages: stages.map((stage, index) => ({ ...stage, ranks: ranks.map((group) => group[index]!) })),
    devices,
    keepsSamplesInPlace: keepsSamplesInPlace(devices),
    layers: model.backbones[0]!.layers.map(({ name, paramBytes }) => ({ name, paramBytes })),
    components: model.frozen.map(({ id, layers, preds }) => ({ id, numLayers: layers.length, preds })),
    ...(model.architecture ? { architecture: model.architecture } : {}),
    times: plan.times,
    fill: fill.spans,
    predicted: {
      pipelineMs: plan.pipelineMs,
      iterationMs: plan.iterationMs,
      bubbleRatio: plan.filledBubbleRatio,
      peakBytes: plan.peakBytes,
      memoryBytes: plan.cluster.memoryBytes,
      ...(modesMs ? { modesMs } : {}),
    },
  };
}

function keepsSamplesInPlace(devices: readonly DeviceProgram[]): boolean {
  const deviceOf = new Map<string, number>();
  return devices.every(({ frozen }, device) =>
    frozen.every(({ component, start, count }) => {
      for (let sample = start; sample < start + count; sample++) {
        const key = `${component} ${sample}`;
        if ((deviceOf.get(key) ?? device) !== device) return false;
        deviceOf.set(key, device);
      }
      return true;
    }),
  );
}

/** @throws TF-PIPE-007 on text that is no plan, or a plan of another format or version */
export function readPlanFile(text: string, file: string): PlanFile {
  const fail = (expected: string, actual: string, cause?: unknown): never => {
    throw pipeError('TF-PIPE-007', { subject: 'readPlanFile', expected, actual, location: file, cause });
  };
  let plan: PlanFile;
  try {
    plan = JSON.parse(text) as PlanFile;
  } catch (cause) {
    return fail('a plan in JSON, as `pipe-plan export` writes it', JSON.stringify(text.slice(0, 40)), cause);
  }
  if (typeof plan !== 'object' || plan === null || plan.format !== 'tenfold-pipe-plan')
    return fail('"format": "tenfold-pipe-plan"', JSON.stringify((plan as PlanFile | null)?.format ?? null));
  if (plan.version !== 1) return fail('version 1', String(plan.version));
  for (const field of ['stages', 'devices', 'layers', 'components', 'fill'] as const)
    if (!Array.isArray(plan[field])) return fail(`a list "${field}"`, typeof plan[field]);
  return plan;
}
