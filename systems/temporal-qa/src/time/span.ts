/** Intervals with uncertain ends: the start lies in [s0, s1], the end in [e0, e1], all inclusive day numbers.
 *  "1987" of an event is s = e ∈ [1987-01-01, 1987-12-31]; "1987–1996" is s ∈ 1987, e ∈ 1996. */
import {
  civilFromDay,
  DAY_MAX,
  DAY_MIN,
  dayFromCivil,
  daysInMonth,
  isoFromDay,
  isoYear,
  type Day,
} from './day-number.ts';

export type Granularity = 'day' | 'month' | 'season' | 'year' | 'decade' | 'century' | 'mixed';

export interface TimeSpan {
  readonly s0: Day;
  readonly s1: Day;
  readonly e0: Day;
  readonly e1: Day;
  readonly gran: Granularity;
  /** The start (end) is not known or not there; the bound is then DAY_MIN (DAY_MAX). */
  readonly openStart?: boolean;
  readonly openEnd?: boolean;
  /** Said to be approximate ("c. 1510"); the bounds are already widened. */
  readonly approx?: boolean;
  /** `event`: one moment within the bounds; `state`: something that lasted from start to end. */
  readonly kind: 'event' | 'state';
}

export interface SpanBounds {
  readonly lo: Day;
  readonly hi: Day;
  readonly gran: Granularity;
  readonly approx?: boolean;
}

export function boundsOfYear(year: number): SpanBounds {
  return { lo: dayFromCivil(year, 1, 1), hi: dayFromCivil(year, 12, 31), gran: 'year' };
}

export function boundsOfMonth(year: number, month: number): SpanBounds {
  return { lo: dayFromCivil(year, month, 1), hi: dayFromCivil(year, month, daysInMonth(year, month)), gran: 'month' };
}

export function boundsOfDay(year: number, month: number, day: number): SpanBounds {
  const value = dayFromCivil(year, month, day);
  return { lo: value, hi: value, gran: 'day' };
}

/** A moment somewhere within the bounds. */
export function eventSpan({ lo, hi, gran, approx }: SpanBounds): TimeSpan {
  return { s0: lo, s1: hi, e0: lo, e1: hi, gran, kind: 'event', ...(approx ? { approx } : {}) };
}

/** Something lasting from a moment in `start` to a moment in `end`; either may be missing.
 *  @returns undefined if the end is surely before the start */
export function stateSpan(start: SpanBounds | undefined, end: SpanBounds | undefined): TimeSpan | undefined {
  if (start && end && end.hi < start.lo) return undefined;
  const gran = start && end && start.gran !== end.gran ? 'mixed' : (start ?? end)!.gran;
  return {
    s0: start?.lo ?? DAY_MIN,
    s1: start ? (end ? Math.min(start.hi, end.hi) : start.hi) : (end?.hi ?? DAY_MAX),
    e0: end ? (start ? Math.max(end.lo, start.lo) : end.lo) : (start?.lo ?? DAY_MIN),
    e1: end?.hi ?? DAY_MAX,
    gran,
    kind: 'state',
    ...(start ? {} : { openStart: true }),
    ...(end ? {} : { openEnd: true }),
    ...((start?.approx ?? end?.approx) ? { approx: true } : {}),
  };
}

/** The whole time that a span may cover, as an exact interval: what "in 1987" means in a question. */
export function windowOf(span: TimeSpan): TimeSpan {
  return { ...span, s1: span.s0, e0: span.e1, kind: 'state' };
}

/** Short text: `1987`, `March 1990`, `1987/1996`, `2005/..`; EDTF syntax, `~` if approximate. */
export function edtfFromSpan(span: TimeSpan): string {
  const mark = span.approx ? '~' : '';
  if (span.kind === 'event' && span.openStart) return `[..${isoFromDay(span.e1)}]`;
  if (span.kind === 'event' && span.openEnd) return `[${isoFromDay(span.s0)}..]`;
  if (span.kind === 'event') return boundsText(span.s0, span.e1) + mark;
  const start = span.openStart || span.s0 <= DAY_MIN ? '..' : boundsText(span.s0, span.s1);
  const end = span.openEnd || span.e1 >= DAY_MAX ? '..' : boundsText(span.e0, span.e1);
  return `${start}/${end}${mark}`;
}

function boundsText(lo: Day, hi: Day): string {
  if (lo === hi) return isoFromDay(lo);
  const a = civilFromDay(lo);
  const b = civilFromDay(hi);
  if (a.day === 1 && b.day === daysInMonth(b.year, b.month)) {
    if (a.year === b.year && a.month === b.month) return isoFromDay(lo).slice(0, -3);
    if (a.month === 1 && b.month === 12) {
      if (a.year === b.year) return isoYear(a.year);
      if (a.year >= 0 && a.year % 10 === 0 && b.year === a.year + 9) return `${String(a.year / 10).padStart(3, '0')}X`;
      if (a.year >= 0 && a.year % 100 === 0 && b.year === a.year + 99)
        return `${String(a.year / 100).padStart(2, '0')}XX`;
    }
  }
  return lo <= DAY_MIN || hi >= DAY_MAX
    ? `${isoFromDay(lo)}..${isoFromDay(hi)}`
    : `[${isoFromDay(lo)}..${isoFromDay(hi)}]`;
}
