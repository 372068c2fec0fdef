/** Both stores fulfil one contract; the PostgreSQL one needs a server and says so where there is none. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { runVerbInTest } from '@tenfold/core/system/test-kit';
import pg from 'pg';
import { evidenceOfFact } from '../../src/ingest/verbalise.ts';
import { manifest } from '../../src/manifest.ts';
import { openPostgresStore } from '../../src/store/postgres-store.ts';
import { openEvidenceStore } from '../../src/store/sqlite-store.ts';
import { testEvidenceStore } from './conformance.ts';
import { startPostgres, type ServerOrReason } from '@tenfold/core/system/test-kit';

const folder = mkdtempSync(join(tmpdir(), 'temporal-stores-'));
let server: ServerOrReason;
let numSchemas = 0;

before(async () => {
  server = await startPostgres();
});
after(async () => {
  if ('url' in server) await server.stop();
  rmSync(folder, { recursive: true });
});

/** Address of an empty schema, or a skipped test. */
function newSchema(context: TestContext): string | undefined {
  if ('url' in server) return `${server.url}?schema=t${process.pid}_${++numSchemas}`;
  context.skip(server.reason);
  return undefined;
}

testEvidenceStore('SQLite', async () => {
  const file = join(folder, `${++numSchemas}.sqlite`);
  return { store: openEvidenceStore({ file }), reopen: async () => openEvidenceStore({ file, readOnly: true }) };
});

testEvidenceStore('PostgreSQL', async (context) => {
  const url = newSchema(context);
  return url === undefined
    ? undefined
    : { store: await openPostgresStore({ url }), reopen: () => openPostgresStore({ url }) };
});

test('two writers add the same evidence to PostgreSQL at once, and it is there once', async (context) => {
  const url = newSchema(context);
  if (url === undefined) return;
  const stores = await Promise.all([openPostgresStore({ url }), openPostgresStore({ url })]);
  const batch = Array.from({ length: 400 }, (_, i) =>
    evidenceOfFact({ subject: `Town ${i}`, relation: 'mayor', object: 'Ada', doc: 'd', locator: `${i}` }),
  );
  const added = await Promise.all([stores[0]!.add(batch), stores[1]!.add(batch.toReversed())]);
  assert.equal(added[0] + added[1], 400);
  assert.equal(await stores[0]!.count(), 400);
  for (const store of stores) await store.close();
});

test('the verbs work on a PostgreSQL address', async (context) => {
  const db = newSchema(context);
  if (db === undefined) return;
  const path = join(folder, 'town.csv');
  writeFileSync(path, 'subject,relation,object,start,end\nMillbrook,mayor,Ida Brandt,1990,1995\n');
  await runVerbInTest(manifest, 'ingest', { path, db });
  const asked = await runVerbInTest(manifest, 'ask', { question: 'Who was mayor of Millbrook in 1992?', db });
  assert.equal((asked.result as { answers: { label: string }[] }).answers[0]?.label, 'Ida Brandt');
});

test('a schema of another version is refused', async (context) => {
  const url = newSchema(context);
  if (url === undefined) return;
  const store = await openPostgresStore({ url });
  await store.setMeta('schema_version', '99');
  await store.close();
  await assert.rejects(openPostgresStore({ url }), { code: 'TF-TEMPORAL-004', actual: 'version 99' });
});

test('a schema of ours lies beside other tables and touches none of them', async (context) => {
  const url = newSchema(context);
  if (url === undefined || !('url' in server)) return;
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query('CREATE TABLE IF NOT EXISTS public.evidence(mine integer)');
  await (await openPostgresStore({ url })).close();
  const { rows } = await client.query(`SELECT COUNT(*)::integer AS n FROM public.evidence`);
  assert.equal(rows[0].n, 0);
  await client.query('DROP TABLE public.evidence');
  await client.end();
});

test('a server that is not there is an environment error that does not tell the password', async () => {
  await assert.rejects(openPostgresStore({ url: 'postgres://ann:secret@127.0.0.1:1/facts' }), (error: Error) => {
    assert.match(error.message, /a PostgreSQL database that answers, got .*ECONNREFUSED.*ann:\*\*\*@127\.0\.0\.1:1/);
    assert.match(error.message, /TF-TEMPORAL-009$/);
    assert.ok(!JSON.stringify(error).includes('secret'));
    return true;
  });
});

test('a file that does not exist is an error for readers, with a command that makes one', async () => {
  const { message } = await runVerbInTest(manifest, 'ask', { question: 'Who?', db: join(folder, 'none.sqlite') }).then(
    () => assert.fail('it was opened'),
    (error: Error) => error,
  );
  assert.match(message, /openStore: an evidence file or a postgres:\/\/ address, got no such file/);
  assert.match(message, /Make one: tenfold temporal-qa ingest <files> --db .*none\.sqlite\. TF-TEMPORAL-010$/);
});
