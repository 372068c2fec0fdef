/** Losses: scalars in f32, means over the batch. Logits are raw scores; labels are class indices unless said otherwise. */
import type { GraphBuilder, GraphValue } from '../graph/index.ts';
import { assertOption, BELOW_ONE, POSITIVE } from './number-checks.ts';

export interface CrossEntropyOptions {
  /** Mass moved from the label to the uniform distribution; default 0. */
  readonly labelSmoothing?: number;
  /** [N] weights; the mean is over their sum. Use 0 to ignore a row. */
  readonly weights?: GraphValue;
}

/** −log p(label).
 *  @param logits  [..., K] @param labels  [...] integers in 0 … K−1; as in ONNX negative ones count from the end, so that
 *  rows to ignore need a weight of 0 */
export function crossEntropy(
  g: GraphBuilder,
  logits: GraphValue,
  labels: GraphValue,
  { labelSmoothing = 0, weights }: CrossEntropyOptions = {},
): GraphValue {
  assertOption('crossEntropy', 'labelSmoothing', labelSmoothing, BELOW_ONE);
  const logProbs = logProbabilities(g, logits); // [N, K]
  const picked = g.neg(pickLabels(g, logProbs, labels)); // [N]
  if (labelSmoothing === 0) return weightedMean(g, picked, weights);
  const uniform = g.neg(g.reduceMean(logProbs, { axes: [1] }));
  const perRow = g.add(g.mul(picked, 1 - labelSmoothing), g.mul(uniform, labelSmoothing));
  return weightedMean(g, perRow, weights);
}

/** Cross-entropy with target distributions. @param targets  [..., K], rows sum to one */
export function softCrossEntropy(g: GraphBuilder, logits: GraphValue, targets: GraphValue): GraphValue {
  const logProbs = logProbabilities(g, logits);
  const flat = g.reshape(g.cast(targets, 'float32'), logProbs.shape);
  return g.neg(g.reduceMean(g.reduceSum(g.mul(logProbs, flat), { axes: [1] })));
}

/** Symmetric cross-entropy: alpha · CE + beta · RCE, RCE = −Σ p log q with log 0 := logZero.
 *  Source: Wang et al. 2019 (arXiv 1908.06112), eq. 5-7. */
export function symmetricCrossEntropy(
  g: GraphBuilder,
  logits: GraphValue,
  labels: GraphValue,
  { alpha = 0.1, beta = 1, logZero = -4 }: { alpha?: number; beta?: number; logZero?: number } = {},
): GraphValue {
  const probability = labelProbabilities(g, logits, labels);
  const reverse = g.mul(g.reduceMean(g.sub(1, probability)), -logZero);
  return g.add(g.mul(crossEntropy(g, logits, labels), alpha), g.mul(reverse, beta));
}

/** Generalised cross-entropy (1 − p^q) / q: CE for q → 0, MAE for q = 1.
 *  Source: Zhang and Sabuncu 2018 (arXiv 1805.07836), eq. 6. */
export function generalisedCrossEntropy(
  g: GraphBuilder,
  logits: GraphValue,
  labels: GraphValue,
  { q = 0.7 }: { q?: number } = {},
): GraphValue {
  assertOption('generalisedCrossEntropy', 'q', q, POSITIVE);
  const logProb = pickLabels(g, logProbabilities(g, logits), labels);
  const power = g.exp(g.mul(logProb, q)); // p^q without a power of zero
  return g.div(g.reduceMean(g.sub(1, power)), q);
}

/** Mean over rows of Σ_k |onehot − p| = 2 (1 − p_label).  Source: Ghosh et al. 2017 (arXiv 1712.09482). */
export function classificationMae(g: GraphBuilder, logits: GraphValue, labels: GraphValue): GraphValue {
  return g.mul(g.reduceMean(g.sub(1, labelProbabilities(g, logits, labels))), 2);
}

/** Mean |prediction − target| over all elements. */
export function meanAbsoluteError(g: GraphBuilder, prediction: GraphValue, target: GraphValue): GraphValue {
  return g.reduceMean(g.abs(g.sub(g.cast(prediction, 'float32'), target)));
}

/** Mean (prediction − target)² over all elements. */
export function meanSquaredError(g: GraphBuilder, prediction: GraphValue, target: GraphValue): GraphValue {
  return g.reduceMean(g.square(g.sub(g.cast(prediction, 'float32'), target)));
}

/** Binary cross-entropy on logits x with targets y in [0, 1]: softplus(x) − x·y, mean over all elements. */
export function binaryCrossEntropy(g: GraphBuilder, logits: GraphValue, targets: GraphValue): GraphValue {
  const x = g.cast(logits, 'float32');
  return g.reduceMean(g.sub(g.softplus(x), g.mul(x, targets)));
}

/** KL(target ‖ softmax(logits)), mean over rows; 0 · log 0 = 0.
 *  @param targets  [..., K] probabilities; no gradient flows into them */
export function klDivergence(g: GraphBuilder, logits: GraphValue, targets: GraphValue): GraphValue {
  const logProbs = logProbabilities(g, logits);
  const p = g.stopGradient(g.reshape(g.cast(targets, 'float32'), logProbs.shape));
  const logP = g.log(g.max(p, SMALLEST_PROBABILITY));
  return g.reduceMean(g.reduceSum(g.mul(p, g.sub(logP, logProbs)), { axes: [1] }));
}

/** Keeps log away from zero; its product with p = 0 is 0. */
const SMALLEST_PROBABILITY = 1e-30;

/** log softmax over the last axis, as [rows, K] in f32. */
function logProbabilities(g: GraphBuilder, logits: GraphValue): GraphValue {
  const classes = logits.shape.at(-1)!;
  return g.logSoftmax(g.cast(g.reshape(logits, [-1, classes]), 'float32'), 1);
}

/** [rows] the entry of each row's label. */
function pickLabels(g: GraphBuilder, rows: GraphValue, labels: GraphValue): GraphValue {
  const column = g.reshape(labels, [rows.shape[0], 1]);
  return g.reshape(g.gatherElements(rows, column, 1), [rows.shape[0]]);
}

function labelProbabilities(g: GraphBuilder, logits: GraphValue, labels: GraphValue): GraphValue {
  return g.exp(pickLabels(g, logProbabilities(g, logits), labels));
}

function weightedMean(g: GraphBuilder, rows: GraphValue, weights: GraphValue | undefined): GraphValue {
  if (weights === undefined) return g.reduceMean(rows);
  const flat = g.reshape(g.cast(weights, 'float32'), rows.shape);
  return g.div(g.reduceSum(g.mul(rows, flat)), g.max(g.reduceSum(flat), SMALLEST_PROBABILITY));
}
