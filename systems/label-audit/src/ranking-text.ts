/** What the list of suspicious labels is ranked by, in words. */
import type { ScoreMethod } from './types.ts';

export interface Ranking {
  readonly score: ScoreMethod;
  /** Class thresholds are subtracted before the score is taken. */
  readonly isAdjusted: boolean;
}

const SCORE_TEXT: Readonly<Record<ScoreMethod, string>> = {
  normalized_margin: 'margin of the given label over the likeliest other class',
  self_confidence: 'predicted probability of the given label',
  confidence_weighted_entropy: 'entropy of the prediction, weighted by the probability of the given label',
};

/** Goes on after “by”. */
export function rankingText({ score, isAdjusted }: Ranking): string {
  return `${SCORE_TEXT[score]}${isAdjusted ? ', class thresholds subtracted' : ''}, lowest first`;
}
