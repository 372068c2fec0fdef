/** prune_by_noise_rate: of each pair (given, true) the counted number of rows with the largest P[true] − P[given]; of equal
 *  ones the first.  Exact in passes over blocks, with memory for twice the counts. */
import type { Passes } from '../passes.ts';
import type { ConfidentLearning, Probabilities } from '../types.ts';
import { createLargestOfStreams } from './largest-margins.ts';
import type { LargestOfStreams } from './largest-margins.ts';
import { pruneCountsFromJoint } from './prune-counts.ts';
import type { PruneOptions } from './prune-counts.ts';

/** Rows that are predicted as given have no positive margin and are never flagged in the end, so a pass over the others
 *  settles every pair that finds enough positive margins there; only pairs that do not need the margins of all rows.
 *  @returns [N] 1 where flagged */
export function* noiseRatePasses(
  labels: ArrayLike<number>,
  learned: ConfidentLearning,
  prune: PruneOptions,
): Passes<Uint8Array> {
  const { labelCounts, joint, numClasses, predicted } = learned;
  const counts = pruneCountsFromJoint(joint, numClasses, prune);
  const minPerClass = prune.minPerClass ?? 1;
  // [given · K + true], unlike the counts
  const wanted = new Int32Array(numClasses * numClasses);
  for (let given = 0; given < numClasses; given++) {
    if (labelCounts[given] <= minPerClass) continue;
    for (let other = 0; other < numClasses; other++) {
      if (other !== given) wanted[given * numClasses + other] = counts[other * numClasses + given];
    }
  }
  const targets = targetsOf(wanted, numClasses);

  const positive = createLargestOfStreams(wanted);
  yield (block, start) => offerMargins(positive, block, start, { labels, targets, leftOut: predicted, above: 0 });
  const isUnfilled = (pair: number) => wanted[pair] > 0 && !positive.isFilled(pair);
  const unfilled = targets.map((others, given) => others.filter((other) => isUnfilled(given * numClasses + other)));
  let all = positive;
  if (unfilled.some(({ length }) => length > 0)) {
    all = createLargestOfStreams(wanted.map((count, pair) => (isUnfilled(pair) ? count : 0)));
    const others = all;
    yield (block, start) => offerMargins(others, block, start, { labels, targets: unfilled, above: -Infinity });
  }

  // Rows above the cut are flagged; of those at the cut as many as are left.
  const cuts = new Float64Array(wanted.length).fill(Infinity);
  const numAtCut = new Int32Array(wanted.length);
  targets.forEach((others, given) => {
    for (const other of others) {
      const pair = given * numClasses + other;
      const streams = isUnfilled(pair) ? all : positive;
      cuts[pair] = streams.cutOf(pair);
      numAtCut[pair] = streams.numAtCut(pair);
    }
  });
  const flags = new Uint8Array(labels.length);
  yield (block, start) => flagMargins(flags, block, start, { labels, predicted, targets, unfilled, cuts, numAtCut });
  return flags;
}

/** Functions of their own below, as their loops run faster with locals than with the variables of a generator.
 *  Mutates: flags, numAtCut. */
function flagMargins(
  flags: Uint8Array,
  { data, numRows, numClasses }: Probabilities,
  start: number,
  {
    labels,
    predicted,
    targets,
    unfilled,
    cuts,
    numAtCut,
  }: {
    readonly labels: ArrayLike<number>;
    readonly predicted: Uint16Array;
    readonly targets: readonly Int32Array[];
    readonly unfilled: readonly Int32Array[];
    readonly cuts: Float64Array;
    readonly numAtCut: Int32Array;
  },
): void {
  for (let i = start, row = 0; i < start + numRows; i++, row += numClasses) {
    const given = labels[i];
    // Rows that are predicted as given have no margin above 0, but at or below 0 they take their places too.
    const others = predicted[i] === given ? unfilled[given] : targets[given];
    const own = data[row + given];
    for (let t = 0; t < others.length; t++) {
      const pair = given * numClasses + others[t];
      const margin = marginOf(data, row + others[t], own);
      if (margin > cuts[pair] || (margin === cuts[pair] && numAtCut[pair]-- > 0)) flags[i] = 1;
    }
  }
}

/** For each given class the true classes with a count. */
function targetsOf(wanted: Int32Array, numClasses: number): Int32Array[] {
  return Array.from({ length: numClasses }, (_, given) => {
    const others: number[] = [];
    for (let k = 0; k < numClasses; k++) if (wanted[given * numClasses + k] > 0) others.push(k);
    return Int32Array.from(others);
  });
}

/** P[other] − P[given] in the precision of the rows: with f32 as f32, so that margins that NumPy finds equal are equal here. */
function marginOf(data: Float32Array | Float64Array, at: number, own: number): number {
  return data instanceof Float32Array ? Math.fround(data[at] - own) : data[at] - own;
}

/** @param from.leftOut  rows of this class as given are left out */
function offerMargins(
  streams: LargestOfStreams,
  { data, numRows, numClasses }: Probabilities,
  start: number,
  {
    labels,
    targets,
    leftOut,
    above,
  }: {
    readonly labels: ArrayLike<number>;
    readonly targets: readonly Int32Array[];
    readonly leftOut?: Uint16Array;
    readonly above: number;
  },
): void {
  for (let i = start, row = 0; i < start + numRows; i++, row += numClasses) {
    const given = labels[i];
    if (leftOut !== undefined && leftOut[i] === given) continue;
    const own = data[row + given];
    const others = targets[given];
    for (let t = 0; t < others.length; t++) {
      const margin = marginOf(data, row + others[t], own);
      if (margin > above) streams.offer(given * numClasses + others[t], margin);
    }
  }
}
