/** Finds dates in free text: one pass over characters into flat token columns, then a recursive descent at every
 *  token that may begin a date. No regular expression runs over the text, so no input makes it slow.
 *  Knows days, months, seasons, years, decades, centuries, BC, circa, ranges with shared parts, open ends
 *  and key-value roles ("start time, 1978"). Impossible dates (31 February) stay text. */
import { beginAtoms, impossible, isRomanToken, matchAtom, skipUntil, type AtomOptions } from './atoms.ts';
import { DAY_MAX, dayFromCivil, isCivil } from './day-number.ts';
import { KIND, kindOf } from './lexicon.ts';
import { openedSpan, sideBefore } from './open-dates.ts';
import { dottedMonth, pairAt } from './pairs.ts';
import { boundsOfMonths } from './parts-of-year.ts';
import {
  boundsOfDay,
  boundsOfMonth,
  boundsOfYear,
  eventSpan,
  stateSpan,
  type SpanBounds,
  type TimeSpan,
} from './span.ts';
import { dayAtom, skipSuffix, yearAfter, type Atom } from './years.ts';
import {
  ends,
  isPunctDash,
  isWord,
  kinds,
  NUM,
  numTokens,
  PUNCT,
  starts,
  text,
  tokenize,
  values,
  WORD,
} from './tokens.ts';

export interface Annotation {
  /** UTF-16 offsets into the text, half-open. */
  readonly start: number;
  readonly end: number;
  readonly span: TimeSpan;
  /** The dates that the text names, before they are joined into a range. */
  readonly parts: readonly SpanBounds[];
  /** Key-value role: `start time, 1978`. */
  readonly role?: 'start' | 'end';
}

export interface AnnotateOptions extends AtomOptions {
  /** "Before 2010" is a time before it, not in it: for what sources say. Questions read such words themselves. */
  readonly readsSides?: boolean;
}

/** The benchmark's mark of "no end". */
const OPEN_SENTINEL = dayFromCivil(2050, 12, 31);

/** Dates of a text in order of appearance, not overlapping.
 *  Cost: O(length) time. Mutates: module-level token columns (not re-entrant, not shared between workers). */
export function annotateDates(source: string, options: AnnotateOptions = {}): Annotation[] {
  beginAtoms(options);
  const found: Annotation[] = [];
  if (!tokenize(source)) return found;
  let i = 0;
  while (i < numTokens) {
    const annotation = i < skipUntil ? undefined : matchAt(i);
    if (annotation) {
      const side = options.readsSides && annotation.value.role === undefined ? sideBefore(i) : undefined;
      const { value } = annotation;
      found.push(side ? { ...value, span: openedSpan(value.span, side) } : value);
      i = annotation.next;
    } else i++;
  }
  return found;
}

/** Text that looks like dates and names no day of the calendar: 31 February 1999, 1987-13-02. */
export function impossibleDates(source: string): string[] {
  const found: string[] = [];
  annotateDates(source, { onImpossible: (_, text) => found.push(text) });
  return found;
}

/** Time intervals of a piece of evidence: `start time` and `end time` are joined, equal intervals kept once. */
export function spansOfText(source: string, options?: AnnotateOptions): TimeSpan[] {
  return spansOfAnnotations(annotateDates(source, { readsSides: true, ...options }));
}

export function spansOfAnnotations(annotations: readonly Annotation[]): TimeSpan[] {
  const spans: TimeSpan[] = [];
  let start: SpanBounds | undefined;
  let end: SpanBounds | undefined;
  for (const { role, span, parts } of annotations) {
    if (role === 'start' && !start) start = parts[0];
    else if (role === 'end' && !end) end = parts[0]!.hi === OPEN_SENTINEL ? undefined : parts[0];
    else if (!spans.some((known) => sameSpan(known, span))) spans.push(span);
  }
  if (start ?? end) {
    const joined = stateSpan(start, end);
    if (joined) spans.unshift(joined);
    else for (const bounds of [start, end]) if (bounds) spans.unshift(eventSpan(bounds));
  }
  return spans;
}

