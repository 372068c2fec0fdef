/** Reads a user's text file; whatever its parser refuses names the file. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { TenfoldError } from '@tenfold/core/base';
import type { VerbContext } from '@tenfold/core/system';

export async function readParsed<T>(
  file: string,
  { workingFolder }: Pick<VerbContext, 'workingFolder'>,
  parse: (text: string) => T,
): Promise<T> {
  const text = await readFile(resolve(workingFolder, file), 'utf8');
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TenfoldError)) throw error;
    const location = error.location ? `${file}, ${error.location}` : file;
    throw new TenfoldError(error.code, { ...error.toJSON(), location, cause: error }, error.kind);
  }
}
