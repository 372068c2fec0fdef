/** Per-class thresholds of confident learning.  Source: Northcutt, Jiang & Chuang 2021 (arXiv 1911.00068), eq. 2. */
import type { Probabilities } from '../types.ts';

/** Of a class without samples: above every probability. */
const UNREACHABLE_THRESHOLD = 2;
const SMALLEST_THRESHOLD = 2e-6;

/** t_j = mean of P[i, j] over the samples i with given label j.
 *  @param labels  [N] classes 0 … K−1
 *  @returns [K] thresholds ≥ 2e-6, 2 for absent classes; and [K] numbers of samples
 *  Cost: O(N) reads. */
export function confidentThresholds(
  labels: ArrayLike<number>,
  { data, numRows, numClasses }: Probabilities,
): { thresholds: Float64Array; labelCounts: Uint32Array } {
  const thresholds = new Float64Array(numClasses);
  const labelCounts = new Uint32Array(numClasses);
  for (let i = 0, row = 0; i < numRows; i++, row += numClasses) {
    const label = labels[i];
    thresholds[label] += data[row + label];
    labelCounts[label]++;
  }
  for (let k = 0; k < numClasses; k++) {
    const mean = labelCounts[k] === 0 ? UNREACHABLE_THRESHOLD : thresholds[k] / labelCounts[k];
    thresholds[k] = Math.max(mean, SMALLEST_THRESHOLD);
  }
  return { thresholds, labelCounts };
}
