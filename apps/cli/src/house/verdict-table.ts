/** The verdicts of several tours in one table. */
import { formatFigure, type Report, type TableBlock, type Tone } from '@tenfold/core/report';
import type { RunStatus } from '@tenfold/core/store';

export interface TourVerdict {
  readonly room: string;
  readonly status: RunStatus;
  readonly elapsedMs: number;
  readonly runId: string | undefined;
  readonly report: Report | undefined;
  /** Message of the error, if it failed. */
  readonly error: string | undefined;
}

const TONE_OF_STATUS: Readonly<Record<RunStatus, Tone>> = {
  done: 'good',
  problems: 'bad',
  failed: 'bad',
  cancelled: 'warn',
  interrupted: 'warn',
  queued: 'neutral',
  running: 'neutral',
};

const NUM_FIGURES = 3;

/** Report of all tours: done when every one is. */
export function verdictReport(verdicts: readonly TourVerdict[]): Report {
  const numDone = verdicts.filter((verdict) => verdict.status === 'done').length;
  const isGood = numDone === verdicts.length && numDone > 0;
  const text =
    verdicts.length === 0
      ? 'No room is built yet, so there is no tour to run.'
      : `${numDone} of ${verdicts.length} ${verdicts.length === 1 ? 'tour' : 'tours'} done and checked.`;
  return {
    title: 'Tours',
    verdict: { tone: isGood ? 'good' : 'bad', text },
    blocks: [verdictTable(verdicts), ...verdicts.map(detailBlock)],
  };
}

function verdictTable(verdicts: readonly TourVerdict[]): TableBlock {
  return {
    kind: 'table',
    toneKey: 'tone',
    columns: [
      { key: 'room', label: 'room' },
      { key: 'status', label: 'state' },
      { key: 'time', label: 'time', format: 'duration-ms' },
      { key: 'run', label: 'run' },
    ],
    rows: verdicts.map((verdict) => ({
      tone: TONE_OF_STATUS[verdict.status],
      room: verdict.room,
      status: verdict.status,
      time: verdict.elapsedMs,
      run: verdict.runId ?? null,
    })),
  };
}

/** Verdict and first figures of one tour; the error where there is none. */
function detailBlock(verdict: TourVerdict): Report['blocks'][number] {
  const figures = (verdict.report?.blocks ?? []).flatMap((block) => (block.kind === 'figures' ? block.figures : []));
  const shown = figures.slice(0, NUM_FIGURES).map((figure) => `${figure.label} ${formatFigure(figure)}`);
  return {
    kind: 'callout',
    tone: TONE_OF_STATUS[verdict.status],
    title: `${verdict.room}: ${verdict.report?.verdict.text ?? verdict.error ?? verdict.status}`,
    ...(shown.length > 0 ? { text: shown.join(' · ') } : {}),
  };
}
