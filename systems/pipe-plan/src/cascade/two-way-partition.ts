/** Stages of two backbones that run in opposite directions on the same device groups (as Chimera places its pipelines).
 *
 *  Group g holds stage g of the first and stage S−1−g of the second. State (j, k, s, u, r): j layers of the first and a
 *  suffix from k of the second on the first s groups; minimise (M₁+M₂+2S−2)·W + Y with W over stages and channels of
 *  both. Synchronisation is not credited with earlier stages' drains here, since both ends drain.
 *  Source: DiffusionPipe (arXiv 2405.01248), bidirectional pipelining; details ours. */
import { cutMs, linkIndex, syncMs, type PartitionProblem } from '../partition/problem.ts';

export interface TwoWayPartition {
  readonly downEnds: readonly number[];
  /** Of the second backbone by its own stages. */
  readonly upEnds: readonly number[];
  readonly replicas: readonly number[];
  readonly boundMs: number;
}

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
