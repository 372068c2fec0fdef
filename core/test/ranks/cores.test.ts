import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('./print-sums.ts', import.meta.url));
const hasTaskset = spawnSync('taskset', ['-c', '0', 'true']).status === 0;

test('one core and all cores give the same bits', { skip: hasTaskset ? false : 'taskset is not there' }, () => {
  const pinned = spawnSync('taskset', ['-c', '0', process.execPath, program], { encoding: 'utf8' });
  const free = spawnSync(process.execPath, [program], { encoding: 'utf8' });
  assert.match(pinned.stdout, /^[0-9a-f]{64}\n$/, pinned.stderr);
  assert.equal(free.stdout, pinned.stdout);
});
