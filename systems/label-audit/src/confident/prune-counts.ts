/** How many samples of each given class are to be flagged as each true class. */
import type { CountMatrix } from '../types.ts';
import { roundKeepingSum } from './rounding.ts';

export interface PruneOptions {
  /** Share of the estimated errors that is flagged, 0..1; default 1. */
  readonly fracNoise?: number;
  /** Samples that every class keeps; default 1. */
  readonly minPerClass?: number;
}

/** [true · K + given]: the transposed joint with diagonal ≥ minPerClass and off-diagonals scaled by fracNoise.
 *  Semantics of cleanlab 2.9: an increase of the diagonal is taken evenly from the column's non-zero entries. */
export function pruneCountsFromJoint(
  joint: CountMatrix,
  numClasses: number,
  { fracNoise = 1, minPerClass = 1 }: PruneOptions = {},
): CountMatrix {
  const counts = new Float64Array(joint.length);
  for (let given = 0; given < numClasses; given++) {
    let numNonZero = 0;
    for (let k = 0; k < numClasses; k++) if (joint[given * numClasses + k] !== 0) numNonZero++;
    const diagonal = joint[given * numClasses + given];
    const raised = Math.max(diagonal, minPerClass);
    const taken = (raised - diagonal) / Math.max(numNonZero - 1, 1);
    let kept = 0;
    for (let k = 0; k < numClasses; k++) {
      if (k === given) continue;
      const count = Math.max(joint[given * numClasses + k] - taken, 0);
      counts[k * numClasses + given] = Math.trunc(count * fracNoise);
      kept += count - count * fracNoise;
    }
    counts[given * numClasses + given] = Math.trunc(raised + kept);
  }
  for (let k = 0; k < numClasses; k++) roundKeepingSum(counts.subarray(k * numClasses, (k + 1) * numClasses));
  return counts;
}
