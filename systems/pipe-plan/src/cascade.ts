/** Several backbones in one iteration: two of them in opposite directions on the same devices (as Chimera places its
 *  pipelines), each on devices of its own, or one after another.
 *
 *  Bidirectional: group g holds stage g of the first and stage S−1−g of the second. State (j, k, s, u, r): j layers of
 *  the first and a suffix from k of the second on the first s groups; minimise (M₁+M₂+2S−2)·W + Y with W over stages
 *  and channels of both. Synchronisation is not credited with earlier stages' drains here, since both ends drain.
 *  More than two: the largest with the smallest, pair after pair.   Source: DiffusionPipe (arXiv 2405.01248); details ours. */
import { frozenMs, createFrozenWork } from './fill/frozen-work.ts';
import { mergeLayers } from './merge-layers.ts';
import { costsOfBackbone, problemFromModel, timesOfPartition } from './partition/from-model.ts';
import { cutMs, linkIndex, syncMs, type PartitionProblem } from './partition/problem.ts';
import { pipeError } from './pipe-errors.ts';
import { inflightOf } from './pipeline/one-f-one-b.ts';
import { simulateList } from './pipeline/list-schedule.ts';
import { searchPlans } from './search/search-plans.ts';
import type { Backbone, Cluster, DiffusionModel } from './types.ts';
import { validateModel } from './validate.ts';

export interface CascadeRow {
  readonly method: 'bidirectional' | 'side by side' | 'one after another';
  readonly settings: string;
  readonly iterationMs: number;
}

export interface TwoWayPartition {
  readonly downEnds: readonly number[];
  /** Of the second backbone by its own stages. */
  readonly upEnds: readonly number[];
  readonly replicas: readonly number[];
  readonly boundMs: number;
}

const MAX_LAYERS = 14;

/** Exact over its state space. Cost: O(S·L₁²·L₂²·D²·R), so layers are merged first. */
export function partitionTwoWay(
  down: PartitionProblem,
  up: PartitionProblem,
  numStages: number,
): TwoWayPartition | undefined {
  const weight = down.numMicroBatches + up.numMicroBatches + 2 * numStages - 2;
  interface Entry {
    readonly slowest: number;
    readonly exposed: number;
    readonly downEnd: number;
    readonly upStart: number;
    readonly used: number;
    readonly index: number;
    readonly parent: Entry | undefined;
  }
  const stageMs = (problem: PartitionProblem, start: number, end: number, index: number): number =>
    problem.forwardPrefixMs[index]![end]! -
    problem.forwardPrefixMs[index]![start]! +
    (problem.backwardPrefixMs[index]![end]! - problem.backwardPrefixMs[index]![start]!);
  const channelMs = (problem: PartitionProblem, cut: number, link: number): number => {
    const [forward, backward] = cutMs(problem, cut, link);
    return forward + backward;
  };
  let level: Entry[] = [
    { slowest: 0, exposed: 0, downEnd: 0, upStart: up.numLayers, used: 0, index: -1, parent: undefined },
  ];
  for (let stage = 0; stage < numStages; stage++) {
    const left = numStages - stage - 1;
    const fronts = new Map<number, Entry[]>();
    for (const entry of level) {
      for (let index = 0; index < down.replicas.length; index++) {
        const count = down.replicas[index]!;
        const used = entry.used + count;
        if (used + left > down.numDevices || (left === 0 && used !== down.numDevices)) continue;
        let ground = entry.slowest;
        const place = entry.used * down.replicas.length + index;
        if (entry.index >= 0) {
          const link = linkIndex(down, entry.used, entry.index, index);
          ground = Math.max(ground, channelMs(down, entry.downEnd, link), channelMs(up, entry.upStart, link));
        }
        const firstEnd = left === 0 ? down.numLayers : entry.downEnd + 1;
        for (let downEnd = firstEnd; downEnd <= down.numLayers - left; downEnd++) {
          const downMs = stageMs(down, entry.downEnd, downEnd, index);
          const downSync = syncMs(down, entry.downEnd, downEnd, place);
          const lastStart = left === 0 ? 0 : entry.upStart - 1;
          for (let upStart = lastStart; upStart >= left; upStart--) {
            const slowest = Math.max(ground, downMs, stageMs(up, upStart, entry.upStart, index));
            const exposed = Math.max(entry.exposed, downSync + syncMs(up, upStart, entry.upStart, place));
            const key =
              ((downEnd * (up.numLayers + 1) + upStart) * (down.numDevices + 1) + used) * down.replicas.length + index;
            const front = fronts.get(key) ?? [];
            if (!front.some((other) => other.slowest <= slowest && other.exposed <= exposed)) {
              const kept = front.filter((other) => !(slowest <= other.slowest && exposed <= other.exposed));
              kept.push({ slowest, exposed, downEnd, upStart, used, index, parent: entry });
              fronts.set(key, kept);
            }
            if (left === 0) break;
          }
        }
      }
    }
    level = [...fronts.values()].flat();
  }
  let best: Entry | undefined;
  for (const entry of level)
    if (!best || weight * entry.slowest + entry.exposed < weight * best.slowest + best.exposed) best = entry;
  if (!best) return undefined;
  const downEnds: number[] = [];
  const upEnds: number[] = [];
  const replicas: number[] = [];
  for (let entry: Entry | undefined = best; entry?.parent; entry = entry.parent) {
    downEnds.unshift(entry.downEnd);
    upEnds.push(entry.parent.upStart);
    replicas.unshift(down.replicas[entry.index]!);
  }
  return { downEnds, upEnds, replicas, boundMs: weight * best.slowest + best.exposed };
}

