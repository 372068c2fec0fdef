/** Single dates at a token: days, months, seasons, years, decades, centuries, with circa, parts and eras.
 *  Reads the token columns; what looks like a date and is none (31 February) is reported and left out. */
import { civilFromDay, dayFromCivil, isCivil } from './day-number.ts';
import { KIND, kindOf, valueOf } from './lexicon.ts';
import {
  centuryAtom,
  dayAtom,
  decadeAtom,
  FIRST_PLAIN_YEAR,
  LAST_PLAIN_YEAR,
  skipSuffix,
  withEra,
  yearAfter,
  yearAtom,
  type Atom,
} from './years.ts';
import { eraAt } from './eras.ts';
import { fiscalYear, partOfYear, yearWithPart } from './parts-of-year.ts';
import { boundsOfMonth, type SpanBounds } from './span.ts';
import {
  ends,
  isPunct,
  isPunctDash,
  isWord,
  kinds,
  NUM,
  numTokens,
  PUNCT,
  starts,
  text,
  values,
  WORD,
} from './tokens.ts';

export interface AtomOptions {
  /** How 03/04/1990 reads; dots are always day first. */
  readonly slashOrder?: 'month-first' | 'day-first';
  /** Text tells of impossible dates here (offset). */
  readonly onImpossible?: (offset: number, text: string) => void;
}

/** Widening of "c. Y" in years [ours]. */
const CIRCA_YEARS = 5;
const LAST_DAY = 31;
const MILLENNIUM = 1000;

let slashOrder: 'month-first' | 'day-first' = 'month-first';
let onImpossible: AtomOptions['onImpossible'];
/** Tokens of an impossible date are not read again as a shorter date. */
export let skipUntil = 0;

/** Before the first atom of a text. */
export function beginAtoms(options: AtomOptions): void {
  slashOrder = options.slashOrder ?? 'month-first';
  onImpossible = options.onImpossible;
  skipUntil = 0;
}

export function matchAtom(i: number): Atom | undefined {
  if (i >= numTokens) return undefined;
  if (kinds[i] === NUM) return numberAtom(i);
  if (kinds[i] !== WORD) return undefined;
  const code = values[i]!;
  const value = valueOf(code);
  switch (kindOf(code)) {
    case KIND.month:
      return monthAtom(i, value);
    case KIND.season:
      return seasonAtom(i, value);
    case KIND.circa: {
      const dot = isPunct(i + 1, 46) ? 1 : 0;
      // a second "circa" would make long runs of the word slow
      const atom = isQualifier(i + 1 + dot) ? undefined : matchAtom(i + 1 + dot);
      if (!atom || atom.partial) return undefined;
      return { ...atom, approx: true, ...widened(atom) };
    }
    case KIND.part:
      return partAtom(i, value);
    case KIND.ordinal:
      return centuryAfter(i + 1, value) ?? partOfYear(i) ?? halfAtom(i, value);
    case KIND.fragment:
      return partOfYear(i);
    case KIND.fiscal:
      return fiscalYear(i) ?? fiscalPart(i);
    case KIND.ad: {
      if (kinds[i + 1] !== NUM || i + 1 >= numTokens || values[i + 1]! < 1) return undefined;
      return yearAtom(values[i + 1]!, i + 2);
    }
    case KIND.year: {
      if (i + 1 < numTokens && kinds[i + 1] === NUM && values[i + 1]! >= 1 && ends[i + 1]! - starts[i + 1]! <= 4)
        return (
          withEra(values[i + 1]!, i + 2) ??
          (values[i + 1]! <= LAST_PLAIN_YEAR ? yearAtom(values[i + 1]!, i + 2) : undefined)
        );
      return undefined;
    }
    case KIND.century: {
      const roman = i + 1 < numTokens ? romanAt(i + 1) : 0;
      return roman ? centuryAtom(roman, i + 2) : undefined;
    }
    default: {
      const dotted = dottedEra(i);
      if (dotted) return dotted;
      const roman = romanAt(i);
      if (!roman) return undefined;
      return centuryAfter(i + 1, roman);
    }
  }
}

