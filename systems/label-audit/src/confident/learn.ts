/** The passes over the probabilities: thresholds, then confident counts and what each row says.
 *  Source: Northcutt, Jiang & Chuang 2021 (arXiv 1911.00068); details as in cleanlab 2.9, so that counts agree. */
import { runInMemory } from '../passes.ts';
import type { Passes } from '../passes.ts';
import { NO_CLASS } from '../types.ts';
import type { ConfidentLearning, CountMatrix, Probabilities } from '../types.ts';
import { roundKeepingSum } from './rounding.ts';
import type { MarginScores } from './scores.ts';
import { thresholdPass } from './thresholds.ts';
import type { ClassThresholds } from './thresholds.ts';

/** Probabilities this close to a bound count as reaching it. */
const PROBABILITY_TOLERANCE = 1e-6;

/** Confident joint of given and true labels.
 *  @param labels  [N] classes 0 … K−1
 *  Math: row i votes C[given][j] for its only class with P[i, j] ≥ t_j − 1e-6, or for its argmax if there are several.
 *  Cost: two passes, O(N·K) time; O(N + K²) memory beside the input. */
export function learnConfidently(labels: ArrayLike<number>, probabilities: Probabilities): ConfidentLearning {
  return runInMemory(learnPasses(labels, probabilities.numClasses), probabilities);
}

function* learnPasses(labels: ArrayLike<number>, numClasses: number): Passes<ConfidentLearning> {
  return yield* learnPass(labels, yield* thresholdPass(labels, numClasses));
}

/** One pass, once the thresholds are known.
 *  @param margins  is filled in the same go over each row */
export function* learnPass(
  labels: ArrayLike<number>,
  { thresholds, labelCounts }: ClassThresholds,
  margins?: MarginScores,
): Passes<ConfidentLearning> {
  const numClasses = thresholds.length;
  const bounds = thresholds.map((threshold) => threshold - PROBABILITY_TOLERANCE);
  const predicted = new Uint16Array(labels.length);
  const confidentClass = new Uint16Array(labels.length);
  const isGivenLargest = new Uint8Array(labels.length);
  const uncalibratedJoint = new Float64Array(numClasses * numClasses);
  const found = { predicted, confidentClass, isGivenLargest, uncalibratedJoint, numClasses };
  yield margins === undefined
    ? (block, start) => learnBlock(found, block, start, { labels, bounds })
    : (block, start) => learnAndScoreBlock(found, block, start, { labels, bounds, margins });
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

/** A function of its own, as its loop runs faster with locals than with the variables of a generator.
 *  Mutates: what was found so far. */
function learnBlock(
  found: Found,
  { data, numRows, numClasses }: Probabilities,
  start: number,
  { labels, bounds }: { readonly labels: ArrayLike<number>; readonly bounds: Float64Array },
): void {
  for (let i = start, row = 0; i < start + numRows; i++, row += numClasses) {
    const given = labels[i];
    // Most labels are right, so the search starts at the given one; of equal classes the lowest is taken.
    let best = given;
    let largest = data[row + given];
    let numConfident = 0;
    let confident = 0;
    for (let k = 0; k < numClasses; k++) {
      const p = data[row + k];
      if (p >= largest && (p > largest || k < best)) {
        largest = p;
        best = k;
      }
      if (p >= bounds[k]) {
        numConfident++;
        confident = k;
      }
    }
    settleRow(found, i, given, {
      best,
      numConfident,
      confident,
      isGivenLargest: isLargestWithTolerance(data, row, given, best),
    });
  }
}

/** As learnBlock, with the margin of the given class in the same go over each row.  Mutates: what was found so far, margins. */
function learnAndScoreBlock(
  found: Found,
  { data, numRows, numClasses }: Probabilities,
  start: number,
  {
    labels,
    bounds,
    margins,
  }: { readonly labels: ArrayLike<number>; readonly bounds: Float64Array; readonly margins: MarginScores },
): void {
  const { scores, shift, isAdjusted } = margins;
  for (let i = start, row = 0; i < start + numRows; i++, row += numClasses) {
    const given = labels[i];
    // Most labels are right, so the search starts at the given one; of equal classes the lowest is taken.
    let best = given;
    let largest = data[row + given];
    let numConfident = 0;
    let confident = 0;
    let sum = 0;
    let largestOther = -Infinity;
    for (let k = 0; k < numClasses; k++) {
      const p = data[row + k];
      if (p >= largest && (p > largest || k < best)) {
        largest = p;
        best = k;
      }
      if (p >= bounds[k]) {
        numConfident++;
        confident = k;
      }
      const shifted = p + shift[k];
      sum += shifted;
      if (shifted > largestOther && k !== given) largestOther = shifted;
    }
    const own = data[row + given] + shift[given];
    scores[i] = ((own - largestOther) / (isAdjusted ? sum : 1) + 1) / 2;
    settleRow(found, i, given, {
      best,
      numConfident,
      confident,
      isGivenLargest: isLargestWithTolerance(data, row, given, best),
    });
  }
}

/** Mutates: what was found so far. */
function settleRow(
  { predicted, confidentClass, isGivenLargest, uncalibratedJoint, numClasses }: Found,
  i: number,
  given: number,
  row: {
    readonly best: number;
    readonly numConfident: number;
    readonly confident: number;
    readonly isGivenLargest: boolean;
  },
): void {
  predicted[i] = row.best;
  isGivenLargest[i] = row.isGivenLargest ? 1 : 0;
  if (row.numConfident === 0) {
    confidentClass[i] = NO_CLASS;
    return;
  }
  const guess = row.numConfident === 1 ? row.confident : row.best;
  confidentClass[i] = guess;
  uncalibratedJoint[given * numClasses + guess]++;
}

type Found = Pick<
  ConfidentLearning,
  'predicted' | 'confidentClass' | 'isGivenLargest' | 'uncalibratedJoint' | 'numClasses'
>;

/** Whether the given class is the argmax once 1e-6 is added to it; the lowest class wins a tie. */
function isLargestWithTolerance(data: Float32Array | Float64Array, row: number, given: number, best: number): boolean {
  if (given === best) return true;
  const raised = data[row + given] + PROBABILITY_TOLERANCE;
  // `best` is the lowest class of the largest probability.
  return given < best ? raised >= data[row + best] : raised > data[row + best];
}

/** Scales row k to the number of samples labelled k, then all to N, then rounds each row keeping its sum. */
function calibrateJoint(joint: CountMatrix, labelCounts: Uint32Array): CountMatrix {
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
