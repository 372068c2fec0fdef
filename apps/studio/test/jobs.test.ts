/** Jobs: they run in their own processes, are kept, cancelled, survived and marked. */
import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSqliteStore } from '@tenfold/core/store';
import { openTestStudio } from './studio-kit.ts';

test('a job runs in its own process and leaves result, report, metrics and files', async (t) => {
  const studio = await openTestStudio(t);
  const runId = await studio.start('estimate', { points: 4000 });
  const run = await studio.finished(runId);
  assert.equal(run.status, 'done', JSON.stringify(run.error));
  assert.ok(Math.abs((run.result as { pi: number }).pi - Math.PI) < 0.15);
  const { body } = await studio.call(`/api/runs/${runId}`);
  assert.equal(body.report.title, 'Estimate of π');
  assert.deepEqual(
    body.artifacts.map((artifact: { name: string }) => artifact.name),
    ['parts.csv', 'trace.json'],
  );
  assert.equal('path' in body.artifacts[0], false, 'paths of this machine stay on the server');
  const metrics = await studio.call(`/api/runs/${runId}/metrics?name=estimate`);
  assert.equal(metrics.body.length, 40);
  const list = await studio.call('/api/runs?system=pi-room');
  assert.equal(list.body[0].verdict.tone, 'good');
  assert.equal('report' in list.body[0], false);
});

test('the same seed gives the same result and another seed another', async (t) => {
  const studio = await openTestStudio(t);
  const results = [];
  for (const seed of [5, 5, 987_654_321]) {
    const { body } = await studio.call('/api/runs', {
      method: 'POST',
      body: JSON.stringify({ system: 'pi-room', verb: 'estimate', params: { points: 4000 }, seed }),
    });
    results.push(((await studio.finished(body.id)).result as { pi: number }).pi);
  }
  assert.equal(results[0], results[1]);
  assert.notEqual(results[0], results[2]);
});

test('events of a run tell progress and metrics, then its end, and the stream closes', async (t) => {
  const studio = await openTestStudio(t);
  const runId = await studio.start('estimate', { points: 4000, pauseMs: 10 });
  const { body } = await studio.call(`/api/runs/${runId}/events`);
  const names = [...String(body).matchAll(/^event: (\w+)$/gm)].map((match) => match[1]);
  assert.equal(names[0], 'run');
  assert.equal(names.at(-1), 'run');
  assert.ok(names.includes('progress') && names.includes('metrics'), names.join(' '));
  assert.match(String(body).trimEnd().split('\n').at(-1)!, /"status":"done"/);
});

test('a cancelled job ends as cancelled, soon, and the server answers meanwhile', async (t) => {
  const studio = await openTestStudio(t);
  const runId = await studio.start('estimate', { pauseMs: 1000 });
  while ((await studio.store.getRun(runId))?.progress === undefined)
    await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal((await studio.call(`/api/runs/${runId}`, { method: 'DELETE' })).body.error.code, 'TF-STUDIO-005');
  assert.equal((await studio.call('/api/rooms')).status, 200);
  assert.equal((await studio.call(`/api/runs/${runId}/cancel`, { method: 'POST' })).status, 200);
  assert.equal((await studio.finished(runId)).status, 'cancelled');
});

test('a job that waits for its turn can be cancelled before it starts', async (t) => {
  const studio = await openTestStudio(t, { maxJobs: 1 });
  const first = await studio.start('estimate', { pauseMs: 1000 });
  const second = await studio.start('estimate');
  await studio.call(`/api/runs/${second}/cancel`, { method: 'POST' });
  const run = await studio.finished(second);
  assert.equal(run.status, 'cancelled');
  assert.equal(run.startedAtMs, undefined);
  await studio.call(`/api/runs/${first}/cancel`, { method: 'POST' });
  await studio.finished(first);
});

test('a job whose process dies fails with a diagnostic, and the studio lives on', async (t) => {
  const studio = await openTestStudio(t);
  const run = await studio.finished(await studio.start('crash', { code: 7 }));
  assert.equal(run.status, 'failed');
  assert.match(
    (run.error as { message: string }).message,
    /^pi-room crash: its process must report a result, got exit code 7/,
  );
  assert.equal((await studio.finished(await studio.start('estimate', { points: 400 }))).status, 'done');
});

test('wrong params are refused before a run exists', async (t) => {
  const studio = await openTestStudio(t);
  const { status, body } = await studio.call('/api/runs', {
    method: 'POST',
    body: JSON.stringify({ system: 'pi-room', verb: 'estimate', params: { points: -1 } }),
  });
  assert.equal(status, 400);
  assert.equal(
    body.error.message,
    'pi-room estimate: --points must be at least 1, got -1. Options: tenfold pi-room estimate --help. TF-USAGE-002',
  );
  assert.deepEqual((await studio.call('/api/runs')).body, []);
});

test('runs that a dead program left at work are marked interrupted at start-up', async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'tenfold-studio-'));
  const longAgo = openSqliteStore({ folder: home, clock: { nowMs: () => Date.now() - 3600_000 } });
  const run = await longAgo.createRun({ system: 'pi-room', verb: 'estimate', params: {}, seed: 0 });
  await longAgo.startRun(run.id, 'gone');
  const queued = await longAgo.createRun({ system: 'pi-room', verb: 'estimate', params: { points: 400 }, seed: 0 });
  longAgo.close();
  const studio = await openTestStudio(t, { home });
  assert.equal((await studio.store.getRun(run.id))?.status, 'interrupted');
  assert.equal((await studio.finished(queued.id)).status, 'done', 'what was queued is taken up');
});

test('closing the studio ends its jobs and marks them interrupted', async (t) => {
  const studio = await openTestStudio(t);
  const second = await openTestStudio(t, { home: studio.home });
  const runId = await studio.start('estimate', { pauseMs: 1000 });
  while ((await studio.store.getRun(runId))?.status !== 'running')
    await new Promise((resolve) => setTimeout(resolve, 50));
  await studio.close();
  assert.equal((await second.store.getRun(runId))?.status, 'interrupted');
});

test('examples of a manifest are offered as params', async (t) => {
  const studio = await openTestStudio(t);
  const { body } = await studio.call('/api/rooms');
  assert.deepEqual(body[0].verbs[0].exampleParams, [
    { points: 20_000 },
    { points: 400_000, method: 'stratified', pauseMs: 20 },
  ]);
  assert.equal(body[1].built, false);
});

test('a run with a report exports as one HTML file', async (t) => {
  const studio = await openTestStudio(t);
  const runId = await studio.start('estimate', { points: 400 });
  await studio.finished(runId);
  const { response, body } = await studio.call(`/api/runs/${runId}/export.html`);
  assert.match(
    response.headers.get('content-disposition')!,
    new RegExp(`attachment; filename="tenfold-pi-room-${runId}.html"`),
  );
  assert.match(String(body), /Estimate of π/);
  assert.doesNotMatch(String(body), /<(script|link|img)[^>]+(src|href)="https?:/, 'it loads nothing from elsewhere');
});
