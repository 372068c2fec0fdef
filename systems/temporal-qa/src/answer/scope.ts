/** What a question leaves open: the day it is asked on, whose facts are meant, which removed evidence was nearest. */
import type { Scored } from '../retrieve/candidates.ts';
import { temporalError } from '../temporal-errors.ts';
import { gapDays, parseDate, type Day, type TimeSpan } from '../time/index.ts';
import { isRelativeToToday, type Frame } from '../understand/frame.ts';
import type { Pruned } from './types.ts';

/** Reason of the removed evidence whose time lies nearest to the condition. */
export function nearestReason(
  free: readonly Scored[],
  pruned: readonly Pruned[],
  constraint: readonly TimeSpan[],
): string {
  const gapOf = (item: Scored) =>
    Math.min(...item.spans.flatMap((span) => constraint.map((window) => gapDays('OVERLAP', span, window))));
  const gaps = new Map(free.map((item) => [item.evidence.id, gapOf(item)]));
  const [nearest] = pruned.toSorted((a, b) => gaps.get(a.evidence.id)! - gaps.get(b.evidence.id)!);
  return nearest?.reason ?? 'none';
}

/** "current", "now", "ten years ago": the answer depends on the day of asking. */
export function asksFromToday(frame: Frame, asOf: string | undefined): boolean {
  if (frame.anchor !== undefined) return asOf === undefined;
  return isRelativeToToday(frame.question);
}

/** The one subject of facts, if all have the same. */
export function subjectOf(items: readonly Scored[]): string | undefined {
  const subjects = new Set(items.map((item) => (item.evidence.source === 'kb' ? item.evidence.subject : undefined)));
  return subjects.size === 1 ? [...subjects][0] : undefined;
}

/** First day of a date. @throws TF-TEMPORAL-001 */
export function dayOf(text: string, name: 'reference' | 'as-of'): Day {
  const bounds = parseDate(text);
  if (bounds) return bounds.lo;
  throw temporalError('TF-TEMPORAL-001', {
    subject: 'ask',
    expected: `${name === 'as-of' ? 'an as-of' : 'a reference'} date like 1990-01-01`,
    actual: `"${text.slice(0, 60)}"`,
  });
}

export function bestCoverage(scored: readonly Scored[]): number {
  let best = 0;
  for (const item of scored) best = Math.max(best, item.coverage);
  return best;
}
