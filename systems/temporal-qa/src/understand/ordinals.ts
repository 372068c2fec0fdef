/** Ordinals in a question: first … twentieth, 21st, forty-first, last, oldest. Not those of dates, centuries,
 *  superlatives ("second largest") or set phrases ("First Lady", "Second World War"). */
import { foldText } from './words.ts';

const WORDS =
  'first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth'.split(
    ' ',
  );
const TENS: Readonly<Record<string, number>> = {
  twenty: 20,
  thirty: 30,
  forty: 40,
  fifty: 50,
  sixty: 60,
  seventy: 70,
  eighty: 80,
  ninety: 90,
};
const LAST = new Set(['last', 'latest', 'newest', 'final']);
const EARLIEST = new Set(['oldest', 'earliest']);
const BLOCKING_NEXT =
  /^(lady|name|names|world|century|season|round|class|division|team|floor|edition|cousin|half|minister|republic|year|month|week|time|district|largest|biggest|highest|longest|tallest|most|oldest|youngest|best|day|days)$/;
const MONTH = /^(january|february|march|april|may|june|july|august|september|october|november|december)$/;

export interface Ordinal {
  /** n ≥ 1; −1 is the last, 0 the oldest. */
  readonly value: number;
  readonly start: number;
  readonly end: number;
}

/** The first ordinal of a text, or undefined. */
export function findOrdinal(text: string): Ordinal | undefined {
  const folded = foldText(text);
  const tokens = [...folded.matchAll(/[a-z]+(?:-[a-z]+)?|\d+(?:st|nd|rd|th)\b|\d+/g)];
  for (const [index, token] of tokens.entries()) {
    const word = token[0];
    const value = ordinalValue(word);
    if (value === undefined) continue;
    const next = tokens[index + 1]?.[0] ?? '';
    if (isInName(text, token.index, tokens[index + 1]?.index)) continue;
    const before = tokens[index - 1]?.[0] ?? '';
    if (
      BLOCKING_NEXT.test(next) ||
      /(est|ly)$/.test(next) ||
      MONTH.test(next) ||
      MONTH.test(before) ||
      (next === 'of' && MONTH.test(tokens[index + 2]?.[0] ?? ''))
    )
      continue;
    return { value, start: token.index, end: token.index + word.length };
  }
  return undefined;
}

/** "the First Punic War": capitals amid a sentence make a name. Folding keeps the places of plain letters. */
function isInName(text: string, at: number, nextAt: number | undefined): boolean {
  if (at === 0 || nextAt === undefined) return false;
  const isCapital = (place: number) => /^\p{Lu}/u.test(text.slice(place));
  return isCapital(at) && isCapital(nextAt);
}

function ordinalValue(word: string): number | undefined {
  const index = WORDS.indexOf(word);
  if (index >= 0) return index + 1;
  if (LAST.has(word)) return -1;
  if (EARLIEST.has(word)) return 0;
  const digits = /^(\d{1,3})(?:st|nd|rd|th)$/.exec(word);
  if (digits) return Number(digits[1]);
  const [tens, unit] = word.split('-');
  if (unit && TENS[tens!] !== undefined && WORDS.indexOf(unit) >= 0 && WORDS.indexOf(unit) < 9)
    return TENS[tens!]! + WORDS.indexOf(unit) + 1;
  return undefined;
}
