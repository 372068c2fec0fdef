/** From layer profiles and a cluster to the numbers of the partition problem, and from a partition to pipeline times. */
import { costAt, createCostTable, type CostTable } from '@tenfold/core/schedule';
import { createNetworkCosts, type NetworkCosts } from '../network.ts';
import { cutBytes } from '../cuts.ts';
import type { Backbone, Cluster, PipelineTimes, Placement, TimeTable } from '../types.ts';
import { cutMs, linkIndex, syncMs, type Partition, type PartitionProblem } from './problem.ts';

export interface ProblemOptions {
  readonly cluster: Cluster;
  /** D. */
  readonly groupDevices: number;
  readonly numMicroBatches: number;
  /** b: samples of a micro-batch of the group. */
  readonly microBatch: number;
  readonly placement: Placement;
  readonly forwardPasses?: 1 | 2;
  /** Replicas may get unequal shares; the largest counts. Default false. */
  readonly allowsUneven?: boolean;
  /** The backward pass runs the forward pass again. Default false. */
  readonly recomputes?: boolean;
}

/** Tables of a backbone, made once for many problems. */
export interface BackboneCosts {
  readonly backbone: Backbone;
  readonly forward: readonly CostTable[];
  readonly backward: readonly CostTable[];
  readonly cuts: readonly { readonly forward: number; readonly backward: number }[];
}

export function costsOfBackbone(backbone: Backbone): BackboneCosts {
  const { layers } = backbone;
  return {
    backbone,
    forward: layers.map((layer) => tableOf(layer.forward)),
    backward: layers.map((layer) => tableOf(layer.backward!)),
    cuts: layers.map((_, layer) => (layer === 0 ? { forward: 0, backward: 0 } : cutBytes(backbone, layer))),
  };
}

export function problemFromModel(costs: BackboneCosts, options: ProblemOptions): PartitionProblem {
  const { cluster, groupDevices, microBatch, placement, allowsUneven = false, recomputes = false } = options;
  const { layers } = costs.backbone;
  const numLayers = layers.length;
  const replicas: number[] = [];
  for (let count = 1; count <= Math.min(groupDevices, microBatch); count++)
    if (allowsUneven || microBatch % count === 0) replicas.push(count);
  const network = createNetworkCosts(cluster, groupDevices, placement);
  const prefix = (next: (layer: number) => number): Float64Array => {
    const sums = new Float64Array(numLayers + 1);
    for (let layer = 0; layer < numLayers; layer++) sums[layer + 1] = sums[layer]! + next(layer);
    return sums;
  };
  const share = (count: number): number => Math.ceil(microBatch / count);
  return {
    numLayers,
    numDevices: groupDevices,
    numMicroBatches: options.numMicroBatches,
    replicas,
    forwardPrefixMs: replicas.map((count) => prefix((layer) => costAt(costs.forward[layer]!, share(count)))),
    backwardPrefixMs: replicas.map((count) =>
      prefix(
        (layer) =>
          costAt(costs.backward[layer]!, share(count)) + (recomputes ? costAt(costs.forward[layer]!, share(count)) : 0),
      ),
    ),
    cutForwardBytes: Float64Array.from(costs.cuts, ({ forward }) => forward * microBatch),
    cutBackwardBytes: Float64Array.from(costs.cuts, ({ backward }) => backward * microBatch),
    ...networkTables(network, groupDevices, replicas),
    gradPrefixBytes: prefix((layer) => layers[layer]!.gradBytes),
    forwardPasses: options.forwardPasses ?? 1,
  };
}

function networkTables(
  network: NetworkCosts,
  groupDevices: number,
  replicas: readonly number[],
): Pick<PartitionProblem, 'cutMsPerByte' | 'cutLatencyMs' | 'syncFixedMs' | 'syncMsPerByte' | 'syncCards'> {
  const places = (groupDevices + 1) * replicas.length;
  const cutMsPerByte = new Float64Array(places * replicas.length);
  const cutLatencyMs = new Float64Array(places * replicas.length);
  const syncFixedMs = new Float64Array(places);
  const syncMsPerByte = new Float64Array(places);
  const syncCards: (readonly number[])[] = Array.from({ length: places }, () => []);
  for (let position = 0; position < groupDevices; position++) {
    replicas.forEach((right, index) => {
      if (position + right > groupDevices) return;
      const place = position * replicas.length + index;
      const sync = network.sync(position, right);
      syncFixedMs[place] = sync.fixedMs;
      syncMsPerByte[place] = sync.msPerByte;
      syncCards[place] = sync.cards;
      replicas.forEach((left, leftIndex) => {
        if (left > position) return;
        const cut = network.transfer({ start: position - left, count: left }, { start: position, count: right });
        const link = linkIndex({ replicas }, position, leftIndex, index);
        cutMsPerByte[link] = cut.msPerByte;
        cutLatencyMs[link] = cut.latencyMs;
      });
    });
  }
  return { cutMsPerByte, cutLatencyMs, syncFixedMs, syncMsPerByte, syncCards };
}

export function timesOfPartition(
  problem: PartitionProblem,
  { ends, replicas }: Pick<Partition, 'ends' | 'replicas'>,
): PipelineTimes {
  const indexOf = (stage: number): number => problem.replicas.indexOf(replicas[stage]!);
  const startOf = (stage: number): number => ends[stage - 1] ?? 0;
  const part = (prefixes: readonly Float64Array[]): number[] =>
    ends.map((end, stage) => prefixes[indexOf(stage)]![end]! - prefixes[indexOf(stage)]![startOf(stage)]!);
  let position = 0;
  const positions = replicas.map((count) => (position += count) - count);
  const placeOf = (stage: number): number => positions[stage]! * problem.replicas.length + indexOf(stage);
  const cuts = ends
    .slice(0, -1)
    .map((end, stage) =>
      cutMs(problem, end, linkIndex(problem, positions[stage + 1]!, indexOf(stage), indexOf(stage + 1))),
    );
  return {
    numMicroBatches: problem.numMicroBatches,
    forwardMs: part(problem.forwardPrefixMs),
    backwardMs: part(problem.backwardPrefixMs),
    cutForwardMs: cuts.map(([forward]) => forward),
    cutBackwardMs: cuts.map(([, backward]) => backward),
    syncMs: ends.map((end, stage) => syncMs(problem, startOf(stage), end, placeOf(stage))),
    syncCards: ends.map((_, stage) => problem.syncCards?.[placeOf(stage)] ?? []),
    replicas,
  };
}

export function tableOf({ sizes, timesMs }: TimeTable): CostTable {
  return createCostTable(sizes.map((size, k) => [size, timesMs[k]!] as const));
}
