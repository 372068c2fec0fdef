/** The smallest memory cap under which a plan exists, and why a search found none. */
import { pipeError } from '../pipe-errors.ts';
import type { PartitionProblem } from '../partition/problem.ts';
import type { StageBytes } from './space.ts';

/** Least possible peak over all partitions into `numStages` stages on all devices: dynamic program over
 *  (stage, layers, devices). Cost: O(S·L²·D·R). */
export function leastPeakBytes(
  { numLayers, numDevices, replicas }: PartitionProblem,
  numStages: number,
  bytesOf: StageBytes,
): number {
  const at = (layer: number, used: number): number => layer * (numDevices + 1) + used;
  let level = new Float64Array((numLayers + 1) * (numDevices + 1)).fill(Infinity);
  level[0] = 0;
  for (let stage = 0; stage < numStages; stage++) {
    const next = new Float64Array(level.length).fill(Infinity);
    const isLast = stage === numStages - 1;
    for (let start = stage; start < numLayers; start++) {
      for (let used = stage; used < numDevices; used++) {
        const before = level[at(start, used)]!;
        if (before === Infinity) continue;
        for (const count of replicas) {
          const after = used + count;
          if (after > numDevices) break;
          if (isLast !== (after === numDevices)) continue;
          for (let end = isLast ? numLayers : start + 1; end <= (isLast ? numLayers : numLayers - 1); end++) {
            const peak = Math.max(before, bytesOf(start, end, count, stage));
            if (peak < next[at(end, after)]!) next[at(end, after)] = peak;
          }
        }
      }
    }
    level = next;
  }
  return level[at(numLayers, numDevices)]!;
}

export interface FailedSearch {
  readonly batch: number;
  readonly numDevices: number;
  readonly numLayers: number;
  readonly memoryBytes: number;
  readonly groupDevices?: number | undefined;
  readonly numStages?: number | undefined;
  readonly numMicroBatches?: number | undefined;
  readonly allowsUneven?: boolean | undefined;
  /** Infinity if no point of the search could be divided. */
  readonly leastBytes: number;
}

/** @throws TF-PIPE-002, -003 or -005: the reason */
export function failSearch(asked: FailedSearch): never {
  const { batch, numDevices, numLayers, memoryBytes, groupDevices, numStages, numMicroBatches, leastBytes } = asked;
  if (groupDevices !== undefined && numDevices % groupDevices !== 0)
    throw pipeError('TF-PIPE-005', {
      subject: 'searchPlans',
      expected: `a group size that divides ${numDevices} devices`,
      actual: String(groupDevices),
    });
  const most = Math.min(numLayers, groupDevices ?? numDevices);
  if (numStages !== undefined && numStages > most)
    throw pipeError('TF-PIPE-005', {
      subject: 'searchPlans',
      expected: `at most ${most} stages (${numLayers} layers, ${groupDevices ?? numDevices} devices)`,
      actual: String(numStages),
    });
  if (leastBytes > memoryBytes && leastBytes < Infinity)
    throw pipeError('TF-PIPE-003', {
      subject: 'searchPlans',
      expected: `a plan within ${gib(memoryBytes)} per device`,
      actual: `at least ${gib(leastBytes)}`,
      hints: [`The least cap that works here is ${gib(leastBytes)}.`],
    });
  throw pipeError('TF-PIPE-002', {
    subject: 'searchPlans',
    expected: 'a batch that pipeline groups, micro-batches and replicas divide evenly',
    actual: `batch ${batch} on ${numDevices} devices${numMicroBatches === undefined ? '' : ` in ${numMicroBatches} micro-batches`}`,
    hints: [dividingHint(asked)],
  });
}

/** Fewer micro-batches than stages leave devices idle and are not searched, but may be asked for. */
function dividingHint({
  batch,
  numDevices,
  groupDevices,
  numStages,
  numMicroBatches,
  numLayers,
  allowsUneven,
}: FailedSearch): string {
  const next = Math.ceil(batch / numDevices) * numDevices;
  if (numMicroBatches !== undefined)
    return allowsUneven
      ? `Use a number of micro-batches that divides the batch of a group.`
      : 'Use a number of micro-batches that divides the batch of a group, or allow uneven shares.';
  const stages = Math.min(groupDevices ?? numDevices, numLayers);
  const canName = numStages === undefined && (groupDevices ?? numDevices) === stages && batch < stages;
  return canName
    ? `Use batch ${next}, or name ${stages} stages and ${batch} micro-batches, which are fewer than is searched.`
    : `Use batch ${next}${allowsUneven ? '' : ', or allow uneven shares'}.`;
}

const gib = (bytes: number): string => `${(Math.ceil((bytes / 1024 ** 3) * 100) / 100).toFixed(2)} GiB`;
