/** "Before 2010" and "after 1990" in what a source says: a moment that is known from one side alone. */
import { DAY_MAX, DAY_MIN } from './day-number.ts';
import type { TimeSpan } from './span.ts';
import { ends, isPunctDash, isWord, starts } from './tokens.ts';

export type Side = 'before' | 'after' | 'upto';

/** The word right before a date that opens it: before, prior to, pre-, after, post-, up to. */
export function sideBefore(i: number): Side | undefined {
  if (isWord(i - 1, 'before') || (isWord(i - 1, 'to') && isWord(i - 2, 'prior'))) return 'before';
  if (isWord(i - 1, 'after')) return 'after';
  if (isWord(i - 1, 'to') && isWord(i - 2, 'up')) return 'upto';
  const isGlued = i > 1 && isPunctDash(i - 1) && starts[i] === ends[i - 1] && starts[i - 1] === ends[i - 2];
  if (isGlued && isWord(i - 2, 'pre')) return 'before';
  return isGlued && isWord(i - 2, 'post') ? 'after' : undefined;
}

export function openedSpan(span: TimeSpan, side: Side): TimeSpan {
  const { gran } = span;
  if (side === 'upto')
    return { s0: DAY_MIN, s1: span.e1, e0: span.e0, e1: span.e1, gran, kind: 'state', openStart: true };
  if (side === 'before') {
    const last = span.s0 - 1;
    return { s0: DAY_MIN, s1: last, e0: DAY_MIN, e1: last, gran, kind: 'event', openStart: true };
  }
  const first = span.e1 + 1;
  return { s0: first, s1: DAY_MAX, e0: first, e1: DAY_MAX, gran, kind: 'event', openEnd: true };
}
