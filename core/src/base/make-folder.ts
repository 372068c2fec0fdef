/** Making a folder and those above it. Node's own `mkdir` with `recursive` never ends where a folder exists in which none can
 *  be made (`/proc/x`: "no such file" though `/proc` is there); here every folder on the way is tried once. */
import { baseError } from './base-errors.ts';

/** Makes the folder if it is not there, with those above it. Node only.
 *  @throws TF-BASE-004 if a file is in the way or the system refuses; its cause is the system's error */
export function makeFolder(path: string): void {
  const { mkdirSync, statSync } = process.getBuiltinModule('node:fs');
  const { dirname, resolve } = process.getBuiltinModule('node:path');
  const isFolder = (at: string): boolean => statSync(at, { throwIfNoEntry: false })?.isDirectory() ?? false;
  const missing: string[] = [];
  try {
    let at = resolve(path);
    while (!isFolder(at) && dirname(at) !== at) {
      missing.push(at);
      at = dirname(at);
    }
    for (const folder of missing.reverse()) {
      try {
        mkdirSync(folder);
      } catch (cause) {
        if (!isFolder(folder)) throw cause; // Else another process was faster.
      }
    }
  } catch (cause) {
    throw baseError('TF-BASE-004', {
      subject: 'makeFolder',
      expected: 'to make the folder',
      actual: (cause as Error).message,
      location: path,
      cause,
    });
  }
}
