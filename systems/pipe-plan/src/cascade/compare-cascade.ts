/** Several backbones in one iteration: two of them in opposite directions on the same devices, each on devices of its own,
 *  or one after another; each way with the frozen part in its bubbles.
 *  More than two: the largest with the smallest, pair after pair; an odd one runs alone. */
import { fillPerDevice } from '../fill/device-fill.ts';
import { createFrozenWork } from '../fill/frozen-work.ts';
import { memoryPrefixes, stageMemory, type MemoryOptions } from '../memory.ts';
import { mergeLayers } from '../merge-layers.ts';
import { costsOfBackbone, problemFromModel, timesOfPartition } from '../partition/from-model.ts';
import type { PartitionProblem } from '../partition/problem.ts';
import { pipeError } from '../pipe-errors.ts';
import { simulateList } from '../pipeline/list-schedule.ts';
import { inflightOf } from '../pipeline/one-f-one-b.ts';
import { idleSlotsPerStage } from '../pipeline/simulation.ts';
import { searchPlans } from '../search/search-plans.ts';
import type { Backbone, Cluster, DiffusionModel, FrozenComponent } from '../types.ts';
import { validateModel } from '../validate.ts';
import { partitionTwoWay, type TwoWayPartition } from './two-way-partition.ts';

export interface CascadeRow {
  readonly method: 'bidirectional' | 'side by side' | 'one after another';
  readonly settings: string;
  readonly iterationMs: number;
  /** Without filling: the frozen part first would add `frozenMs`. */
  readonly pipelineMs: number;
}

/** The two-way program's cost grows with the fourth power of the length. */
const MAX_LAYERS = 14;
const GROUP_SIZES = [2, 4, 8];
const STAGE_COUNTS = [2, 4];
const MICRO_FACTORS = [1, 2, 4];

/** @throws TF-PIPE-005 unless there are two or more backbones; -002, -003 if no way is possible */
export function compareCascade(model: DiffusionModel, cluster: Cluster, batch: number): CascadeRow[] {
  validateModel(model);
  if (model.backbones.length < 2)
    throw pipeError('TF-PIPE-005', {
      subject: 'compareCascade',
      expected: 'a model with two or more backbones',
      actual: `${model.backbones.length} in "${model.name}"`,
      hints: ['Use `pipe-plan plan` for one backbone.'],
    });
  const bySize = [...model.backbones].sort((a, b) => totalMs(b) - totalMs(a));
  const ways = [
    oneAfterAnother(bySize, model, cluster, batch),
    sideBySide(bySize, model, cluster, batch),
    bidirectional(bySize, model, cluster, batch),
  ];
  return ways.filter((row) => row !== undefined).sort((a, b) => a.iterationMs - b.iterationMs);
}

/** Frozen work goes into the bubbles of the largest backbone. */
function alone(
  backbone: Backbone,
  frozen: readonly FrozenComponent[],
  cluster: Cluster,
  batch: number,
): { iterationMs: number; pipelineMs: number } {
  const plain = frozen.map(({ id, layers, preds }) => ({ id, layers, preds }));
  const model: DiffusionModel = { name: backbone.name, backbones: [backbone], frozen: plain, origin: '' };
  return searchPlans(model, cluster, { batch, fill: 'perDevice' }).best;
}

function oneAfterAnother(
  bySize: readonly Backbone[],
  model: DiffusionModel,
  cluster: Cluster,
  batch: number,
): CascadeRow {
  const plans = bySize.map((backbone, index) => alone(backbone, index === 0 ? model.frozen : [], cluster, batch));
  return {
    method: 'one after another',
    settings: `${bySize.length} backbones`,
    iterationMs: plans.reduce((sum, plan) => sum + plan.iterationMs, 0),
    pipelineMs: plans.reduce((sum, plan) => sum + plan.pipelineMs, 0),
  };
}

/** Two backbones on every split of whole nodes (or devices of one node); the frozen part on either side. */
function sideBySide(
  bySize: readonly Backbone[],
  model: DiffusionModel,
  cluster: Cluster,
  batch: number,
): CascadeRow | undefined {
  if (bySize.length !== 2) return undefined;
  const { numDevices, devicesPerNode } = cluster;
  const unit = numDevices > devicesPerNode ? devicesPerNode : 1;
  let best: CascadeRow | undefined;
  for (let first = unit; first < numDevices; first += unit) {
    for (const holder of [0, 1]) {
      const sizes = [first, numDevices - first];
      const plans = sizes.map((count, index) => {
        try {
          return alone(bySize[index]!, index === holder ? model.frozen : [], { ...cluster, numDevices: count }, batch);
        } catch {
          return undefined; // this split divides or fits badly
        }
      });
      const [left, right] = plans;
      if (!left || !right) continue;
      const row: CascadeRow = {
        method: 'side by side',
        settings: `${sizes.join(' + ')} devices, frozen part beside "${bySize[holder]!.name}"`,
        iterationMs: Math.max(left.iterationMs, right.iterationMs),
        pipelineMs: Math.max(left.pipelineMs, right.pipelineMs),
      };
      if (!best || row.iterationMs < best.iterationMs) best = row;
    }
  }
  return best;
}

