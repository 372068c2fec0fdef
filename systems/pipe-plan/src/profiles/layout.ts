/** Foreign JSON against a schema: the first broken field becomes the error. */
import type { z } from 'zod';
import { pipeError } from '../pipe-errors.ts';

/** @throws TF-PIPE-001 with the path of the field */
export function parseLayout<Schema extends z.ZodType>(
  schema: Schema,
  json: unknown,
  { subject, file }: { readonly subject: string; readonly file: string },
): z.output<Schema> {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = issue!.path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  throw pipeError('TF-PIPE-001', {
    subject,
    expected: `${path.replace(/^\./, '') || 'the file'} to be valid`,
    actual: issue!.message.replace(/^Invalid input: /, ''),
    location: file,
  });
}

/** @throws TF-PIPE-001 on text that is no JSON */
export function parseJson(
  text: string,
  { subject, file }: { readonly subject: string; readonly file: string },
): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const { message } = cause as Error;
    throw pipeError('TF-PIPE-001', {
      subject,
      expected: 'JSON',
      actual: text.trim() === '' ? 'an empty file' : message,
      location: file,
      cause,
    });
  }
}
