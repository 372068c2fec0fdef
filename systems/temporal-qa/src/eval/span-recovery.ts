/** How many gold intervals of TVQ an annotator finds exactly in their text, as YYYYMMDD pairs. */
import { annotateDates, civilFromDay, DAY_MAX, DAY_MIN, spansOfText, type Day } from '../time/index.ts';
import { mended, OPEN_END, type TvqRow } from './tvq.ts';

/** First and last day as YYYYMMDD; OPEN_END where no end is stated. */
export type Interval = readonly [number, number];

export interface Recovery {
  readonly total: number;
  /** Found exactly by the annotator. */
  readonly found: number;
  /** Rows whose text states both ends in any form: no annotator can find more. */
  readonly findable: number;
}

/** @param intervalsOf  everything that an annotator reads in a text */
export function recoverSpans(
  rows: readonly TvqRow[],
  intervalsOf: (text: string) => readonly Interval[],
): Readonly<Record<string, Recovery>> {
  const bySource: Record<string, { total: number; found: number; findable: number }> = {};
  for (const row of rows) {
    const tally = (bySource[row.source] ??= { total: 0, found: 0, findable: 0 });
    tally.total++;
    const [from, to] = [mended(row.timespan[0]), mended(row.timespan[1])];
    if (intervalsOf(row.evidence).some(([lo, hi]) => lo === from && hi === to)) tally.found++;
    const ends = new Set(singleDates(row.evidence).flat());
    if (ends.has(from) && (to === OPEN_END || ends.has(to))) tally.findable++;
  }
  return bySource;
}

/** Single dates and joined intervals of our annotator. */
export function ownIntervals(text: string): Interval[] {
  const joined = spansOfText(text).map(({ s0, e1, openEnd }): Interval => [
    integer(s0),
    openEnd ? OPEN_END : integer(e1),
  ]);
  return [...joined, ...singleDates(text)];
}

function singleDates(text: string): Interval[] {
  return annotateDates(text).flatMap(({ parts }) =>
    parts.map((part): Interval => [integer(part.lo), integer(part.hi)]),
  );
}

function integer(day: Day): number {
  if (day <= DAY_MIN || day >= DAY_MAX) return 0;
  const { year, month, day: dayOfMonth } = civilFromDay(day);
  return year * 10_000 + month * 100 + dayOfMonth;
}