function bidirectional(
  bySize: readonly Backbone[],
  model: DiffusionModel,
  cluster: Cluster,
  batch: number,
): CascadeRow | undefined {
  const rest = [...bySize];
  const settings: string[] = [];
  let iterationMs = 0;
  let pipelineMs = 0;
  let { frozen } = model;
  while (rest.length > 1) {
    const pair = bestTwoWay([rest.shift()!, rest.pop()!], frozen, cluster, batch);
    if (!pair) return undefined;
    iterationMs += pair.iterationMs;
    pipelineMs += pair.pipelineMs;
    settings.push(pair.settings);
    frozen = [];
  }
  if (rest.length === 1) {
    const last = alone(rest[0]!, frozen, cluster, batch);
    iterationMs += last.iterationMs;
    pipelineMs += last.pipelineMs;
    settings.push(`"${rest[0]!.name}" alone`);
  }
  return { method: 'bidirectional', settings: settings.join('; '), iterationMs, pipelineMs };
}

type TwoWay = Omit<CascadeRow, 'method'>;

function bestTwoWay(
  pair: readonly [Backbone, Backbone],
  frozen: readonly FrozenComponent[],
  cluster: Cluster,
  batch: number,
): TwoWay | undefined {
  const merged = pair.map((backbone) => mergeLayers(backbone, MAX_LAYERS)) as [Backbone, Backbone];
  const costs = merged.map(costsOfBackbone);
  const work = createFrozenWork(frozen);
  let best: TwoWay | undefined;
  for (const groupDevices of GROUP_SIZES) {
    const numGroups = cluster.numDevices / groupDevices;
    if (!Number.isInteger(numGroups) || batch % numGroups !== 0) continue;
    const groupBatch = batch / numGroups;
    for (const numStages of STAGE_COUNTS.filter((count) => count <= groupDevices)) {
      for (const numMicroBatches of MICRO_FACTORS.map((factor) => factor * numStages)) {
        const microBatch = groupBatch / numMicroBatches;
        if (!Number.isInteger(microBatch)) continue;
        const problems = costs.map((each) =>
          problemFromModel(each, { cluster, groupDevices, numMicroBatches, microBatch, placement: 'pipeline-inner' }),
        ) as [PartitionProblem, PartitionProblem];
        const found = partitionTwoWay(problems[0], problems[1], numStages);
        const memory: MemoryOptions = {
          schedule: 'commAware',
          numMicroBatches,
          microBatch,
          groupBatch,
          groupDevices,
          frozen,
        };
        if (!found || peakBytesOf(merged, found, memory) > cluster.memoryBytes) continue;
        const run = simulateTwoWay(problems, found, cluster);
        const target = { slots: idleSlotsPerStage(run), pipelineMs: run.iterationMs, replicas: found.replicas };
        const fill = fillPerDevice(work, target, { batch: groupBatch });
        if (best && fill.iterationMs >= best.iterationMs) continue;
        best = {
          iterationMs: fill.iterationMs,
          pipelineMs: run.iterationMs,
          settings: `S=${numStages} M=${numMicroBatches}+${numMicroBatches} D=${groupDevices} (${found.replicas.join('+')})`,
        };
      }
    }
  }
  return best;
}

/** Every device holds a stage of both; frozen weights and outputs once. */
function peakBytesOf(
  [down, up]: readonly [Backbone, Backbone],
  { downEnds, upEnds, replicas }: TwoWayPartition,
  options: MemoryOptions,
): number {
  const numStages = replicas.length;
  const [first, second] = [memoryPrefixes(down), memoryPrefixes(up)];
  return Math.max(
    ...replicas.map((count, stage) => {
      const mirror = numStages - 1 - stage;
      const part = (ends: readonly number[], at: number) => ({
        start: ends[at - 1] ?? 0,
        end: ends[at]!,
        replicas: count,
      });
      const forth = stageMemory(first, part(downEnds, stage), { stage, numStages }, options);
      const back = stageMemory(second, part(upEnds, mirror), { stage: mirror, numStages }, options);
      return forth.totalBytes + back.totalBytes - back.frozenBytes;
    }),
  );
}

export function simulateTwoWay(
  [down, up]: readonly [PartitionProblem, PartitionProblem],
  { downEnds, upEnds, replicas }: TwoWayPartition,
  cluster: Pick<Cluster, 'overlapSlowdown'>,
) {
  const numStages = replicas.length;
  const forth = replicas.map((_, stage) => stage);
  const inflight = forth.map((stage) => inflightOf('commAware', numStages, stage, down.numMicroBatches));
  const back = [...replicas].reverse();
  return simulateList(
    [
      {
        name: 'd',
        times: timesOfPartition(down, { ends: downEnds, replicas }),
        deviceOf: forth,
        inflight,
      },
      {
        name: 'u',
        times: timesOfPartition(up, { ends: upEnds, replicas: back }),
        deviceOf: [...forth].reverse(),
        inflight,
      },
    ],
    numStages,
    cluster.overlapSlowdown,
  );
}

function totalMs({ layers }: Backbone): number {
  return layers.reduce((sum, { forward, backward }) => sum + forward.timesMs.at(-1)! + backward!.timesMs.at(-1)!, 0);
}
