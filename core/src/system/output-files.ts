/** Files that verbs write: never overwritten without `force`, never half-written. */
import { makeFolder, TenfoldError } from '../base/index.ts';
import { systemError } from './system-errors.ts';
import type { VerbContext } from './types.ts';
import { usageError } from './usage-errors.ts';

export interface OutputFile {
  /** Relative paths start at the context's working folder. */
  readonly path: string;
  readonly bytes: Uint8Array | string;
}

/** Writes files of a verb, each to a temporary name and then renamed; with `dryRun` it only checks.
 *  @returns absolute paths with their sizes, for the report
 *  @throws TF-USAGE-007 if a file exists and `force` is false (before any file is written)
 *  @throws TF-SYSTEM-006 if a file cannot be written */
export function writeOutputFiles(
  files: readonly OutputFile[],
  options: {
    readonly subject: string;
    readonly context: Pick<VerbContext, 'workingFolder'>;
    readonly dryRun: boolean;
    readonly force: boolean;
  },
): readonly { readonly path: string; readonly byteLength: number; readonly isWritten: boolean }[] {
  const fs = process.getBuiltinModule('node:fs');
  const { resolve, dirname } = process.getBuiltinModule('node:path');
  const targets = files.map((file) => {
    const bytes = typeof file.bytes === 'string' ? new TextEncoder().encode(file.bytes) : file.bytes;
    return { path: resolve(options.context.workingFolder, file.path), bytes };
  });
  const existing = targets.filter((target) => fs.existsSync(target.path));
  if (existing.length > 0 && !options.force) {
    throw usageError('TF-USAGE-007', {
      subject: options.subject,
      expected: 'to write new files only',
      actual: existing.map((target) => `"${target.path}", which exists`).join(', '),
      hints: ['Pass --force to overwrite, or choose another name.'],
    });
  }
  for (const { path, bytes } of options.dryRun ? [] : targets) {
    const temporary = `${path}.${process.pid}.part`;
    try {
      makeFolder(dirname(path));
      fs.writeFileSync(temporary, bytes);
      fs.renameSync(temporary, path);
    } catch (error) {
      const cause = error instanceof TenfoldError ? error.cause : error;
      fs.rmSync(temporary, { force: true });
      throw systemError('TF-SYSTEM-006', {
        subject: options.subject,
        expected: `to write "${path}"`,
        actual: (cause as Error).message,
        cause,
      });
    }
  }
  return targets.map(({ path, bytes }) => ({ path, byteLength: bytes.byteLength, isWritten: !options.dryRun }));
}
