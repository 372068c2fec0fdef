/** `npm run errors`: writes docs/errors.md from the declarations. */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createErrorsPage } from './src/errors-page.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
writeFileSync(join(root, 'docs/errors.md'), await createErrorsPage(root));
