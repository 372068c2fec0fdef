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

/** Accuracy and expected calibration error of the most likely class. */
export function measureQuality({ numRows, numClasses, data }: Probabilities, labels: Int32Array): Quality {
  const counts = new Float64Array(NUM_BINS);
  const confidences = new Float64Array(NUM_BINS);
  const rights = new Float64Array(NUM_BINS);
  for (let n = 0; n < numRows; n++) {
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
    ece += Math.abs(rights[bin] - confidences[bin]) / numRows;
    const count = counts[bin];
    bins.push({ confidence: confidences[bin] / count, accuracy: rights[bin] / count, count });
  }
  return { accuracy: numRight / numRows, ece, bins };
}
