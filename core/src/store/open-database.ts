/** Opens the SQLite file of a store, or says in one error why it cannot be used. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makeFolder, TenfoldError } from '../base/index.ts';
import { migrate, readSchemaVersion, SCHEMA_VERSION } from './migrations.ts';
import { storeError } from './store-errors.ts';

/** How long a writer waits for another process before it gives up. */
const BUSY_TIMEOUT_MS = 10_000;

/** SQLite result codes of a damaged file: SQLITE_CORRUPT and SQLITE_NOTADB. */
const DAMAGED_CODES: ReadonlySet<number> = new Set([11, 26]);

export const STORE_FILE = 'store.sqlite';

/** Opens or creates `<folder>/store.sqlite` in WAL mode at the current schema.
 *  @throws TF-STORE-001 if the folder cannot be used, TF-STORE-002 if the file is damaged, TF-STORE-003 if it is newer */
export function openDatabase(folder: string): DatabaseSync {
  const path = join(folder, STORE_FILE);
  let database: DatabaseSync | undefined;
  try {
    makeFolder(folder);
    database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    assertVersion(readSchemaVersion(database), path);
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;');
    if (readSchemaVersion(database) < SCHEMA_VERSION) migrate(database);
    database.prepare('SELECT count(*) FROM runs').get();
    return database;
  } catch (cause) {
    database?.close();
    throw storeErrorFrom(cause, path);
  }
}

/** Turns an SQLite or file-system error into ours; our own errors pass. */
export function storeErrorFrom(error: unknown, path: string): TenfoldError {
  const cause = error instanceof TenfoldError && error.code === 'TF-BASE-004' ? error.cause : error;
  if (cause instanceof TenfoldError) return cause;
  const { message, errcode, code } = cause as { message: string; errcode?: number; code?: string };
  const isForeign = code === 'ERR_SQLITE_ERROR' && /no such table|no such column/.test(message);
  if (isForeign || (errcode !== undefined && DAMAGED_CODES.has(errcode & 0xff))) {
    return storeError('TF-STORE-002', {
      subject: 'openStore',
      expected: 'a readable store',
      actual: `a damaged file (${message})`,
      location: path,
      hints: ['Move the file away and run again: a new store is made, artifacts on disk are kept.'],
      cause,
    });
  }
  return storeError('TF-STORE-001', {
    subject: 'openStore',
    expected: 'to open the store',
    actual: message,
    location: path,
    hints: ['Check its permissions, or name another folder with TENFOLD_HOME.'],
    cause,
  });
}

function assertVersion(version: number, path: string): void {
  if (version <= SCHEMA_VERSION) return;
  throw storeError('TF-STORE-003', {
    subject: 'openStore',
    expected: `a store of schema ${SCHEMA_VERSION} or older`,
    actual: `schema ${version}`,
    location: path,
    hints: ['Update Tenfold, or name another folder with TENFOLD_HOME.'],
  });
}