export function sameSpan(a: TimeSpan, b: TimeSpan): boolean {
  return a.s0 === b.s0 && a.s1 === b.s1 && a.e0 === b.e0 && a.e1 === b.e1;
}

function matchAt(i: number): { readonly value: Annotation; readonly next: number } | undefined {
  const kind = kinds[i]!;
  if (kind === PUNCT) return undefined;
  if (kind === WORD && values[i] === 0 && !isRomanToken(i) && !isWord(i, 'a')) return undefined;
  const word = kind === WORD ? kindOf(values[i]!) : 0;
  if (word === KIND.since) {
    const atom = dottedMonth(i + 1) ?? matchAtom(i + 1);
    if (atom && !isPartial(atom)) return annotation(i, atom.next, stateSpan(atom, undefined)!, [atom]);
    return undefined;
  }
  if (word === KIND.until) {
    const atom = dottedMonth(i + 1) ?? matchAtom(i + 1);
    if (atom && !isPartial(atom)) return annotation(i, atom.next, stateSpan(undefined, atom)!, [atom]);
    return undefined;
  }
  let begin = i;
  if (word === KIND.from || word === KIND.between) begin++;
  const pair = pairAt(begin, word === KIND.between);
  if (pair) {
    const parts = pair.end === 'open' ? [pair.start] : [pair.start, pair.end];
    const span = stateSpan(pair.start, pair.end === 'open' ? undefined : pair.end);
    if (span) return annotation(begin, pair.next, span, parts);
  }
  if (begin < skipUntil) return undefined;
  const first = matchAtom(begin);
  if (!first) return undefined;
  const range = matchRange(first, begin, word === KIND.between);
  if (range) {
    const span = range.end === 'open' ? stateSpan(range.start, undefined) : stateSpan(range.start, range.end);
    if (range.end !== 'open' && range.end.lo === range.start.lo && range.end.hi === range.start.hi)
      return annotation(begin, range.next, eventSpan(range.start), [range.start]);
    if (span)
      return annotation(begin, range.next, span, range.end === 'open' ? [range.start] : [range.start, range.end]);
  }
  if (first.partial) return undefined;
  const isOnward = isWord(first.next, 'onward') || isWord(first.next, 'onwards');
  if (isOnward || (word === KIND.from && isWord(first.next, 'on')))
    return annotation(begin, first.next, stateSpan(first, undefined)!, [first]);
  return annotation(begin, first.next, eventSpan(first), [first]);
}

function annotation(from: number, next: number, span: TimeSpan, parts: readonly SpanBounds[]) {
  const role = roleBefore(from);
  const closed =
    span.e1 === OPEN_SENTINEL && span.kind === 'state' ? { ...span, e1: DAY_MAX, e0: span.s0, openEnd: true } : span;
  return {
    value: { start: starts[from]!, end: ends[next - 1]!, span: closed, parts, ...(role ? { role } : {}) },
    next,
  };
}

/** `start time, ` or `end time: ` right before the date. */
function roleBefore(i: number): 'start' | 'end' | undefined {
  let k = i - 1;
  if (k >= 0 && kinds[k] === PUNCT && (values[k] === 44 || values[k] === 58)) k--;
  else return undefined;
  if (k < 1 || !(isWord(k, 'time') || isWord(k, 'date'))) return undefined;
  if (isWord(k - 1, 'start')) return 'start';
  return isWord(k - 1, 'end') ? 'end' : undefined;
}

function isPartial(atom: SpanBounds & Partial<Atom>): boolean {
  return atom.partial === true;
}

interface Range {
  readonly start: SpanBounds;
  readonly end: SpanBounds | 'open';
  readonly next: number;
}

