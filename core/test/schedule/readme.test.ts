import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const folder = new URL('../../src/schedule/', import.meta.url);

test('the example of the README gives what its comments say', async () => {
  const [, code] = /```ts\n([\s\S]*?)```/.exec(readFileSync(new URL('README.md', folder), 'utf8'))!;
  const runnable = code!.replace("'@tenfold/core/schedule'", JSON.stringify(new URL('index.ts', folder).href));
  const shown = `${runnable}\nexport const shown = [simulation.makespanMs, bubbleRatio(simulation, { resources: [compute] })];`;
  const found = (await import(`data:text/javascript,${encodeURIComponent(shown)}`)) as { shown: number[] };
  assert.deepEqual(found.shown, [9, 4 / 9]);
  for (const comment of ['// 9\n', '// 4 / 9\n']) assert.ok(code!.includes(comment));
});
