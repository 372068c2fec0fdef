/** Where a model that the user names lies: under the working folder, or the shipped one by its short name from any folder. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** As examples, page and README name it. */
const SHIPPED_NAME = 'models/scrimshaw-11m';
const SHIPPED = new URL('../../../../models/scrimshaw-11m', import.meta.url);

export function modelPath(path: string, workingFolder: string): string {
  const own = resolve(workingFolder, path);
  if (existsSync(own) || path.replace(/\/$/, '') !== SHIPPED_NAME) return own;
  return fileURLToPath(SHIPPED);
}
