/** Answers that are computed from times: dates, durations and counts. */
import {
  boundsText,
  DAY_MAX,
  DAY_MIN,
  lengthText,
  timestampOf,
  type LengthUnit,
  type TimeSpan,
} from '../time/index.ts';
import type { Frame } from '../understand/frame.ts';
import type { Clause } from '../retrieve/candidates.ts';
import { nearestSpan } from './nearest-span.ts';
import type { Outcome } from './outcome.ts';
import type { Judged } from './prune.ts';
import { supportOf } from './rank.ts';
import type { Answer, Pruned } from './types.ts';

const OFFICE = /\b(?:take|took|taking|leave|left|leaving|assumed?|entered?|hold|held|in) (?:the )?office\b/i;
const DAYS_PER_YEAR = 365.2425;
/** Shorter times are told in days. */
const SHORT_DAYS = 730;
/** Answers within this score of the best belong to the group that is counted. */
const COUNTED_SCORE = 0.6;

export function datesOf(kept: readonly Judged[], frame: Frame, clause: Clause, pruned: readonly Pruned[]): Outcome {
  const answers: Answer[] = [];
  const hasSide = (item: Judged) =>
    item.spans.some((span) =>
      frame.side === 'end' ? !span.openEnd && span.e1 < DAY_MAX : !span.openStart && span.s0 > DAY_MIN,
    );
  // who took office holds it: a birth or a prize of the same name is none
  const terms = OFFICE.test(frame.question)
    ? kept.filter((item) => item.spans.some((span) => span.kind === 'state'))
    : [];
  const dated = (terms.length > 0 ? terms : kept).filter(hasSide);
  const [first] = dated;
  for (const item of dated) {
    const span = bestSpan(item, frame, clause);
    const [lo, hi] = frame.side === 'end' ? [span.e0, span.e1] : [span.s0, span.s1];
    if (lo <= DAY_MIN || hi >= DAY_MAX) continue;
    const isWhole = frame.side === undefined && span.kind === 'state';
    const label = isWhole
      ? `${boundsText(span.s0, span.s1)} to ${span.e1 >= DAY_MAX ? 'no stated end' : boundsText(span.e0, span.e1)}`
      : boundsText(lo, hi);
    const id = timestampOf(lo);
    if (answers.some((answer) => answer.id === id)) continue;
    answers.push({
      label,
      id,
      score: item.score,
      verdict: item.verdict === 'undated' ? 'certain' : item.verdict,
      support: [{ ...supportOf(item), spans: [span] }],
      span,
    });
  }
  if (answers.length > 0 && first !== undefined) return { answers };
  // Where no start is asked for and none is stated, the end says what is known.
  const ended = frame.side === undefined ? kept.find((item) => knownEnd(item) !== undefined) : undefined;
  if (ended !== undefined) {
    const span = knownEnd(ended)!;
    answers.push({
      label: `until ${boundsText(span.e0, span.e1)}`,
      id: timestampOf(span.e0),
      score: ended.score,
      verdict: ended.verdict === 'undated' ? 'certain' : ended.verdict,
      support: [{ ...supportOf(ended), spans: [span] }],
      span,
    });
    return { answers };
  }
  return {
    code: 'E_NONE_IN_TIME',
    message:
      pruned.length > 0 ? 'The evidence in time states no such date.' : 'The evidence about this states no such date.',
  };
}

function knownEnd(item: Judged): TimeSpan | undefined {
  return item.spans.find((span) => !span.openEnd && span.e0 > DAY_MIN && span.e1 < DAY_MAX);
}

export function durationOf(kept: readonly Judged[], frame: Frame): Outcome {
  const [, unit] = /\bhow many (days|weeks|months)\b/i.exec(frame.question) ?? [];
  for (const item of kept) {
    const span = item.spans.find((one) => one.kind === 'state' && one.s0 > DAY_MIN && one.e1 < DAY_MAX);
    if (!span) continue;
    const least = Math.max(0, span.e0 - span.s1);
    const most = span.e1 - span.s0;
    const exact = span.s0 === span.s1 && span.e0 === span.e1;
    const isTold = exact || unit !== undefined || most < SHORT_DAYS;
    const label = isTold
      ? lengthText({ lo: span.s0, hi: span.s1 }, { lo: span.e0, hi: span.e1 }, unit?.toLowerCase() as LengthUnit)
      : `about ${Math.max(0, Math.round((least + most) / 2 / DAYS_PER_YEAR))} years`;
    return {
      answers: [
        {
          label,
          id: String(Math.round((least + most) / 2)),
          score: item.score,
          verdict: exact ? 'certain' : 'possible',
          support: [supportOf(item)],
          span,
        },
      ],
    };
  }
  return { code: 'E_UNDECIDED', message: 'No evidence states both a start and an end.' };
}

export function countOf(answers: readonly Answer[], kept: readonly Judged[]): Outcome {
  const group = answers.filter((answer) => answer.score >= answers[0]!.score - COUNTED_SCORE);
  const label = String(group.length);
  return { answers: [{ label, id: label, score: 1, verdict: 'possible', support: kept.slice(0, 5).map(supportOf) }] };
}

/** The interval of a piece of evidence that stands nearest to the question's words; the first if none does. */
function bestSpan(item: Judged, frame: Frame, clause: Clause): TimeSpan {
  const usable = item.spans.filter((span) => (frame.side === 'end' ? span.e1 < DAY_MAX : span.s0 > DAY_MIN));
  if (usable.length <= 1) return usable[0] ?? item.spans[0]!;
  const near = nearestSpan(item, usable, clause);
  if (near) return near;
  if (frame.side !== undefined) return usable.find((span) => span.kind === 'state') ?? usable[0]!;
  return usable[0]!;
}
