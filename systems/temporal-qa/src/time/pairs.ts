/** Ranges whose first half borrows from the second, and ranges of numbers that only a range makes dates:
 *  20–22 March 2003, vom 3. bis 5. Oktober 1990, 03.2010 – 05.2012, 2010-01 to 2012-03, 18th–19th century. */
import { impossible, matchAtom } from './atoms.ts';
import { isCivil } from './day-number.ts';
import { KIND, kindOf } from './lexicon.ts';
import { boundsOfDay, boundsOfMonth, type SpanBounds } from './span.ts';
import { ends, isPunct, isPunctDash, isWord, kinds, NUM, numTokens, PUNCT, starts, values, WORD } from './tokens.ts';
import { centuryAtom, FIRST_PLAIN_YEAR, LAST_PLAIN_YEAR, skipSuffix } from './years.ts';

const MOST_CENTURIES = 21;

export interface Pair {
  readonly start: SpanBounds;
  readonly end: SpanBounds | 'open';
  readonly next: number;
}

/** A range that begins at a token. @param afterBetween  "and" joins it as well */
export function pairAt(i: number, afterBetween: boolean): Pair | undefined {
  if (i >= numTokens || kinds[i] !== NUM || isGlued(i)) return undefined;
  return monthPair(i, afterBetween) ?? dayPair(i, afterBetween) ?? centuryPair(i, afterBetween);
}

/** 03.2010: a month only beside a word or a partner that makes it one. */
export function dottedMonth(i: number): (SpanBounds & { readonly next: number }) | undefined {
  if (i + 2 >= numTokens || kinds[i] !== NUM || !isPunct(i + 1, 46) || kinds[i + 2] !== NUM) return undefined;
  if (ends[i]! - starts[i]! !== 2 || starts[i + 1] !== ends[i] || starts[i + 2] !== ends[i + 1]) return undefined;
  return monthOf(values[i + 2]!, values[i]!, i + 2, i + 3);
}

/** 2010-01 */
function dashedMonth(i: number): (SpanBounds & { readonly next: number }) | undefined {
  if (i + 2 >= numTokens || kinds[i] !== NUM || !isPunct(i + 1, 45) || kinds[i + 2] !== NUM) return undefined;
  if (ends[i + 2]! - starts[i + 2]! !== 2 || starts[i + 1] !== ends[i] || starts[i + 2] !== ends[i + 1])
    return undefined;
  if (isPunct(i + 3, 45) && starts[i + 3] === ends[i + 2]) return undefined;
  return monthOf(values[i]!, values[i + 2]!, i, i + 3);
}

function monthOf(year: number, month: number, yearAt: number, next: number) {
  const isYear = ends[yearAt]! - starts[yearAt]! === 4 && year >= FIRST_PLAIN_YEAR && year <= LAST_PLAIN_YEAR;
  return isYear && month >= 1 && month <= 12 ? { ...boundsOfMonth(year, month), next } : undefined;
}

function monthPair(i: number, afterBetween: boolean): Pair | undefined {
  for (const monthAt of [dottedMonth, dashedMonth]) {
    const first = monthAt(i);
    const k = first && joinAt(first.next, afterBetween);
    if (!first || k === undefined) continue;
    if (isPresent(k)) return { start: first, end: 'open', next: k + 1 };
    const second = monthAt(k);
    if (second && second.hi >= first.lo) return { start: first, end: second, next: second.next };
  }
  return undefined;
}

function dayPair(i: number, afterBetween: boolean): Pair | undefined {
  const day = values[i]!;
  if (ends[i]! - starts[i]! > 2 || day < 1 || day > 31) return undefined;
  let k = skipSuffix(i + 1);
  let month: number | undefined;
  if (isPunct(k, 46)) {
    k++;
    // "3.10. bis": a month of its own
    if (k + 1 < numTokens && kinds[k] === NUM && starts[k] === ends[k - 1] && isPunct(k + 1, 46)) {
      month = values[k]!;
      k += 2;
    }
  }
  const join = joinAt(k, afterBetween);
  if (join === undefined) return undefined;
  const second = matchAtom(isWord(join, 'the') ? join + 1 : join);
  if (!second || second.partial || second.day === undefined) return undefined;
  const [year, ownMonth] = [second.year!, month ?? second.month!];
  if (!isCivil(year, ownMonth, day)) {
    if (month === undefined || month <= 12) impossible(i, second.next);
    return undefined;
  }
  const start = boundsOfDay(year, ownMonth, day);
  return start.lo < second.lo ? { start, end: second, next: second.next } : undefined;
}

/** 18th–19th century; "the 19th and 20th centuries" where the second follows the first. BC counts backwards: no pair. */
function centuryPair(i: number, afterBetween: boolean): Pair | undefined {
  const k = skipSuffix(i + 1);
  if (k === i + 1 || values[i]! < 1 || values[i]! > MOST_CENTURIES) return undefined;
  const isList = k < numTokens && kinds[k] === WORD && kindOf(values[k]!) === KIND.and;
  const join = joinAt(k, afterBetween) ?? (isList ? k + 1 : undefined);
  if (join === undefined || join >= numTokens || kinds[join] !== NUM || values[join]! <= values[i]!) return undefined;
  if (isList && !afterBetween && values[join] !== values[i]! + 1) return undefined;
  const second = matchAtom(join);
  return second?.gran === 'century' ? { start: centuryAtom(values[i]!, k), end: second, next: second.next } : undefined;
}

/** The token after a dash, "to", "until", or "and" after "between". */
function joinAt(k: number, afterBetween: boolean): number | undefined {
  if (k >= numTokens) return undefined;
  if (isPunctDash(k)) return isPunctDash(k + 1) ? k + 2 : k + 1;
  const word = kinds[k] === WORD ? kindOf(values[k]!) : 0;
  return word === KIND.rangeWord || word === KIND.until || (afterBetween && word === KIND.and) ? k + 1 : undefined;
}

function isPresent(k: number): boolean {
  return k < numTokens && kinds[k] === WORD && kindOf(values[k]!) === KIND.present;
}

/** A number that continues another number or date: 2003-03-20. */
function isGlued(i: number): boolean {
  return (
    i > 1 &&
    kinds[i - 1] === PUNCT &&
    starts[i] === ends[i - 1] &&
    kinds[i - 2] === NUM &&
    ends[i - 2] === starts[i - 1]
  );
}
