/** The ranked list as plain rows: what the page, the JSON file and the corrected table are made of. */
import { centreNoteOf } from './centre-evidence.ts';
import { MISSING_LABEL } from './class-names.ts';
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
  /** Share of the nearest neighbours that carry the given label, and how many these are: ten where there are as many. */
  readonly agreement?: number;
  readonly numNeighbours?: number;
  /** Distances to the centre of the given class and to the nearest other one, the energy of that pair, and the log-density of
   *  the sample under the mixture. */
  readonly centres?: {
    readonly given: number;
    readonly nearest: string;
    readonly toNearest: number;
    readonly pairEnergy: number;
    readonly logDensity: number;
  };
  readonly isOutlier: boolean;
  /** Number of its near-duplicate set, from 1. */
  readonly duplicateSet?: number;
  readonly preview?: string;
  /** PNG as a data URL. */
  readonly thumbnail?: string;
  /** Only where the truth is known. */
  readonly truth?: string;
}

/** The issue at a place of the ranking. */
export function issueAt(audit: Audit, place: number, id: string): Issue {
  const { result, classNames, issueProbabilities, labels, evidence, centreEvidence, truthLabels } = audit;
  const i = result.ranked[place];
  const numClasses = classNames.length;
  const p = issueProbabilities.subarray(place * numClasses, (place + 1) * numClasses);
  const top = Array.from({ length: numClasses }, (_, k) => k)
    .sort((a, b) => p[b] - p[a] || a - b)
    .slice(0, 3)
    .map((k) => ({ name: classNames[k], probability: p[k] }));
  const set = evidence?.duplicateSet[i] ?? 0;
  const note = centreEvidence && centreNoteOf(centreEvidence, i, labels[i]);
  const truth = truthLabels?.[i] ?? MISSING_LABEL;
  return {
    row: audit.rows[i],
    id,
    given: classNames[labels[i]],
    suggested: classNames[result.suggested[i]],
    wrongProbability: 1 - result.givenProbability[i],
    score: result.scores[i],
    top,
    ...(evidence &&
      evidence.agreement.length > 0 && {
        agreement: evidence.agreement[i],
        numNeighbours: evidence.neighbours.length / labels.length,
      }),
    ...(note && {
      centres: {
        given: note.givenDistance,
        nearest: classNames[note.nearestOther],
        toNearest: note.otherDistance,
        pairEnergy: note.pairEnergy,
        logDensity: note.logDensity,
      },
    }),
    isOutlier: (evidence?.outlierRatio[i] ?? 0) >= OUTLIER_RATIO,
    ...(set > 0 && { duplicateSet: set }),
    ...(truth !== MISSING_LABEL && { truth: classNames[truth] }),
  };
}
