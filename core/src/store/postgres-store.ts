/** The store contract on PostgreSQL: any number of machines share it. Every method is one statement, so a process killed in
 *  between leaves a readable store. Artifacts are kept in the database and copied to the home folder where they are read. */
import { randomBytes } from 'node:crypto';
import type { Pool, QueryResultRow } from 'pg';
import { trackOpen } from '../base/index.ts';
import { artifactPath, deleteArtifactFolder, writeArtifactFile } from './artifact-files.ts';
import { migratePostgres } from './postgres-schema.ts';
import { jsonColumn, recordFromRow, type RunRow } from './run-rows.ts';
import { storeError } from './store-errors.ts';
import type {
  ArtifactRecord,
  MetricPoint,
  NewRun,
  RunOutcome,
  RunProgress,
  RunQuery,
  RunRecord,
  RunStore,
} from './types.ts';

export interface PostgresStoreOptions {
  /** `postgres://user:password@host/database`. */
  readonly url: string;
  /** Folder for copies of artifacts. */
  readonly folder: string;
  /** Wall clock, ms since the epoch. Machines that share a store must agree on the time to a few seconds. */
  readonly clock: { nowMs(): number };
  readonly newId?: () => string;
}

const DEFAULT_LIST_LIMIT = 100;
const MAX_CONNECTIONS = 4;
const CONNECT_TIMEOUT_MS = 5000;

/** Connects, and brings the tables up to date. Close it when done.
 *  @throws TF-STORE-003 if they are newer than this program, TF-STORE-007 if the database cannot be reached */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<RunStore> {
  const { default: pg } = await import('pg');
  const pool = new pg.Pool({
    connectionString: options.url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: 'tenfold',
  });
  pool.on('error', () => {}); // A connection that dies while idle is replaced by the next query.
  try {
    const newer = await migratePostgres(pool);
    if (newer !== undefined) {
      throw storeError('TF-STORE-003', {
        subject: 'openPostgresStore',
        expected: 'tables that this version knows',
        actual: `version ${newer}`,
        location: placeOf(options.url),
      });
    }
  } catch (cause) {
    await pool.end();
    throw postgresError(cause, options.url);
  }
  return new PostgresStore(pool, options);
}

class PostgresStore implements RunStore {
  readonly #pool: Pool;
  readonly #url: string;
  readonly #home: string;
  readonly #clock: { nowMs(): number };
  readonly #newId: () => string;
  readonly #release: () => void;
  #isOpen = true;

  constructor(pool: Pool, { url, folder, clock, newId }: PostgresStoreOptions) {
    this.#pool = pool;
    this.#url = url;
    this.#home = folder;
    this.#clock = clock;
    this.#newId = newId ?? (() => randomBytes(5).toString('hex'));
    this.#release = trackOpen('store');
  }

  async createRun(run: NewRun): Promise<RunRecord> {
    const rows = await this.#query<RunRow>(
      `INSERT INTO tenfold.runs (id, system, verb, params, seed, status, created_at_ms)
       VALUES ($1, $2, $3, $4, $5, 'queued', $6) RETURNING *`,
      [this.#newId(), run.system, run.verb, jsonColumn(run.params), run.seed, this.#clock.nowMs()],
    );
    return recordFromRow(rows[0]!);
  }

  async getRun(id: string): Promise<RunRecord | undefined> {
    const row = (await this.#query<RunRow>('SELECT * FROM tenfold.runs WHERE id = $1', [id]))[0];
    return row && recordFromRow(row);
  }

  async listRuns(query: RunQuery = {}): Promise<readonly RunRecord[]> {
    const rows = await this.#query<RunRow>(
      `SELECT * FROM tenfold.runs
       WHERE ($1::text IS NULL OR system = $1) AND ($2::text IS NULL OR verb = $2) AND ($3::text IS NULL OR status = $3)
         AND ($4::float8 IS NULL OR created_at_ms < $4)
         AND ($5::text IS NULL OR position($5 in lower(id || ' ' || system || ' ' || verb || ' ' || params)) > 0)
       ORDER BY created_at_ms DESC, place DESC LIMIT $6`,
      [
        query.system ?? null,
        query.verb ?? null,
        query.status ?? null,
        query.beforeMs ?? null,
        query.text ? query.text.toLowerCase() : null,
        query.limit ?? DEFAULT_LIST_LIMIT,
      ],
    );
    return rows.map(recordFromRow);
  }

