/** The command that a run's page offers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandOfRun } from '../src/studio/run-command.ts';

test('the command of a run quotes what a shell would split, and says what is switched off', () => {
  assert.equal(
    commandOfRun({
      system: 'cross-families',
      verb: 'max',
      params: { n: 5, sets: '3|1,2', exact: true, off: false, maxSize: [1, 2] },
      seed: 7,
    }),
    `npx tenfold cross-families max --n 5 --sets '3|1,2' --exact --no-off --max-size 1,2 --seed 7`,
  );
});
