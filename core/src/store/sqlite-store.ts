/** The store contract on SQLite (node:sqlite, WAL). Any number of processes of one machine may share a home folder.
 *  Every method is one statement or one transaction, so a process killed in between leaves a readable store. */
import { randomBytes } from 'node:crypto';
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { join } from 'node:path';
import { trackOpen } from '../base/index.ts';
import { artifactPath, deleteArtifactFolder, readArtifactFile, writeArtifactFile } from './artifact-files.ts';
import { openDatabase, STORE_FILE, storeErrorFrom } from './open-database.ts';
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

export interface SqliteStoreOptions {
  /** Home folder; created if it does not exist. */
  readonly folder: string;
  /** Wall clock, ms since the epoch. */
  readonly clock: { nowMs(): number };
  /** Makes run ids; default: 10 random hexadecimal digits. */
  readonly newId?: () => string;
}

/** A store in this process: closing it is done when it returns. */
export interface SqliteRunStore extends RunStore {
  close(): void;
}

const DEFAULT_LIST_LIMIT = 100;
const finishable = (workerId: string | undefined): string =>
  workerId === undefined ? 'a run that has not ended' : `a run that worker "${workerId}" holds`;

/** Opens the store of a home folder. Close it when done.
 *  @throws TF-STORE-001 … TF-STORE-003, see `openDatabase` */
export function openSqliteStore(options: SqliteStoreOptions): SqliteRunStore {
  return new SqliteStore(options);
}

class SqliteStore implements RunStore {
  readonly #database: DatabaseSync;
  readonly #home: string;
  readonly #path: string;
  readonly #clock: { nowMs(): number };
  readonly #newId: () => string;
  readonly #release: () => void;
  /** Prepared statements by text; the texts are few. */
  readonly #statements = new Map<string, StatementSync>();
  #isOpen = true;

  constructor({ folder, clock, newId = () => randomBytes(5).toString('hex') }: SqliteStoreOptions) {
    this.#database = openDatabase(folder);
    this.#home = folder;
    this.#path = join(folder, STORE_FILE);
    this.#clock = clock;
    this.#newId = newId;
    this.#release = trackOpen('store');
  }

  async createRun(run: NewRun): Promise<RunRecord> {
    const id = this.#newId();
    this.#run(
      `INSERT INTO runs (id, system, verb, params, seed, status, created_at_ms) VALUES (?, ?, ?, ?, ?, 'queued', ?)`,
      [id, run.system, run.verb, jsonColumn(run.params), run.seed, this.#clock.nowMs()],
    );
    return this.#require(id, 'createRun');
  }

  async getRun(id: string): Promise<RunRecord | undefined> {
    const row = this.#all<RunRow>('SELECT * FROM runs WHERE id = ?', [id])[0];
    return row && recordFromRow(row);
  }

