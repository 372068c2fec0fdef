/** Label quality scores in 0..1: the lower, the more suspicious.  Formulas of cleanlab 2.9. */
import { runInMemory } from '../passes.ts';
import type { Pass, Passes } from '../passes.ts';
import type { Probabilities, ScoreMethod } from '../types.ts';
import { thresholdPass } from './thresholds.ts';
import type { ClassThresholds } from './thresholds.ts';

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
  options: ScoreOptions,
): Float64Array {
  return runInMemory(scorePasses(labels, probabilities.numClasses, options), probabilities);
}

function* scorePasses(labels: ArrayLike<number>, numClasses: number, options: ScoreOptions): Passes<Float64Array> {
  return yield* scorePass(labels, yield* thresholdPass(labels, numClasses), options);
}

/** One pass, once the thresholds are known. */
export function* scorePass(
  labels: ArrayLike<number>,
  { thresholds }: Pick<ClassThresholds, 'thresholds'>,
  { method, isAdjusted = false }: ScoreOptions,
): Passes<Float64Array> {
  const scores = new Float64Array(labels.length);
  const shift = shiftOf(thresholds, isAdjusted);
  if (method === 'normalized_margin') yield marginPass(scores, labels, shift, isAdjusted);
  else if (method === 'self_confidence' && !isAdjusted) yield selfConfidencePass(scores, labels);
  else {
    yield ({ data, numRows, numClasses }, start) => {
      for (let i = 0, row = 0; i < numRows; i++, row += numClasses) {
        const given = labels[start + i];
        const scale = isAdjusted ? 1 / shiftedSum(data, row, shift) : 1;
        const selfConfidence = (data[row + given] + shift[given]) * scale;
        scores[start + i] =
          method === 'self_confidence' ? selfConfidence : weightedEntropyScore(data, row, numClasses, selfConfidence);
      }
    };
  }
  return scores;
}

/** max t − t_k, so that shifted rows stay non-negative. */
function shiftOf(thresholds: Float64Array, isAdjusted: boolean): Float64Array {
  const largest = thresholds.reduce((a, b) => Math.max(a, b));
  return thresholds.map((threshold) => (isAdjusted ? largest - threshold : 0));
}

/** What a pass that goes over whole rows anyway needs to fill in the margins. */
export interface MarginScores {
  /** [N] */
  readonly scores: Float64Array;
  /** [K] */
  readonly shift: Float64Array;
  readonly isAdjusted: boolean;
}

export function createMarginScores(numRows: number, thresholds: Float64Array, isAdjusted: boolean): MarginScores {
  return { scores: new Float64Array(numRows), shift: shiftOf(thresholds, isAdjusted), isAdjusted };
}

function selfConfidencePass(scores: Float64Array, labels: ArrayLike<number>): Pass {
  return ({ data, numRows, numClasses }, start) => {
    for (let i = 0; i < numRows; i++) scores[start + i] = data[i * numClasses + labels[start + i]];
  };
}

/** (P[y] − largest other + 1) / 2, in one go over each row.  Mutates: scores. */
function marginPass(scores: Float64Array, labels: ArrayLike<number>, shift: Float64Array, isAdjusted: boolean): Pass {
  return ({ data, numRows, numClasses }, start) => {
    for (let i = 0, row = 0; i < numRows; i++, row += numClasses) {
      const given = labels[start + i];
      let sum = 0;
      let largestOther = -Infinity;
      for (let k = 0; k < numClasses; k++) {
        const p = data[row + k] + shift[k];
        sum += p;
        if (p > largestOther && k !== given) largestOther = p;
      }
      const own = data[row + given] + shift[given];
      scores[start + i] = ((own - largestOther) / (isAdjusted ? sum : 1) + 1) / 2;
    }
  };
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
