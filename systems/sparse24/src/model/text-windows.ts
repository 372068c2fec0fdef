/** Cutting text into token windows, and sampling calibration windows without ever waiting for a long enough document. */
import type { Rng } from '@tenfold/core/base';
import { sparseError } from '../sparse-errors.ts';
import type { LoadedModel } from '../types.ts';

/** Windows that do not overlap, each beginning with the start token where `withStart`.
 *  @throws TF-SPARSE-003 if the text is shorter than one window */
export function windowsFromText(
  model: LoadedModel,
  text: string,
  context: number,
  location: string,
  limit = Infinity,
): number[][] {
  assertContext(model, context);
  const ids = model.tokenizer.encode(text);
  const windows: number[][] = [];
  for (let at = 0; at + context <= ids.length && windows.length < limit; at += context)
    windows.push(ids.slice(at, at + context));
  if (windows.length === 0) throw tooShort(context, ids.length, location);
  return windows;
}

/** Documents of a text: separated by `<|endoftext|>`, or by blank lines behind a heading line (`= Title =`), else the whole.
 *  Empty ones are counted between two separators only: what stands before the first and behind the last is no document. */
export function documentsFromText(text: string): { readonly documents: string[]; readonly numEmpty: number } {
  const parts = (text.includes('<|endoftext|>') ? text.split('<|endoftext|>') : text.split(/\n(?= = [^=].* = \n)/)).map(
    (part) => part.trim(),
  );
  const documents = parts.filter((part) => part !== '');
  return { documents, numEmpty: parts.slice(1, -1).filter((part) => part === '').length };
}

/** Calibration rows: each a random stretch of a document, behind the start token; short documents are joined with the next,
 *  so that a text without long documents still gives rows.
 *  @throws TF-SPARSE-003 if all documents together are shorter than one row */
export function calibrationRows(
  model: LoadedModel,
  documents: readonly string[],
  options: { readonly numRows: number; readonly context: number; readonly rng: Rng; readonly location: string },
): number[][] {
  const { numRows, context, rng, location } = options;
  assertContext(model, context);
  const encoded = documents.map((document) => [model.tokenizer.startId, ...model.tokenizer.encode(document)]);
  const total = encoded.reduce((sum, ids) => sum + ids.length, 0);
  if (total < context) throw tooShort(context, total, location);
  const rows: number[][] = [];
  while (rows.length < numRows) {
    let at = rng.integer(encoded.length);
    const first = encoded[at]!;
    const start = first.length > context ? rng.integer(first.length - context + 1) : 0;
    const row = first.slice(start, start + context);
    while (row.length < context) {
      at = (at + 1) % encoded.length;
      row.push(...encoded[at]!.slice(0, context - row.length));
    }
    rows.push(row);
  }
  return rows;
}

/** @throws TF-SPARSE-005 beyond the model's longest context */
export function assertContext(model: LoadedModel, context: number): void {
  const max = model.config.max_position_embeddings;
  if (Number.isInteger(context) && context >= 2 && context <= max) return;
  throw sparseError('TF-SPARSE-005', {
    subject: 'context',
    expected: `a whole number from 2 to ${max}, the model's longest context`,
    actual: String(context),
  });
}

function tooShort(context: number, found: number, location: string): Error {
  return sparseError('TF-SPARSE-003', {
    subject: 'calibration',
    expected: `at least one window of ${context} tokens`,
    actual: `${found} tokens`,
    location,
    hints: ['Give more text or a smaller --context.'],
  });
}
