/** Watches rounds for collapse without any target label, and names the round to go back to. */
import type { RoundReport } from './types.ts';

export interface GuardOptions {
  /** Largest total variation of the accepted classes from the source classes, or from the round before. Default 0.25. */
  readonly maxShift?: number;
  /** Largest fall of agreement from its best. Default 0.05. */
  readonly maxAgreementLoss?: number;
  /** Largest fall of held-out source accuracy from the start, default 0.03; where few samples are held out, two standard errors. */
  readonly maxSourceLoss?: number;
  /** Largest fall of the score agreement × (1 − shift) from its best. Default 0.05. */
  readonly maxScoreLoss?: number;
}

type Watched = Pick<
  RoundReport,
  'acceptedPerClass' | 'agreement' | 'priorShift' | 'sourceAccuracy' | 'numHeldOut' | 'score'
>;

/** @param rounds  so far, the newest last
 *  @returns sentences about the newest round; none if it is sound */
export function collapseAlarms(rounds: readonly Watched[], options: GuardOptions = {}): string[] {
  const { maxShift = 0.25, maxAgreementLoss = 0.05, maxSourceLoss = 0.03, maxScoreLoss = 0.05 } = options;
  const alarms: string[] = [];
  const newest = rounds.at(-1);
  if (newest === undefined) return alarms;
  const percent = (ratio: number) => `${(100 * ratio).toFixed(1)} %`;
  if (newest.priorShift > maxShift) {
    alarms.push(`accepted classes are ${percent(newest.priorShift)} away from the source classes`);
  }
  const previous = rounds.at(-2);
  if (previous !== undefined) {
    const moved = totalVariation(previous.acceptedPerClass, newest.acceptedPerClass);
    if (moved > maxShift) alarms.push(`accepted classes moved by ${percent(moved)} since the round before`);
  }
  const bestAgreement = Math.max(...rounds.map(({ agreement }) => agreement));
  if (bestAgreement - newest.agreement > maxAgreementLoss) {
    alarms.push(`agreement fell from ${percent(bestAgreement)} to ${percent(newest.agreement)}`);
  }
  const bestScore = Math.max(...rounds.map(({ score }) => score));
  if (bestScore - newest.score > maxScoreLoss) {
    alarms.push(`score fell from ${bestScore.toFixed(3)} to ${newest.score.toFixed(3)}`);
  }
  const start = rounds[0].sourceAccuracy;
  const noise = 2 * Math.sqrt((start * (1 - start) + 1 / newest.numHeldOut) / newest.numHeldOut);
  if (start - newest.sourceAccuracy > Math.max(maxSourceLoss, noise)) {
    alarms.push(`held-out source accuracy fell from ${percent(start)} to ${percent(newest.sourceAccuracy)}`);
  }
  return alarms;
}

/** ½ Σ |a/Σa − b/Σb|; 0 if one of them is empty. */
export function totalVariation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [sumA, sumB, total] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) [sumA, sumB] = [sumA + a[i], sumB + b[i]];
  if (sumA === 0 || sumB === 0) return 0;
  for (let i = 0; i < a.length; i++) total += Math.abs(a[i] / sumA - b[i] / sumB);
  return total / 2;
}
