/** Prior and noise matrices from the joint of given and true labels. */
import type { CountMatrix, LatentEstimates } from '../types.ts';

const SMALLEST_SUM = 1e-100;
const LARGEST_NOISE_RATE = 0.9999;

/** p(true), p(given | true), p(true | given).  Off-diagonal rates stay ≤ 0.9999.
 *  @param joint  [given, true] calibrated counts */
export function latentFromJoint(joint: CountMatrix, numClasses: number): LatentEstimates {
  const givenSums = new Float64Array(numClasses);
  const trueSums = new Float64Array(numClasses);
  let total = 0;
  for (let given = 0; given < numClasses; given++) {
    for (let k = 0; k < numClasses; k++) {
      const count = joint[given * numClasses + k];
      givenSums[given] += count;
      trueSums[k] += count;
      total += count;
    }
  }
  const prior = trueSums.map((sum) => sum / Math.max(total, SMALLEST_SUM));
  const noiseMatrix = new Float64Array(joint.length);
  const inverseNoiseMatrix = new Float64Array(joint.length);
  for (let given = 0; given < numClasses; given++) {
    for (let k = 0; k < numClasses; k++) {
      const count = joint[given * numClasses + k];
      noiseMatrix[given * numClasses + k] = count / Math.max(trueSums[k], SMALLEST_SUM);
      inverseNoiseMatrix[k * numClasses + given] = count / Math.max(givenSums[given], SMALLEST_SUM);
    }
  }
  clipRates(noiseMatrix, numClasses);
  clipRates(inverseNoiseMatrix, numClasses);
  return { prior, noiseMatrix, inverseNoiseMatrix };
}

/** Limits off-diagonal rates and makes columns sum to 1.  Mutates: rates. */
function clipRates(rates: Float64Array, numClasses: number): void {
  for (let column = 0; column < numClasses; column++) {
    let sum = 0;
    for (let row = 0; row < numClasses; row++) {
      const at = row * numClasses + column;
      if (row !== column) rates[at] = Math.min(Math.max(rates[at], 0), LARGEST_NOISE_RATE);
      sum += rates[at];
    }
    for (let row = 0; row < numClasses; row++) rates[row * numClasses + column] /= Math.max(sum, SMALLEST_SUM);
  }
}
