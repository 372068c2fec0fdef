/** Label quality scores in 0..1: the lower, the more suspicious.  Formulas of cleanlab 2.9. */
import type { Probabilities, ScoreMethod } from '../types.ts';
import { confidentThresholds } from './thresholds.ts';

const SMALLEST_CONFIDENCE = 1e-6;
/** Smallest normal f64: keeps log finite at p = 0. */
const SMALLEST_PROBABILITY = 2.2250738585072014e-308;

export interface ScoreOptions {
  readonly method: ScoreMethod;
  /** Subtract the class thresholds from every row first, so that a hesitant class is not blamed as a whole. */
  readonly isAdjusted?: boolean;
}

/** @returns [N] f64.  Cost: O(N·K), no allocation per row. */
export function scoreLabels(
  labels: ArrayLike<number>,
  probabilities: Probabilities,
  { method, isAdjusted = false }: ScoreOptions,
): Float64Array {
  const { data, numRows, numClasses } = probabilities;
  const shift = isAdjusted ? adjustment(labels, probabilities) : new Float64Array(numClasses);
  const scores = new Float64Array(numRows);
  if (method === 'normalized_margin') {
    fillMargins(scores, labels, probabilities, shift, isAdjusted);
    return scores;
  }
  for (let i = 0, row = 0; i < numRows; i++, row += numClasses) {
    const given = labels[i];
    const scale = isAdjusted ? 1 / shiftedSum(data, row, shift) : 1;
    const selfConfidence = (data[row + given] + shift[given]) * scale;
    scores[i] =
      method === 'self_confidence' ? selfConfidence : weightedEntropyScore(data, row, numClasses, selfConfidence);
  }
  return scores;
}

/** (P[y] − largest other + 1) / 2, in one pass over each row.  Mutates: scores. */
function fillMargins(
  scores: Float64Array,
  labels: ArrayLike<number>,
  { data, numRows, numClasses }: Probabilities,
  shift: Float64Array,
  isAdjusted: boolean,
): void {
  for (let i = 0, row = 0; i < numRows; i++, row += numClasses) {
    const given = labels[i];
    let sum = 0;
    let largestOther = -Infinity;
    for (let k = 0; k < numClasses; k++) {
      const p = data[row + k] + shift[k];
      sum += p;
      if (p > largestOther && k !== given) largestOther = p;
    }
    const own = data[row + given] + shift[given];
    scores[i] = ((own - largestOther) / (isAdjusted ? sum : 1) + 1) / 2;
  }
}

/** max t − t_k, so that shifted rows stay non-negative. */
function adjustment(labels: ArrayLike<number>, probabilities: Probabilities): Float64Array {
  const { thresholds } = confidentThresholds(labels, probabilities);
  const largest = thresholds.reduce((a, b) => Math.max(a, b));
  return thresholds.map((threshold) => largest - threshold);
}

function shiftedSum(data: Float32Array | Float64Array, row: number, shift: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < shift.length; k++) sum += data[row + k] + shift[k];
  return sum;
}

/** log(1 + h) / h with h = normalised entropy / self-confidence. */
function weightedEntropyScore(
  data: Float32Array | Float64Array,
  row: number,
  numClasses: number,
  selfConfidence: number,
): number {
  let entropy = 0;
  for (let k = 0; k < numClasses; k++) {
    const p = data[row + k];
    entropy -= p * Math.log(Math.max(p, SMALLEST_PROBABILITY));
  }
  const h = entropy / Math.log(numClasses) / Math.max(selfConfidence, SMALLEST_CONFIDENCE);
  return Math.log1p(h) / Math.max(h, SMALLEST_CONFIDENCE);
}
