/** Calibration under label noise.
 *  The temperature makes the NOISY labels likely under Q · softmax(z / T), not under softmax(z / T) itself: that would
 *  learn the noise as doubt.  z = log P, so softmax(z / T) ∝ P^(1/T).  Source: forward correction, Patrini et al. 2017
 *  (arXiv 1609.03683), applied to temperature scaling, Guo et al. 2017 (arXiv 1706.04599). */
import { runInMemory } from '../passes.ts';
import type { Passes } from '../passes.ts';
import type { Probabilities } from '../types.ts';
import { smallestOf } from './smallest.ts';

export interface Temperature {
  /** > 1 softens. */
  readonly temperature: number;
  /** Mean −log likelihood of the noisy labels, nats, at T = 1 and at the fitted T. */
  readonly lossBefore: number;
  readonly lossAfter: number;
}

/** One number is fitted: more rows or a finer search would not show in it. */
const MAX_FITTED_ELEMENTS = 100_000;
const MIN_FITTED_ROWS = 500;
const LOG_RANGE = [Math.log(0.1), Math.log(10)] as const;
/** 0.3 % of T. */
const LOG_TOLERANCE = 3e-3;
const SMALLEST_LIKELIHOOD = 1e-12;

/** The rows that the temperature is fitted on. */
export interface FitRows {
  readonly labels: Int32Array;
  /** [rows, K] nats; −∞ for 0. */
  readonly logProbabilities: Probabilities;
}

/** Brent's search over T in [0.1, 10], by its logarithm, on evenly spaced rows.
 *  @param noiseMatrix  [given · K + true] */
export function fitTemperature(
  labels: ArrayLike<number>,
  probabilities: Probabilities,
  noiseMatrix: Float64Array,
): Temperature {
  return temperatureOfRows(runInMemory(fitRowsPass(labels, probabilities.numClasses), probabilities), noiseMatrix);
}

/** Evenly spaced rows with a label: about 100,000 elements, at least 500 rows if there are as many. */
export function* fitRowsPass(labels: ArrayLike<number>, numClasses: number): Passes<FitRows> {
  const wanted = Math.max(MIN_FITTED_ROWS, Math.floor(MAX_FITTED_ELEMENTS / numClasses));
  const stride = Math.max(1, Math.floor(labels.length / wanted));
  const capacity = Math.ceil(labels.length / stride);
  const taken = new Int32Array(capacity);
  const rows = new Float64Array(capacity * numClasses);
  let numTaken = 0;
  yield ({ data, numRows }, start) => {
    for (let i = Math.ceil(start / stride) * stride; i < start + numRows; i += stride) {
      if (labels[i] < 0) continue;
      const row = (i - start) * numClasses;
      for (let k = 0, to = numTaken * numClasses; k < numClasses; k++) rows[to++] = Math.log(data[row + k]);
      taken[numTaken++] = labels[i];
    }
  };
  return {
    labels: taken.subarray(0, numTaken),
    logProbabilities: { numRows: numTaken, numClasses, data: rows.subarray(0, numTaken * numClasses) },
  };
}

export function temperatureOfRows(rows: FitRows, noiseMatrix: Float64Array): Temperature {
  const lossBefore = noisyLoss(rows, noiseMatrix, 1);
  const fitted = smallestOf((logT) => noisyLoss(rows, noiseMatrix, Math.exp(-logT)), LOG_RANGE, LOG_TOLERANCE);
  if (fitted.value >= lossBefore) return { temperature: 1, lossBefore, lossAfter: lossBefore };
  return { temperature: Math.exp(fitted.place), lossBefore, lossAfter: fitted.value };
}

/** Mean −log likelihood of the labels, nats. */
export function noisyLoss({ labels, logProbabilities }: FitRows, noiseMatrix: Float64Array, exponent: number): number {
  const { data, numClasses } = logProbabilities;
  let loss = 0;
  for (let i = 0, row = 0; i < labels.length; i++, row += numClasses) {
    const noise = labels[i] * numClasses;
    let total = 0;
    let likelihood = 0;
    for (let k = 0; k < numClasses; k++) {
      const p = Math.exp(exponent * data[row + k]);
      total += p;
      likelihood += p * noiseMatrix[noise + k];
    }
    loss -= Math.log(Math.max(likelihood / total, SMALLEST_LIKELIHOOD));
  }
  return loss / labels.length;
}