function matchRange(first: Atom, from: number, afterBetween: boolean): Range | undefined {
  let k = first.next;
  if (k >= numTokens) return undefined;
  const isDash = isPunctDash(k);
  const isSlash = kinds[k] === PUNCT && values[k] === 47;
  const wordKind = kinds[k] === WORD ? kindOf(values[k]!) : 0;
  if (
    !isDash &&
    !isSlash &&
    wordKind !== KIND.rangeWord &&
    wordKind !== KIND.until &&
    !(afterBetween && wordKind === KIND.and)
  )
    return undefined;
  k++;
  if (isDash && k < numTokens && isPunctDash(k)) k++;
  if (isSlash && first.gran !== 'year') return undefined;
  if (!first.partial && kinds[k] === WORD && k < numTokens && kindOf(values[k]!) === KIND.present)
    return { start: first, end: 'open', next: k + 1 };
  // 1994–95, 1994/95, 1899–1902
  if (
    k < numTokens &&
    kinds[k] === NUM &&
    first.gran === 'year' &&
    first.year !== undefined &&
    ends[k]! - starts[k]! === 2
  ) {
    const touches = starts[k] === ends[first.next] && starts[first.next] === ends[first.next - 1];
    const century = Math.floor(first.year / 100) * 100;
    let year = century + values[k]!;
    // 1998–02 with a long dash; with a hyphen it is a month
    if (year < first.year && (values[k] === 0 || values[first.next]! > 127)) year += 100;
    const monthLike = values[k]! <= 12 && text.charCodeAt(starts[first.next]!) === 45;
    if (
      touches &&
      year > first.year &&
      !(kinds[k + 1] === WORD && k + 1 < numTokens && kindOf(values[k + 1]!) === KIND.month)
    )
      return { start: first, end: boundsOfYear(year), next: k + 1 };
    if (touches && monthLike && values[k]! >= 1) {
      // 1994-03 cannot be a range, so it is an ISO month
      return { start: boundsOfMonth(first.year, values[k]!), end: boundsOfMonth(first.year, values[k]!), next: k + 1 };
    }
  }
  if (isSlash) return undefined;
  const second = matchAtom(k) ?? dayOnly(k, first);
  if (!second) {
    // "2005–" at the end of a phrase
    const closes = k >= numTokens || (kinds[k] === PUNCT && (values[k] === 41 || values[k] === 44 || values[k] === 59));
    const glued = starts[first.next] === ends[first.next - 1];
    return isDash && closes && glued && !first.partial && first.gran === 'year'
      ? { start: first, end: 'open', next: first.next + 1 }
      : undefined;
  }
  const start = first.partial ? completeBy(first, second) : first;
  const end = second.partial ? completeBy(second, first) : second;
  if (start === 'none' || end === 'none') {
    impossible(from, second.next);
    return undefined;
  }
  if (!start || !end || end.hi < start.lo) return undefined;
  return { start, end, next: second.next };
}

/** The day of "March 20–22, 2003" or of "2003, March 20–22". */
function dayOnly(k: number, first: Atom): Atom | undefined {
  if (k >= numTokens || kinds[k] !== NUM || first.day === undefined || first.month === undefined) return undefined;
  const day = values[k]!;
  if (day < 1 || day > 31) return undefined;
  let next = skipSuffix(k + 1);
  let year = first.year;
  if (year === undefined) {
    const after = yearAfter(next);
    if (!after) return undefined;
    year = after.year;
    next = after.next;
  }
  return dayAtom(year, first.month, day, next);
}

/** @returns `none` if the two make no day of the calendar */
function completeBy(partial: Atom, whole: Atom): SpanBounds | 'none' | undefined {
  const year = whole.year;
  if (year === undefined) return undefined;
  if (partial.months) return boundsOfMonths(year, partial.months);
  const month = partial.month ?? whole.month;
  if (month === undefined) return undefined;
  if (partial.day === undefined) return boundsOfMonth(year, month);
  return isCivil(year, month, partial.day) ? boundsOfDay(year, month, partial.day) : 'none';
}
