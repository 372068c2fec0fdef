/** Time-Sensitive-QA: all pages are ingested as sentences into one pool; exact match of the first answer.
 *  Questions without an answer count as right if we abstain. */
import { readFileSync } from 'node:fs';
import { ask, type AskOptions, type QaContext } from '../answer/ask.ts';
import { evidenceOfSentence, sentencesOf } from '../ingest/sentences.ts';
import type { EvidenceStore } from '../store/types.ts';
import { nameKey } from '../understand/words.ts';

export interface Page {
  readonly index: string;
  readonly questions: readonly (readonly [string, readonly { readonly answer: string }[]])[];
  readonly paras: readonly string[];
}

export interface TimeSensitiveResult {
  readonly numPages: number;
  readonly numEvidence: number;
  readonly total: number;
  readonly exact: number;
  readonly answered: number;
  /** Right answer among the first ten. */
  readonly inTen: number;
  readonly meanMs: number;
  /** The same for the pages at odd places, which trained no ranker. */
  readonly heldOut: { readonly total: number; readonly exact: number; readonly inTen: number };
}

export async function loadPages(store: EvidenceStore, file: string): Promise<readonly Page[]> {
  const pages = JSON.parse(readFileSync(file, 'utf8').replace(/^\uFEFF/, '')) as Page[];
  const titles = new Set<string>();
  for (const page of pages) {
    const title = untokenised(page.paras[0] ?? page.index);
    if (titles.has(title)) continue;
    titles.add(title);
    await store.add(
      page.paras
        .slice(1)
        .flatMap((text, paragraph) =>
          sentencesOf(untokenised(text)).map((sentence) =>
            evidenceOfSentence(sentence, { title, doc: page.index, locator: `paragraph ${paragraph + 1}` }),
          ),
        ),
    );
  }
  await store.addEntities([...titles].map((label) => ({ label })));
  await store.finishLoad();
  return pages;
}

export async function evaluateTimeSensitive(
  context: QaContext,
  pages: readonly Page[],
  options: {
    readonly limit: number;
    readonly ask?: AskOptions;
    readonly onProgress?: (done: number) => void;
  },
): Promise<TimeSensitiveResult> {
  const { limit, onProgress } = options;
  let [total, exact, answered, inTen, ms] = [0, 0, 0, 0, 0];
  const heldOut = { total: 0, exact: 0, inTen: 0 };
  for (const [place, page] of pages.entries()) {
    for (const { question, answers } of answersOfPage(page)) {
      if (total >= limit) break;
      total++;
      const wanted = new Set(answers.map(nameKey).filter(Boolean));
      const result = await ask(context, question, { minCoverage: 0.4, ...options.ask });
      ms += result.ms;
      const [top] = result.answers;
      if (top) answered++;
      const isExact = wanted.size === 0 ? !top : top !== undefined && wanted.has(nameKey(top.label));
      const isInTen = wanted.size === 0 ? !top : result.answers.some((answer) => wanted.has(nameKey(answer.label)));
      if (isExact) exact++;
      if (isInTen) inTen++;
      if (place % 2 === 1) {
        heldOut.total++;
        if (isExact) heldOut.exact++;
        if (isInTen) heldOut.inTen++;
      }
      if (total % 50 === 0) onProgress?.(total);
    }
  }
  return {
    numPages: pages.length,
    numEvidence: context.numEvidence,
    total,
    exact,
    answered,
    inTen,
    meanMs: ms / Math.max(1, total),
    heldOut,
  };
}

/** Questions of a page with their answers in plain spelling. */
export function answersOfPage(page: Page): { readonly question: string; readonly answers: readonly string[] }[] {
  return page.questions.map(([question, answers]) => ({
    question,
    answers: answers.map(({ answer }) => untokenised(answer)),
  }));
}

/** "Newton D . Baker House , also" is "Newton D. Baker House, also". */
function untokenised(text: string): string {
  return text
    .replaceAll(/ ([.,;:!?)%])/g, '$1')
    .replaceAll('( ', '(')
    .replaceAll(" 's", "'s")
    .replaceAll(/\s+/g, ' ')
    .trim();
}
