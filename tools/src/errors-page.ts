/** docs/errors.md, made from the `*-errors.ts` files; and the check that every code in use is declared. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CheckResult } from './check-result.ts';
import { declaredErrorCodes, EXIT_CODE_OF_KIND } from '@tenfold/core/base';

const SOURCES = '{core/src,ui/src,systems/*/src,apps}/**/*.{ts,tsx,mjs}';

/** Where the studio finds the same list. */
export const ERROR_LIST_FILE = 'apps/studio/web/src/error-list.generated.json';

export interface ErrorTexts {
  readonly page: string;
  /** `[[code, kind, title, fix], …]` */
  readonly list: string;
}

/** Loads every declaration and returns the page as Markdown and the list as JSON. */
export async function createErrorTexts(root: string): Promise<ErrorTexts> {
  for (const file of globSync('{core/src,systems/*/src,apps}/**/*-errors.ts', { cwd: root })) {
    if (!file.includes('node_modules') && !file.includes('_skeleton')) await import(join(root, file));
  }
  const rows = [...declaredErrorCodes()].toSorted(([a], [b]) => a.localeCompare(b));
  const lines = rows.map(
    ([code, { kind, title, fix }]) => `| ${code} | ${EXIT_CODE_OF_KIND[kind]} ${kind} | ${title} | ${fix} |`,
  );
  const list = rows.map(([code, { kind, title, fix }]) => `  ${JSON.stringify([code, kind, title, fix])}`);
  const page = [
    '# Errors',
    '',
    'Made by `npm run errors` from the declarations in the source; do not edit. An error prints one line:',
    '`<function>: <what was expected>, got <value> (<where>). <fix or next command> <code>`.',
    '',
    '| code | exit code, kind | what is wrong | what to do |',
    '|---|---|---|---|',
    ...lines,
    '',
  ].join('\n');
  return { page, list: `[\n${list.join(',\n')}\n]\n` };
}

export async function checkErrors(root: string): Promise<CheckResult> {
  const problems: string[] = [];
  const { page, list } = await createErrorTexts(root);
  for (const [file, text] of [
    ['docs/errors.md', page],
    [ERROR_LIST_FILE, list],
  ] as const) {
    const path = join(root, file);
    if (!existsSync(path) || readFileSync(path, 'utf8') !== text)
      problems.push(`${file} is out of date: run \`npm run errors\``);
  }
  const declared = declaredErrorCodes();
  const used = new Set<string>();
  for (const file of globSync(SOURCES, { cwd: root })) {
    if (/node_modules|\/dist\/|\/test\/|_skeleton/.test(file)) continue;
    for (const [code] of readFileSync(join(root, file), 'utf8').matchAll(/\bTF-[A-Z0-9]+-\d{3}\b/g)) {
      if (!declared.has(code) && !used.has(code)) problems.push(`${file} uses ${code}, which no *-errors.ts declares`);
      used.add(code);
    }
  }
  return { name: 'errors', problems, summary: `${declared.size} codes` };
}
