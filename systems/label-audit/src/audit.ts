/** The audit: from labels and honest probabilities to a ranked list of issues with a repair for each. */
import { assertSameLength } from './check-probabilities.ts';
import { findIssues } from './confident/filters.ts';
import { latentFromJoint } from './confident/latent.ts';
import { learnConfidently } from './confident/learn.ts';
import { scoreLabels } from './confident/scores.ts';
import { labelError } from './label-errors.ts';
import { ascending } from './ranking-quality.ts';
import { noiseEstimateFromJoint } from './confident/noise-estimate.ts';
import type { NoiseEstimate } from './confident/noise-estimate.ts';
import { posteriorOfTruth } from './repair/posterior.ts';
import { fitTemperature } from './repair/temperature.ts';
import type { Temperature } from './repair/temperature.ts';
import type { ConfidentLearning, Filter, LatentEstimates, Probabilities, ScoreMethod } from './types.ts';

/** Above this estimated noise the posterior trusts a wrong noise matrix too much; measured in the specification's study. */
export const BAYES_NOISE_LIMIT = 0.3;

export interface AuditOptions {
  /** Default prune_by_noise_rate. */
  readonly filter?: Filter;
  /** Default normalized_margin. */
  readonly score?: ScoreMethod;
  /** Default true. */
  readonly isAdjusted?: boolean;
  readonly fracNoise?: number;
  readonly minPerClass?: number;
}

export type RepairRule = 'bayes' | 'argmax' | 'given';

export interface AuditResult {
  readonly learned: ConfidentLearning;
  readonly latent: LatentEstimates;
  readonly noise: NoiseEstimate;
  readonly temperature: Temperature;
  /** [N] lower is more suspicious. */
  readonly scores: Float64Array;
  /** [N] 1 where the label is flagged. */
  readonly flags: Uint8Array;
  /** Flagged rows, most suspicious first. */
  readonly ranked: Uint32Array;
  /** [N] calibrated probability that the given label is right. */
  readonly givenProbability: Float64Array;
  /** [N] by the rule in use, by Bayes posterior and by argmax. */
  readonly suggested: Uint16Array;
  readonly suggestedByBayes: Uint16Array;
  readonly repairRule: RepairRule;
  /** Per class: name-free health. */
  readonly classHealth: readonly ClassHealth[];
}

export interface ClassHealth {
  readonly classIndex: number;
  readonly numGiven: number;
  readonly numFlagged: number;
  /** Share of the samples with this label that are estimated to be of another class. */
  readonly labelNoise: number;
  /** Share of the samples of this true class that are estimated to carry another label. */
  readonly missed: number;
}

/** @param labels  [N] classes 0 … K−1, none missing
 *  @throws TF-LABEL-002 if lengths differ, TF-LABEL-003 for a label outside 0 … K−1 */
export function auditLabels(labels: Int32Array, probabilities: Probabilities, options: AuditOptions = {}): AuditResult {
  const { filter = 'prune_by_noise_rate', score = 'normalized_margin', isAdjusted = true, ...prune } = options;
  assertSameLength('auditLabels', labels.length, probabilities.numRows, 'probabilities');
  assertKnownLabels(labels, probabilities.numClasses);
  const learned = learnConfidently(labels, probabilities);
  const latent = latentFromJoint(learned.joint, learned.numClasses);
  const noise = noiseEstimateFromJoint(learned);
  const flags = findIssues(labels, probabilities, learned, { filter, ...prune });
  const isAdjustable = score !== 'confidence_weighted_entropy';
  const scores = scoreLabels(labels, probabilities, { method: score, isAdjusted: isAdjusted && isAdjustable });
  const temperature = fitTemperature(labels, probabilities, latent.noiseMatrix);
  const posterior = posteriorOfTruth(labels, probabilities, latent.noiseMatrix, {
    exponent: 1 / temperature.temperature,
  });
  const repairRule = chooseRepair(labels, probabilities, { noise, learned });
  const byRule: Record<RepairRule, Uint16Array> = {
    bayes: posterior.suggested,
    argmax: learned.predicted,
    given: Uint16Array.from(labels),
  };
  return {
    learned,
    latent,
    noise,
    temperature,
    scores,
    flags,
    ranked: ascending(scores).filter((row) => flags[row] === 1),
    givenProbability: posterior.givenProbability,
    suggested: byRule[repairRule],
    suggestedByBayes: posterior.suggested,
    repairRule,
    classHealth: classHealthOf(labels, learned, flags),
  };
}

/** Bayes below 30 % estimated noise; else argmax if it is clearly better than the given labels; else none.
 *  Math: predictions of accuracy A agree with labels of accuracy G in a = A·G + (1 − A)(1 − G)/(K − 1) of the samples,
 *  if errors are independent and even; so a and G give A.  G is at least the agreement among the surest tenth. */
function chooseRepair(
  labels: Int32Array,
  { data, numRows, numClasses }: Probabilities,
  { noise, learned }: { noise: NoiseEstimate; learned: ConfidentLearning },
): RepairRule {
  if (noise.rate < BAYES_NOISE_LIMIT) return 'bayes';
  const doubt = Float64Array.from(learned.predicted, (best, i) => -data[i * numClasses + best]);
  const surest = ascending(doubt).subarray(0, Math.ceil(numRows * SUREST_SHARE));
  const agreementOf = (rows: ArrayLike<number> & Iterable<number>) => {
    let same = 0;
    for (const row of rows) if (learned.predicted[row] === labels[row]) same++;
    return same / rows.length;
  };
  const given = Math.max(1 - noise.rate, agreementOf(surest));
  const byChance = (1 - given) / (numClasses - 1);
  const agreement = agreementOf(Uint32Array.from({ length: numRows }, (_, i) => i));
  const predicted = (agreement - byChance) / Math.max(given - byChance, 1e-6);
  return predicted > given + CLEARLY_BETTER ? 'argmax' : 'given';
}

const SUREST_SHARE = 0.1;
const CLEARLY_BETTER = 0.1;

function classHealthOf(labels: Int32Array, learned: ConfidentLearning, flags: Uint8Array): ClassHealth[] {
  const { numClasses, joint, labelCounts } = learned;
  const numFlagged = new Uint32Array(numClasses);
  for (let i = 0; i < labels.length; i++) numFlagged[labels[i]] += flags[i];
  return Array.from({ length: numClasses }, (_, k) => {
    let trueCount = 0;
    for (let given = 0; given < numClasses; given++) trueCount += joint[given * numClasses + k];
    const right = joint[k * numClasses + k];
    return {
      classIndex: k,
      numGiven: labelCounts[k],
      numFlagged: numFlagged[k],
      labelNoise: labelCounts[k] === 0 ? 0 : 1 - right / labelCounts[k],
      missed: trueCount === 0 ? 0 : 1 - right / trueCount,
    };
  });
}

function assertKnownLabels(labels: Int32Array, numClasses: number): void {
  const row = labels.findIndex((label) => !(label >= 0 && label < numClasses));
  if (row < 0) return;
  throw labelError('TF-LABEL-003', {
    subject: 'auditLabels',
    expected: `labels in 0 … ${numClasses - 1}`,
    actual: String(labels[row]),
    location: `row ${row}`,
  });
}
