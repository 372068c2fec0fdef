/** The audit: from labels and honest probabilities to a ranked list of issues with a repair for each. */
import { assertSameLength } from './check-probabilities.ts';
import { issuePasses } from './confident/filters.ts';
import { latentFromJoint } from './confident/latent.ts';
import { learnPass } from './confident/learn.ts';
import { noiseEstimateFromJoint } from './confident/noise-estimate.ts';
import type { NoiseEstimate } from './confident/noise-estimate.ts';
import { createMarginScores, scorePass } from './confident/scores.ts';
import { sortByScore } from './confident/sort-by-score.ts';
import { thresholdPass } from './confident/thresholds.ts';
import { labelError } from './label-errors.ts';
import { runInMemory, together } from './passes.ts';
import type { Passes } from './passes.ts';
import type { Ranking } from './ranking-text.ts';
import { posteriorPass } from './repair/posterior.ts';
import { repairRulePasses } from './repair/rule.ts';
import type { RepairRule } from './repair/rule.ts';
import { fitNoise } from './repair/noise-fit.ts';
import { fitRowsPass } from './repair/temperature.ts';
import type { Temperature } from './repair/temperature.ts';
import type { ConfidentLearning, Filter, LatentEstimates, Probabilities, ScoreMethod } from './types.ts';

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

export interface AuditResult {
  readonly learned: ConfidentLearning;
  readonly latent: LatentEstimates;
  readonly noise: NoiseEstimate;
  readonly temperature: Temperature;
  /** [given · K + true] of the repair, fitted with the temperature; columns sum to 1. */
  readonly repairNoiseMatrix: Float64Array;
  readonly ranking: Ranking;
  /** [N] by `ranking`: lower is more suspicious. */
  readonly scores: Float64Array;
  /** [N] 1 where the label is flagged. */
  readonly flags: Uint8Array;
  /** Flagged rows, most suspicious first. */
  readonly ranked: Uint32Array;
  /** How many of the flagged labels are wrong, by their probabilities. */
  readonly expectedWrong: number;
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
  assertSameLength('auditLabels', labels.length, probabilities.numRows, 'probabilities');
  return runInMemory(auditPasses(labels, probabilities.numClasses, options), probabilities);
}

/** As auditLabels, in four passes over the rows (up to six, if the filter or the repair asks for more).
 *  Memory: about 45 bytes a row and 80 bytes for each pair of classes, beside one block. */
export function* auditPasses(labels: Int32Array, numClasses: number, options: AuditOptions = {}): Passes<AuditResult> {
  const { filter = 'prune_by_noise_rate', score = 'normalized_margin', isAdjusted = true, ...prune } = options;
  assertKnownLabels(labels, numClasses);
  const isAdjustable = score !== 'confidence_weighted_entropy';
  const classes = yield* thresholdPass(labels, numClasses);
  // The usual score is taken in the same go over the rows as the rest.
  const margins =
    score === 'normalized_margin' ? createMarginScores(labels.length, classes.thresholds, isAdjusted) : undefined;
  const [learned, fitRows, ownScores] = yield* together(
    learnPass(labels, classes, margins),
    fitRowsPass(labels, numClasses),
    ...(margins ? [] : [scorePass(labels, classes, { method: score, isAdjusted: isAdjusted && isAdjustable })]),
  );
  const scores = margins?.scores ?? ownScores!;
  const latent = latentFromJoint(learned.joint, numClasses);
  const noise = noiseEstimateFromJoint(learned);
  const { noiseMatrix: repairNoiseMatrix, temperature } = fitNoise(fitRows, learned.joint, latent.noiseMatrix);
  const exponent = 1 / temperature.temperature;
  const [flags, posterior, repairRule] = yield* together(
    issuePasses(labels, learned, { filter, ...prune }),
    posteriorPass(labels, repairNoiseMatrix, { exponent }),
    repairRulePasses(labels, learned, noise.rate),
  );
  const ranked = rankFlagged(flags, scores);
  const byRule: Record<RepairRule, () => Uint16Array> = {
    bayes: () => posterior.suggested,
    argmax: () => learned.predicted,
    given: () => Uint16Array.from(labels),
  };
  return {
    learned,
    latent,
    noise,
    temperature,
    repairNoiseMatrix,
    ranking: { score, isAdjusted: isAdjusted && isAdjustable },
    scores,
    flags,
    ranked,
    expectedWrong: ranked.reduce((sum, i) => sum + 1 - posterior.givenProbability[i], 0),
    givenProbability: posterior.givenProbability,
    suggested: byRule[repairRule](),
    suggestedByBayes: posterior.suggested,
    repairRule,
    classHealth: classHealthOf(labels, learned, flags),
  };
}

/** Flagged rows by rising score; equal scores keep their order. */
function rankFlagged(flags: Uint8Array, scores: Float64Array): Uint32Array {
  let numFlagged = 0;
  for (let i = 0; i < flags.length; i++) numFlagged += flags[i];
  const flagged = new Uint32Array(numFlagged);
  let place = 0;
  for (let i = 0; i < flags.length; i++) if (flags[i] === 1) flagged[place++] = i;
  return sortByScore(flagged, scores);
}

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
  let row = 0;
  while (row < labels.length && labels[row] >= 0 && labels[row] < numClasses) row++;
  if (row === labels.length) return;
  throw labelError('TF-LABEL-003', {
    subject: 'auditLabels',
    expected: `labels in 0 … ${numClasses - 1}`,
    actual: String(labels[row]),
    location: `row ${row}`,
  });
}
