/** The original's pruning rules, for tests side by side: dates as integers YYYYMMDD, two values, equality at the ends,
 *  years lowered to their first day in before and after. Its loss of BC years is reproduced. */
import { civilFromDay, DAY_MAX, DAY_MIN, type Day, type Signal, type TimeSpan } from '../time/index.ts';

export function faithKeeps(spans: readonly TimeSpan[], signal: Signal, constraint: readonly TimeSpan[]): boolean {
  for (const span of spans) {
    const evidence = integersOf(span);
    if (!evidence) continue;
    for (const window of constraint) {
      const bound = integersOf(window);
      if (bound && satisfies(evidence, bound, signal)) return true;
    }
  }
  return false;
}

function satisfies(
  [eStart, eEnd]: readonly [number, number],
  [cStart, cEnd]: readonly [number, number],
  signal: Signal,
): boolean {
  const evidenceIsYears = eStart % 10_000 === 101 && eEnd % 10_000 === 1231;
  const boundIsYears = cStart % 10_000 === 101 && cEnd % 10_000 === 1231;
  const lowered = (end: number) => end - 1231 + 101;
  if (signal === 'BEFORE') return (evidenceIsYears && cStart % 10_000 === 101 ? lowered(eEnd) : eEnd) <= cStart;
  if (signal === 'AFTER') return eStart >= (boundIsYears && eStart % 10_000 === 101 ? lowered(cEnd) : cEnd);
  if (signal === 'START') return eStart === cStart;
  if (signal === 'FINISH') return eEnd === cEnd;
  return eStart <= cEnd && eEnd >= cStart;
}

function integersOf(span: TimeSpan): readonly [number, number] | undefined {
  const integer = (day: Day, open: number) => {
    if (day <= DAY_MIN || day >= DAY_MAX) return open;
    const { year, month, day: dayOfMonth } = civilFromDay(day);
    return year < 1 ? undefined : year * 10_000 + month * 100 + dayOfMonth;
  };
  const start = integer(span.s0, -Infinity);
  const end = integer(span.e1, Infinity);
  return start === undefined || end === undefined || start > end ? undefined : [start, end];
}
