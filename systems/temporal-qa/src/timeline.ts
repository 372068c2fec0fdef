/** Dated evidence about a name in order, what differs between two days, and the same as a calendar file. */
import { timeText } from './answer/prune.ts';
import type { Evidence, EvidenceStore } from './store/types.ts';
import { DAY_MAX, DAY_MIN, isoFromDay, parseSpan, verdictOf, windowOf, type TimeSpan } from './time/index.ts';

export interface TimelineRow {
  readonly id: number;
  /** Empty without a comparison. */
  readonly change: '' | 'ended' | 'began' | 'same';
  readonly time: string;
  readonly span: TimeSpan;
  readonly evidence: string;
  readonly source: string;
}

export interface Timeline {
  readonly name: string;
  readonly rows: readonly TimelineRow[];
  readonly undated: number;
}

const LIMIT = 2000;

/** @param days  two dates: what ended, began and stayed the same between them */
export async function timelineOf(
  store: EvidenceStore,
  name: string,
  days?: { readonly from: string; readonly to: string },
): Promise<Timeline> {
  const evidence = await store.get(await store.withEntity(name, LIMIT));
  const dated = evidence
    .filter((item) => item.spans.length > 0)
    .toSorted((a, b) => a.spans[0]!.s0 - b.spans[0]!.s0 || a.id - b.id);
  const rows = days === undefined ? dated.map((item) => rowOf(item, '')) : changesOf(dated, days);
  return { name, rows, undated: evidence.length - dated.length };
}

function changesOf(
  dated: readonly Evidence[],
  { from, to }: { readonly from: string; readonly to: string },
): TimelineRow[] {
  const holdsAt = (date: string) => {
    const window = windowOf(parseSpan(date));
    return dated.filter((item) =>
      item.spans.some((span) => span.kind === 'state' && verdictOf('OVERLAP', span, window) !== 'impossible'),
    );
  };
  const [before, after] = [holdsAt(from), holdsAt(to)];
  return [
    ...before.filter((item) => !after.includes(item)).map((item) => rowOf(item, 'ended')),
    ...after.filter((item) => !before.includes(item)).map((item) => rowOf(item, 'began')),
    ...after.filter((item) => before.includes(item)).map((item) => rowOf(item, 'same')),
  ];
}

function rowOf(item: Evidence, change: TimelineRow['change']): TimelineRow {
  const span = item.spans[0]!;
  return {
    id: item.id,
    change,
    time: timeText(span),
    span,
    evidence: item.text,
    source: `${item.doc.replace(/^.*\//, '')} ${item.locator}`,
  };
}

/** The rows as an iCalendar file (RFC 5545); rows without a start are left out. */
export function calendarOf({ rows }: Timeline): string {
  const events = rows
    .filter(({ span }) => span.s0 > DAY_MIN)
    .flatMap(({ id, span, evidence }) => [
      'BEGIN:VEVENT',
      `UID:${id}@temporal-qa`,
      `DTSTAMP:19700101T000000Z`,
      `DTSTART;VALUE=DATE:${compact(span.s0)}`,
      `DTEND;VALUE=DATE:${compact(span.e1 >= DAY_MAX ? span.s1 + 1 : span.e1 + 1)}`,
      ...folded(`SUMMARY:${evidence.replaceAll(/([,;\\])/g, '\\$1').replaceAll('\n', '\\n')}`),
      'END:VEVENT',
    ]);
  return ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//tenfold//temporal-qa//EN', ...events, 'END:VCALENDAR', ''].join(
    '\r\n',
  );
}

function compact(day: number): string {
  return isoFromDay(day).replaceAll('-', '');
}

/** Lines of at most 75 characters; the others begin with a space. */
function folded(line: string): string[] {
  const parts = [line.slice(0, 70)];
  for (let at = 70; at < line.length; at += 69) parts.push(` ${line.slice(at, at + 69)}`);
  return parts;
}
