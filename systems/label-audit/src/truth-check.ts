/** How good an audit was, where the true labels are known. */
import type { AuditResult } from './audit.ts';
import { auroc, averagePrecision } from './ranking-quality.ts';
import { reliability } from './repair/reliability.ts';
import type { ReliabilityBin } from './repair/reliability.ts';

export interface TruthCheck {
  readonly noiseRate: number;
  /** Of the flagged labels, how many are wrong; of the wrong ones, how many are flagged. */
  readonly precision: number;
  readonly recall: number;
  readonly auroc: number;
  readonly averagePrecision: number;
  /** Accuracy of the labels as given and as repaired by each rule. */
  readonly accuracyGiven: number;
  readonly accuracyArgmax: number;
  readonly accuracyBayes: number;
  readonly accuracyRepaired: number;
  /** As written into the corrected table: the rule in use on flagged labels, the given label elsewhere. */
  readonly accuracyCorrected: number;
  /** Of the probability that the given label is right, without and with the temperature. */
  readonly eceUncalibrated: number;
  readonly ece: number;
  readonly reliabilityBins: readonly ReliabilityBin[];
  /** Precision among the first k of the ranking, at k = 1 … number of wrong labels in about forty steps. */
  readonly precisionAt: readonly { readonly k: number; readonly precision: number }[];
}

const NUM_CURVE_POINTS = 40;

/** @param truth  [N] true classes; rows with a negative one are left out
 *  @param uncalibrated  [N] probability of the given label without the temperature
 *  AUROC, average precision and recall are NaN where no label, or none but wrong ones, is known. */
export function compareWithTruth(
  result: AuditResult,
  labels: Int32Array,
  truth: ArrayLike<number>,
  uncalibrated: ArrayLike<number> = result.givenProbability,
): TruthCheck {
  const known = Uint32Array.from(labels.keys()).filter((i) => truth[i] >= 0);
  const isWrong = Uint8Array.from(labels, (label, i) => (truth[i] >= 0 && label !== truth[i] ? 1 : 0));
  let numWrong = 0;
  let numFlagged = 0;
  let hits = 0;
  for (const i of known) {
    numWrong += isWrong[i];
    numFlagged += result.flags[i];
    hits += isWrong[i] & result.flags[i];
  }
  const accuracy = (chosen: ArrayLike<number>) =>
    known.reduce((right, i) => right + Number(chosen[i] === truth[i]), 0) / known.length;
  const wrongOfKnown = known.map((i) => isWrong[i]);
  const scores = Float64Array.from(known, (i) => result.scores[i]);
  const isRight = wrongOfKnown.map((wrong) => 1 - wrong);
  const reliabilityOf = (confidence: ArrayLike<number>) =>
    reliability(
      Float64Array.from(known, (i) => confidence[i]),
      isRight,
    );
  const { ece, bins } = reliabilityOf(result.givenProbability);
  return {
    noiseRate: numWrong / known.length,
    precision: hits / numFlagged,
    recall: hits / numWrong,
    auroc: auroc(scores, wrongOfKnown),
    averagePrecision: averagePrecision(scores, wrongOfKnown),
    accuracyGiven: accuracy(labels),
    accuracyArgmax: accuracy(result.learned.predicted),
    accuracyBayes: accuracy(result.suggestedByBayes),
    accuracyRepaired: accuracy(result.suggested),
    accuracyCorrected: accuracy(labels.map((label, i) => (result.flags[i] === 1 ? result.suggested[i] : label))),
    eceUncalibrated: reliabilityOf(uncalibrated).ece,
    ece,
    reliabilityBins: bins,
    precisionAt: precisionCurve(
      result.ranked.filter((i) => truth[i] >= 0),
      isWrong,
    ),
  };
}

function precisionCurve(ranked: Uint32Array, isWrong: Uint8Array): { k: number; precision: number }[] {
  const stride = Math.max(1, Math.floor(ranked.length / NUM_CURVE_POINTS));
  const points: { k: number; precision: number }[] = [];
  let hits = 0;
  ranked.forEach((row, place) => {
    hits += isWrong[row];
    if ((place + 1) % stride === 0) points.push({ k: place + 1, precision: hits / (place + 1) });
  });
  return points;
}