/** Rows of all three ways, simulated; the frozen part runs first in each. */
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
  const frozen = frozenMs(createFrozenWork(model.frozen), batch, cluster.numDevices);
  const alone = (backbone: Backbone, devices: Cluster): number =>
    searchPlans({ ...model, backbones: [backbone], frozen: [] }, devices, { batch, fill: 'none' }).best.iterationMs;
  const sequentialMs = bySize.reduce((sum, backbone) => sum + alone(backbone, cluster), 0);
  const rows: CascadeRow[] = [
    { method: 'one after another', settings: `${bySize.length} backbones`, iterationMs: frozen + sequentialMs },
  ];
  const half = { ...cluster, numDevices: cluster.numDevices / 2 };
  if (bySize.length === 2 && Number.isInteger(half.numDevices))
    rows.push({
      method: 'side by side',
      settings: 'half of the devices each',
      iterationMs: frozen + Math.max(...bySize.map((backbone) => alone(backbone, half))),
    });
  let pairsMs = 0;
  const settings: string[] = [];
  const rest = [...bySize];
  while (rest.length > 1) {
    const pair = bestTwoWay(rest.shift()!, rest.pop()!, cluster, batch);
    if (!pair) return rows;
    pairsMs += pair.iterationMs;
    settings.push(pair.settings);
  }
  if (rest.length === 1) pairsMs += alone(rest[0]!, cluster);
  rows.push({ method: 'bidirectional', settings: settings.join('; '), iterationMs: frozen + pairsMs });
  return rows.sort((a, b) => a.iterationMs - b.iterationMs);
}

function bestTwoWay(
  first: Backbone,
  second: Backbone,
  cluster: Cluster,
  batch: number,
): { iterationMs: number; settings: string } | undefined {
  const costs = [first, second].map((backbone) => costsOfBackbone(mergeLayers(backbone, MAX_LAYERS)));
  let best: { iterationMs: number; settings: string } | undefined;
  for (const groupDevices of [2, 4, 8]) {
    const numGroups = cluster.numDevices / groupDevices;
    if (!Number.isInteger(numGroups) || batch % numGroups !== 0) continue;
    for (const numStages of [2, 4]) {
      if (numStages > groupDevices) continue;
      for (const numMicroBatches of [numStages, 2 * numStages, 4 * numStages]) {
        const microBatch = batch / numGroups / numMicroBatches;
        if (!Number.isInteger(microBatch)) continue;
        const [down, up] = costs.map((each) =>
          problemFromModel(each, { cluster, groupDevices, numMicroBatches, microBatch, placement: 'pipeline-inner' }),
        ) as [PartitionProblem, PartitionProblem];
        const found = partitionTwoWay(down, up, numStages);
        if (!found) continue;
        const inflight = found.replicas.map((_, stage) => inflightOf('commAware', numStages, stage, numMicroBatches));
        const forth = found.replicas.map((_, stage) => stage);
        const run = simulateList(
          [
            {
              name: 'd',
              times: timesOfPartition(down, { ends: found.downEnds, replicas: found.replicas }),
              deviceOf: forth,
              inflight,
            },
            {
              name: 'u',
              times: timesOfPartition(up, { ends: found.upEnds, replicas: [...found.replicas].reverse() }),
              deviceOf: [...forth].reverse(),
              inflight,
            },
          ],
          numStages,
          cluster.overlapSlowdown,
        );
        if (!best || run.iterationMs < best.iterationMs)
          best = {
            iterationMs: run.iterationMs,
            settings: `S=${numStages} M=${numMicroBatches}+${numMicroBatches} D=${groupDevices} (${found.replicas.join('+')})`,
          };
      }
    }
  }
  return best;
}

function totalMs({ layers }: Backbone): number {
  return layers.reduce((sum, { forward, backward }) => sum + forward.timesMs.at(-1)! + backward!.timesMs.at(-1)!, 0);
}
