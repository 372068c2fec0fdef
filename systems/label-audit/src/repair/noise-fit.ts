/** Noise matrix and temperature for the repair, fitted together.
 *  The joint of confident learning counts every confident mistake of the model as a wrong label.  Of two explanations for a
 *  label that disagrees with its row – a wrong label, or a row that is too sure – the likelihood of the labels weighs both:
 *  maximise Σ_i log Σ_k Q[s_i | k] · softmax(z_i / T)_k over Q and T, with a prior on each, so that a few samples cannot
 *  make either extreme.  EM for Q (Dempster, Laird & Rubin 1977), Brent's search for T, in turn. */
import { smallestOf } from './smallest.ts';
import { noisyLoss } from './temperature.ts';
import type { FitRows, Temperature } from './temperature.ts';

export interface NoiseFit {
  /** [given · K + true] columns sum to 1. */
  readonly noiseMatrix: Float64Array;
  readonly temperature: Temperature;
}

/** Samples of each class that the prior of its column stands for: the joint of confident learning, itself drawn towards
 *  labels of which 7 in 10 are right by as many. */
const PRIOR_SAMPLES = 10;
const PRIOR_RIGHT = 0.7;
/** Normal prior of log T: models are a little surer than they are right (T = 1.35) until some ten samples say otherwise. */
const LOG_TEMPERATURE_MEAN = 0.3;
const LOG_TEMPERATURE_PRECISION = 6;
/** More classes have more pairs than the rows of the fit can tell about: the joint stays as it is. */
const MAX_FITTED_CLASSES = 300;
const NUM_ROUNDS = 6;
const STEPS_PER_ROUND = 3;
const LOG_RANGE = [Math.log(0.1), Math.log(10)] as const;
/** Later rounds search near the last temperature, and coarsely until the last. */
const LOG_REACH = 0.5;
const LOG_TOLERANCE = 3e-3;
const COARSE_LOG_TOLERANCE = 2e-2;

/** @param joint  [given · K + true] calibrated counts of confident learning
 *  @param start  [given · K + true] noise matrix of that joint: the answer for more than 300 classes
 *  Cost: about 60 evaluations of the fit rows.  Mutates: nothing. */
export function fitNoise(rows: FitRows, joint: Float64Array, start: Float64Array): NoiseFit {
  const { numClasses } = rows.logProbabilities;
  const isFitted = numClasses <= MAX_FITTED_CLASSES;
  const prior = isFitted ? priorCounts(joint, numClasses) : start;
  const noiseMatrix = isFitted ? new Float64Array(prior.length) : start;
  if (isFitted) columnsToOne(prior, noiseMatrix, numClasses);
  const lossBefore = noisyLoss(rows, noiseMatrix, 1);
  const numRounds = isFitted ? NUM_ROUNDS : 1;
  let logTemperature = 0;
  for (let round = 0; round < numRounds; round++) {
    logTemperature = searchTemperature(rows, noiseMatrix, {
      near: round === 0 ? undefined : logTemperature,
      tolerance: round === numRounds - 1 ? LOG_TOLERANCE : COARSE_LOG_TOLERANCE,
    });
    if (isFitted) improveNoise(rows, { noiseMatrix, prior, exponent: Math.exp(-logTemperature) });
  }
  const temperature = Math.exp(logTemperature);
  return {
    noiseMatrix,
    temperature: { temperature, lossBefore, lossAfter: noisyLoss(rows, noiseMatrix, 1 / temperature) },
  };
}

/** [given · K + true] pseudo-counts, PRIOR_SAMPLES in each column. */
function priorCounts(joint: Float64Array, numClasses: number): Float64Array {
  const wrong = (PRIOR_SAMPLES * (1 - PRIOR_RIGHT)) / numClasses;
  const counts = joint.map(
    (count, at) => count + wrong + (at % (numClasses + 1) === 0 ? PRIOR_SAMPLES * PRIOR_RIGHT : 0),
  );
  columnsToOne(counts, counts, numClasses);
  return counts.map((share) => PRIOR_SAMPLES * share);
}

function searchTemperature(
  rows: FitRows,
  noiseMatrix: Float64Array,
  { near, tolerance }: { readonly near: number | undefined; readonly tolerance: number },
): number {
  const weight = LOG_TEMPERATURE_PRECISION / 2 / Math.max(1, rows.labels.length);
  const loss = (logT: number) =>
    noisyLoss(rows, noiseMatrix, Math.exp(-logT)) + weight * (logT - LOG_TEMPERATURE_MEAN) ** 2;
  const range: readonly [number, number] =
    near === undefined
      ? LOG_RANGE
      : [Math.max(LOG_RANGE[0], near - LOG_REACH), Math.min(LOG_RANGE[1], near + LOG_REACH)];
  return smallestOf(loss, range, tolerance).place;
}

/** Steps of EM at one temperature.  Mutates: noiseMatrix. */
function improveNoise(
  { labels, logProbabilities: { data, numClasses } }: FitRows,
  {
    noiseMatrix,
    prior,
    exponent,
  }: { readonly noiseMatrix: Float64Array; readonly prior: Float64Array; readonly exponent: number },
): void {
  const powers = data.map((logP) => Math.exp(exponent * logP)); // scaling a row cancels in its responsibilities
  const counts = new Float64Array(prior.length);
  for (let step = 0; step < STEPS_PER_ROUND; step++) {
    counts.set(prior);
    for (let i = 0, row = 0; i < labels.length; i++, row += numClasses) {
      const noise = labels[i] * numClasses;
      let total = 0;
      for (let k = 0; k < numClasses; k++) total += powers[row + k] * noiseMatrix[noise + k];
      if (!(total > 0)) continue;
      const scale = 1 / total;
      for (let k = 0; k < numClasses; k++) counts[noise + k] += scale * powers[row + k] * noiseMatrix[noise + k];
    }
    columnsToOne(counts, noiseMatrix, numClasses);
  }
}

/** Mutates: target, which may be the counts themselves. */
function columnsToOne(counts: Float64Array, target: Float64Array, numClasses: number): void {
  const sums = new Float64Array(numClasses);
  for (let at = 0; at < counts.length; at += numClasses) for (let k = 0; k < numClasses; k++) sums[k] += counts[at + k];
  for (let at = 0; at < counts.length; at += numClasses)
    for (let k = 0; k < numClasses; k++) target[at + k] = counts[at + k] / sums[k];
}
