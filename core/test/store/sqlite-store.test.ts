import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { countOpen, TenfoldError } from '../../src/base/index.ts';
import { findHomeFolder, openSqliteStore } from '../../src/store/index.ts';
import { testStoreConformance } from './conformance.ts';

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'tenfold-store-'));

testStoreConformance('sqlite', () => {
  const folder = newFolder();
  let nowMs = 1_000_000;
  const clock = { nowMs: () => nowMs };
  return {
    store: openSqliteStore({ folder, clock }),
    advanceMs: (ms) => void (nowMs += ms),
    reopen: () => openSqliteStore({ folder, clock }),
  };
});

const wallClock = { nowMs: () => Date.now() };

test('a process killed in the middle of a job leaves a readable store, and the job can be rerun', async () => {
  const folder = newFolder();
  const child = spawn(process.execPath, [join(import.meta.dirname, 'crash-child.ts'), folder], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const id = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (text: Buffer) => resolve(text.toString().trim()));
    child.once('exit', () => reject(new Error('the child ended before it wrote')));
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  const store = openSqliteStore({ folder, clock: { nowMs: () => Date.now() + 60_000 } });
  try {
    assert.equal((await store.getRun(id))!.status, 'running');
    assert.deepEqual(await store.markInterrupted({ staleAfterMs: 15_000 }), [id]);
    const metrics = await store.readMetrics(id);
    const numOf = (name: string): number => metrics.filter((point) => point.name === name).length;
    assert.ok(numOf('loss') >= 6);
    assert.equal(numOf('loss'), numOf('twin'), 'points of one call land together or not at all');
    const bytes = (await store.readArtifact(id, 'state.bin'))!;
    assert.equal(bytes.byteLength, 65536);
    assert.ok(
      bytes.every((byte) => byte === bytes[0]),
      'an artifact is never a mixture of two writes',
    );
    const interrupted = (await store.getRun(id))!;
    const again = await store.createRun(interrupted);
    assert.equal((await store.claimRun('second'))!.id, again.id);
    await store.finishRun(again.id, { status: 'done' });
    assert.equal((await store.getRun(again.id))!.status, 'done');
  } finally {
    store.close();
  }
});

function errorOf(folder: string): TenfoldError {
  try {
    openSqliteStore({ folder, clock: wallClock }).close();
  } catch (error) {
    assert.ok(error instanceof TenfoldError);
    return error;
  }
  assert.fail('the store opened');
}

test('a file that is no store gives one error that says how to go on', () => {
  const folder = newFolder();
  writeFileSync(join(folder, 'store.sqlite'), 'this is not a database, it only looks like a file of one\n'.repeat(40));
  const error = errorOf(folder);
  assert.deepEqual([error.code, error.exitCode], ['TF-STORE-002', 3]);
  assert.equal(
    error.message,
    `openStore: a readable store, got a damaged file (file is not a database) (${join(folder, 'store.sqlite')}). ` +
      'Move the file away and run again: a new store is made, artifacts on disk are kept. TF-STORE-002',
  );
});

test('a store cut short gives the same error', () => {
  const folder = newFolder();
  const store = openSqliteStore({ folder, clock: wallClock });
  store.close();
  const path = join(folder, 'store.sqlite');
  const database = new DatabaseSync(path);
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  database.close();
  for (const name of readdirSync(folder)) if (name !== 'store.sqlite') assert.fail(`left over: ${name}`);
  writeFileSync(path, Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(600, 255)]));
  assert.equal(errorOf(folder).code, 'TF-STORE-002');
});

test('a store of a newer version is left alone', () => {
  const folder = newFolder();
  openSqliteStore({ folder, clock: wallClock }).close();
  const database = new DatabaseSync(join(folder, 'store.sqlite'));
  database.exec('PRAGMA user_version = 99');
  database.close();
  const error = errorOf(folder);
  assert.deepEqual([error.code, error.exitCode, error.actual], ['TF-STORE-003', 4, 'schema 99']);
});

test('a home that cannot be a folder is an environment error', () => {
  const folder = newFolder();
  writeFileSync(join(folder, 'file'), '');
  const error = errorOf(join(folder, 'file', 'home'));
  assert.deepEqual([error.code, error.exitCode], ['TF-STORE-001', 4]);
});

test('a home without permission is an environment error', (context) => {
  if (process.getuid?.() === 0) return context.skip('root may write everywhere');
  const folder = newFolder();
  chmodSync(folder, 0o500);
  assert.equal(errorOf(folder).code, 'TF-STORE-001');
});

test('a store that failed to open and one that was closed leave nothing open', () => {
  const before = countOpen('store');
  const store = openSqliteStore({ folder: newFolder(), clock: wallClock });
  assert.equal(countOpen('store'), before + 1);
  store.close();
  store.close();
  assert.equal(countOpen('store'), before);
});

test('the home folder is TENFOLD_HOME, or .tenfold beside the nearest .git, or in the working folder', () => {
  const folder = newFolder();
  mkdirSync(join(folder, 'repository/.git'), { recursive: true });
  mkdirSync(join(folder, 'repository/deep/down'), { recursive: true });
  // Folders above the temporary one are not this test's: they count as empty.
  const exists = (path: string): boolean => path.startsWith(folder) && existsSync(path);
  const find = (workingFolder: string, home?: string): string =>
    findHomeFolder({ environment: { TENFOLD_HOME: home }, workingFolder, exists });
  assert.equal(
    findHomeFolder({ environment: {}, workingFolder: join(folder, 'repository/deep/down') }),
    join(folder, 'repository/.tenfold'),
  );
  assert.equal(find(join(folder, 'repository/deep/down')), join(folder, 'repository/.tenfold'));
  assert.equal(find(folder), join(folder, '.tenfold'));
  assert.equal(find(folder, 'elsewhere'), join(folder, 'elsewhere'));
});