/** A.D. 79 */
function dottedEra(i: number): Atom | undefined {
  if (!isWord(i, 'a') || !isPunct(i + 1, 46) || !isWord(i + 2, 'd')) return undefined;
  const k = isPunct(i + 3, 46) ? i + 4 : i + 3;
  return k < numTokens && kinds[k] === NUM && values[k]! >= 1 ? yearAtom(values[k]!, k + 1) : undefined;
}

function widened(atom: SpanBounds): { lo: number; hi: number } {
  if (atom.gran !== 'year') return { lo: atom.lo, hi: atom.hi };
  const from = civilFromDay(atom.lo).year;
  const to = civilFromDay(atom.hi).year;
  return { lo: dayFromCivil(from - CIRCA_YEARS, 1, 1), hi: dayFromCivil(to + CIRCA_YEARS, 12, 31) };
}

function numberAtom(i: number): Atom | undefined {
  const value = values[i]!;
  const digits = ends[i]! - starts[i]!;
  if (digits > 4) return digits === 8 ? compactDate(i) : undefined;
  if (i > 0 && starts[i] === ends[i - 1] && kinds[i - 1] === PUNCT && isNumberGlue(i)) return undefined;
  const numeric = numericDate(i, digits);
  if (numeric) return numeric === 'none' ? undefined : numeric;
  const month = numericMonth(i, digits);
  if (month) return month;
  if (digits <= 2) {
    const dayFirst = dayMonth(i, value);
    if (dayFirst) return dayFirst === 'none' ? undefined : dayFirst;
  }
  const quarter = digits === 1 ? (partOfYear(i) ?? (value <= 2 ? halfAtom(i, value) : undefined)) : yearWithPart(i);
  if (quarter) return quarter;
  if (digits <= 2 && value >= 1 && value <= 99) {
    const next = skipSuffix(i + 1);
    const century = centuryAfter(next, value);
    if (century) return century;
  }
  if (digits === 4 && i + 1 < numTokens && starts[i + 1] === ends[i]) {
    if (kinds[i + 1] === WORD && kindOf(values[i + 1]!) === KIND.decade && value % 10 === 0)
      return decadeAtom(value, i + 2);
    if (isPunct(i + 1, 39) || isPunct(i + 1, 0x2019)) {
      if (i + 2 < numTokens && isWord(i + 2, 's') && value % 10 === 0 && starts[i + 2] === ends[i + 1])
        return decadeAtom(value, i + 3);
    } else if (kinds[i + 1] === WORD && kindOf(values[i + 1]!) !== KIND.suffix) return undefined;
    else if (kinds[i + 1] === WORD) return undefined;
  }
  // "the 330s BC": three digits are a decade only with an era
  if (digits === 3 && value % 10 === 0 && isWord(i + 1, 's') && starts[i + 1] === ends[i] && eraAt(i + 2) === -1)
    return decadeAtom(value, i + 2);
  if (digits === 3 && i + 1 < numTokens && isWord(i + 1, 'x') && starts[i + 1] === ends[i])
    return decadeAtom(value * 10, i + 2);
  const era = withEra(value, i + 1);
  if (era) return era;
  // "480–479 BC", "264 to 241 BC": the era stands once
  const join = i + 1 < numTokens && kinds[i + 1] === WORD ? kindOf(values[i + 1]!) : 0;
  const isJoined = isPunctDash(i + 1) || join === KIND.rangeWord || join === KIND.until || join === KIND.and;
  if (isJoined && i + 2 < numTokens && kinds[i + 2] === NUM && eraAt(i + 3) === -1 && value >= values[i + 2]!)
    return yearAtom(1 - value, i + 1);
  if (digits !== 4 || value < FIRST_PLAIN_YEAR || value > LAST_PLAIN_YEAR) return undefined;
  if (i + 1 < numTokens && kinds[i + 1] === WORD && kindOf(values[i + 1]!) === KIND.unit) return undefined;
  if (isPunct(i + 1, 37) || (i > 0 && kinds[i - 1] === PUNCT && isCurrency(values[i - 1]!))) return undefined;
  const monthDay = yearMonthDay(i, value);
  return monthDay === 'none' ? undefined : (monthDay ?? yearAtom(value, i + 1));
}

