/** Where path params may point. On this machine alone the user names any file; a shared studio keeps to its folders. */
import { realpathSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { paramFieldsOf, type VerbManifest } from '@tenfold/core/system';
import { studioError } from './studio-errors.ts';

/** @throws TF-STUDIO-008 if a file, folder or output param leaves the folders; links are followed first */
export function assertPathsInside(
  verb: VerbManifest,
  params: Readonly<Record<string, unknown>>,
  options: { readonly subject: string; readonly workingFolder: string; readonly folders: readonly string[] },
): void {
  for (const field of paramFieldsOf(verb)) {
    if (field.pathKind === undefined) continue;
    for (const path of [params[field.name] ?? []].flat()) {
      if (typeof path !== 'string' || isInside(resolve(options.workingFolder, path), options.folders)) continue;
      throw studioError('TF-STUDIO-008', {
        subject: options.subject,
        expected: `--${field.flag} to stay inside the studio's folders`,
        actual: JSON.stringify(path),
        hints: ['Upload the file, or put it into the data folder.'],
      });
    }
  }
}

function isInside(path: string, folders: readonly string[]): boolean {
  const real = realPathOf(path);
  return folders.some((folder) => {
    const way = relative(realPathOf(folder), real);
    return way === '' || (!isAbsolute(way) && way !== '..' && !/^\.\.[/\\]/.test(way));
  });
}

/** The path without links; of what does not exist yet, its nearest existing parent counts. */
function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPathOf(parent), relative(parent, path));
  }
}
