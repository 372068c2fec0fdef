/** JSON files checked by a schema, with errors that name file and field. */
import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { viewError } from '../view-errors.ts';

/** @throws TF-VIEW-004 if the file is missing, is no JSON or has another shape */
export async function readJsonFile<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema>> {
  const fail = (expected: string, actual: string, cause?: unknown): never => {
    throw viewError('TF-VIEW-004', {
      subject: 'readJsonFile',
      expected,
      actual,
      location: path,
      ...(cause === undefined ? {} : { cause }),
    });
  };
  const text = await readFile(path, 'utf8').catch((cause: unknown) => fail('a readable file', 'none', cause));
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    fail('JSON', text.trim() === '' ? 'an empty file' : 'text that is no JSON (truncated?)', cause);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  return fail(`field ${issue!.path.join('.') || '(root)'}: ${issue!.message}`, 'another value');
}
