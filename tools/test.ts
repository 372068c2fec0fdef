/** `npm test [folder…]`: the smoke file first, then every test file (or those below the folders given).
 *  Tests that need data or programs the machine lacks skip themselves and print the reason. */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const SMOKE = 'core/test/smoke.test.ts';
/** A single test file that runs longer than this is broken. */
const TIMEOUT_MS = 600_000;

const folders = process.argv.slice(2).map((folder) => folder.replace(/\/$/, ''));
const all = globSync('{core,ui,systems/*,apps/*,tools,gallery}/test/**/*.test.{ts,tsx}', { cwd: root })
  .filter((file) => !/node_modules|\/fixtures\//.test(file))
  .toSorted();
const files =
  folders.length === 0
    ? all.filter((file) => file !== SMOKE)
    : all.filter((file) => folders.some((folder) => file.startsWith(folder)));
if (files.length === 0) {
  console.error(
    `test: expected test files below ${folders.join(', ')}, got none. Name a folder such as core/test/base.`,
  );
  process.exit(2);
}
const status = (folders.length === 0 ? run([SMOKE]) : 0) || run(files);
process.exit(status);

function run(paths: readonly string[]): number {
  const outcome = spawnSync(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      '--test',
      `--test-concurrency=${availableParallelism()}`,
      `--test-timeout=${TIMEOUT_MS}`,
      ...paths.map((path) => join(root, path)),
    ],
    { cwd: root, stdio: 'inherit' },
  );
  return outcome.status ?? 70;
}
