/** The pages build, with the page of every room, and only when a source changed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildWebIfStale } from '../server/index.ts';
import { openTestStudio } from './studio-kit.ts';

test('the page of every room builds, and what is built is not built again', async () => {
  const first = await buildWebIfStale();
  assert.deepEqual(first.brokenRooms, []);
  assert.equal((await buildWebIfStale()).built, false);
});

test('built files are served compressed and kept for a year; the page is asked for each time', async (t) => {
  await buildWebIfStale();
  const studio = await openTestStudio(t);
  const page = await studio.call('/rooms/pi-room');
  assert.equal(page.response.headers.get('cache-control'), 'no-cache');
  assert.match(page.response.headers.get('content-security-policy')!, /script-src 'self'/);
  const script = /src="(\/assets\/[^"]+\.js)"/.exec(String(page.body))![1]!;
  const { response } = await studio.call(script, { headers: { 'accept-encoding': 'br' } });
  assert.equal(response.headers.get('content-encoding'), 'br');
  assert.equal(response.headers.get('cache-control'), 'public, max-age=31536000, immutable');
  const again = await fetch(studio.base + script, {
    headers: { 'if-none-match': response.headers.get('etag')!, 'accept-encoding': 'br' },
  });
  assert.equal(again.status, 304);
});
