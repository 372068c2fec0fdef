/** Bayes repair: the true class given features and given label.
 *  Math: p(k | x, s) ∝ P[x, k] · Q[s | k] with Q the noise matrix: given class s, true class k. */
import type { Probabilities } from '../types.ts';

export interface Posterior {
  /** [N] class with the largest posterior. */
  readonly suggested: Uint16Array;
  /** [N] posterior of the suggested class. */
  readonly suggestedProbability: Float64Array;
  /** [N] posterior of the given label: the probability that it is right. */
  readonly givenProbability: Float64Array;
}

/** @param noiseMatrix  [given · K + true]
 *  @param options.exponent  rows are raised to it and scaled to 1 first: 1/T of a fitted temperature, default 1
 *  Differs: where label and row exclude each other (all products 0) the row alone decides. */
export function posteriorOfTruth(
  labels: ArrayLike<number>,
  { data, numRows, numClasses }: Probabilities,
  noiseMatrix: Float64Array,
  { exponent = 1 }: { readonly exponent?: number } = {},
): Posterior {
  const suggested = new Uint16Array(numRows);
  const suggestedProbability = new Float64Array(numRows);
  const givenProbability = new Float64Array(numRows);
  const weights = new Float64Array(numClasses);
  for (let i = 0, row = 0; i < numRows; i++, row += numClasses) {
    const given = labels[i];
    let total = 0;
    for (let k = 0; k < numClasses; k++) {
      const p = exponent === 1 ? data[row + k] : data[row + k] ** exponent;
      total += weights[k] = p * (given < 0 ? 1 : noiseMatrix[given * numClasses + k]);
    }
    if (!(total > 0)) {
      total = 0;
      for (let k = 0; k < numClasses; k++) total += weights[k] = data[row + k];
    }
    let best = 0;
    for (let k = 1; k < numClasses; k++) if (weights[k] > weights[best]) best = k;
    suggested[i] = best;
    suggestedProbability[i] = weights[best] / total;
    givenProbability[i] = given < 0 ? 0 : weights[given] / total;
  }
  return { suggested, suggestedProbability, givenProbability };
}
