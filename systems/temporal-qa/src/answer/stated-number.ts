/** "How many employees …" where a row or a text states the number, so that nothing is counted. */
import type { Evidence } from '../store/types.ts';
import type { Frame } from '../understand/frame.ts';
import { stemOf, wordsOf } from '../understand/words.ts';
import type { Judged } from './prune.ts';
import { supportOf } from './rank.ts';
import type { Answer } from './types.ts';

const NUMBER = /^\d[\d.,\s]*$/;
/** Evidence within this share of the best score is about the same thing. */
const SAME_SCORE = 0.9;

/** The number beside the noun that is counted, of the best evidence that states one. */
export function statedNumber(kept: readonly Judged[], frame: Frame): Answer | undefined {
  const [, noun] = /\bhow many\s+([\p{L}-]+)/iu.exec(frame.question) ?? [];
  if (noun === undefined) return undefined;
  const best = Math.max(...kept.map((item) => item.score));
  for (const item of kept) {
    if (item.score < best * SAME_SCORE) continue;
    const label = numberOf(item.evidence, noun.toLowerCase());
    if (label !== undefined)
      return { label, id: label, score: item.score, verdict: item.verdict, support: [supportOf(item)] };
  }
  return undefined;
}

function numberOf({ fields, text }: Evidence, noun: string): string | undefined {
  const stem = stemOf(noun);
  const field = fields?.find(({ name, value }) => wordsOf(name).map(stemOf).includes(stem) && NUMBER.test(value));
  if (field || fields) return field?.value;
  for (const match of text.matchAll(/(?<![\d.,-])(\d[\d.,]*)\s+(?:\p{Ll}[\p{L}-]*\s+)?(\p{Ll}[\p{L}-]*)/gu)) {
    const words = match[0].split(/\s+/).slice(1);
    if (words.some((word) => stemOf(word.toLowerCase()) === stem)) return match[1]!.replace(/[.,]+$/, '');
  }
  return undefined;
}
