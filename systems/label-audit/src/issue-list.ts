/** The ranked list as plain rows: what the page, the JSON file and the corrected table are made of. */
import type { Audit } from './pipeline.ts';
import { OUTLIER_RATIO } from './evidence.ts';

export interface Issue {
  /** Row of the input. */
  readonly row: number;
  readonly id: string;
  readonly given: string;
  readonly suggested: string;
  /** Calibrated probability that the given label is wrong. */
  readonly wrongProbability: number;
  readonly score: number;
  /** The three most likely classes. */
  readonly top: readonly { readonly name: string; readonly probability: number }[];
  /** Share of the ten nearest neighbours that carry the given label. */
  readonly agreement?: number;
  readonly isOutlier: boolean;
  /** Number of its near-duplicate set, from 1. */
  readonly duplicateSet?: number;
  readonly preview?: string;
  /** PNG as a data URL. */
  readonly thumbnail?: string;
  /** Only where the truth is known. */
  readonly truth?: string;
}

/** One issue from entry i of an audit. */
export function issueAt(audit: Audit, i: number, id: string): Issue {
  const { result, classNames, probabilities, labels, evidence, truthLabels } = audit;
  const { numClasses, data } = probabilities;
  const top = Array.from({ length: numClasses }, (_, k) => k)
    .sort((a, b) => data[i * numClasses + b] - data[i * numClasses + a] || a - b)
    .slice(0, 3)
    .map((k) => ({ name: classNames[k], probability: data[i * numClasses + k] }));
  const set = evidence?.duplicateSet[i] ?? 0;
  return {
    row: audit.rows[i],
    id,
    given: classNames[labels[i]],
    suggested: classNames[result.suggested[i]],
    wrongProbability: 1 - result.givenProbability[i],
    score: result.scores[i],
    top,
    ...(evidence && evidence.agreement.length > 0 && { agreement: evidence.agreement[i] }),
    isOutlier: (evidence?.outlierRatio[i] ?? 0) >= OUTLIER_RATIO,
    ...(set > 0 && { duplicateSet: set }),
    ...(truthLabels && { truth: classNames[truthLabels[i]] }),
  };
}
