/** prune_by_noise_rate: of each pair (given, true) the counted number of rows with the largest P[true] − P[given]; of equal
 *  ones the first.  Exact in passes over blocks, with memory for twice the counts. */
import type { Pass, Passes } from '../passes.ts';
import type { ConfidentLearning } from '../types.ts';
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
  const isPredicted = (i: number) => predicted[i] === labels[i];

  const positive = createLargestOfStreams(wanted);
  yield offerMargins(positive, { labels, targets, isLeftOut: isPredicted, above: 0 });
  const isUnfilled = (pair: number) => wanted[pair] > 0 && !positive.isFilled(pair);
  const unfilled = targets.map((others, given) => others.filter((other) => isUnfilled(given * numClasses + other)));
  let all = positive;
  if (unfilled.some(({ length }) => length > 0)) {
    all = createLargestOfStreams(wanted.map((count, pair) => (isUnfilled(pair) ? count : 0)));
    yield offerMargins(all, { labels, targets: unfilled, isLeftOut: () => false, above: -Infinity });
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
  yield ({ data, numRows }, start) => {
    for (let i = start, row = 0; i < start + numRows; i++, row += numClasses) {
      const given = labels[i];
      // Rows that are predicted as given have no margin above 0, but at or below 0 they take their places too.
      const others = isPredicted(i) ? unfilled[given] : targets[given];
      const own = data[row + given];
      for (let t = 0; t < others.length; t++) {
        const pair = given * numClasses + others[t];
        const margin = marginOf(data, row + others[t], own);
        if (margin > cuts[pair] || (margin === cuts[pair] && numAtCut[pair]-- > 0)) flags[i] = 1;
      }
    }
  };
  return flags;
}

/** For each given class the true classes with a count. */
function targetsOf(wanted: Int32Array, numClasses: number): number[][] {
  return Array.from({ length: numClasses }, (_, given) => {
    const others: number[] = [];
    for (let k = 0; k < numClasses; k++) if (wanted[given * numClasses + k] > 0) others.push(k);
    return others;
  });
}

/** P[other] − P[given] in the precision of the rows: with f32 as f32, so that margins that NumPy finds equal are equal here. */
function marginOf(data: Float32Array | Float64Array, at: number, own: number): number {
  return data instanceof Float32Array ? Math.fround(data[at] - own) : data[at] - own;
}

function offerMargins(
  streams: LargestOfStreams,
  from: {
    readonly labels: ArrayLike<number>;
    readonly targets: readonly (readonly number[])[];
    readonly isLeftOut: (i: number) => boolean;
    readonly above: number;
  },
): Pass {
  const { labels, targets, isLeftOut, above } = from;
  return ({ data, numRows, numClasses }, start) => {
    for (let i = start, row = 0; i < start + numRows; i++, row += numClasses) {
      if (isLeftOut(i)) continue;
      const given = labels[i];
      const own = data[row + given];
      const others = targets[given];
      for (let t = 0; t < others.length; t++) {
        const margin = marginOf(data, row + others[t], own);
        if (margin > above) streams.offer(given * numClasses + others[t], margin);
      }
    }
  };
}
