/** Random partition problems: what the programs are checked on. */
import type { Rng } from '@tenfold/core/base';
import type { PartitionProblem } from './partition/problem.ts';

export function randomProblem(
  rng: Rng,
  numLayers: number,
  numDevices: number,
  numMicroBatches: number,
): PartitionProblem {
  const prefix = (count: number, next: () => number): Float64Array => {
    const sums = new Float64Array(count + 1);
    for (let i = 0; i < count; i++) sums[i + 1] = sums[i]! + next();
    return sums;
  };
  const replicas = Array.from({ length: numDevices }, (_, index) => index + 1);
  const byPosition = (at: (r: number, position: number) => number): Float64Array =>
    Float64Array.from({ length: (numDevices + 1) * numDevices }, (_, place) =>
      at(replicas[place % numDevices]!, Math.floor(place / numDevices)),
    );
  const latencyMs = 0.5 * rng.uniform();
  // Some positions lie between nodes, where a byte takes longer.
  const slower = Array.from({ length: numDevices + 1 }, () => (rng.uniform() < 0.3 ? 1 + 3 * rng.uniform() : 1));
  const forward = prefix(numLayers, () => 1 + 9 * rng.uniform());
  const backward = prefix(numLayers, () => 2 + 18 * rng.uniform());
  const cut = (): Float64Array => Float64Array.from({ length: numLayers + 1 }, () => 8 * rng.uniform());
  // Replicas share a micro-batch imperfectly: 1 / r^0.9.
  const shared = (sums: Float64Array): Float64Array[] => replicas.map((r) => sums.map((value) => value / r ** 0.9));
  return {
    numLayers,
    numDevices,
    numMicroBatches,
    replicas,
    forwardPrefixMs: shared(forward),
    backwardPrefixMs: shared(backward),
    cutForwardBytes: cut(),
    cutBackwardBytes: cut(),
    ...links(latencyMs, slower),
    gradPrefixBytes: prefix(numLayers, () => 40 * rng.uniform()),
    syncFixedMs: byPosition((r) => 0.1 * r),
    syncMsPerByte: byPosition((r, position) => (slower[position]! * 2 * (2 * r - 1)) / (2 * r)),
    forwardPasses: 1,
  };
}

/** Every device has links of its own. @param slower  factor by position */
function links(latencyMs: number, slower: readonly number[]): Pick<PartitionProblem, 'cutMsPerByte' | 'cutLatencyMs'> {
  const numDevices = slower.length - 1;
  const size = (numDevices + 1) * numDevices ** 2;
  return {
    cutLatencyMs: new Float64Array(size).fill(latencyMs),
    cutMsPerByte: Float64Array.from({ length: size }, (_, link) => {
      const left = Math.floor(link / numDevices) % numDevices;
      const right = link % numDevices;
      return slower[Math.floor(link / numDevices ** 2)]! / (1 + Math.min(left, right));
    }),
  };
}
