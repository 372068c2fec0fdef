/** The file that the verb tolerance writes and the verb check reads. */
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Tolerances } from '../check/tolerance.ts';
import { traceError } from '../trace-check-errors.ts';

const schema = z.array(
  z.object({
    id: z.string(),
    ePert: z.number().min(0),
    tau: z.number().positive(),
    status: z.enum(['ok', 'inconclusive', 'static']),
  }),
);

/** @throws TF-TRACE-019 if the file is not what the verb tolerance writes */
export function readTolerances(path: string): Tolerances {
  const broken = (actual: string): Error =>
    traceError('TF-TRACE-019', {
      subject: 'check',
      expected: 'the tolerances that the verb tolerance wrote',
      actual,
      location: path,
    });
  if (!existsSync(path)) throw broken('no such file');
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw broken(`no JSON (${(cause as Error).message})`);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const { path: at, message } = parsed.error.issues[0];
    throw broken(`${at.join('.') || 'top'}: ${message}`);
  }
  if (parsed.data.length === 0) throw broken('an empty list');
  return new Map(parsed.data.map(({ id, ...entry }) => [id, entry]));
}