  async claimRun(workerId: string): Promise<RunRecord | undefined> {
    const rows = await this.#query<RunRow>(
      `UPDATE tenfold.runs SET status = 'running', worker_id = $1, started_at_ms = $2, heartbeat_at_ms = $2
       WHERE id = (SELECT id FROM tenfold.runs WHERE status = 'queued'
                   ORDER BY created_at_ms, place LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING *`,
      [workerId, this.#clock.nowMs()],
    );
    return rows[0] && recordFromRow(rows[0]);
  }

  async startRun(id: string, workerId: string): Promise<void> {
    const rows = await this.#query(
      `WITH taken AS (
         UPDATE tenfold.runs
         SET status = 'running', worker_id = $2, started_at_ms = $3, heartbeat_at_ms = $3, ended_at_ms = NULL
         WHERE id = $1 AND status IN ('queued', 'interrupted') RETURNING id
       ), begun_before AS (
         DELETE FROM tenfold.metrics USING taken WHERE run_id = taken.id
       ) SELECT id FROM taken`,
      [id, workerId, this.#clock.nowMs()],
    );
    if (rows.length === 0) await this.#refuse(id, 'startRun', 'a queued or interrupted run');
  }

  async heartbeat(id: string, workerId: string): Promise<void> {
    const rows = await this.#query(
      `UPDATE tenfold.runs SET heartbeat_at_ms = $3, status = 'running', ended_at_ms = NULL
       WHERE id = $1 AND worker_id = $2 AND status IN ('running', 'interrupted') RETURNING id`,
      [id, workerId, this.#clock.nowMs()],
    );
    if (rows.length === 0) await this.#refuse(id, 'heartbeat', `a run that worker "${workerId}" is running`);
  }

  async reportProgress(id: string, progress: RunProgress): Promise<void> {
    const values = [id, jsonColumn(progress)];
    const rows = await this.#query('UPDATE tenfold.runs SET progress = $2 WHERE id = $1 RETURNING id', values);
    if (rows.length === 0) await this.#require(id, 'reportProgress');
  }

