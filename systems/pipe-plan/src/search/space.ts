/** One planning question: model, cluster and options, with tables that all its candidates share. */
import { createFrozenWork, type FrozenWork } from '../fill/frozen-work.ts';
import { coarsenModel } from '../merge-layers.ts';
import { memoryPrefixes, stageMemory, type MemoryOptions, type MemoryPrefixes } from '../memory.ts';
import { costsOfBackbone, problemFromModel, type BackboneCosts } from '../partition/from-model.ts';
import type { Partition, PartitionProblem } from '../partition/problem.ts';
import { pipeError } from '../pipe-errors.ts';
import type { Candidate, PlanOptions } from '../plan-types.ts';
import type { Cluster, DiffusionModel } from '../types.ts';
import { validateModel } from '../validate.ts';

export interface Space {
  readonly model: DiffusionModel;
  readonly cluster: Cluster;
  readonly options: PlanOptions;
  readonly costs: BackboneCosts;
  readonly prefixes: MemoryPrefixes;
  readonly work: FrozenWork;
}

/** What a candidate is before its partition is known. */
export type Point = Pick<Candidate, 'groupDevices' | 'numMicroBatches' | 'numStages' | 'warmup' | 'recomputes'>;

/** Bytes of a stage on one device. */
export type StageBytes = (start: number, end: number, replicas: number, stage: number) => number;

/** @throws TF-PIPE-001, -004 on a bad model, -005 on several backbones */
export function createSpace(model: DiffusionModel, cluster: Cluster, options: PlanOptions): Space {
  validateModel(model);
  if (model.backbones.length > 1)
    throw pipeError('TF-PIPE-005', {
      subject: 'searchPlans',
      expected: 'a model with one backbone',
      actual: `${model.backbones.length} in "${model.name}"`,
      hints: ['Use `pipe-plan cascade` (compareCascade) for several backbones.'],
    });
  const coarse = coarsenModel(model);
  const backbone = coarse.backbones[0]!;
  return {
    model: coarse,
    cluster,
    options,
    costs: costsOfBackbone(backbone),
    prefixes: memoryPrefixes(backbone),
    work: createFrozenWork(model.frozen),
  };
}

export function groupBatchOf({ cluster, options }: Space, groupDevices: number): number {
  return (options.batch * groupDevices) / cluster.numDevices;
}

export function problemOf(
  space: Space,
  { groupDevices, numMicroBatches, recomputes }: Pick<Point, 'groupDevices' | 'numMicroBatches' | 'recomputes'>,
): PartitionProblem {
  const { cluster, options, costs, model } = space;
  return problemFromModel(costs, {
    cluster,
    groupDevices,
    numMicroBatches,
    microBatch: groupBatchOf(space, groupDevices) / numMicroBatches,
    placement: options.placement ?? 'pipeline-inner',
    recomputes,
    forwardPasses: model.selfConditioning ? 2 : 1,
    ...(options.allowsUneven === undefined ? {} : { allowsUneven: options.allowsUneven }),
  });
}

export function memoryOptionsOf(space: Space, point: Point): MemoryOptions {
  const { groupDevices, numMicroBatches, warmup, recomputes } = point;
  const groupBatch = groupBatchOf(space, groupDevices);
  return {
    schedule: warmup,
    numMicroBatches,
    microBatch: groupBatch / numMicroBatches,
    groupBatch,
    groupDevices,
    frozen: space.model.frozen,
    recomputes,
  };
}

export function stageBytesOf(space: Space, point: Point): StageBytes {
  const memory = memoryOptionsOf(space, point);
  return (start, end, replicas, stage) =>
    stageMemory(space.prefixes, { start, end, replicas }, { stage, numStages: point.numStages }, memory).totalBytes;
}

export function peakBytesOf({ ends, replicas }: Pick<Partition, 'ends' | 'replicas'>, bytesOf: StageBytes): number {
  return Math.max(...ends.map((end, stage) => bytesOf(ends[stage - 1] ?? 0, end, replicas[stage]!, stage)));
}
