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
    cutForwardMs: cut(),
    cutBackwardMs: cut(),
    latencyMs: 0.5 * rng.uniform(),
    gradPrefixBytes: prefix(numLayers, () => 40 * rng.uniform()),
    syncFixedMs: Float64Array.from(replicas, (r) => 0.1 * r),
    syncMsPerByte: Float64Array.from(replicas, (r) => (2 * (2 * r - 1)) / (2 * r)),
    forwardPasses: 1,
  };
}