  async appendMetrics(id: string, points: readonly MetricPoint[]): Promise<void> {
    await this.#require(id, 'appendMetrics');
    await this.#query(
      `INSERT INTO tenfold.metrics (run_id, name, step, value, at_ms)
       SELECT $1, * FROM unnest($2::text[], $3::float8[], $4::float8[], $5::float8[])`,
      [
        id,
        points.map(({ name }) => name),
        points.map(({ step }) => step),
        points.map(({ value }) => String(value)), // NaN and Infinity are words to PostgreSQL too.
        points.map(({ atMs }) => atMs),
      ],
    );
  }

  async readMetrics(id: string, name?: string): Promise<readonly MetricPoint[]> {
    const rows = await this.#query<{ name: string; step: number; value: number; at_ms: number }>(
      `SELECT name, step, value, at_ms FROM tenfold.metrics
       WHERE run_id = $1 AND ($2::text IS NULL OR name = $2) ORDER BY name COLLATE "C", step, place`,
      [id, name ?? null],
    );
    return rows.map((row) => ({ name: row.name, step: row.step, value: row.value, atMs: row.at_ms }));
  }

  async finishRun(id: string, outcome: RunOutcome, workerId?: string): Promise<void> {
    const rows = await this.#query(
      `UPDATE tenfold.runs
       SET status = $2, result = $3, report = $4, diagnostics = $5, error = $6, ended_at_ms = $7
       WHERE id = $1 AND status IN ('queued', 'running', 'interrupted')
         AND ($8::text IS NULL OR worker_id = $8) RETURNING id`,
      [
        id,
        outcome.status,
        jsonColumn(outcome.result),
        jsonColumn(outcome.report),
        jsonColumn(outcome.diagnostics ?? []),
        jsonColumn(outcome.error),
        this.#clock.nowMs(),
        workerId ?? null,
      ],
    );
    if (rows.length > 0) return;
    const expected = workerId === undefined ? 'a run that has not ended' : `a run that worker "${workerId}" holds`;
    await this.#refuse(id, 'finishRun', expected);
  }

  async markInterrupted({ staleAfterMs }: { readonly staleAfterMs: number }): Promise<readonly string[]> {
    const rows = await this.#query<{ id: string }>(
      `UPDATE tenfold.runs SET status = 'interrupted', ended_at_ms = heartbeat_at_ms
       WHERE status = 'running' AND heartbeat_at_ms < $1 RETURNING id`,
      [this.#clock.nowMs() - staleAfterMs],
    );
    return rows.map((row) => row.id);
  }

  async putArtifact(
    id: string,
    artifact: { readonly name: string; readonly mediaType: string; readonly bytes: Uint8Array },
  ): Promise<ArtifactRecord> {
    await this.#require(id, 'putArtifact');
    const { name, mediaType, bytes } = artifact;
    const path = artifactPath(this.#home, id, name);
    await this.#query(
      `INSERT INTO tenfold.artifacts (run_id, name, media_type, bytes) VALUES ($1, $2, $3, $4)
       ON CONFLICT (run_id, name) DO UPDATE SET media_type = EXCLUDED.media_type, bytes = EXCLUDED.bytes`,
      [id, name, mediaType, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)],
    );
    return { runId: id, name, mediaType, byteLength: bytes.byteLength, path };
  }

  async listArtifacts(id: string): Promise<readonly ArtifactRecord[]> {
    const rows = await this.#query<{ name: string; media_type: string; byte_length: number }>(
      `SELECT name, media_type, octet_length(bytes) AS byte_length FROM tenfold.artifacts
       WHERE run_id = $1 ORDER BY name COLLATE "C"`,
      [id],
    );
    return rows.map((row) => ({
      runId: id,
      name: row.name,
      mediaType: row.media_type,
      byteLength: row.byte_length,
      path: artifactPath(this.#home, id, row.name),
    }));
  }

  async readArtifact(id: string, name: string): Promise<Uint8Array | undefined> {
    const rows = await this.#query<{ bytes: Buffer }>(
      'SELECT bytes FROM tenfold.artifacts WHERE run_id = $1 AND name = $2',
      [id, name],
    );
    const bytes = rows[0]?.bytes;
    if (bytes) writeArtifactFile(artifactPath(this.#home, id, name), bytes);
    return bytes && new Uint8Array(bytes);
  }

  async deleteRun(id: string): Promise<void> {
    const rows = await this.#query('DELETE FROM tenfold.runs WHERE id = $1 RETURNING id', [id]);
    if (rows.length === 0) await this.#require(id, 'deleteRun');
    deleteArtifactFolder(this.#home, id);
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#pool.end();
    this.#release();
  }

  async #query<Row extends QueryResultRow>(sql: string, values: readonly unknown[]): Promise<Row[]> {
    try {
      return (await this.#pool.query<Row>(sql, [...values])).rows;
    } catch (cause) {
      throw postgresError(cause, this.#url);
    }
  }

  async #require(id: string, subject: string): Promise<RunRecord> {
    const run = await this.getRun(id);
    if (run) return run;
    throw storeError('TF-STORE-004', {
      subject,
      expected: 'the id of a run',
      actual: `"${id}"`,
      hints: ['List the runs with: tenfold runs.'],
    });
  }

  async #refuse(id: string, subject: string, expected: string): Promise<never> {
    const { status } = await this.#require(id, subject);
    throw storeError('TF-STORE-005', { subject, expected, actual: `one that is ${status}`, location: `run ${id}` });
  }
}

/** Host and database without user and password. */
function placeOf(url: string): string {
  return URL.canParse(url) ? `${new URL(url).host}${new URL(url).pathname}` : 'the address';
}

function postgresError(cause: unknown, url: string): unknown {
  const { code = '', message = '' } = cause as { code?: string; message?: string };
  if (code.startsWith('TF-')) return cause;
  return storeError('TF-STORE-007', {
    subject: 'store',
    expected: 'an answer of PostgreSQL',
    actual: code === '' ? message : `${code} ${message}`.trim(),
    location: placeOf(url),
    hints: ['Check TENFOLD_STORE, and that the server is up and lets this user in.'],
    cause,
  });
}
