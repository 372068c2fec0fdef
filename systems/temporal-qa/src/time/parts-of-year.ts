/** Quarters, halves and fiscal years: Q3 2019, 2019Q3, third quarter of 2019, H1 2021, FY2020. A fiscal year is known
 *  by name alone: it begins at the earliest in April of the year before and ends at the latest in March after. */
import { dayFromCivil } from './day-number.ts';
import { KIND, kindOf, valueOf } from './lexicon.ts';
import { boundsOfMonth, type SpanBounds } from './span.ts';
import { ends, isPunct, isPunctDash, isWord, kinds, NUM, numTokens, starts, values, WORD } from './tokens.ts';
import { FIRST_PLAIN_YEAR, LAST_PLAIN_YEAR, skipSuffix, yearAfter, type Atom } from './years.ts';

const QUARTER_MONTHS = 3;
const HALF_MONTHS = 6;
const FISCAL_FIRST_MONTH = 4;
/** FY20 is of this century. */
const SHORT_YEARS = 2000;

export function boundsOfMonths(year: number, [first, last]: readonly [number, number]): SpanBounds {
  return { lo: dayFromCivil(year, first, 1), hi: boundsOfMonth(year, last).hi, gran: 'season' };
}

/** A quarter or half that begins at a token: `Q3`, `H1`, `third quarter`, `3. Quartal`, with its year if it stands there. */
export function partOfYear(i: number): Atom | undefined {
  const part = lettered(i) ?? numbered(i);
  if (!part) return undefined;
  let k = part.next;
  if ((isPunct(k, 47) || isPunctDash(k)) && k + 1 < numTokens && kinds[k + 1] === NUM && starts[k + 1] === ends[k]) k++;
  const isFiscal = i > 0 && isFiscalWord(i - 1);
  const fiscal = fiscalYear(skipWords(k));
  if (fiscal) return fiscal;
  const after = yearAfter(k) ?? yearAfter(skipWords(k));
  if (after && isFiscal) return fiscalAtom(after.year, after.next);
  if (after)
    return { ...boundsOfMonths(after.year, part.months), months: part.months, year: after.year, next: after.next };
  return part.isLettered
    ? { lo: 0, hi: 0, gran: 'season', partial: true, months: part.months, next: part.next }
    : undefined;
}

/** `2019 Q3`, `2019Q3`, `2019-Q3` */
export function yearWithPart(i: number): Atom | undefined {
  const year = values[i]!;
  if (ends[i]! - starts[i]! !== 4 || year < FIRST_PLAIN_YEAR || year > LAST_PLAIN_YEAR) return undefined;
  const k = isPunctDash(i + 1) || isPunct(i + 1, 47) ? i + 2 : i + 1;
  const part = lettered(k);
  // "in 2019 Q3 2020": the part has a year of its own
  if (!part || yearAfter(part.next)) return undefined;
  return { ...boundsOfMonths(year, part.months), months: part.months, year, next: part.next };
}

/** `FY2020`, `FY 2020`, `FY20`, `fiscal 2020`, `fiscal year 2020`; not `FY2019/20`, which names both years itself. */
export function fiscalYear(i: number): Atom | undefined {
  if (!isFiscalWord(i)) return undefined;
  const k = isWord(i + 1, 'year') || isWord(i + 1, 'years') ? i + 2 : i + 1;
  if (k >= numTokens || kinds[k] !== NUM) return undefined;
  const digits = ends[k]! - starts[k]!;
  const isShort = digits === 2 && starts[k] === ends[i] && isWord(i, 'fy');
  const year = isShort ? SHORT_YEARS + values[k]! : values[k]!;
  if (!(isShort || digits === 4) || year < FIRST_PLAIN_YEAR || year > LAST_PLAIN_YEAR) return undefined;
  const isPair =
    (isPunct(k + 1, 47) || isPunctDash(k + 1)) &&
    k + 2 < numTokens &&
    kinds[k + 2] === NUM &&
    starts[k + 2] === ends[k + 1];
  return isPair ? undefined : fiscalAtom(year, k + 1);
}

function fiscalAtom(year: number, next: number): Atom {
  return {
    lo: dayFromCivil(year - 1, FISCAL_FIRST_MONTH, 1),
    hi: dayFromCivil(year + 1, FISCAL_FIRST_MONTH, 1) - 1,
    gran: 'year',
    approx: true,
    next,
  };
}

interface Part {
  readonly months: readonly [number, number];
  readonly next: number;
  readonly isLettered: boolean;
}

/** Q1 … Q4, H1, H2 */
function lettered(i: number): Part | undefined {
  if (i + 1 >= numTokens || kinds[i] !== WORD || kindOf(values[i]!) !== KIND.fragment) return undefined;
  const n = values[i + 1]!;
  if (kinds[i + 1] !== NUM || starts[i + 1] !== ends[i] || ends[i + 1]! - starts[i + 1]! !== 1) return undefined;
  if (i + 2 < numTokens && kinds[i + 2] === WORD && starts[i + 2] === ends[i + 1]) return undefined;
  return partOf(n, valueOf(values[i]!), i + 2, true);
}

/** `third quarter`, `3rd quarter`, `2. Halbjahr` */
function numbered(i: number): Part | undefined {
  if (i >= numTokens) return undefined;
  const isOrdinal = kinds[i] === WORD && kindOf(values[i]!) === KIND.ordinal;
  if (!isOrdinal && (kinds[i] !== NUM || ends[i]! - starts[i]! !== 1)) return undefined;
  let k = isOrdinal ? i + 1 : skipSuffix(i + 1);
  if (!isOrdinal && k === i + 1) {
    if (!isPunct(k, 46)) return undefined;
    k++;
  }
  if (k >= numTokens || kinds[k] !== WORD || kindOf(values[k]!) !== KIND.partWord) return undefined;
  return partOf(isOrdinal ? valueOf(values[i]!) : values[i]!, valueOf(values[k]!), k + 1, false);
}

function partOf(n: number, width: number, next: number, isLettered: boolean): Part | undefined {
  const months = width === HALF_MONTHS ? HALF_MONTHS : QUARTER_MONTHS;
  if (n < 1 || n > 12 / months) return undefined;
  return { months: [(n - 1) * months + 1, n * months], next, isLettered };
}

function isFiscalWord(i: number): boolean {
  return i < numTokens && kinds[i] === WORD && kindOf(values[i]!) === KIND.fiscal;
}

/** Past "of", "in", "the", "year". */
function skipWords(k: number): number {
  while (k < numTokens && kinds[k] === WORD && (kindOf(values[k]!) === KIND.of || isWord(k, 'in') || isWord(k, 'the')))
    k++;
  return k;
}