/** A number that continues another: 1,990 or 3.1990 or +1990. */
function isNumberGlue(i: number): boolean {
  const code = values[i - 1]!;
  if (code === 43 || code === 35) return true;
  if ((code === 44 || code === 46) && i > 1 && kinds[i - 2] === NUM && ends[i - 2] === starts[i - 1])
    return ends[i]! - starts[i]! !== 4 || code === 46;
  return false;
}

function isCurrency(code: number): boolean {
  return code === 36 || code === 0x20ac || code === 0xa3 || code === 0xa5;
}

function compactDate(i: number): Atom | undefined {
  const value = values[i]!;
  const year = Math.floor(value / 10_000);
  const month = Math.floor(value / 100) % 100;
  const day = value % 100;
  return year >= FIRST_PLAIN_YEAR && year <= LAST_PLAIN_YEAR && isCivil(year, month, day)
    ? dayAtom(year, month, day, i + 1)
    : undefined;
}

/** 1994-03-17, 17.03.1994, 3/17/1994; `none` if it looks like a date but is impossible. */
function numericDate(i: number, digits: number): Atom | 'none' | undefined {
  if (i + 4 >= numTokens || kinds[i + 2] !== NUM || kinds[i + 4] !== NUM || kinds[i + 1] !== PUNCT) return undefined;
  const separator = values[i + 1]!;
  if (separator !== 45 && separator !== 47 && separator !== 46) return undefined;
  if (
    values[i + 3] !== separator ||
    kinds[i + 3] !== PUNCT ||
    starts[i + 4]! - ends[i]! !== ends[i + 2]! - starts[i + 2]! + 2
  )
    return undefined;
  const [a, b, c] = [values[i]!, values[i + 2]!, values[i + 4]!];
  const lastDigits = ends[i + 4]! - starts[i + 4]!;
  if (digits === 4 && ends[i + 2]! - starts[i + 2]! <= 2 && lastDigits <= 2) {
    if (b === 0 && c === 0) return yearAtom(a, i + 5);
    if (c === 0 && b <= 12) return { ...boundsOfMonth(a, b), year: a, month: b, next: i + 5 };
    return isCivil(a, b, c) ? dayAtom(a, b, c, i + 5) : impossible(i, i + 5);
  }
  if (digits <= 2 && lastDigits === 4) {
    const dayFirst = separator !== 47 || slashOrder === 'day-first';
    const [d1, m1] = dayFirst ? [a, b] : [b, a];
    if (isCivil(c, m1, d1)) return dayAtom(c, m1, d1, i + 5);
    if (isCivil(c, d1, m1)) return dayAtom(c, d1, m1, i + 5);
    return impossible(i, i + 5);
  }
  return undefined;
}

/** 03/2010, not in 3/4/2010. */
function numericMonth(i: number, digits: number): Atom | undefined {
  if (digits > 2 || i + 2 >= numTokens || !isPunct(i + 1, 47) || kinds[i + 2] !== NUM) return undefined;
  if (starts[i + 1] !== ends[i] || starts[i + 2] !== ends[i + 1] || ends[i + 2]! - starts[i + 2]! !== 4)
    return undefined;
  const isPart = (i > 0 && isPunct(i - 1, 47)) || (isPunct(i + 3, 47) && starts[i + 3] === ends[i + 2]);
  const [month, year] = [values[i]!, values[i + 2]!];
  if (isPart || month < 1 || month > 12 || year < FIRST_PLAIN_YEAR || year > LAST_PLAIN_YEAR) return undefined;
  return { ...boundsOfMonth(year, month), year, month, next: i + 3 };
}

