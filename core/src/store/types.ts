/** The store contract: runs, jobs, metrics and artifacts. SQLite fulfils it; a server database can too.
 *  Every method is atomic; a process killed in the middle leaves a readable store. Times are ms since the epoch. */
import type { Diagnostic } from '../base/index.ts';

export type RunStatus = 'queued' | 'running' | 'done' | 'problems' | 'failed' | 'cancelled' | 'interrupted';

export interface RunRecord {
  readonly id: string;
  /** Room and verb, e.g. `cross-families`, `max`. */
  readonly system: string;
  readonly verb: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly status: RunStatus;
  readonly createdAtMs: number;
  readonly startedAtMs?: number;
  readonly endedAtMs?: number;
  /** Plain JSON result of the verb. */
  readonly result?: unknown;
  /** Report (see core/report), plain JSON. */
  readonly report?: unknown;
  readonly diagnostics: readonly Diagnostic[];
  readonly error?: unknown;
  /** Latest progress, for a page that opens late. */
  readonly progress?: RunProgress;
}

export interface RunProgress {
  readonly phase: string;
  readonly done?: number;
  readonly total?: number;
  readonly note?: string;
}

export interface MetricPoint {
  readonly name: string;
  readonly step: number;
  readonly value: number;
  readonly atMs: number;
}

export interface ArtifactRecord {
  readonly runId: string;
  readonly name: string;
  readonly mediaType: string;
  readonly byteLength: number;
  readonly path: string;
}

export interface NewRun {
  readonly system: string;
  readonly verb: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly seed: number;
}

export interface RunQuery {
  readonly system?: string;
  readonly verb?: string;
  readonly status?: RunStatus;
  readonly text?: string;
  readonly limit?: number;
  readonly beforeMs?: number;
}

/** How a run ended. */
export interface RunOutcome {
  readonly status: RunStatus;
  readonly result?: unknown;
  readonly report?: unknown;
  readonly diagnostics?: readonly Diagnostic[];
  readonly error?: unknown;
}

export interface RunStore {
  createRun(run: NewRun): Promise<RunRecord>;
  getRun(id: string): Promise<RunRecord | undefined>;
  listRuns(query?: RunQuery): Promise<readonly RunRecord[]>;
  /** Claims the oldest queued run for a worker; undefined if none. A claim holds until `heartbeat` stops. */
  claimRun(workerId: string): Promise<RunRecord | undefined>;
  /** Takes a queued run, or an interrupted one whose worker is gone; its metrics begin anew. */
  startRun(id: string, workerId: string): Promise<void>;
  /** Says that the worker is alive; one that was silent for too long takes its interrupted run back. */
  heartbeat(id: string, workerId: string): Promise<void>;
  reportProgress(id: string, progress: RunProgress): Promise<void>;
  appendMetrics(id: string, points: readonly MetricPoint[]): Promise<void>;
  readMetrics(id: string, name?: string): Promise<readonly MetricPoint[]>;
  /** @param workerId  where given, only the worker that holds the run may end it */
  finishRun(id: string, outcome: RunOutcome, workerId?: string): Promise<void>;
  /** Marks runs whose worker is gone as `interrupted`. @returns their ids */
  markInterrupted(options: { readonly staleAfterMs: number }): Promise<readonly string[]>;
  /** Writes an artifact to a temporary name, then renames it. */
  putArtifact(
    id: string,
    artifact: { readonly name: string; readonly mediaType: string; readonly bytes: Uint8Array },
  ): Promise<ArtifactRecord>;
  listArtifacts(id: string): Promise<readonly ArtifactRecord[]>;
  readArtifact(id: string, name: string): Promise<Uint8Array | undefined>;
  deleteRun(id: string): Promise<void>;
  close(): void | Promise<void>;
}
