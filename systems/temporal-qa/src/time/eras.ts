/** Words of an era after a number, in six languages. */
import { KIND, kindOf } from './lexicon.ts';
import { isPunct, isPunctDash, isWord, kinds, numTokens, starts, text, values, WORD } from './tokens.ts';

/** The token after the era that was read last. */
export let eraEnd = 0;

/** −1 for BC, 1 for AD, 0 for none; sets eraEnd. Knows B.C., v. Chr., av. J.-C., a. C. */
export function eraAt(k: number): number {
  if (k >= numTokens || kinds[k] !== WORD) return 0;
  const kind = kindOf(values[k]!);
  if (kind === KIND.bc || kind === KIND.ad) {
    if (text.charCodeAt(starts[k]!) > 90) return 0;
    eraEnd = k + 1;
    return kind === KIND.bc ? -1 : 1;
  }
  if (isWord(k, 'b') && isPunct(k + 1, 46) && isWord(k + 2, 'c')) {
    eraEnd = isPunct(k + 3, 46) ? k + 4 : k + 3;
    return -1;
  }
  if ((isWord(k, 'v') || isWord(k, 'n')) && isPunct(k + 1, 46) && isWord(k + 2, 'chr')) {
    eraEnd = isPunct(k + 3, 46) ? k + 4 : k + 3;
    return isWord(k, 'v') ? -1 : 1;
  }
  if (isWord(k, 'av') && isPunct(k + 1, 46) && isWord(k + 2, 'j')) {
    let j = k + 3;
    while (j < numTokens && j < k + 8 && (isPunct(j, 46) || isPunctDash(j) || isWord(j, 'c'))) j++;
    eraEnd = j;
    return -1;
  }
  if (isWord(k, 'a') && isPunct(k + 1, 46) && isWord(k + 2, 'c') && isPunct(k + 3, 46)) {
    eraEnd = k + 4;
    return -1;
  }
  return 0;
}
