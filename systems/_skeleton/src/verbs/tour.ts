/** tour: counts the words of the room's own README and checks the sum a second way. */
import { readFile } from 'node:fs/promises';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { reportWordCounts } from '../report.ts';
import { countWords } from '../word-counts.ts';

export async function run(_params: unknown, context: VerbContext): Promise<VerbResult> {
  context.progress({ phase: 'counting', done: 0, total: 1 });
  const text = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const counts = countWords(text);
  const numWords = text.split(/\P{L}+/u).filter((word) => word !== '').length;
  const isSound = numWords === counts.numWords;
  const report = reportWordCounts(counts, 'the README');
  const check = isSound
    ? 'Splitting at everything else gives as many words.'
    : `Splitting gives ${numWords} words instead.`;
  return {
    ok: isSound,
    value: { numWords: counts.numWords, numDifferent: counts.counts.length },
    report: {
      ...report,
      blocks: [...report.blocks, { kind: 'callout', tone: isSound ? 'good' : 'bad', title: check }],
    },
  };
}
