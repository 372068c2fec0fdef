/** Confidence against accuracy. */
import { argmaxRow } from './selection.ts';
import type { Probabilities } from './types.ts';

export interface ReliabilityBin {
  readonly confidence: number;
  readonly accuracy: number;
  readonly count: number;
}

export interface Quality {
  readonly accuracy: number;
  /** Σ_b n_b/N · |accuracy_b − confidence_b| over 15 equal bins. */
  readonly ece: number;
  readonly bins: readonly ReliabilityBin[];
}

const NUM_BINS = 15;

/** Accuracy and expected calibration error of the most likely class; rows with a label below 0 (void) do not count. */
export function measureQuality({ numRows, numClasses, data }: Probabilities, labels: Int32Array): Quality {
  const counts = new Float64Array(NUM_BINS);
  const confidences = new Float64Array(NUM_BINS);
  const rights = new Float64Array(NUM_BINS);
  let numCounted = 0;
  for (let n = 0; n < numRows; n++) {
    if (labels[n] < 0) continue;
    numCounted++;
    const best = argmaxRow(data, n, numClasses);
    const confidence = data[n * numClasses + best];
    const bin = Math.min(NUM_BINS - 1, Math.floor(confidence * NUM_BINS));
    counts[bin]++;
    confidences[bin] += confidence;
    rights[bin] += Number(best === labels[n]);
  }
  let [ece, numRight] = [0, 0];
  const bins: ReliabilityBin[] = [];
  for (let bin = 0; bin < NUM_BINS; bin++) {
    numRight += rights[bin];
    if (counts[bin] === 0) continue;
    ece += Math.abs(rights[bin] - confidences[bin]) / numCounted;
    const count = counts[bin];
    bins.push({ confidence: confidences[bin] / count, accuracy: rights[bin] / count, count });
  }
  return { accuracy: numRight / Math.max(1, numCounted), ece, bins };
}

/** Range of ln T that is searched. */
const LOG_TEMPERATURE_RANGE = [-2, 3] as const;
const GOLDEN = (Math.sqrt(5) - 1) / 2;
const SEARCH_STEPS = 40;

/** With fewer labelled rows, or none of them wrong, a temperature cannot be told. */
const MIN_ROWS_FOR_TEMPERATURE = 50;

/** The temperature T that makes p^(1/T)/Σ the most likely on labelled rows; above 1 where p is over-confident.
 *  Source: Guo et al. 2017 (arXiv 1706.04599). The negative log-likelihood is convex in 1/T. 1 where it cannot be
 *  told: below 50 rows, or without a wrong one. */
export function fitTemperature(probabilities: Probabilities, labels: Int32Array): number {
  const { numRows, numClasses, data } = probabilities;
  const numKnown = labels.reduce((count, label) => count + Number(label >= 0), 0);
  const hasWrong = labels.some((label, n) => label >= 0 && argmaxRow(data, n, numClasses) !== label);
  if (numKnown < MIN_ROWS_FOR_TEMPERATURE || !hasWrong) return 1;
  const loss = (logTemperature: number): number => {
    const inverse = Math.exp(-logTemperature);
    let total = 0;
    for (let n = 0; n < numRows; n++) {
      if (labels[n] < 0) continue;
      let sum = 0;
      for (let c = 0; c < numClasses; c++) sum += Math.max(data[n * numClasses + c], 1e-12) ** inverse;
      total += Math.log(sum) - inverse * Math.log(Math.max(data[n * numClasses + labels[n]], 1e-12));
    }
    return total;
  };
  let [low, high] = LOG_TEMPERATURE_RANGE as readonly [number, number];
  let [left, right] = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)];
  let [lossLeft, lossRight] = [loss(left), loss(right)];
  for (let step = 0; step < SEARCH_STEPS; step++) {
    if (lossLeft < lossRight) {
      [high, right, lossRight] = [right, left, lossLeft];
      left = high - GOLDEN * (high - low);
      lossLeft = loss(left);
    } else {
      [low, left, lossLeft] = [left, right, lossRight];
      right = low + GOLDEN * (high - low);
      lossRight = loss(right);
    }
  }
  return Math.exp((low + high) / 2);
}

/** p^(1/T) in rows that sum to one. */
export function withTemperature({ numRows, numClasses, data }: Probabilities, temperature: number): Probabilities {
  const softened = new Float32Array(data.length);
  for (let n = 0; n < numRows; n++) {
    let sum = 0;
    for (let i = n * numClasses; i < (n + 1) * numClasses; i++)
      sum += softened[i] = Math.max(data[i], 1e-12) ** (1 / temperature);
    for (let i = n * numClasses; i < (n + 1) * numClasses; i++) softened[i] /= sum;
  }
  return { numRows, numClasses, data: softened };
}
