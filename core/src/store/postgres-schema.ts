/** Schema of the PostgreSQL store as a list of steps, in a schema of its own. Steps are only ever appended. */
import type { Pool } from 'pg';

const MIGRATIONS: readonly string[] = [
  `CREATE TABLE tenfold.runs (
     id TEXT PRIMARY KEY,
     place BIGINT GENERATED ALWAYS AS IDENTITY,
     system TEXT NOT NULL,
     verb TEXT NOT NULL,
     params TEXT NOT NULL,
     seed DOUBLE PRECISION NOT NULL,
     status TEXT NOT NULL,
     created_at_ms DOUBLE PRECISION NOT NULL,
     started_at_ms DOUBLE PRECISION,
     ended_at_ms DOUBLE PRECISION,
     result TEXT,
     report TEXT,
     diagnostics TEXT NOT NULL DEFAULT '[]',
     error TEXT,
     progress TEXT,
     worker_id TEXT,
     heartbeat_at_ms DOUBLE PRECISION
   );
   CREATE INDEX runs_by_time ON tenfold.runs (created_at_ms);
   CREATE INDEX runs_by_status ON tenfold.runs (status, created_at_ms);
   CREATE TABLE tenfold.metrics (
     run_id TEXT NOT NULL REFERENCES tenfold.runs (id) ON DELETE CASCADE,
     place BIGINT GENERATED ALWAYS AS IDENTITY,
     name TEXT NOT NULL,
     step DOUBLE PRECISION NOT NULL,
     value DOUBLE PRECISION NOT NULL,
     at_ms DOUBLE PRECISION NOT NULL
   );
   CREATE INDEX metrics_by_run ON tenfold.metrics (run_id, name, step);
   CREATE TABLE tenfold.artifacts (
     run_id TEXT NOT NULL REFERENCES tenfold.runs (id) ON DELETE CASCADE,
     name TEXT NOT NULL,
     media_type TEXT NOT NULL,
     bytes BYTEA NOT NULL,
     PRIMARY KEY (run_id, name)
   );`,
];

/** Any number that no other program takes: one migration at a time. */
const MIGRATION_LOCK = 7_310_467;

/** Brings a database to the current schema; each step and its number land together or not at all.
 *  @returns the version found that is newer than this program's, or undefined */
export async function migratePostgres(pool: Pool): Promise<number | undefined> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    await client.query('CREATE SCHEMA IF NOT EXISTS tenfold');
    await client.query('CREATE TABLE IF NOT EXISTS tenfold.schema_version (version INTEGER NOT NULL)');
    const { rows } = await client.query<{ version: number }>('SELECT version FROM tenfold.schema_version');
    const found = rows[0]?.version ?? 0;
    for (const step of MIGRATIONS.slice(found)) await client.query(step);
    if (rows.length === 0) await client.query('INSERT INTO tenfold.schema_version VALUES ($1)', [MIGRATIONS.length]);
    else if (found < MIGRATIONS.length)
      await client.query('UPDATE tenfold.schema_version SET version = $1', [MIGRATIONS.length]);
    await client.query('COMMIT');
    return found > MIGRATIONS.length ? found : undefined;
  } catch (cause) {
    await client.query('ROLLBACK').catch(() => {});
    throw cause;
  } finally {
    client.release();
  }
}
