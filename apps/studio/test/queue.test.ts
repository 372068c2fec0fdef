/** Many workers, one store: two hundred runs, workers and server killed at random, every run ends once. */
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRng } from '@tenfold/core/base';
import { openPostgresStore } from '@tenfold/core/store';
import { startPostgres } from '@tenfold/core/system/test-kit';
import { startWorker } from '../server/index.ts';

const NUM_RUNS = 200;
const NUM_KILLS = 6;
const NUM_WORKERS = 3;
const GIVE_UP_MS = 600_000;

interface Fleet {
  start(role: 'studio' | 'worker'): Promise<{ readonly child: ChildProcess; readonly url: string }>;
}

function openFleet(t: TestContext, url: string, home: string): Fleet {
  const children = new Set<ChildProcess>();
  t.after(() => children.forEach((child) => child.kill('SIGKILL')));
  return {
    async start(role) {
      const child = fork(new URL('./fixtures/serve.ts', import.meta.url), [role, home], {
        env: { ...process.env, TENFOLD_STORE: url },
        execArgv: ['--disable-warning=ExperimentalWarning'],
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      });
      children.add(child);
      const [message] = (await once(child, 'message')) as [{ url: string }];
      return { child, url: message.url };
    },
  };
}

async function startRun(studioUrl: string, points: number): Promise<string> {
  const response = await fetch(new URL('/api/runs', studioUrl), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ system: 'pi-room', verb: 'estimate', params: { points, pauseMs: 1 } }),
  });
  assert.equal(response.status, 201);
  return ((await response.json()) as { id: string }).id;
}

test('two hundred runs survive kill -9 of workers and of the server: nothing is lost, nothing ends twice', async (t) => {
  const server = await startPostgres();
  if ('reason' in server) return t.skip(server.reason);
  t.after(() => server.stop());
  const home = mkdtempSync(join(tmpdir(), 'tenfold-queue-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const store = await openPostgresStore({ url: server.url, folder: home, clock: { nowMs: () => Date.now() } });
  t.after(() => store.close());
  const fleet = openFleet(t, server.url, home);
  let studio = await fleet.start('studio');
  const workers = await Promise.all(Array.from({ length: NUM_WORKERS }, () => fleet.start('worker')));
  const ids: string[] = [];
  for (let n = 0; n < NUM_RUNS; n++) ids.push(await startRun(studio.url, 400 + n));
  assert.equal(new Set(ids).size, NUM_RUNS);

  const rng = createRng(11, 'kills');
  const numEnded = async (): Promise<number> =>
    (await store.listRuns({ limit: NUM_RUNS })).filter(({ status }) => status === 'done' || status === 'problems')
      .length;
  for (let kill = 0; kill < NUM_KILLS; kill++) {
    const enough = Math.floor(((kill + 1) * NUM_RUNS) / (NUM_KILLS + 2));
    while ((await numEnded()) < enough) await sleep(100);
    if (kill % 3 === 2) {
      studio.child.kill('SIGKILL');
      studio = await fleet.start('studio');
    } else {
      const place = rng.integer(NUM_WORKERS);
      workers[place]!.child.kill('SIGKILL');
      workers[place] = await fleet.start('worker');
    }
  }
  const giveUpMs = performance.now() + GIVE_UP_MS;
  while ((await numEnded()) < NUM_RUNS) {
    assert.ok(performance.now() < giveUpMs, `${await numEnded()} of ${NUM_RUNS} runs ended`);
    await sleep(200);
  }

  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  const { rows } = await client.query<{ id: string; points: number; metrics: number; artifacts: number }>(
    `SELECT runs.id, (runs.result::jsonb->>'points')::int AS points,
            (SELECT count(*)::int FROM tenfold.metrics WHERE run_id = runs.id) AS metrics,
            (SELECT count(*)::int FROM tenfold.artifacts WHERE run_id = runs.id) AS artifacts
     FROM tenfold.runs`,
  );
  await client.end();
  assert.deepEqual(rows.map(({ id }) => id).toSorted(), ids.toSorted(), 'the runs that were asked for and no others');
  for (const [n, id] of ids.entries()) {
    const row = rows.find((each) => each.id === id)!;
    const perPart = Math.max(1, Math.round((400 + n) / 40));
    assert.equal(row.points, perPart * 40, 'each run has the result of its own params');
    assert.equal(row.metrics, 80, 'metrics of one attempt only: 2 names, 40 steps');
    assert.ok(row.artifacts > 0, 'artifacts are kept in the database');
  }
});

test('a run whose server died between storing it and queueing it is taken up by the next worker', async (t) => {
  const server = await startPostgres();
  if ('reason' in server) return t.skip(server.reason);
  t.after(() => server.stop());
  const home = mkdtempSync(join(tmpdir(), 'tenfold-queue-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const longAgo = Date.now() - 60_000;
  const store = await openPostgresStore({ url: server.url, folder: home, clock: { nowMs: () => longAgo } });
  t.after(() => store.close());
  const lost = await store.createRun({ system: 'pi-room', verb: 'estimate', params: { points: 400 }, seed: 0 });
  await openFleet(t, server.url, home).start('worker');
  const giveUpMs = performance.now() + GIVE_UP_MS;
  for (;;) {
    const status = (await store.getRun(lost.id))!.status;
    if (status === 'done' || status === 'problems') break;
    assert.ok(performance.now() < giveUpMs, status);
    await sleep(100);
  }
});

test('a worker without a shared store is refused with the variable to set', async () => {
  assert.equal(process.env['TENFOLD_STORE'], undefined);
  await assert.rejects(
    startWorker({}),
    /^TenfoldError: worker: TENFOLD_STORE with the address of a PostgreSQL database, got nothing.*TF-STUDIO-012/s,
  );
});
