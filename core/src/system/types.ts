/** The contract of a room: a manifest (data only) and verbs that compute and never print. */
import type { z } from 'zod';
import type { Diagnostic, Rng } from '../base/index.ts';
import type { Report } from '../report/index.ts';

/** What a verb returns. `ok: false` means "the check found problems" (exit code 1), not a failure. */
export interface VerbResult<Value = unknown> {
  readonly ok: boolean;
  /** Plain JSON (BigInt as decimal strings): the machine-readable answer. */
  readonly value: Value;
  readonly report: Report;
  readonly diagnostics?: readonly Diagnostic[];
  /** Files to keep with the run. */
  readonly artifacts?: readonly { readonly name: string; readonly mediaType: string; readonly bytes: Uint8Array }[];
}

/** What a verb is given besides its params. Randomness and time come from here alone. */
export interface VerbContext {
  readonly seed: number;
  readonly rng: Rng;
  /** Monotonic milliseconds. */
  readonly clock: { nowMs(): number };
  readonly signal: AbortSignal;
  /** Folder of real data (`TENFOLD_DATA`), if present. */
  readonly dataFolder: string | undefined;
  /** Scratch and cache folder that outlives the run. */
  readonly cacheFolder: string;
  /** Base of relative paths in params: the caller's working folder. */
  readonly workingFolder: string;
  progress(update: {
    readonly phase: string;
    readonly done?: number;
    readonly total?: number;
    readonly note?: string;
  }): void;
  metric(name: string, step: number, value: number): void;
  warn(diagnostic: Diagnostic): void;
}

export type VerbRun<Params = never> = (params: Params, context: VerbContext) => Promise<VerbResult>;

/** One row of a manifest. `load` imports the algorithm only when the verb runs. */
export interface VerbManifest<Schema extends z.ZodObject = z.ZodObject> {
  /** One or more words: `max`, `quorum plan`. */
  readonly name: string;
  readonly summary: string;
  /** Complete command lines after `tenfold <room>`, most typical first. */
  readonly examples: readonly string[];
  /** Object schema; each field has `.describe()` (with unit) and, where sensible, `.default()`.
   *  `.meta({ positional: true })` makes it a positional argument; `.meta({ kind: 'file' | 'folder' | 'output' })` a path. */
  readonly params: Schema;
  readonly load: () => Promise<{ readonly run: VerbRun<z.output<Schema>> }>;
  /** True if files are written: the verb then honours `dryRun` and `force` params. */
  readonly writesFiles?: boolean;
}

export interface SystemManifest {
  /** Folder name, e.g. `cross-families`. */
  readonly id: string;
  readonly title: string;
  /** The user's question, ending in a question mark. */
  readonly question: string;
  readonly paper: { readonly title: string; readonly arxiv: string };
  readonly verbs: readonly VerbManifest[];
  /** Name of the verb that is the one-minute demonstration. */
  readonly tour: string;
  /** Loads the page (browser only). Absent while the room has none. */
  readonly page?: { readonly summary: string };
}
