/** `npm run errors`: writes docs/errors.md and the studio's list of errors from the declarations. */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createErrorTexts, ERROR_LIST_FILE } from './src/errors-page.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { page, list } = await createErrorTexts(root);
writeFileSync(join(root, 'docs/errors.md'), page);
writeFileSync(join(root, ERROR_LIST_FILE), list);
