/** Texts as weighted term counts: tf = 1 + ln count, idf = 1 + ln((1 + N)/(1 + df)), rows scaled to length √terms.
 *  Source: Salton & Buckley 1988, with smoothed document frequencies. */

const WORD = /[\p{L}\p{N}]+/gu;
/** Terms that are kept, by number of texts. */
const MAX_TERMS = 1000;
/** Terms of fewer texts say nothing about others. */
const MIN_TEXTS = 2;

interface Terms {
  readonly terms: readonly string[];
  readonly idf: readonly number[];
}

export function countTerms(texts: readonly string[]): Terms {
  const numTexts = new Map<string, number>();
  for (const text of texts)
    for (const word of new Set(wordsOf(text))) numTexts.set(word, (numTexts.get(word) ?? 0) + 1);
  const kept = [...numTexts]
    .filter(([, count]) => count >= Math.min(MIN_TEXTS, texts.length))
    .toSorted(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1))
    .slice(0, MAX_TERMS);
  return {
    terms: kept.map(([term]) => term),
    idf: kept.map(([, count]) => 1 + Math.log((1 + texts.length) / (1 + count))),
  };
}

/** [N, terms]; a text without a known term is all zero. */
export function weighTerms(texts: readonly string[], { terms, idf }: Terms): Float32Array {
  const placeOf = new Map(terms.map((term, place) => [term, place]));
  const width = terms.length;
  const data = new Float32Array(texts.length * width);
  texts.forEach((text, n) => {
    const row = data.subarray(n * width, (n + 1) * width);
    for (const word of wordsOf(text)) {
      const place = placeOf.get(word);
      if (place !== undefined) row[place]++;
    }
    let square = 0;
    for (let a = 0; a < width; a++) {
      if (row[a] === 0) continue;
      row[a] = (1 + Math.log(row[a])) * idf[a];
      square += row[a] * row[a];
    }
    // Length √terms, so that an entry has about unit variance as scaled numbers have.
    if (square > 0) for (let a = 0; a < width; a++) row[a] *= Math.sqrt(width / square);
  });
  return data;
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(WORD) ?? [];
}
