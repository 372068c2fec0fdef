/** The API pages are up to date, and the functions and classes that core exports have docstrings. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { API_FOLDER, createApiTexts, readApi } from './api-pages.ts';
import type { ApiExport } from './api-exports.ts';
import type { CheckResult } from './check-result.ts';

/** Interfaces without a docstring of their own are counted and do not fail: their members carry the words. */
export function checkApi(root: string): CheckResult {
  const api = readApi(root);
  const texts = createApiTexts(root, api);
  const problems: string[] = [];
  for (const [file, text] of texts) {
    const path = join(root, file);
    if (!existsSync(path) || readFileSync(path, 'utf8') !== text)
      problems.push(`${file} is out of date: run \`npm run api-docs\``);
  }
  for (const file of globSync(`${API_FOLDER}/*.md`, { cwd: root }))
    if (!texts.has(file)) problems.push(`${file} belongs to no entry: run \`npm run api-docs\``);
  const exports = api.pages.flatMap((page) => page.exports);
  const bare = exports.filter((item) => item.file.startsWith('core/') && item.docstring === undefined);
  const uniqueOf = (kinds: readonly string[]): ReadonlyMap<string, ApiExport> =>
    new Map(bare.filter(({ kind }) => kinds.includes(kind)).map((item) => [`${item.file} ${item.localName}`, item]));
  for (const { file, kind, localName } of uniqueOf(['function', 'class']).values())
    problems.push(`${file}: the exported ${kind} ${localName} has no docstring; say in one sentence what it returns`);
  const numInterfaces = uniqueOf(['interface']).size;
  const summary = `${texts.size} pages, ${exports.length} exports, ${numInterfaces} interfaces of core without a docstring`;
  return { name: 'api docs', problems, summary };
}
