/** Texts as TF-IDF vectors.  tf = 1 + log count, idf = 1 + log((1 + N) / (1 + df)), rows of length 1.
 *  Source: Salton & Buckley 1988; smoothing as in scikit-learn. */
import type { Features } from '../types.ts';

const WORD = /[\p{L}\p{N}]+/gu;

/** @param options.maxTerms  most frequent terms that are kept, by number of texts, default 2000
 *  @returns [N, terms] f32, rows of length 1 (0 for a text without a kept term); and the terms */
export function tfIdf(
  texts: readonly string[],
  { maxTerms = 2000 }: { readonly maxTerms?: number } = {},
): { features: Features; terms: readonly string[] } {
  const countsOfText = texts.map((text) => {
    const counts = new Map<string, number>();
    for (const [word] of text.toLowerCase().matchAll(WORD)) counts.set(word, (counts.get(word) ?? 0) + 1);
    return counts;
  });
  const textsWith = new Map<string, number>();
  for (const counts of countsOfText)
    for (const word of counts.keys()) textsWith.set(word, (textsWith.get(word) ?? 0) + 1);
  const terms = [...textsWith]
    .sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1))
    .slice(0, maxTerms)
    .map(([word]) => word);
  const width = terms.length;
  const columnOfTerm = new Map(terms.map((term, column) => [term, column]));
  const idf = terms.map((term) => 1 + Math.log((1 + texts.length) / (1 + textsWith.get(term)!)));
  const data = new Float32Array(texts.length * width);
  countsOfText.forEach((counts, i) => {
    let square = 0;
    for (const [word, count] of counts) {
      const column = columnOfTerm.get(word);
      if (column === undefined) continue;
      const weight = (1 + Math.log(count)) * idf[column];
      data[i * width + column] = weight;
      square += weight ** 2;
    }
    if (square > 0) for (let a = 0; a < width; a++) data[i * width + a] /= Math.sqrt(square);
  });
  return { features: { numRows: texts.length, width, data }, terms };
}