  async listRuns(query: RunQuery = {}): Promise<readonly RunRecord[]> {
    const conditions: string[] = [];
    const values: SQLInputValue[] = [];
    const add = (condition: string, ...bound: SQLInputValue[]): void => {
      conditions.push(condition);
      values.push(...bound);
    };
    if (query.system !== undefined) add('system = ?', query.system);
    if (query.verb !== undefined) add('verb = ?', query.verb);
    if (query.status !== undefined) add('status = ?', query.status);
    if (query.beforeMs !== undefined) add('created_at_ms < ?', query.beforeMs);
    if (query.text) {
      const text = query.text.toLowerCase();
      add(`instr(lower(id || ' ' || system || ' ' || verb || ' ' || params), ?) > 0`, text);
    }
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
    const rows = this.#all<RunRow>(`SELECT * FROM runs ${where} ORDER BY created_at_ms DESC, rowid DESC LIMIT ?`, [
      ...values,
      query.limit ?? DEFAULT_LIST_LIMIT,
    ]);
    return rows.map(recordFromRow);
  }

  async claimRun(workerId: string): Promise<RunRecord | undefined> {
    const now = this.#clock.nowMs();
    const row = this.#all<RunRow>(
      `UPDATE runs SET status = 'running', worker_id = ?, started_at_ms = ?, heartbeat_at_ms = ?
       WHERE id = (SELECT id FROM runs WHERE status = 'queued' ORDER BY created_at_ms, rowid LIMIT 1) RETURNING *`,
      [workerId, now, now],
    )[0];
    return row && recordFromRow(row);
  }

  async startRun(id: string, workerId: string): Promise<void> {
    const now = this.#clock.nowMs();
    let changes = 0;
    this.#transaction(() => {
      changes = this.#run(
        `UPDATE runs SET status = 'running', worker_id = ?, started_at_ms = ?, heartbeat_at_ms = ?, ended_at_ms = NULL
         WHERE id = ? AND status IN ('queued', 'interrupted')`,
        [workerId, now, now, id],
      );
      if (changes > 0) this.#run('DELETE FROM metrics WHERE run_id = ?', [id]); // of a worker that was lost
    });
    if (changes === 0) this.#refuse(id, 'startRun', 'a queued or interrupted run');
  }

  async heartbeat(id: string, workerId: string): Promise<void> {
    const changes = this.#run(
      `UPDATE runs SET heartbeat_at_ms = ?, status = 'running', ended_at_ms = NULL
       WHERE id = ? AND worker_id = ? AND status IN ('running', 'interrupted')`,
      [this.#clock.nowMs(), id, workerId],
    );
    if (changes === 0) this.#refuse(id, 'heartbeat', `a run that worker "${workerId}" is running`);
  }

  async reportProgress(id: string, progress: RunProgress): Promise<void> {
    const changes = this.#run(`UPDATE runs SET progress = ? WHERE id = ?`, [jsonColumn(progress), id]);
    if (changes === 0) this.#require(id, 'reportProgress');
  }

  async appendMetrics(id: string, points: readonly MetricPoint[]): Promise<void> {
    this.#require(id, 'appendMetrics');
    this.#transaction(() => {
      const insert = this.#prepare('INSERT INTO metrics (run_id, name, step, value, at_ms) VALUES (?, ?, ?, ?, ?)');
      for (const point of points) {
        insert.run(id, point.name, point.step, Number.isNaN(point.value) ? null : point.value, point.atMs);
      }
    });
  }

  async readMetrics(id: string, name?: string): Promise<readonly MetricPoint[]> {
    const filter = name === undefined ? '' : 'AND name = ?';
    const rows = this.#all<{ name: string; step: number; value: number | null; at_ms: number }>(
      `SELECT name, step, value, at_ms FROM metrics WHERE run_id = ? ${filter} ORDER BY name, step, rowid`,
      name === undefined ? [id] : [id, name],
    );
    return rows.map((row) => ({ name: row.name, step: row.step, value: row.value ?? NaN, atMs: row.at_ms }));
  }

  async finishRun(id: string, outcome: RunOutcome, workerId?: string): Promise<void> {
    const changes = this.#run(
      `UPDATE runs SET status = ?, result = ?, report = ?, diagnostics = ?, error = ?, ended_at_ms = ?
       WHERE id = ? AND status IN ('queued', 'running', 'interrupted') AND worker_id IS COALESCE(?, worker_id)`,
      [
        outcome.status,
        jsonColumn(outcome.result),
        jsonColumn(outcome.report),
        jsonColumn(outcome.diagnostics ?? []),
        jsonColumn(outcome.error),
        this.#clock.nowMs(),
        id,
        workerId ?? null,
      ],
    );
    if (changes === 0) this.#refuse(id, 'finishRun', finishable(workerId));
  }

  async markInterrupted({ staleAfterMs }: { readonly staleAfterMs: number }): Promise<readonly string[]> {
    return this.#all<{ id: string }>(
      `UPDATE runs SET status = 'interrupted', ended_at_ms = heartbeat_at_ms
       WHERE status = 'running' AND heartbeat_at_ms < ? RETURNING id`,
      [this.#clock.nowMs() - staleAfterMs],
    ).map((row) => row.id);
  }

  async putArtifact(
    id: string,
    artifact: { readonly name: string; readonly mediaType: string; readonly bytes: Uint8Array },
  ): Promise<ArtifactRecord> {
    this.#require(id, 'putArtifact');
    const path = artifactPath(this.#home, id, artifact.name);
    try {
      writeArtifactFile(path, artifact.bytes);
    } catch (cause) {
      throw storeErrorFrom(cause, path);
    }
    const { name, mediaType } = artifact;
    const byteLength = artifact.bytes.byteLength;
    this.#run('INSERT OR REPLACE INTO artifacts (run_id, name, media_type, byte_length) VALUES (?, ?, ?, ?)', [
      id,
      name,
      mediaType,
      byteLength,
    ]);
    return { runId: id, name, mediaType, byteLength, path };
  }

  async listArtifacts(id: string): Promise<readonly ArtifactRecord[]> {
    const rows = this.#all<{ name: string; media_type: string; byte_length: number }>(
      'SELECT name, media_type, byte_length FROM artifacts WHERE run_id = ? ORDER BY name',
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
    const known = this.#all('SELECT 1 FROM artifacts WHERE run_id = ? AND name = ?', [id, name]);
    return known.length === 0 ? undefined : readArtifactFile(artifactPath(this.#home, id, name));
  }

  async deleteRun(id: string): Promise<void> {
    this.#require(id, 'deleteRun');
    this.#run('DELETE FROM runs WHERE id = ?', [id]);
    deleteArtifactFolder(this.#home, id);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#statements.clear();
    this.#database.close();
    this.#release();
  }

  #all<Row>(sql: string, values: readonly SQLInputValue[]): Row[] {
    try {
      return this.#prepare(sql).all(...values) as Row[];
    } catch (cause) {
      throw storeErrorFrom(cause, this.#path);
    }
  }

  /** @returns how many rows changed */
  #run(sql: string, values: readonly SQLInputValue[]): number {
    try {
      return Number(this.#prepare(sql).run(...values).changes);
    } catch (cause) {
      throw storeErrorFrom(cause, this.#path);
    }
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #transaction(work: () => void): void {
    this.#run('BEGIN IMMEDIATE', []);
    try {
      work();
      this.#run('COMMIT', []);
    } catch (cause) {
      if (this.#database.isTransaction) this.#run('ROLLBACK', []);
      throw storeErrorFrom(cause, this.#path);
    }
  }

  #require(id: string, subject: string): RunRecord {
    const row = this.#all<RunRow>('SELECT * FROM runs WHERE id = ?', [id])[0];
    if (row) return recordFromRow(row);
    throw storeError('TF-STORE-004', {
      subject,
      expected: 'the id of a run',
      actual: `"${id}"`,
      hints: ['List the runs with: tenfold runs.'],
    });
  }

  #refuse(id: string, subject: string, expected: string): never {
    const { status } = this.#require(id, subject);
    throw storeError('TF-STORE-005', { subject, expected, actual: `one that is ${status}`, location: `run ${id}` });
  }
}
