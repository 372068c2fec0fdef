import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('./print-sums.ts', import.meta.url));
/** Linux' way to give a program one core. */
const [pin, ...firstCore] = ['taskset', '-c', '0'] as const;
const canPin = spawnSync(pin, [...firstCore, 'true']).status === 0;

test('one core and all cores give the same bits', { skip: canPin ? false : `${pin} is not there` }, () => {
  const pinned = spawnSync(pin, [...firstCore, process.execPath, program], { encoding: 'utf8' });
  const free = spawnSync(process.execPath, [program], { encoding: 'utf8' });
  assert.match(pinned.stdout, /^[0-9a-f]{64}\n$/, pinned.stderr);
  assert.equal(free.stdout, pinned.stdout);
});
