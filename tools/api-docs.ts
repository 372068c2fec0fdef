/** `npm run api-docs`: writes docs/api/ from the source and removes pages of entries that are gone. */
import { globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { API_FOLDER, createApiTexts, readApi } from './src/api-pages.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const texts = createApiTexts(root, readApi(root));
mkdirSync(join(root, API_FOLDER), { recursive: true });
for (const file of globSync(`${API_FOLDER}/*.md`, { cwd: root })) if (!texts.has(file)) rmSync(join(root, file));
for (const [file, text] of texts) writeFileSync(join(root, file), text);
