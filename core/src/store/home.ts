/** Where the store lives: the folder named by TENFOLD_HOME, or `.tenfold` in the repository or working folder. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** The home folder, which may not exist yet.
 *  @param options.environment  reads TENFOLD_HOME
 *  @param options.workingFolder  the caller's; its nearest ancestor with a `.tenfold` or a `.git` decides */
export function findHomeFolder(options: {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingFolder: string;
  /** Is there such a file or folder? The file system's answer where not given. */
  readonly exists?: (path: string) => boolean;
}): string {
  const named = options.environment['TENFOLD_HOME'];
  if (named) return resolve(options.workingFolder, named);
  const exists = options.exists ?? existsSync;
  let folder = resolve(options.workingFolder);
  for (;;) {
    if (exists(join(folder, '.tenfold')) || exists(join(folder, '.git'))) return join(folder, '.tenfold');
    const parent = dirname(folder);
    if (parent === folder) return join(options.workingFolder, '.tenfold');
    folder = parent;
  }
}
