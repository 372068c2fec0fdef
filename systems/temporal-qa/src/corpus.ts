/** The shipped corpus: facts, pages and tables that we wrote from common knowledge, and its questions. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ingestPaths } from './ingest/ingest.ts';
import { openStore } from './store/open-store.ts';
import { openEvidenceStore } from './store/sqlite-store.ts';
import type { EvidenceStore } from './store/types.ts';

const FIXTURES = new URL('../fixtures/', import.meta.url);
/** The day as of which the corpus was written. */
export const CORPUS_SNAPSHOT = '2024-12-31';

/** Opens the given evidence file or database, or the shipped corpus in memory where none is given. */
export async function openSources(db: string, workingFolder = '.'): Promise<EvidenceStore> {
  if (db !== '') return openStore(db, { workingFolder, mustExist: true });
  const store = openEvidenceStore({ file: ':memory:' });
  await ingestPaths(store, [fileURLToPath(new URL('corpus', FIXTURES))]);
  await store.setMeta('snapshot', CORPUS_SNAPSHOT);
  return store;
}

export interface CorpusQuestion {
  readonly id: number;
  readonly kind: string;
  readonly question: string;
  /** Right answers; empty: the question cannot be answered from the corpus. */
  readonly answers: readonly string[];
}

/** Questions of the corpus: `class, question, answers` separated by tabs, answers by bars.
 *  @param set  `held-out`: other words, written after rules and weights were fixed */
export function readQuestions(set: 'questions' | 'held-out' = 'questions'): CorpusQuestion[] {
  const text = readFileSync(new URL(`${set}.tsv`, FIXTURES), 'utf8');
  return text
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line, index) => {
      const [kind, question, answers = ''] = line.split('\t');
      return { id: index + 1, kind: kind!, question: question!, answers: answers.split('|').filter(Boolean) };
    });
}
