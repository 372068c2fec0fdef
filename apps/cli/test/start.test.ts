import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { newFolder, outputOf, runCli, spawnCli } from './run-cli.ts';

test('start --exit runs the tours in the studio, prints their verdicts and ends with 0', async () => {
  const env = { TENFOLD_HOME: join(newFolder(), 'home') };
  const { code, stdout, stderr } = await runCli(['start', '--exit', '--rooms', 'cross-families'], { env });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Studio: http:\/\/127\.0\.0\.1:\d+\//);
  assert.match(stdout, /^✔ cross-families {2,}done/m);
  assert.match(stdout, /✔ 1 of 1 tour done and checked\.\n$/);
  const runs = JSON.parse((await runCli(['runs', '--json'], { env })).stdout).result;
  assert.deepEqual(
    runs.map((run: { verb: string; status: string }) => [run.verb, run.status]),
    [['tour', 'done']],
  );
});

test('an unknown room is refused before the studio starts', async () => {
  const { code, stderr } = await runCli(['start', '--exit', '--rooms', 'cross-familie']);
  assert.equal(code, 2);
  assert.match(stderr, /^✖ error start: a room, got "cross-familie"\. Did you mean "cross-families"\?/);
});

test('the studio serves pages until Ctrl-C, and then ends with 0', async () => {
  const env = { TENFOLD_HOME: join(newFolder(), 'home') };
  const child = spawnCli(['studio', '--port', '0'], { env });
  const output = outputOf(child);
  const url = await new Promise<string>((resolve) =>
    child.stdout!.once('data', (text: Buffer) => resolve(text.toString().trim())),
  );
  const response = await fetch(url);
  assert.equal(response.status, 200);
  assert.match(await response.text(), /<!doctype html>/i);
  child.kill('SIGINT');
  assert.equal((await output).code, 0);
});
