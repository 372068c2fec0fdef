/** `npm run check`: types, lint, format, boundaries, dead code, room shape, links, sources, errors, api docs —
 *  in parallel. Prints one line a check; problems name the file to edit. Exit code 1 if any check failed. */
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkApi } from './src/check-api.ts';
import { checkBoundaries } from './src/check-boundaries.ts';
import { checkLinks } from './src/check-links.ts';
import type { CheckResult } from './src/check-result.ts';
import { checkRoomShape } from './src/check-room-shape.ts';
import { checkSources } from './src/check-sources.ts';
import { checkErrors } from './src/errors-page.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const MAX_PROBLEMS_SHOWN = 40;

const CHECKS: Readonly<Record<string, () => Promise<CheckResult> | CheckResult>> = {
  types: () => runTool('types', 'tsc', ['-p', '.', '--pretty', 'false']),
  lint: () => runTool('lint', 'oxlint', ['--type-aware', '--deny-warnings', '--format=unix']),
  format: () => runTool('format', 'oxfmt', ['--check', '.']),
  'dead code': () => runTool('dead code', 'knip', ['--no-progress', '--reporter', 'compact']),
  boundaries: () => checkBoundaries(root),
  'room shape': () => checkRoomShape(root),
  links: () => checkLinks(root),
  sources: () => checkSources(root),
  errors: () => checkErrors(root),
  'api docs': () => checkApi(root),
};

const wanted = process.argv.slice(2);
const names = Object.keys(CHECKS).filter((name) => wanted.length === 0 || wanted.includes(name));
if (names.length === 0) {
  console.error(`check: expected one of ${Object.keys(CHECKS).join(', ')}, got ${wanted.join(' ')}. TF-USAGE-001`);
  process.exit(2);
}
const results = await Promise.all(names.map(timed));
const failed = results.filter((result) => result.problems.length > 0);
for (const result of failed) {
  console.error(`\n${result.name}:`);
  for (const problem of result.problems.slice(0, MAX_PROBLEMS_SHOWN)) console.error(`  ${problem}`);
  if (result.problems.length > MAX_PROBLEMS_SHOWN)
    console.error(`  … ${result.problems.length - MAX_PROBLEMS_SHOWN} more`);
}
console.log(
  failed.length === 0
    ? `check: all ${results.length} passed`
    : `check: failed: ${failed.map((result) => result.name).join(', ')}`,
);
process.exitCode = failed.length === 0 ? 0 : 1;

async function timed(name: string): Promise<CheckResult> {
  const start = performance.now();
  const result = await CHECKS[name]!();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const verdict = result.problems.length === 0 ? 'ok  ' : 'FAIL';
  console.log(`${verdict} ${name.padEnd(11)} ${seconds.padStart(6)} s  ${result.summary}`);
  return result;
}

function runTool(name: string, bin: string, args: readonly string[]): Promise<CheckResult> {
  const { promise, resolve } = Promise.withResolvers<CheckResult>();
  const child = spawn(join(root, 'node_modules/.bin', bin), args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.on('error', (cause) =>
    resolve({ name, problems: [`${bin} cannot be started: ${cause.message}`], summary: bin }),
  );
  child.on('close', (status) => {
    const lines = output.split('\n').filter((line) => line.trim() !== '');
    const problems = status === 0 ? [] : lines.length > 0 ? lines : [`${bin} ended with status ${status}`];
    resolve({ name, problems, summary: [bin, ...args].join(' ') });
  });
  return promise;
}