/** Tells of a date that is no day of the calendar; its tokens are not read again as a shorter date. */
export function impossible(from: number, next: number): 'none' {
  skipUntil = next;
  onImpossible?.(starts[from]!, text.slice(starts[from], ends[next - 1]));
  return 'none';
}

/** 17 March 1994, 17th of March, 1994, 17. März 1994, 17 de marzo de 1994. */
function dayMonth(i: number, day: number): Atom | 'none' | undefined {
  let k = skipSuffix(i + 1);
  if (isPunct(k, 46) || isHyphen(k)) k++;
  if (k < numTokens && kinds[k] === WORD && (kindOf(values[k]!) === KIND.of || isWord(k, 'de'))) k++;
  if (k >= numTokens || kinds[k] !== WORD || kindOf(values[k]!) !== KIND.month) return undefined;
  const month = valueOf(values[k]!);
  const isDay = day >= 1 && day <= LAST_DAY;
  const after = yearAfter(isHyphen(k + 1) ? k + 2 : k + 1);
  if (!after) return isDay ? { lo: 0, hi: 0, gran: 'day', partial: true, month, day, next: k + 1 } : undefined;
  if (isCivil(after.year, month, day)) return dayAtom(after.year, month, day, after.next);
  // "of the 45 in May 1999" is no date: a number that is no day stands right before its month
  return isDay || k === i + 1 ? impossible(i, after.next) : undefined;
}

/** 2003, March 20 or 2003 March 20. */
function yearMonthDay(i: number, year: number): Atom | 'none' | undefined {
  let k = i + 1;
  if (isPunct(k, 44)) k++;
  if (k + 1 >= numTokens || kinds[k] !== WORD || kindOf(values[k]!) !== KIND.month || kinds[k + 1] !== NUM)
    return undefined;
  const month = valueOf(values[k]!);
  const day = values[k + 1]!;
  if (ends[k + 1]! - starts[k + 1]! > 2 || day < 1 || day > LAST_DAY) return undefined;
  return isCivil(year, month, day) ? dayAtom(year, month, day, skipSuffix(k + 2)) : impossible(i, k + 2);
}

function monthAtom(i: number, month: number): Atom | undefined {
  // "may" and "march" as verbs: a month needs a capital or a number beside it
  let k = i + 1;
  if (isPunct(k, 46)) k++;
  if (isHyphen(k) && k + 1 < numTokens && kinds[k + 1] === NUM && ends[k + 1]! - starts[k + 1]! === 4) k++;
  if (k >= numTokens) return undefined;
  if (kinds[k] === NUM && ends[k]! - starts[k]! <= 2) {
    const day = values[k]!;
    const next = skipSuffix(k + 1);
    const after = yearAfter(next);
    if (after) {
      if (isCivil(after.year, month, day)) return dayAtom(after.year, month, day, after.next);
      impossible(i, after.next);
      return undefined;
    }
    if (day >= 1 && day <= LAST_DAY) return { lo: 0, hi: 0, gran: 'day', partial: true, month, day, next };
  }
  const after = yearAfter(k);
  if (after) return { ...boundsOfMonth(after.year, month), year: after.year, month, next: after.next };
  const code = text.charCodeAt(starts[i]!);
  return code >= 65 && code <= 90 && isPunctDashOrRange(k)
    ? { lo: 0, hi: 0, gran: 'month', partial: true, month, next: i + 1 }
    : undefined;
}

/** A hyphen that glues two words: May-2010. */
function isHyphen(k: number): boolean {
  return isPunct(k, 45) && k > 0 && starts[k] === ends[k - 1] && k + 1 < numTokens && starts[k + 1] === ends[k];
}

function isPunctDashOrRange(k: number): boolean {
  return (
    isPunctDash(k) || (kinds[k] === WORD && (kindOf(values[k]!) === KIND.rangeWord || kindOf(values[k]!) === KIND.and))
  );
}

