/** Runs a verb and keeps it in the store of the home folder, as the studio would. */
import { join } from 'node:path';
import { findHomeFolder, openRunStore, type ArtifactRecord, type RunRecord } from '@tenfold/core/store';
import {
  executeRecordedRun,
  findDataFolder,
  parseParams,
  plainJsonFrom,
  runVerb,
  STALE_AFTER_MS,
  verbOf,
  type SystemManifest,
  type VerbContextOptions,
  type VerbOutcome,
} from '@tenfold/core/system';
import type { Terminal } from './terminal.ts';

export const wallClock = { nowMs: (): number => Date.now() };

/** Home folder of the store, see `findHomeFolder`. */
export function homeFolder(terminal: Terminal): string {
  return findHomeFolder({ environment: terminal.environment, workingFolder: terminal.workingFolder });
}

/** Folders that a verb is given. */
export function verbFolders(
  terminal: Terminal,
): Pick<VerbContextOptions, 'dataFolder' | 'cacheFolder' | 'workingFolder'> {
  const home = homeFolder(terminal);
  return { dataFolder: findDataFolder(), cacheFolder: join(home, 'cache'), workingFolder: terminal.workingFolder };
}

export interface KeptRunOptions {
  readonly manifest: SystemManifest;
  readonly verbName: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly onProgress: NonNullable<VerbContextOptions['onProgress']>;
  readonly onWarning?: VerbContextOptions['onWarning'];
  /** False runs without a store. */
  readonly save: boolean;
}

export interface KeptRun {
  readonly outcome: VerbOutcome;
  /** Absent if the run was not kept. */
  readonly run: RunRecord | undefined;
  readonly artifacts: readonly ArtifactRecord[];
}

/** Runs a verb and keeps what came of it.
 *  @throws TF-USAGE-001 … 004 on wrong use, TF-STORE-001 … 003 if the store cannot be opened */
export async function runKept(terminal: Terminal, options: KeptRunOptions): Promise<KeptRun> {
  const { manifest, verbName, params, seed, signal, onProgress, onWarning } = options;
  // Wrong use is answered at once; it is no run that someone would look for later.
  parseParams(verbOf(manifest, verbName), params, `${manifest.id} ${verbName}`);
  const shared = { ...verbFolders(terminal), seed, signal, onProgress, onWarning };
  if (!options.save)
    return { outcome: await runVerb(manifest, verbName, params, shared), run: undefined, artifacts: [] };
  const store = await openRunStore({
    environment: terminal.environment,
    folder: homeFolder(terminal),
    clock: wallClock,
  });
  try {
    await store.markInterrupted({ staleAfterMs: STALE_AFTER_MS });
    const workerId = `cli-${process.pid}`;
    const plain = plainJsonFrom(params) as Record<string, unknown>;
    const run = await store.createRun({ system: manifest.id, verb: verbName, params: plain, seed });
    await store.startRun(run.id, workerId);
    const outcome = await executeRecordedRun(manifest, { ...shared, store, run, workerId, wallClock });
    return { outcome, run: await store.getRun(run.id), artifacts: await store.listArtifacts(run.id) };
  } finally {
    await store.close();
  }
}
