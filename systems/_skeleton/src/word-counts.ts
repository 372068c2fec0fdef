/** Counting words. A word is a run of Unicode letters, compared in lower case. */
import { skeletonError } from './skeleton-errors.ts';
import type { WordCounts } from './types.ts';

const WORD = /\p{L}+/gu;

/** Counts the words of a text.
 *  @param options.minLength  shorter words are left out, in characters, ≥ 1, default 1
 *  @returns counts in falling order
 *  Cost: O(length) time, O(distinct words) memory.
 *  @throws TF-SKELETON-001 if no word is left */
export function countWords(text: string, { minLength = 1 }: { readonly minLength?: number } = {}): WordCounts {
  const countOf = new Map<string, number>();
  const numOfLength: number[] = [0];
  let numWords = 0;
  for (const [match] of text.matchAll(WORD)) {
    const word = match.toLowerCase();
    const length = Array.from(word).length;
    if (length < minLength) continue;
    numWords++;
    countOf.set(word, (countOf.get(word) ?? 0) + 1);
    while (numOfLength.length <= length) numOfLength.push(0);
    numOfLength[length]! += 1;
  }
  if (numWords === 0) {
    throw skeletonError('TF-SKELETON-001', {
      subject: 'countWords',
      expected: `at least one word of ${minLength} or more letters`,
      actual: `a text of ${text.length} characters without one`,
    });
  }
  const counts = [...countOf].map(([word, count]) => ({ word, count }));
  counts.sort((a, b) => b.count - a.count || (a.word < b.word ? -1 : 1));
  return { numWords, counts, numOfLength };
}
