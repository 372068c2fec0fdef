/** The passes over the probabilities: thresholds, then confident counts and what each row says.
 *  Source: Northcutt, Jiang & Chuang 2021 (arXiv 1911.00068); details as in cleanlab 2.9, so that counts agree. */
import { NO_CLASS } from '../types.ts';
import type { ConfidentLearning, CountMatrix, Probabilities } from '../types.ts';
import { roundKeepingSum } from './rounding.ts';
import { confidentThresholds } from './thresholds.ts';

/** Probabilities this close to a bound count as reaching it. */
export const PROBABILITY_TOLERANCE = 1e-6;

/** Confident joint of given and true labels.
 *  @param labels  [N] classes 0 … K−1
 *  Math: row i votes C[given][j] for its only class with P[i, j] ≥ t_j − 1e-6, or for its argmax if there are several.
 *  Cost: two passes, O(N·K) time; O(N + K²) memory beside the input. */
export function learnConfidently(labels: ArrayLike<number>, probabilities: Probabilities): ConfidentLearning {
  const { data, numRows, numClasses } = probabilities;
  const { thresholds, labelCounts } = confidentThresholds(labels, probabilities);
  const bounds = thresholds.map((threshold) => threshold - PROBABILITY_TOLERANCE);
  const predicted = new Uint16Array(numRows);
  const confidentClass = new Uint16Array(numRows);
  const isGivenLargest = new Uint8Array(numRows);
  const uncalibratedJoint = new Float64Array(numClasses * numClasses);
  for (let i = 0, row = 0; i < numRows; i++, row += numClasses) {
    const best = largestClass(data, row, numClasses);
    const confident = onlyConfidentClass(data, row, bounds);
    const given = labels[i];
    predicted[i] = best;
    isGivenLargest[i] = isLargestWithTolerance(data, row, given, best) ? 1 : 0;
    if (confident === NONE) confidentClass[i] = NO_CLASS;
    else {
      const guess = confident === SEVERAL ? best : confident;
      confidentClass[i] = guess;
      uncalibratedJoint[given * numClasses + guess]++;
    }
  }
  for (let k = 0; k < numClasses; k++) {
    const diagonal = k * numClasses + k;
    uncalibratedJoint[diagonal] = Math.max(uncalibratedJoint[diagonal], 1);
  }
  const joint = calibrateJoint(uncalibratedJoint, labelCounts);
  return {
    numClasses,
    labelCounts,
    thresholds,
    uncalibratedJoint,
    joint,
    predicted,
    confidentClass,
    isGivenLargest,
  };
}

/** Lowest class of the largest probability. */
function largestClass(data: Float32Array | Float64Array, row: number, numClasses: number): number {
  let best = 0;
  let largest = data[row];
  for (let k = 1; k < numClasses; k++) {
    const p = data[row + k];
    if (p > largest) {
      largest = p;
      best = k;
    }
  }
  return best;
}

const NONE = -1;
const SEVERAL = -2;

/** The class that reaches its bound, NONE or SEVERAL. */
function onlyConfidentClass(data: Float32Array | Float64Array, row: number, bounds: Float64Array): number {
  let found = NONE;
  for (let k = 0; k < bounds.length; k++) {
    if (data[row + k] < bounds[k]) continue;
    if (found !== NONE) return SEVERAL;
    found = k;
  }
  return found;
}

/** Whether the given class is the argmax once 1e-6 is added to it; the lowest class wins a tie. */
function isLargestWithTolerance(data: Float32Array | Float64Array, row: number, given: number, best: number): boolean {
  if (given === best) return true;
  const raised = data[row + given] + PROBABILITY_TOLERANCE;
  // `best` is the lowest class of the largest probability.
  return given < best ? raised >= data[row + best] : raised > data[row + best];
}

/** Scales row k to the number of samples labelled k, then all to N, then rounds each row keeping its sum. */
export function calibrateJoint(joint: CountMatrix, labelCounts: Uint32Array): CountMatrix {
  const numClasses = labelCounts.length;
  const calibrated = new Float64Array(joint.length);
  let total = 0;
  let numSamples = 0;
  for (let given = 0; given < numClasses; given++) {
    let rowSum = 0;
    for (let k = 0; k < numClasses; k++) rowSum += joint[given * numClasses + k];
    numSamples += labelCounts[given];
    for (let k = 0; k < numClasses; k++) {
      const value = (joint[given * numClasses + k] / rowSum) * labelCounts[given];
      calibrated[given * numClasses + k] = value;
      total += value;
    }
  }
  for (let i = 0; i < calibrated.length; i++) calibrated[i] = (calibrated[i] / total) * numSamples;
  for (let given = 0; given < numClasses; given++) {
    roundKeepingSum(calibrated.subarray(given * numClasses, (given + 1) * numClasses));
  }
  return calibrated;
}
