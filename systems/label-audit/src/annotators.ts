/** Several annotators per sample: consensus labels, their quality, and each annotator's confusion.
 *  Source: Dawid & Skene 1979, Maximum likelihood estimation of observer error-rates using the EM algorithm. */
import { labelError } from './label-errors.ts';

/** One vote. */
export interface Vote {
  readonly sample: number;
  readonly annotator: number;
  readonly label: number;
}

export interface Consensus {
  /** [N] most likely class; −1 for a sample without votes. */
  readonly labels: Int32Array;
  /** [N] its posterior. */
  readonly confidence: Float64Array;
  /** [N] votes, and the share of them that name the consensus. */
  readonly numVotes: Uint32Array;
  readonly agreement: Float64Array;
  /** [N] the plain majority (lowest class of a tie). */
  readonly majority: Int32Array;
  readonly annotators: readonly AnnotatorQuality[];
  readonly iterations: number;
}

export interface AnnotatorQuality {
  readonly numVotes: number;
  /** Estimated share of votes that name the true class, and its 95 % interval by the number of votes. */
  readonly accuracy: number;
  readonly accuracyLow: number;
  readonly accuracyHigh: number;
  /** Share of votes that equal the consensus. */
  readonly agreement: number;
  /** [given · K + true] columns sum to 1. */
  readonly confusion: Float64Array;
}

/** Votes that each annotator is taken to have given on each class before any is seen: right ones, and wrong ones over
 *  all other classes. Without them few votes mean certainty, and EM may call an annotator a liar on three samples. */
const PRIOR_RIGHT = 4;
const PRIOR_WRONG = 2;
/** Samples added to each class. */
const CLASS_SMOOTHING = 1;
const TOLERANCE = 1e-6;

/** EM from majority votes to the fixed point (or 100 rounds).
 *  Differs: Dawid & Skene maximise the likelihood alone; here annotators have a prior, two thirds right, and what a sample's
 *  own votes say about its annotators does not count for that sample: else two votes that agree would vouch for each other
 *  (the zero-order collapsed update of Asuncion et al. 2009, arXiv 1205.2662).
 *  @param options.prior  [N, K] probabilities of a model, multiplied into the posterior; default none */
export function consensusOfVotes(
  votes: readonly Vote[],
  options: { numSamples: number; numAnnotators: number; numClasses: number; prior?: ArrayLike<number> },
): Consensus {
  const { numSamples, numAnnotators, numClasses, prior } = options;
  if (votes.length === 0) {
    throw labelError('TF-LABEL-004', { subject: 'consensusOfVotes', expected: 'at least one vote', actual: 'none' });
  }
  const counts = new Float64Array(numSamples * numClasses);
  for (const { sample, label } of votes) counts[sample * numClasses + label]++;
  const posterior = new Float64Array(numSamples * numClasses);
  for (let i = 0; i < numSamples; i++) normaliseRow(counts, posterior, i, numClasses);
  const majority = Int32Array.from({ length: numSamples }, (_, i) => largestOf(counts, i, numClasses));
  const confusions = Array.from({ length: numAnnotators }, () => new Float64Array(numClasses * numClasses));
  const classPrior = new Float64Array(numClasses);
  let iterations = 0;
  for (let change = Infinity; change > TOLERANCE && iterations < 100; iterations++) {
    countVotes(votes, { posterior, confusions, numClasses });
    const sums = confusions.map((confusion) => columnSums(confusion, numClasses));
    classPrior.fill(CLASS_SMOOTHING);
    for (let at = 0; at < posterior.length; at++) classPrior[at % numClasses] += posterior[at];
    const logs = new Float64Array(posterior.length);
    for (let at = 0; at < logs.length; at++) {
      logs[at] =
        Math.log(classPrior[at % numClasses]) + (prior === undefined ? 0 : Math.log(Math.max(prior[at], 1e-12)));
    }
    for (const { sample, annotator, label } of votes) {
      for (let k = 0; k < numClasses; k++) {
        const own = posterior[sample * numClasses + k];
        const given = confusions[annotator][label * numClasses + k] - own;
        logs[sample * numClasses + k] += Math.log(given / (sums[annotator][k] - own));
      }
    }
    change = 0;
    for (let i = 0; i < numSamples; i++) change = Math.max(change, updatePosterior(logs, posterior, i, numClasses));
  }
  for (const confusion of confusions) normaliseColumns(confusion, numClasses);
  const numVotes = new Uint32Array(numSamples);
  for (const { sample } of votes) numVotes[sample]++;
  const labels = Int32Array.from(majority, (_, i) => (numVotes[i] > 0 ? largestOf(posterior, i, numClasses) : -1));
  return {
    labels,
    confidence: Float64Array.from(labels, (label, i) => (label < 0 ? 0 : posterior[i * numClasses + label])),
    numVotes,
    agreement: Float64Array.from(labels, (label, i) => (label < 0 ? 0 : counts[i * numClasses + label] / numVotes[i])),
    majority: majority.map((label, i) => (numVotes[i] > 0 ? label : -1)),
    annotators: confusions.map((confusion, annotator) =>
      qualityOf(votes, { annotator, confusion, posterior, labels, numClasses }),
    ),
    iterations,
  };
}

