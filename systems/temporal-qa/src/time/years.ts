/** Years, decades, centuries and millennia after a number, and the parts that single dates are made of. */
import { dayFromCivil } from './day-number.ts';
import { eraAt, eraEnd } from './eras.ts';
import { KIND, kindOf } from './lexicon.ts';
import { boundsOfDay, boundsOfYear, type SpanBounds } from './span.ts';
import { ends, isPunct, isWord, kinds, NUM, numTokens, starts, values, WORD } from './tokens.ts';

export interface Atom extends SpanBounds {
  readonly next: number;
  /** What a range partner may borrow. */
  readonly year?: number;
  readonly month?: number;
  readonly day?: number;
  /** First and last month of a quarter or half. */
  readonly months?: readonly [number, number];
  /** No year: complete only with a partner. */
  readonly partial?: boolean;
}

/** Years of plain four-digit numbers; outside only with an era word. */
export const FIRST_PLAIN_YEAR = 1000;
export const LAST_PLAIN_YEAR = 2100;
export function dayAtom(year: number, month: number, day: number, next: number): Atom {
  return { ...boundsOfDay(year, month, day), year, month, day, next };
}

export function yearAtom(year: number, next: number): Atom {
  return { ...boundsOfYear(year), year, next };
}

/** A number with an era word: 44 BC is the astronomical year −43. */
export function withEra(value: number, k: number): Atom | undefined {
  const era = eraAt(k);
  if (era === 0 || value < 1) return undefined;
  return yearAtom(era < 0 ? 1 - value : value, eraEnd);
}

export function skipSuffix(k: number): number {
  if (k < numTokens && k > 0 && kinds[k] === WORD && kindOf(values[k]!) === KIND.suffix && starts[k] === ends[k - 1])
    return k + 1;
  return k;
}

/** The year after a month or day: `, 1994`, ` of 1994`, ` de 1994`, `. 1994`, ` 44 BC`. */
export function yearAfter(k: number): { readonly year: number; readonly next: number } | undefined {
  if (isPunct(k, 44) || isPunct(k, 46)) k++;
  if (k < numTokens && kinds[k] === WORD && (kindOf(values[k]!) === KIND.of || isWord(k, 'de') || isWord(k, 'in'))) k++;
  if (k >= numTokens || kinds[k] !== NUM) return undefined;
  const digits = ends[k]! - starts[k]!;
  const era = withEra(values[k]!, k + 1);
  if (era) return { year: era.year!, next: era.next };
  if (digits !== 4 || values[k]! < FIRST_PLAIN_YEAR || values[k]! > LAST_PLAIN_YEAR) return undefined;
  if (k + 1 < numTokens && kinds[k + 1] === WORD && starts[k + 1] === ends[k]) return undefined;
  return { year: values[k]!, next: k + 1 };
}

const CENTURY = 100;

/** The n-th century, or the n-th time of another width in years. */
export function centuryAtom(value: number, next: number, width = CENTURY): Atom {
  const era = eraAt(next);
  if (era === -1)
    return {
      lo: dayFromCivil(1 - value * width, 1, 1),
      hi: dayFromCivil(-(value - 1) * width, 12, 31),
      gran: 'century',
      next: eraEnd,
    };
  return {
    lo: dayFromCivil((value - 1) * width, 1, 1),
    hi: dayFromCivil((value - 1) * width + width - 1, 12, 31),
    gran: 'century',
    next: era ? eraEnd : next,
  };
}

/** The 1990s; the 330s BC, which run backwards; of whole hundreds before 2000 the century. */
export function decadeAtom(year: number, next: number): Atom {
  if (eraAt(next) === -1) {
    const width = year % 100 === 0 ? 100 : 10;
    return {
      lo: dayFromCivil(2 - year - width, 1, 1),
      hi: dayFromCivil(1 - year, 12, 31),
      gran: width === 10 ? 'decade' : 'century',
      next: eraEnd,
    };
  }
  if (year % 100 === 0 && year < 2000)
    return { lo: dayFromCivil(year, 1, 1), hi: dayFromCivil(year + 99, 12, 31), gran: 'century', next };
  return { lo: dayFromCivil(year, 1, 1), hi: dayFromCivil(year + 9, 12, 31), gran: 'decade', next };
}