/** Northern seasons: spring March–May … winter December–February, as an approximate interval. */
function seasonAtom(i: number, season: number): Atom | undefined {
  // "the estate, in 2007": a comma parts a noun from the year
  if (isPunct(i + 1, 44)) return undefined;
  const after = yearAfter(i + 1);
  if (!after) return undefined;
  const firstMonth = season * 3;
  const lo = dayFromCivil(after.year, firstMonth, 1);
  const endYear = season === 4 ? after.year + 1 : after.year;
  const hi = boundsOfMonth(endYear, season === 4 ? 2 : firstMonth + 2).hi;
  return { lo, hi, gran: 'season', approx: true, year: after.year, next: after.next };
}

function partAtom(i: number, part: number): Atom | undefined {
  let k = i + 1;
  if (k < numTokens && isPunctDash(k)) k++;
  if (k < numTokens && kinds[k] === WORD && (kindOf(values[k]!) === KIND.of || isWord(k, 'the') || isWord(k, 'in')))
    k++;
  if (isWord(k, 'the')) k++;
  const atom = isQualifier(k) ? undefined : matchAtom(k);
  if (!atom || atom.partial || atom.gran === 'day' || atom.gran === 'season') return undefined;
  const third = Math.floor((atom.hi - atom.lo + 1) / 3);
  const lo = atom.lo + (part - 1) * third;
  const { year: _, ...rest } = atom;
  return { ...rest, lo, hi: part === 3 ? atom.hi : lo + third, approx: true };
}

/** "fiscal Q3 2020" */
function fiscalPart(i: number): Atom | undefined {
  const part = i + 1 < numTokens ? partOfYear(i + 1) : undefined;
  return part?.partial ? undefined : part;
}

/** The first or second half of a decade or century. */
function halfAtom(i: number, n: number): Atom | undefined {
  let k = skipSuffix(i + 1);
  if (n > 2 || !isWord(k, 'half') || !isWord(k + 1, 'of')) return undefined;
  k += isWord(k + 2, 'the') ? 3 : 2;
  const atom = isQualifier(k) ? undefined : matchAtom(k);
  if (!atom || !(atom.gran === 'decade' || atom.gran === 'century')) return undefined;
  const middle = atom.lo + Math.floor((atom.hi - atom.lo + 1) / 2);
  const { year: _, ...rest } = atom;
  return n === 1 ? { ...rest, hi: middle - 1 } : { ...rest, lo: middle };
}

function isQualifier(k: number): boolean {
  return k < numTokens && kinds[k] === WORD && (kindOf(values[k]!) === KIND.circa || kindOf(values[k]!) === KIND.part);
}

function centuryAfter(k: number, value: number): Atom | undefined {
  if (k < numTokens && (isPunctDash(k) || isPunct(k, 46) || isWord(k, 'e'))) k++;
  if (k >= numTokens || kinds[k] !== WORD || value < 1) return undefined;
  if (kindOf(values[k]!) === KIND.millennium) return centuryAtom(value, k + 1, MILLENNIUM);
  return kindOf(values[k]!) === KIND.century ? centuryAtom(value, k + 1) : undefined;
}

export function isRomanToken(i: number): boolean {
  const code = text.charCodeAt(starts[i]!);
  return code === 73 || code === 86 || code === 88;
}

/** Value of a Roman numeral up to 30 (with a French ordinal e), 0 if it is none. */
function romanAt(i: number): number {
  if (!isRomanToken(i) || kinds[i] !== WORD) return 0;
  let total = 0;
  let last = 0;
  for (let k = ends[i]! - 1; k >= starts[i]!; k--) {
    const code = text.charCodeAt(k);
    const value = code === 73 ? 1 : code === 86 ? 5 : code === 88 ? 10 : code === 101 && k === ends[i]! - 1 ? 0 : -1;
    if (value < 0) return 0;
    total += value < last ? -value : value;
    last = Math.max(last, value);
  }
  return total <= 30 ? total : 0;
}
