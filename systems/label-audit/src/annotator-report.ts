/** A consensus of annotators as report. */
import type { Report } from '@tenfold/core/report';
import { percent } from './report.ts';

export interface AnnotatorRow {
  readonly name: string;
  readonly votes: number;
  readonly accuracy: number;
  readonly accuracyLow: number;
  readonly accuracyHigh: number;
  readonly agreement: number;
}

export interface ConsensusRow {
  readonly sample: string;
  readonly label: string | null;
  readonly quality: number;
  readonly votes: number;
  readonly agreement: number;
}

export interface ConsensusSummary {
  readonly numSamples: number;
  readonly numDifferent: number;
  readonly meanQuality: number;
  /** Least accurate first. */
  readonly annotators: readonly AnnotatorRow[];
  /** Least sure first. */
  readonly unsure: readonly ConsensusRow[];
}

const NUM_ROWS = 30;
/** With fewer votes an annotator is not named as a bad one. */
const MIN_JUDGED_VOTES = 5;

export function reportConsensus({
  numSamples,
  numDifferent,
  meanQuality,
  annotators,
  unsure,
}: ConsensusSummary): Report {
  return {
    title: `Votes of ${annotators.length} annotators`,
    verdict: {
      tone: 'info',
      text:
        `${numSamples.toLocaleString('en')} consensus labels, expected to be right in ${percent(meanQuality)}; ` +
        `${numDifferent.toLocaleString('en')} differ from the plain majority. ${worstText(annotators)}`,
    },
    blocks: [
      {
        kind: 'table',
        caption: 'Annotators, lowest estimated accuracy first; the interval is wide where votes are few',
        columns: [
          { key: 'name', label: 'annotator' },
          { key: 'votes', label: 'votes', format: 'count' },
          { key: 'accuracy', label: 'estimated accuracy', format: 'percent', digits: 1 },
          { key: 'accuracyLow', label: 'at least (95 %)', format: 'percent', digits: 1 },
          { key: 'accuracyHigh', label: 'at most (95 %)', format: 'percent', digits: 1 },
          { key: 'agreement', label: 'agreement with consensus', format: 'percent', digits: 1 },
        ],
        rows: annotators.slice(0, NUM_ROWS).map((row) => ({ ...row })),
      },
      {
        kind: 'table',
        caption: 'Samples that need another vote: lowest probability of the consensus label first',
        columns: [
          { key: 'sample', label: 'sample' },
          { key: 'label', label: 'consensus' },
          { key: 'quality', label: 'probability right', format: 'percent', digits: 1 },
          { key: 'votes', label: 'votes', format: 'count' },
          { key: 'agreement', label: 'votes for it', format: 'percent', digits: 0 },
        ],
        rows: unsure.slice(0, NUM_ROWS).map((row) => ({ ...row })),
      },
    ],
  };
}

/** Names an annotator only where the votes are enough to tell. */
function worstText(annotators: readonly AnnotatorRow[]): string {
  const numVotes = annotators.reduce((sum, { votes }) => sum + votes, 0);
  const average = annotators.reduce((sum, { accuracy, votes }) => sum + accuracy * votes, 0) / numVotes;
  const worse = annotators.filter(({ accuracyHigh, votes }) => votes >= MIN_JUDGED_VOTES && accuracyHigh < average);
  if (worse.length === 0) return 'No annotator is clearly less accurate than the average.';
  return `Less accurate than the average of ${percent(average)}: ${worse[0].name}${worse.length > 1 ? ` and ${worse.length - 1} more` : ''}.`;
}
