/** Per-class thresholds of confident learning.  Source: Northcutt, Jiang & Chuang 2021 (arXiv 1911.00068), eq. 2. */
import type { Passes } from '../passes.ts';

/** Of a class without samples: above every probability. */
const UNREACHABLE_THRESHOLD = 2;
const SMALLEST_THRESHOLD = 2e-6;

export interface ClassThresholds {
  /** [K] ≥ 2e-6; 2 for an absent class. */
  readonly thresholds: Float64Array;
  /** [K] samples with each label. */
  readonly labelCounts: Uint32Array;
}

/** t_j = mean of P[i, j] over the samples i with given label j.  One pass, O(N) reads.
 *  @param labels  [N] classes 0 … K−1 */
export function* thresholdPass(labels: ArrayLike<number>, numClasses: number): Passes<ClassThresholds> {
  const thresholds = new Float64Array(numClasses);
  const labelCounts = new Uint32Array(numClasses);
  yield ({ data, numRows }, start) => {
    for (let i = 0, row = 0; i < numRows; i++, row += numClasses) {
      const label = labels[start + i];
      thresholds[label] += data[row + label];
      labelCounts[label]++;
    }
  };
  for (let k = 0; k < numClasses; k++) {
    const mean = labelCounts[k] === 0 ? UNREACHABLE_THRESHOLD : thresholds[k] / labelCounts[k];
    thresholds[k] = Math.max(mean, SMALLEST_THRESHOLD);
  }
  return { thresholds, labelCounts };
}
