/** Losses that forgive wrong labels. Scalars, means over the batch. */
import type { GraphBuilder, GraphValue } from '@tenfold/core/graph';
import { classificationMae, crossEntropy, generalisedCrossEntropy, symmetricCrossEntropy } from '@tenfold/core/nn';
import type { LabelLoss } from '../types.ts';

/** log of a clamped zero label in reverse cross entropy: natural log of 1e-4. */
export const REVERSE_LOG_ZERO = Math.log(1e-4);

export interface LabelLossOptions {
  /** Weight of cross entropy in sce, of normalised cross entropy in nce+rce. Default 0.1 (sce), 1 (nce+rce). */
  readonly alpha?: number;
  /** Weight of reverse cross entropy. Default 1. */
  readonly beta?: number;
  /** Exponent of gce. Default 0.7. */
  readonly q?: number;
  /** [given · K + true], for `forward`. */
  readonly noiseMatrix?: ArrayLike<number>;
  /** [N, K] running mean of the predictions, for `elr`. */
  readonly targets?: GraphValue;
  /** [N] of the samples, for `co-teaching`. */
  readonly weights?: GraphValue;
  /** Weight of the elr term. Default 3. */
  readonly elrWeight?: number;
}

/** @param logits [N, K] @param labels [N] int64 */
export function labelLoss(
  g: GraphBuilder,
  kind: LabelLoss,
  logits: GraphValue,
  labels: GraphValue,
  options: LabelLossOptions = {},
): GraphValue {
  switch (kind) {
    case 'ce':
      return crossEntropy(g, logits, labels);
    case 'sce': {
      const { alpha = 0.1, beta = 1 } = options;
      return symmetricCrossEntropy(g, logits, labels, { alpha, beta, logZero: REVERSE_LOG_ZERO });
    }
    case 'gce':
      return generalisedCrossEntropy(g, logits, labels, options.q === undefined ? {} : { q: options.q });
    case 'mae':
      return classificationMae(g, logits, labels);
    case 'nce+rce': {
      const { alpha = 1, beta = 1 } = options;
      const reverse = g.mul(classificationMae(g, logits, labels), -REVERSE_LOG_ZERO / 2);
      return g.add(g.mul(normalisedCrossEntropy(g, logits, labels), alpha), g.mul(reverse, beta));
    }
    case 'forward':
      return forwardCorrected(g, logits, labels, options.noiseMatrix ?? []);
    case 'co-teaching':
      return crossEntropy(g, logits, labels, options.weights === undefined ? {} : { weights: options.weights });
    case 'elr':
      return g.add(
        crossEntropy(g, logits, labels),
        g.mul(earlyLearning(g, logits, options.targets!), options.elrWeight ?? 3),
      );
  }
}

/** log p_y / Σ_k log p_k.  Source: Ma et al. 2020 (arXiv 2006.13554), eq. 4. */
function normalisedCrossEntropy(g: GraphBuilder, logits: GraphValue, labels: GraphValue): GraphValue {
  const logProbs = g.logSoftmax(logits);
  const picked = g.gatherElements(logProbs, g.reshape(labels, [logits.shape[0], 1]), 1);
  return g.reduceMean(g.div(picked, g.reduceSum(logProbs, { axes: [1], keepdims: true })));
}

/** −log (Q p)_y: the model speaks of true classes, Q turns them into given ones.  Source: Patrini et al. 2017 (arXiv 1609.03683). */
function forwardCorrected(
  g: GraphBuilder,
  logits: GraphValue,
  labels: GraphValue,
  noiseMatrix: ArrayLike<number>,
): GraphValue {
  const [numRows, numClasses] = logits.shape as [number, number];
  const q = g.constant({ dtype: 'float32', shape: [numClasses, numClasses], data: Float32Array.from(noiseMatrix) });
  const given = g.gemm(g.softmax(logits), q, undefined, { transB: 1 }); // [N, given]
  const picked = g.gatherElements(given, g.reshape(labels, [numRows, 1]), 1);
  return g.neg(g.reduceMean(g.log(g.max(picked, 1e-7))));
}

/** mean log(1 − ⟨p, target⟩).  Source: Liu et al. 2020 (arXiv 2007.00151), eq. 6. */
function earlyLearning(g: GraphBuilder, logits: GraphValue, targets: GraphValue): GraphValue {
  const agreement = g.reduceSum(g.mul(g.softmax(logits), targets), { axes: [1] });
  return g.reduceMean(g.log(g.max(g.sub(1, agreement), 1e-4)));
}
