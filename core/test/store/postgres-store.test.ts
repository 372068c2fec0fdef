import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { countOpen } from '../../src/base/index.ts';
import { openPostgresStore, openRunStore } from '../../src/store/index.ts';
import { startPostgres, type ServerOrReason } from '../../src/system/test-kit.ts';
import { testStoreConformance } from './conformance.ts';

let server: ServerOrReason;
const folder = mkdtempSync(join(tmpdir(), 'tenfold-pgstore-'));
before(async () => {
  server = await startPostgres();
});
after(async () => {
  if ('stop' in server) await server.stop();
  rmSync(folder, { recursive: true });
});
const reasonToSkip = (): string | false => ('reason' in server ? server.reason : false);
const serverUrl = (): string => ('url' in server ? server.url : '');

let numDatabases = 0;
async function emptyDatabase(): Promise<string> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: serverUrl() });
  const name = `store_${process.pid}_${numDatabases++}`;
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  return serverUrl().replace(/\/[^/]*$/, `/${name}`);
}

testStoreConformance(
  'postgres',
  async () => {
    const url = await emptyDatabase();
    let nowMs = 1_000_000;
    const open = () => openPostgresStore({ url, folder, clock: { nowMs: () => nowMs } });
    return { store: await open(), reopen: open, advanceMs: (ms) => void (nowMs += ms) };
  },
  { skip: reasonToSkip },
);

test('a database that does not answer is an environment error without the password in it', async () => {
  const before = countOpen('store');
  const url = 'postgres://me:secret@127.0.0.1:1/none';
  const opened = openRunStore({ environment: { TENFOLD_STORE: url }, folder, clock: { nowMs: () => 0 } });
  await assert.rejects(opened, (error: Error) => {
    assert.match(
      error.message,
      /^store: an answer of PostgreSQL, got ECONNREFUSED .*\(127\.0\.0\.1:1\/none\).*TF-STORE-007$/s,
    );
    assert.ok(!error.message.includes('secret'));
    return true;
  });
  assert.equal(countOpen('store'), before);
});

test('eight workers claim two hundred runs, each exactly once', async (context) => {
  const reason = reasonToSkip();
  if (reason !== false) return context.skip(reason);
  const url = await emptyDatabase();
  const clock = { nowMs: () => Date.now() };
  const store = await openPostgresStore({ url, folder, clock });
  const created = await Promise.all(
    Array.from({ length: 200 }, (_, n) => store.createRun({ system: 'toy', verb: 'add', params: { n }, seed: 0 })),
  );
  const others = await Promise.all([1, 2, 3, 4].map(() => openPostgresStore({ url, folder, clock })));
  const claimed: string[] = [];
  await Promise.all(
    [...others, ...others].map(async (worker, index) => {
      for (;;) {
        const run = await worker.claimRun(`w${index}`);
        if (run === undefined) return;
        claimed.push(run.id);
      }
    }),
  );
  assert.deepEqual(claimed.toSorted(), created.map(({ id }) => id).toSorted());
  for (const each of [store, ...others]) await each.close();
});
