/** Current, previous and next: the time is seen from a reference day. */
import type { Scored } from '../retrieve/candidates.ts';
import { isoFromDay, verdictOf, type Day, type Signal, type TimeSpan } from '../time/index.ts';
import type { Refusal, Resolved, Trace } from './outcome.ts';

/** The day itself for what is current; for previous and next the time of whoever holds on that day. */
export function anchored(
  anchor: 'current' | 'previous' | 'next',
  ref: Day,
  relevant: readonly Scored[],
  trace: Trace,
): (Resolved & { signal: Signal }) | Refusal {
  const now: TimeSpan = { s0: ref, s1: ref, e0: ref, e1: ref, gran: 'day', kind: 'state' };
  trace.notes.push(`Seen from ${isoFromDay(ref)}; facts without an end hold as of then.`);
  if (anchor === 'current') return { spans: [now], evidenceIds: new Set(), signal: 'OVERLAP' };
  const holders = relevant.filter((item) =>
    item.spans.some((span) => span.kind === 'state' && verdictOf('OVERLAP', span, now) !== 'impossible'),
  );
  if (holders.length === 0)
    return {
      code: 'E_NONE_IN_TIME',
      message: 'Nothing is known to hold at the reference date, so there is no previous or next one.',
    };
  return {
    spans: holders[0]!.spans.filter((span) => verdictOf('OVERLAP', span, now) !== 'impossible'),
    evidenceIds: new Set(holders.map((item) => item.evidence.id)),
    signal: anchor === 'previous' ? 'BEFORE' : 'AFTER',
  };
}
