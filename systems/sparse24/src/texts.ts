/** Calibration and held-out rows for a verb: from text files, or written by the model itself. */
import { readFileSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import type { VerbContext } from '@tenfold/core/system';
import { sampleRows } from './model/sample.ts';
import { assertContext, calibrationRows, documentsFromText, windowsFromText } from './model/text-windows.ts';
import { sparseError } from './sparse-errors.ts';
import type { LoadedModel } from './types.ts';

export interface RowOptions {
  /** Text file; undefined: the model writes its own. */
  readonly file?: string;
  readonly numRows: number;
  readonly context: number;
  readonly purpose: 'calibration' | 'held out';
}

/** @throws TF-SPARSE-013 if both are the same file: perplexity on seen text is no held-out perplexity */
export function assertUnseen(
  { text, heldOut }: { readonly text?: string | undefined; readonly heldOut?: string | undefined },
  { workingFolder }: Pick<VerbContext, 'workingFolder'>,
): void {
  if (text === undefined || heldOut === undefined) return;
  const [a, b] = [text, heldOut].map((path) => realpathSync(resolve(workingFolder, path)));
  if (a !== b) return;
  throw sparseError('TF-SPARSE-013', {
    subject: 'held out',
    expected: 'text other than that of --text',
    actual: 'the same file',
    location: b,
  });
}

export async function rowsFor(
  model: LoadedModel,
  { file, numRows, context, purpose }: RowOptions,
  verb: VerbContext,
): Promise<number[][]> {
  const rng = verb.rng.fork(purpose);
  if (file === undefined) {
    assertContext(model, context);
    verb.progress({ phase: `the model writes ${purpose} text` });
    return sampleRows(model, { numRows, length: context, rng, signal: verb.signal });
  }
  const path = resolve(verb.workingFolder, file);
  const text = readFileSync(path, 'utf8');
  if (purpose === 'held out') return windowsFromText(model, text, context, path, numRows);
  const { documents, numEmpty } = documentsFromText(text);
  if (documents.length === 0)
    throw sparseError('TF-SPARSE-003', {
      subject: 'calibration',
      expected: 'at least one document',
      actual: 'an empty text',
      location: path,
    });
  if (numEmpty > 0) {
    verb.warn({
      severity: 'warning',
      code: 'TF-SPARSE-003',
      subject: 'calibration',
      expected: 'documents with text',
      actual: numEmpty === 1 ? 'an empty one, skipped' : `${numEmpty} empty ones, skipped`,
      location: path,
    });
  }
  return calibrationRows(model, documents, { numRows, context, rng, location: path });
}
