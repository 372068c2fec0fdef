/** count: the words of a file. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { throwIfCancelled } from '@tenfold/core/base';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { reportWordCounts } from '../report.ts';
import { countWords } from '../word-counts.ts';

interface CountParams {
  readonly file: string;
  readonly minLength: number;
}

export async function run({ file, minLength }: CountParams, context: VerbContext): Promise<VerbResult> {
  context.progress({ phase: 'reading' });
  const text = await readFile(resolve(context.workingFolder, file), 'utf8');
  throwIfCancelled(context.signal, 'skeleton count');
  const counts = countWords(text, { minLength });
  return { ok: true, value: counts, report: reportWordCounts(counts, file) };
}
