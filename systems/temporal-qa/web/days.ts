/** Day numbers as the page writes them. A day is counted from 1970-01-01; years before 1 are BC. */
import { civilFromDay, DAY_MAX, DAY_MIN } from '../src/time/day-number.ts';
import type { TimeSpan } from '../src/types.ts';

export const DAYS_PER_YEAR = 365.2425;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export function yearText(year: number): string {
  return year > 0 ? String(year) : `${1 - year} BC`;
}

function dayText(day: number): string {
  const { year, month, day: dayOfMonth } = civilFromDay(day);
  return `${dayOfMonth} ${MONTHS[month - 1]} ${yearText(year)}`;
}

/** An uncertain bound in as few words as it has precision. */
export function boundText(lo: number, hi: number): string {
  if (lo <= DAY_MIN) return `until ${boundText(hi, hi)}`;
  if (hi >= DAY_MAX) return `from ${boundText(lo, lo)}`;
  if (lo === hi) return dayText(lo);
  const [a, b] = [civilFromDay(lo), civilFromDay(hi)];
  if (a.month === 1 && a.day === 1 && b.month === 12 && b.day === 31)
    return a.year === b.year ? yearText(a.year) : `${yearText(a.year)}–${yearText(b.year)}`;
  if (a.year === b.year && a.month === b.month && a.day === 1 && b.day >= 28)
    return `${MONTHS[a.month - 1]} ${yearText(a.year)}`;
  return `${dayText(lo)} – ${dayText(hi)}`;
}

export function spanText(span: TimeSpan): string {
  // one bound at each end: a day, a month, a year, or a window of them
  if (span.kind === 'event' || (span.s0 === span.s1 && span.e0 === span.e1)) return boundText(span.s0, span.e1);
  const start = span.openStart ? 'open' : boundText(span.s0, span.s1);
  const end = span.openEnd || span.e1 >= DAY_MAX ? 'no end stated' : boundText(span.e0, span.e1);
  return start === end ? start : `${start} – ${end}`;
}

/** First and last day that a span may cover, without open ends. */
export function knownDays(span: TimeSpan): number[] {
  return [span.s0, span.s1, span.e0, span.e1].filter((day) => day > DAY_MIN && day < DAY_MAX);
}
