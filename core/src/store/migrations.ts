/** Schema of the SQLite store as a list of steps; `PRAGMA user_version` counts the steps done.
 *  Steps are only ever appended: an old file is brought up to date when it is opened. */
import type { DatabaseSync } from 'node:sqlite';

const MIGRATIONS: readonly string[] = [
  `CREATE TABLE runs (
     id TEXT PRIMARY KEY,
     system TEXT NOT NULL,
     verb TEXT NOT NULL,
     params TEXT NOT NULL,
     seed INTEGER NOT NULL,
     status TEXT NOT NULL,
     created_at_ms REAL NOT NULL,
     started_at_ms REAL,
     ended_at_ms REAL,
     result TEXT,
     report TEXT,
     diagnostics TEXT NOT NULL DEFAULT '[]',
     error TEXT,
     progress TEXT,
     worker_id TEXT,
     heartbeat_at_ms REAL
   );
   CREATE INDEX runs_by_time ON runs (created_at_ms);
   CREATE INDEX runs_by_status ON runs (status, created_at_ms);
   CREATE TABLE metrics (
     run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
     name TEXT NOT NULL,
     step REAL NOT NULL,
     value REAL,
     at_ms REAL NOT NULL
   );
   CREATE INDEX metrics_by_run ON metrics (run_id, name, step);
   CREATE TABLE artifacts (
     run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
     name TEXT NOT NULL,
     media_type TEXT NOT NULL,
     byte_length INTEGER NOT NULL,
     PRIMARY KEY (run_id, name)
   );`,
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/** Version of an opened file: 0 for a new one. */
export function readSchemaVersion(database: DatabaseSync): number {
  return (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
}

/** Brings a file to the current schema; each step and its version number land together or not at all. */
export function migrate(database: DatabaseSync): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    for (let version = readSchemaVersion(database); version < SCHEMA_VERSION; version++) {
      database.exec(MIGRATIONS[version]!);
      database.exec(`PRAGMA user_version = ${version + 1}`);
    }
    database.exec('COMMIT');
  } catch (cause) {
    database.exec('ROLLBACK');
    throw cause;
  }
}
