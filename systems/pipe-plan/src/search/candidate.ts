/** A point of the search with its partition, simulated but not yet filled. */
import { frozenMs } from '../fill/frozen-work.ts';
import { createNetworkCosts } from '../network.ts';
import { timesOfPartition } from '../partition/from-model.ts';
import type { Partition, PartitionProblem } from '../partition/problem.ts';
import { simulateSelfConditioned } from '../pipeline/list-schedule.ts';
import { simulatePipeline, type PipelineSimulation } from '../pipeline/simulation.ts';
import type { Candidate } from '../plan-types.ts';
import type { Cluster, DiffusionModel, PipelineTimes, Warmup } from '../types.ts';
import { groupBatchOf, peakBytesOf, stageBytesOf, type Point, type Space } from './space.ts';

export function candidateFrom(space: Space, problem: PartitionProblem, point: Point, chosen: Partition): Candidate {
  const { cluster, options, work, model } = space;
  const { groupDevices, numMicroBatches, numStages, warmup, recomputes } = point;
  const groupBatch = groupBatchOf(space, groupDevices);
  const microBatch = groupBatch / numMicroBatches;
  const times: PipelineTimes = {
    ...timesOfPartition(problem, chosen),
    ...(model.selfConditioning ? { feedbackMs: feedbackMs(space, chosen, groupDevices, microBatch) } : {}),
  };
  const run = simulateTimes(space, times, warmup);
  const plain = model.selfConditioning ? simulatePlain(space, times, warmup) : undefined;
  const wholeFrozenMs = frozenMs(work, groupBatch, groupDevices);
  const filled = ({ iterationMs, bubbleRatio }: PipelineSimulation): number =>
    iterationMs + Math.max(0, wholeFrozenMs - (options.fill === 'none' ? 0 : bubbleRatio * iterationMs));
  const chance = model.selfConditioning?.probability ?? 1;
  return {
    groupDevices,
    numGroups: cluster.numDevices / groupDevices,
    numStages,
    numMicroBatches,
    microBatch,
    warmup,
    recomputes,
    partition: chosen,
    times,
    pipelineMs: run.iterationMs,
    bubbleRatio: run.bubbleRatio,
    peakBytes: peakBytesOf(chosen, stageBytesOf(space, point)),
    estimateMs: chance * filled(run) + (plain ? (1 - chance) * filled(plain) : 0),
  };
}

/** c_fb: the model's output for a micro-batch on its way from the last stage to the first. */
function feedbackMs({ cluster, model, options }: Space, chosen: Partition, groupDevices: number, microBatch: number) {
  const { replicas } = chosen;
  if (replicas.length === 1) return 0;
  const network = createNetworkCosts(cluster, groupDevices, options.placement ?? 'pipeline-inner');
  const last = { start: groupDevices - replicas.at(-1)!, count: replicas.at(-1)! };
  const { msPerByte, latencyMs } = network.transfer(last, { start: 0, count: replicas[0]! });
  return latencyMs + microBatch * model.backbones[0]!.layers.at(-1)!.outputBytesPerSample * msPerByte;
}

interface Setting {
  readonly cluster: Cluster;
  readonly model: DiffusionModel;
}

/** With self-conditioning: an iteration whose coin says yes. */
export function simulateTimes(setting: Setting, times: PipelineTimes, warmup: Warmup): PipelineSimulation {
  if (!setting.model.selfConditioning) return simulatePlain(setting, times, warmup);
  return simulateSelfConditioned(times, { warmup, overlapSlowdown: setting.cluster.overlapSlowdown ?? 1 });
}

export function simulatePlain({ cluster }: Setting, times: PipelineTimes, warmup: Warmup): PipelineSimulation {
  return simulatePipeline(times, { schedule: warmup, overlapSlowdown: cluster.overlapSlowdown ?? 1 });
}
