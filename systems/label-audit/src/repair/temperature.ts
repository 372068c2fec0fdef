/** Calibration under label noise.
 *  The temperature makes the NOISY labels likely under Q · softmax(z / T), not under softmax(z / T) itself: that would
 *  learn the noise as doubt.  z = log P, so softmax(z / T) ∝ P^(1/T).  Source: forward correction, Patrini et al. 2017
 *  (arXiv 1609.03683), applied to temperature scaling, Guo et al. 2017 (arXiv 1706.04599). */
import type { Probabilities } from '../types.ts';

export interface Temperature {
  /** > 1 softens. */
  readonly temperature: number;
  /** Mean −log likelihood of the noisy labels, nats, at T = 1 and at the fitted T. */
  readonly lossBefore: number;
  readonly lossAfter: number;
}

const MAX_FITTED_ROWS = 20_000;
const LOG_RANGE = [Math.log(0.1), Math.log(10)] as const;
const NUM_STEPS = 30;
const GOLDEN = (Math.sqrt(5) - 1) / 2;
const SMALLEST_LIKELIHOOD = 1e-12;

/** Golden-section search over log T in [0.1, 10]; every n-th row is used above 20,000.
 *  @param noiseMatrix  [given · K + true] */
export function fitTemperature(
  labels: ArrayLike<number>,
  probabilities: Probabilities,
  noiseMatrix: Float64Array,
): Temperature {
  const lossAt = (logT: number) => noisyLoss(labels, probabilities, noiseMatrix, Math.exp(-logT));
  let [low, high] = LOG_RANGE as readonly [number, number];
  let left = high - GOLDEN * (high - low);
  let right = low + GOLDEN * (high - low);
  let [lossLeft, lossRight] = [lossAt(left), lossAt(right)];
  for (let step = 0; step < NUM_STEPS; step++) {
    if (lossLeft <= lossRight) {
      [high, right, lossRight] = [right, left, lossLeft];
      left = high - GOLDEN * (high - low);
      lossLeft = lossAt(left);
    } else {
      [low, left, lossLeft] = [left, right, lossRight];
      right = low + GOLDEN * (high - low);
      lossRight = lossAt(right);
    }
  }
  const lossBefore = lossAt(0);
  const lossAfter = Math.min(lossLeft, lossRight);
  if (lossAfter >= lossBefore) return { temperature: 1, lossBefore, lossAfter: lossBefore };
  return { temperature: Math.exp(lossLeft <= lossRight ? left : right), lossBefore, lossAfter };
}

function noisyLoss(
  labels: ArrayLike<number>,
  { data, numRows, numClasses }: Probabilities,
  noiseMatrix: Float64Array,
  exponent: number,
): number {
  const stride = Math.max(1, Math.floor(numRows / MAX_FITTED_ROWS));
  let loss = 0;
  let count = 0;
  for (let i = 0; i < numRows; i += stride) {
    if (labels[i] < 0) continue;
    const row = i * numClasses;
    const noise = labels[i] * numClasses;
    let total = 0;
    let likelihood = 0;
    for (let k = 0; k < numClasses; k++) {
      const p = data[row + k] ** exponent;
      total += p;
      likelihood += p * noiseMatrix[noise + k];
    }
    loss -= Math.log(Math.max(likelihood / total, SMALLEST_LIKELIHOOD));
    count++;
  }
  return loss / count;
}

/** P^(1/T), rows scaled to 1. */
export function applyTemperature(probabilities: Probabilities, temperature: number): Probabilities {
  const { numRows, numClasses } = probabilities;
  const data = probabilities.data.slice();
  const exponent = 1 / temperature;
  for (let i = 0; i < numRows; i++) {
    const row = data.subarray(i * numClasses, (i + 1) * numClasses);
    let total = 0;
    for (let k = 0; k < numClasses; k++) total += row[k] **= exponent;
    for (let k = 0; k < numClasses; k++) row[k] /= total;
  }
  return { ...probabilities, data };
}