/** Votes of each annotator by given and probable true class, with the prior's.  Mutates: confusions. */
function countVotes(
  votes: readonly Vote[],
  { posterior, confusions, numClasses }: { posterior: Float64Array; confusions: Float64Array[]; numClasses: number },
): void {
  const wrong = PRIOR_WRONG / Math.max(1, numClasses - 1);
  for (const confusion of confusions) {
    confusion.fill(wrong);
    for (let k = 0; k < numClasses; k++) confusion[k * numClasses + k] = PRIOR_RIGHT;
  }
  for (const { sample, annotator, label } of votes) {
    for (let k = 0; k < numClasses; k++)
      confusions[annotator][label * numClasses + k] += posterior[sample * numClasses + k];
  }
}

function columnSums(confusion: Float64Array, numClasses: number): Float64Array {
  const sums = new Float64Array(numClasses);
  for (let at = 0; at < confusion.length; at++) sums[at % numClasses] += confusion[at];
  return sums;
}

function normaliseColumns(confusion: Float64Array, numClasses: number): void {
  const sums = columnSums(confusion, numClasses);
  for (let at = 0; at < confusion.length; at++) confusion[at] /= sums[at % numClasses];
}

/** Softmax of a row of logs into the posterior. @returns largest change */
function updatePosterior(logs: Float64Array, posterior: Float64Array, row: number, numClasses: number): number {
  const start = row * numClasses;
  let largest = -Infinity;
  for (let k = 0; k < numClasses; k++) largest = Math.max(largest, logs[start + k]);
  let sum = 0;
  for (let k = 0; k < numClasses; k++) sum += logs[start + k] = Math.exp(logs[start + k] - largest);
  let change = 0;
  for (let k = 0; k < numClasses; k++) {
    const next = logs[start + k] / sum;
    change = Math.max(change, Math.abs(next - posterior[start + k]));
    posterior[start + k] = next;
  }
  return change;
}

function normaliseRow(counts: Float64Array, target: Float64Array, row: number, numClasses: number): void {
  let sum = 0;
  for (let k = 0; k < numClasses; k++) sum += counts[row * numClasses + k];
  for (let k = 0; k < numClasses; k++) {
    target[row * numClasses + k] = sum === 0 ? 1 / numClasses : counts[row * numClasses + k] / sum;
  }
}

function largestOf(values: Float64Array, row: number, numClasses: number): number {
  let best = 0;
  for (let k = 1; k < numClasses; k++) if (values[row * numClasses + k] > values[row * numClasses + best]) best = k;
  return best;
}

function qualityOf(
  votes: readonly Vote[],
  from: { annotator: number; confusion: Float64Array; posterior: Float64Array; labels: Int32Array; numClasses: number },
): AnnotatorQuality {
  let numVotes = 0;
  let expectedRight = 0;
  let numAgreeing = 0;
  for (const { sample, annotator, label } of votes) {
    if (annotator !== from.annotator) continue;
    numVotes++;
    expectedRight += from.posterior[sample * from.numClasses + label];
    if (from.labels[sample] === label) numAgreeing++;
  }
  const share = (count: number) => (numVotes === 0 ? 0 : count / numVotes);
  const accuracy = share(expectedRight);
  const [accuracyLow, accuracyHigh] = wilsonInterval(accuracy, numVotes);
  return { numVotes, accuracy, accuracyLow, accuracyHigh, agreement: share(numAgreeing), confusion: from.confusion };
}

/** 97.5 % point of the normal distribution. */
const Z = 1.959964;

/** 95 % interval of a share that was seen in `count` trials; 0 to 1 without any.
 *  Source: Wilson 1927, Probable inference, the law of succession, and statistical inference. */
function wilsonInterval(share: number, count: number): [low: number, high: number] {
  if (count === 0) return [0, 1];
  const spread = (Z * Z) / count;
  const middle = (share + spread / 2) / (1 + spread);
  const reach = (Z * Math.sqrt((share * (1 - share) + spread / 4) / count)) / (1 + spread);
  return [Math.max(0, middle - reach), Math.min(1, middle + reach)];
}
