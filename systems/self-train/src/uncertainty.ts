/** Pseudo-label distributions and where their variance comes from.
 *
 *  y̌ = λq + (1−λ)p̄ with the data label q (EM) and the mean p̄ of M passes with dropout. By the law of total variance
 *  V_c = λ·q(1−q)·λ + (1−λ)²·v_c + λ(1−λ)(q−p̄)²: data, model, disagreement. This form is ours. */
import { selfTrainError } from './self-train-errors.ts';
import type { Probabilities, Rank } from './types.ts';

/** Sums over passes with dropout, filled pass by pass so that no pass has to be kept. */
export interface PassStatistics {
  readonly numRows: number;
  readonly numClasses: number;
  numPasses: number;
  /** [N, C] running means of p and running sums of squared differences (Welford). */
  readonly mean: Float64Array;
  readonly squares: Float64Array;
  /** [N] running mean of the entropy of a pass, nats. */
  readonly entropy: Float64Array;
}

export function createPassStatistics(numRows: number, numClasses: number): PassStatistics {
  return {
    numRows,
    numClasses,
    numPasses: 0,
    mean: new Float64Array(numRows * numClasses),
    squares: new Float64Array(numRows * numClasses),
    entropy: new Float64Array(numRows),
  };
}

/** Mutates: statistics. */
export function addPass(statistics: PassStatistics, probabilities: ArrayLike<number>): void {
  const { numRows, numClasses, mean, squares, entropy } = statistics;
  const count = ++statistics.numPasses;
  for (let n = 0; n < numRows; n++) {
    let h = 0;
    for (let i = n * numClasses; i < (n + 1) * numClasses; i++) {
      const p = probabilities[i];
      const delta = p - mean[i];
      mean[i] += delta / count;
      squares[i] += delta * (p - mean[i]);
      if (p > 0) h -= p * Math.log(p);
    }
    entropy[n] += (h - entropy[n]) / count;
  }
}

/** [N] columns; `total` = `data` + `model` + `disagreement`, each for the hard label's class. */
export interface PooledLabels {
  readonly numRows: number;
  readonly numClasses: number;
  /** [N, C] y̌ */
  readonly soft: Float32Array;
  /** [N] argmax y̌ */
  readonly hard: Int32Array;
  readonly confidence: Float64Array;
  readonly varianceData: Float64Array;
  readonly varianceModel: Float64Array;
  readonly varianceDisagreement: Float64Array;
  readonly varianceTotal: Float64Array;
  /** Entropy of p̄, nats. */
  readonly entropy: Float64Array;
  /** Mutual information of label and weights: H(p̄) − mean H(p). */
  readonly mutualInformation: Float64Array;
  /** [N] 1 where argmax q = argmax p̄. */
  readonly isAgreed: Uint8Array;
}

/** @param lambda  weight of the data label, 0..1, default 0.5 */
export function poolLabels(data: Probabilities, model: PassStatistics, lambda = 0.5): PooledLabels {
  const { numRows, numClasses } = data;
  if (model.numRows !== numRows || model.numClasses !== numClasses || model.numPasses === 0) {
    throw selfTrainError('TF-SELF-002', {
      subject: 'poolLabels',
      expected: `at least one pass over ${numRows} × ${numClasses}`,
      actual: `${model.numPasses} passes over ${model.numRows} × ${model.numClasses}`,
    });
  }
  const column = () => new Float64Array(numRows);
  const pooled = {
    soft: new Float32Array(numRows * numClasses),
    hard: new Int32Array(numRows),
    confidence: column(),
    varianceData: column(),
    varianceModel: column(),
    varianceDisagreement: column(),
    varianceTotal: column(),
    entropy: column(),
    mutualInformation: column(),
    isAgreed: new Uint8Array(numRows),
  };
  for (let n = 0; n < numRows; n++) {
    const start = n * numClasses;
    let [best, bestData, bestModel] = [0, 0, 0];
    let h = 0;
    for (let c = 0; c < numClasses; c++) {
      const q = data.data[start + c];
      const p = model.mean[start + c];
      pooled.soft[start + c] = lambda * q + (1 - lambda) * p;
      if (pooled.soft[start + c] > pooled.soft[start + best]) best = c;
      if (q > data.data[start + bestData]) bestData = c;
      if (p > model.mean[start + bestModel]) bestModel = c;
      if (p > 0) h -= p * Math.log(p);
    }
    const q = data.data[start + best];
    const p = model.mean[start + best];
    pooled.hard[n] = best;
    pooled.confidence[n] = lambda * q + (1 - lambda) * p;
    pooled.varianceData[n] = lambda * lambda * q * (1 - q);
    pooled.varianceModel[n] = ((1 - lambda) * (1 - lambda) * model.squares[start + best]) / model.numPasses;
    pooled.varianceDisagreement[n] = lambda * (1 - lambda) * (q - p) ** 2;
    pooled.varianceTotal[n] = pooled.varianceData[n] + pooled.varianceModel[n] + pooled.varianceDisagreement[n];
    pooled.entropy[n] = h;
    pooled.mutualInformation[n] = Math.max(0, h - model.entropy[n]);
    pooled.isAgreed[n] = Number(bestData === bestModel);
  }
  return { numRows, numClasses, ...pooled };
}

const TRUST: Readonly<Record<Rank, (labels: PooledLabels) => Float64Array>> = {
  conf: ({ confidence }) => confidence,
  variance: ({ varianceTotal }) => varianceTotal.map((value) => -value),
  entropy: ({ entropy }) => entropy.map((value) => -value),
  bald: ({ mutualInformation }) => mutualInformation.map((value) => -value),
};

/** [N] larger is surer. */
export function trustOf(labels: PooledLabels, rank: Rank): Float64Array {
  return TRUST[rank](labels);
}
