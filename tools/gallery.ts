/** `npm run gallery`: writes the outputs of all gallery pages anew. */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { renewPage } from './src/gallery.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
for (const page of globSync('gallery/*.md', { cwd: root })) {
  const path = join(root, page);
  writeFileSync(path, renewPage(root, readFileSync(path, 'utf8')));
}
