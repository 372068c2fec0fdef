/** The share of wrong labels, with an interval. */
import { createRng } from '@tenfold/core/base';
import type { Rng } from '@tenfold/core/base';
import type { ConfidentLearning } from '../types.ts';

export interface NoiseEstimate {
  /** 1 − trace of the calibrated joint. */
  readonly rate: number;
  /** Central 95 % of bootstrap estimates. */
  readonly low: number;
  readonly high: number;
}

const NUM_RESAMPLES = 400;
const BOOTSTRAP_SEED = 20;

/** Parametric bootstrap: each class's confident error share is drawn again from a normal with its binomial variance.
 *  Math: rate = Σ_k N_k/N · (1 − C[k][k]/C[k]);  Var of the share e_k = e_k (1 − e_k) / C[k].
 *  Differs: the rate is taken from the unrounded calibration, so it need not be a whole number of samples. */
export function noiseEstimateFromJoint({
  uncalibratedJoint,
  labelCounts,
  numClasses,
}: ConfidentLearning): NoiseEstimate {
  const numSamples = labelCounts.reduce((sum, count) => sum + count, 0);
  const shares = new Float64Array(numClasses);
  const deviations = new Float64Array(numClasses);
  for (let k = 0; k < numClasses; k++) {
    let confident = 0;
    for (let j = 0; j < numClasses; j++) confident += uncalibratedJoint[k * numClasses + j];
    shares[k] = 1 - uncalibratedJoint[k * numClasses + k] / confident;
    deviations[k] = Math.sqrt((shares[k] * (1 - shares[k])) / confident);
  }
  const rateOf = (share: (k: number) => number): number => {
    let rate = 0;
    for (let k = 0; k < numClasses; k++) rate += (labelCounts[k] / numSamples) * share(k);
    return Math.min(Math.max(rate, 0), 1);
  };
  const rng: Rng = createRng(BOOTSTRAP_SEED, 'label-audit/bootstrap');
  const resampled = Float64Array.from({ length: NUM_RESAMPLES }, () =>
    rateOf((k) => shares[k] + deviations[k] * rng.normal()),
  ).sort();
  return {
    rate: rateOf((k) => shares[k]),
    low: resampled[Math.floor(0.025 * NUM_RESAMPLES)],
    high: resampled[Math.ceil(0.975 * NUM_RESAMPLES) - 1],
  };
}
