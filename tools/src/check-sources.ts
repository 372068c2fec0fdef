/** Text rules that no linter has: banned calls, file lengths, unfinished marks, addresses in the lock file. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CheckResult } from './check-result.ts';

const MAX_LINES = 800;
const WARN_LINES = 400;
/** Tables and generated code may be long. */
const LONG_ALLOWED = /\/(generated|tables?)\/|\.table\.ts$/;

interface TextRule {
  readonly pattern: RegExp;
  readonly where: RegExp;
  readonly says: string;
}

const RULES: readonly TextRule[] = [
  {
    pattern: /Math\.random\(/,
    where: /^(core|systems\/[^/]+)\/src\//,
    says: 'Math.random is banned; take `rng` from the context',
  },
  {
    pattern: /Date\.now\(|new Date\(\)/,
    where: /^(core|systems\/[^/]+)\/src\//,
    says: 'the wall clock is banned; take `clock` from the context',
  },
  {
    pattern: /\bmkdir(Sync)?\([^)]*recursive: true/,
    where: /^(core|systems\/[^/]+|apps\/[^/]+)\/(src|server)\//,
    says: 'mkdir with `recursive` never ends in folders like /proc; use makeFolder of core/base',
  },
  {
    pattern: /\b(TODO|FIXME|XXX)\b/,
    where: /\.(ts|tsx|mjs|py|wgsl)$/,
    says: 'unfinished mark; finish it or say it in the README’s limits',
  },
  {
    pattern: /^(?!.*SVG|.*reason).*\btest\.(todo|only)\(/,
    where: /\.test\.ts$/,
    says: 'no test.todo and no test.only',
  },
  {
    pattern: /\benum\s+\w+\s*\{|\bnamespace\s+\w+\s*\{/,
    where: /\.tsx?$/,
    says: 'erasable syntax only: no enum, no namespace',
  },
];

/** @param clockFiles  files that may read the wall clock (they provide `clock`) */
export function checkSources(
  root: string,
  clockFiles: readonly string[] = ['core/src/system/clock.ts', 'core/src/store/clock.ts'],
): CheckResult {
  const files = globSync('{core,ui,systems,apps,tools,gallery}/**/*.{ts,tsx,mjs,py,wgsl}', { cwd: root }).filter(
    (file) => !/node_modules|\/dist\/|\/fixtures\/|check-sources(\.test)?\.ts$/.test(file),
  );
  const problems: string[] = [];
  let numLong = 0;
  for (const file of files) {
    const lines = readFileSync(join(root, file), 'utf8').split('\n');
    if (lines.length > WARN_LINES && !LONG_ALLOWED.test(file)) numLong++;
    if (lines.length > MAX_LINES && !LONG_ALLOWED.test(file))
      problems.push(`${file} has ${lines.length} lines; split it by idea (at most ${MAX_LINES})`);
    for (const rule of RULES) {
      if (!rule.where.test(file) || (rule.says.startsWith('the wall clock') && clockFiles.includes(file))) continue;
      lines.forEach((line, index) => {
        if (rule.pattern.test(line) && !/^\s*(\/\/|\*|\/\*)/.test(line))
          problems.push(`${file}:${index + 1} ${rule.says}`);
      });
    }
  }
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const addresses = lock.match(/"resolved": "https?:/g)?.length ?? 0;
  if (addresses > 0)
    problems.push(`package-lock.json has ${addresses} download addresses; install with the repository's .npmrc`);
  return { name: 'sources', problems, summary: `${files.length} files, ${numLong} over ${WARN_LINES} lines` };
}
