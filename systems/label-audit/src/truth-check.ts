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
  /** Of the probability that the given label is right. */
  readonly ece: number;
  readonly reliabilityBins: readonly ReliabilityBin[];
  /** Precision among the first k of the ranking, at k = 1 … number of wrong labels in about forty steps. */
  readonly precisionAt: readonly { readonly k: number; readonly precision: number }[];
}

const NUM_CURVE_POINTS = 40;

export function compareWithTruth(result: AuditResult, labels: Int32Array, truth: ArrayLike<number>): TruthCheck {
  const isWrong = Uint8Array.from(labels, (label, i) => (label === truth[i] ? 0 : 1));
  const numWrong = sum(isWrong);
  const numFlagged = sum(result.flags);
  let hits = 0;
  for (let i = 0; i < isWrong.length; i++) hits += isWrong[i] & result.flags[i];
  const accuracy = (chosen: ArrayLike<number>) => {
    let right = 0;
    for (let i = 0; i < labels.length; i++) if (chosen[i] === truth[i]) right++;
    return right / labels.length;
  };
  const isRight = isWrong.map((wrong) => 1 - wrong);
  const { ece, bins } = reliability(result.givenProbability, isRight);
  return {
    noiseRate: numWrong / labels.length,
    precision: numFlagged === 0 ? 0 : hits / numFlagged,
    recall: numWrong === 0 ? 0 : hits / numWrong,
    auroc: auroc(result.scores, isWrong),
    averagePrecision: averagePrecision(result.scores, isWrong),
    accuracyGiven: accuracy(labels),
    accuracyArgmax: accuracy(result.learned.predicted),
    accuracyBayes: accuracy(result.suggestedByBayes),
    accuracyRepaired: accuracy(result.suggested),
    ece,
    reliabilityBins: bins,
    precisionAt: precisionCurve(result.ranked, isWrong),
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

function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i];
  return total;
}
