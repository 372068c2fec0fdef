/** Text as flat token columns: numbers, words with their meanings, signs. One pass over the characters.
 *  The columns are module state (not re-entrant, not shared between workers); readers take them as they are now. */
import { KIND, kindOf, WORDS } from './lexicon.ts';

export const NUM = 1;
export const WORD = 2;
export const PUNCT = 3;

let capacity = 256;
export let kinds = new Uint8Array(capacity);
export let starts = new Int32Array(capacity);
export let ends = new Int32Array(capacity);
/** Number value, or word code, or char code. */
export let values = new Int32Array(capacity);
export let numTokens = 0;
export let text = '';

/** @returns false if the text holds nothing that a date could begin with */
export function tokenize(source: string): boolean {
  text = source;
  const length = source.length;
  let promising = false;
  numTokens = 0;
  for (let i = 0; i < length;) {
    const code = source.charCodeAt(i);
    if (code === 32 || code === 9 || code === 10 || code === 13 || code === 0xa0) {
      i++;
      continue;
    }
    if (numTokens === capacity) grow();
    const begin = i;
    if (code >= 48 && code <= 57) {
      let value = 0;
      do {
        value = value < 1e8 ? value * 10 + source.charCodeAt(i) - 48 : value;
        i++;
      } while (i < length && source.charCodeAt(i) >= 48 && source.charCodeAt(i) <= 57);
      kinds[numTokens] = NUM;
      values[numTokens] = value;
      promising = true;
    } else if (isLetter(code)) {
      do i++;
      while (i < length && isLetter(source.charCodeAt(i)));
      kinds[numTokens] = WORD;
      const wordLength = i - begin;
      const wordCode = wordLength > 14 ? 0 : (WORDS.get(source.slice(begin, i).toLowerCase()) ?? 0);
      values[numTokens] = wordCode;
      if (kindOf(wordCode) === KIND.century) promising = true;
    } else {
      i++;
      kinds[numTokens] = PUNCT;
      values[numTokens] = code;
    }
    starts[numTokens] = begin;
    ends[numTokens] = i;
    numTokens++;
  }
  return promising;
}

function isLetter(code: number): boolean {
  return (
    (code >= 97 && code <= 122) ||
    (code >= 65 && code <= 90) ||
    (code >= 0xc0 && code !== 0xd7 && code !== 0xf7 && code < 0x2000) ||
    code === 0x2019
  );
}

function grow(): void {
  capacity *= 2;
  const more = <T extends Uint8Array | Int32Array>(old: T, fresh: T): T => {
    fresh.set(old);
    return fresh;
  };
  kinds = more(kinds, new Uint8Array(capacity));
  starts = more(starts, new Int32Array(capacity));
  ends = more(ends, new Int32Array(capacity));
  values = more(values, new Int32Array(capacity));
}

export function isWord(i: number, word: string): boolean {
  return (
    i >= 0 &&
    i < numTokens &&
    kinds[i] === WORD &&
    ends[i]! - starts[i]! === word.length &&
    text.slice(starts[i], ends[i]).toLowerCase() === word
  );
}

export function isPunct(i: number, code: number): boolean {
  return i < numTokens && kinds[i] === PUNCT && values[i] === code;
}

export function isPunctDash(k: number): boolean {
  return (
    k < numTokens &&
    kinds[k] === PUNCT &&
    (values[k] === 45 || values[k] === 0x2013 || values[k] === 0x2014 || values[k] === 0x2212)
  );
}
