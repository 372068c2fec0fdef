/** Which target samples get a pseudo-label, and which one. */
import type { Probabilities } from './types.ts';

/** In every predicted class the share `portion` that is trusted most; at least one where the class is predicted.
 *  @param trust  [N], larger is surer; ties go to the lower row
 *  @param isAllowed  [N] rows with 0 are never taken
 *  @returns [N] 1 for accepted rows */
export function selectBalanced(
  hard: Int32Array,
  trust: Float64Array,
  options: { readonly numClasses: number; readonly portion: number; readonly isAllowed?: Uint8Array },
): Uint8Array {
  const { numClasses, portion, isAllowed } = options;
  const accepted = new Uint8Array(hard.length);
  const rowsOf: number[][] = Array.from({ length: numClasses }, () => []);
  const numPredicted = new Float64Array(numClasses);
  for (let n = 0; n < hard.length; n++) {
    numPredicted[hard[n]]++;
    if (isAllowed === undefined || isAllowed[n] === 1) rowsOf[hard[n]].push(n);
  }
  rowsOf.forEach((rows, c) => {
    rows.sort((a, b) => trust[b] - trust[a] || a - b);
    const count = Math.min(rows.length, Math.max(1, Math.floor(portion * numPredicted[c])));
    for (let i = 0; i < count; i++) accepted[rows[i]] = 1;
  });
  return accepted;
}

/** k_c of class-balanced self-training: the confidence at index ⌊portion·n⌋ − 1 of the n samples predicted c, in falling
 *  order; 1 where that index is none.  Source: Zou et al. 2018 (CBST), rule as in its released form. */
export function classThresholds({ numRows, numClasses, data }: Probabilities, portion: number): Float64Array {
  const confidences: number[][] = Array.from({ length: numClasses }, () => []);
  for (let n = 0; n < numRows; n++) {
    const best = argmaxRow(data, n, numClasses);
    confidences[best].push(data[n * numClasses + best]);
  }
  return Float64Array.from(confidences, (values) => {
    const count = Math.floor(portion * values.length);
    return count === 0 ? 1 : values.sort((a, b) => b - a)[count - 1];
  });
}

export interface PseudoLabels {
  /** [N] 1 for accepted rows. */
  readonly accepted: Uint8Array;
  /** [N] class of the label. */
  readonly hard: Int32Array;
  /** [N, C] target distributions; one-hot for hard labels. */
  readonly soft: Float32Array;
}

/** Label argmax_c p_c/k_c, accepted where max_c p_c/k_c ≥ 1. */
export function cbstLabels({ numRows, numClasses, data }: Probabilities, thresholds: Float64Array): PseudoLabels {
  const accepted = new Uint8Array(numRows);
  const hard = new Int32Array(numRows);
  for (let n = 0; n < numRows; n++) {
    let best = 0;
    let largest = -1;
    for (let c = 0; c < numClasses; c++) {
      const ratio = data[n * numClasses + c] / thresholds[c];
      if (ratio > largest) [largest, best] = [ratio, c];
    }
    hard[n] = best;
    accepted[n] = Number(largest >= 1);
  }
  return { accepted, hard, soft: oneHot(hard, numClasses) };
}

/** Soft labels y_c ∝ (p_c/k_c)^(1/α); accepted where Σ(−y log p + α·y log y) < Σ −y log k.
 *  Source: Zou et al. 2019 (CRST, arXiv 1908.09822), label entropy regularisation. */
export function lrentLabels(
  { numRows, numClasses, data }: Probabilities,
  thresholds: Float64Array,
  alpha = 0.25,
): PseudoLabels {
  const accepted = new Uint8Array(numRows);
  const hard = new Int32Array(numRows);
  const soft = new Float32Array(numRows * numClasses);
  const logs = new Float64Array(numClasses);
  for (let n = 0; n < numRows; n++) {
    let largest = -Infinity;
    for (let c = 0; c < numClasses; c++) {
      logs[c] = Math.log(Math.max(data[n * numClasses + c], 1e-30) / thresholds[c]) / alpha;
      if (logs[c] > largest) [largest, hard[n]] = [logs[c], c];
    }
    let sum = 0;
    for (let c = 0; c < numClasses; c++) sum += Math.exp(logs[c] - largest);
    // Σ −y log p + α y log y + y log k = −α·log Σ (p/k)^(1/α): accepted where that is negative.
    accepted[n] = Number(alpha * (largest + Math.log(sum)) > 0);
    for (let c = 0; c < numClasses; c++) soft[n * numClasses + c] = Math.exp(logs[c] - largest) / sum;
  }
  return { accepted, hard, soft };
}

/** Labels argmax p, accepted where max p ≥ threshold. */
export function confidentLabels({ numRows, numClasses, data }: Probabilities, threshold: number): PseudoLabels {
  const accepted = new Uint8Array(numRows);
  const hard = new Int32Array(numRows);
  for (let n = 0; n < numRows; n++) {
    hard[n] = argmaxRow(data, n, numClasses);
    accepted[n] = Number(data[n * numClasses + hard[n]] >= threshold);
  }
  return { accepted, hard, soft: oneHot(hard, numClasses) };
}

export function oneHot(hard: Int32Array, numClasses: number): Float32Array {
  const soft = new Float32Array(hard.length * numClasses);
  for (let n = 0; n < hard.length; n++) soft[n * numClasses + hard[n]] = 1;
  return soft;
}

export function argmaxRow(data: ArrayLike<number>, row: number, numClasses: number): number {
  let best = 0;
  const start = row * numClasses;
  for (let c = 1; c < numClasses; c++) if (data[start + c] > data[start + best]) best = c;
  return best;
}
