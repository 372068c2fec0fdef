/** Opens the store that an address names: a PostgreSQL address, else a SQLite file. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { nearestNameHints } from '@tenfold/core/base';
import { temporalError } from '../temporal-errors.ts';
import { openEvidenceStore } from './sqlite-store.ts';
import type { EvidenceStore } from './types.ts';

export function isDatabaseAddress(place: string): boolean {
  return /^postgres(?:ql)?:\/\//.test(place);
}

/** @param options.workingFolder  folder that relative files start from
 *  @param options.mustExist  a missing file is an error instead of a new store
 *  @throws TF-TEMPORAL-010 if the file is missing */
export async function openStore(
  place: string,
  { workingFolder, mustExist }: { readonly workingFolder: string; readonly mustExist: boolean },
): Promise<EvidenceStore> {
  if (isDatabaseAddress(place)) {
    const { openPostgresStore } = await import('./postgres-store.ts');
    return openPostgresStore({ url: place });
  }
  const file = resolve(workingFolder, place);
  if (!mustExist || existsSync(file)) return openEvidenceStore({ file });
  const folder = dirname(file);
  throw temporalError('TF-TEMPORAL-010', {
    subject: 'openStore',
    expected: 'an evidence file or a postgres:// address',
    actual: 'no such file',
    location: file,
    hints: [
      ...(existsSync(folder) ? nearestNameHints(basename(file), readdirSync(folder)) : []),
      `Make one: tenfold temporal-qa ingest <files> --db ${place}.`,
    ],
  });
}
