/** What the studio's server offers to pages: rooms, runs, uploads. Plain data only; times are ms since the epoch. */
import type { ArtifactRecord, MetricPoint, RunProgress, RunRecord, RunStatus } from '@tenfold/core/store';
import type { Report, Tone } from '@tenfold/core/report';

export type { ArtifactRecord, MetricPoint, RunProgress, RunStatus };

/** JSON schema of one parameter, as zod writes it; `kind` and `positional` come from the manifest's `.meta()`. */
export interface ParamSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly title?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly pattern?: string;
  readonly items?: ParamSchema;
  readonly anyOf?: readonly ParamSchema[];
  readonly oneOf?: readonly ParamSchema[];
  readonly properties?: Readonly<Record<string, ParamSchema>>;
  readonly required?: readonly string[];
  readonly kind?: 'file' | 'folder' | 'output';
  readonly positional?: boolean;
}

export interface VerbDescription {
  readonly name: string;
  readonly summary: string;
  /** Complete command lines after `tenfold <room>`. */
  readonly examples: readonly string[];
  /** Params that the examples stand for, index by index; null where a line cannot be read as params. */
  readonly exampleParams: readonly (Readonly<Record<string, unknown>> | null)[];
  readonly params: ParamSchema;
  readonly writesFiles: boolean;
}

export interface RoomDescription {
  readonly id: string;
  readonly title: string;
  /** The user's question, ending in a question mark. */
  readonly question: string;
  readonly paper: { readonly title: string; readonly arxiv: string };
  readonly tour: string;
  readonly page?: { readonly summary: string };
  readonly verbs: readonly VerbDescription[];
  /** False while the room has no manifest yet; `verbs` is then empty. */
  readonly built: boolean;
}

/** A run without its result and report, for lists. */
export interface RunSummary extends Omit<RunRecord, 'result' | 'report' | 'diagnostics'> {
  readonly verdict?: { readonly tone: Tone; readonly text: string };
}

/** A whole run. `Value` is what the verb returned (BigInt as decimal strings). */
export interface RunDetail<Value = unknown> extends Omit<RunRecord, 'result' | 'report'> {
  readonly result?: Value;
  readonly report?: Report;
  readonly artifacts: readonly Omit<ArtifactRecord, 'path'>[];
}

export interface UploadedFile {
  readonly name: string;
  readonly byteLength: number;
  /** What to put into a file param. */
  readonly path: string;
}

export interface RunEvents {
  /** The whole run: sent first, and again whenever its status changes. */
  run(run: RunDetail): void;
  progress(progress: RunProgress): void;
  metrics(points: readonly MetricPoint[]): void;
  /** The connection was lost; it is tried again by itself. */
  lost?(): void;
}

export interface StartRunRequest {
  readonly system: string;
  readonly verb: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** Default 0. */
  readonly seed?: number;
}

export interface RunListQuery {
  readonly system?: string;
  readonly verb?: string;
  readonly status?: RunStatus;
  readonly text?: string;
  readonly limit?: number;
}

/** Every method rejects with an `ApiError` that carries the server's diagnostic. */
export interface StudioApi {
  listRooms(): Promise<readonly RoomDescription[]>;
  listRuns(query?: RunListQuery): Promise<readonly RunSummary[]>;
  getRun(runId: string): Promise<RunDetail>;
  /** @returns the id of the queued run; throws where params do not fit the verb's schema */
  startRun(request: StartRunRequest): Promise<string>;
  cancelRun(runId: string): Promise<void>;
  deleteRun(runId: string): Promise<void>;
  readMetrics(runId: string, name?: string): Promise<readonly MetricPoint[]>;
  /** Follows a run until it ends or the returned function is called. */
  watchRun(runId: string, events: RunEvents): () => void;
  /** Address of a kept file, for `<img>`, `<a download>` and `fetch`. */
  artifactUrl(runId: string, name: string): string;
  /** Address of the run as one standalone HTML file. */
  exportUrl(runId: string): string;
  uploadFile(file: File, signal?: AbortSignal): Promise<UploadedFile>;
}
