/** A run that is kept: the verb runs while store and heartbeat follow it. The store may live elsewhere. */
import { TenfoldError } from '../base/index.ts';
import type { MetricPoint, RunProgress, RunRecord, RunStore } from '../store/types.ts';
import type { VerbContextOptions } from './context.ts';
import { plainJsonFrom } from './plain-json.ts';
import { runVerb, type VerbOutcome } from './run-verb.ts';
import type { SystemManifest } from './types.ts';

/** How often progress, metrics and the heartbeat are written. */
const FLUSH_INTERVAL_MS = 1000;

/** A run whose heartbeat is older than this has lost its worker (see `RunStore.markInterrupted`). */
export const STALE_AFTER_MS = 15 * FLUSH_INTERVAL_MS;

export interface RecordedRunOptions extends VerbContextOptions {
  readonly store: RunStore;
  /** A run that is already `running` under `workerId` (claimed or started). */
  readonly run: RunRecord;
  readonly workerId: string;
  /** Wall clock for metric times, ms since the epoch. */
  readonly wallClock: { nowMs(): number };
}

/** Runs the verb of a claimed run and stores progress, metrics, artifacts, report and outcome.
 *  The seed comes from the record. Errors of the verb are inside the outcome; errors of the store are thrown. */
export async function executeRecordedRun(manifest: SystemManifest, options: RecordedRunOptions): Promise<VerbOutcome> {
  const { store, run, workerId, wallClock } = options;
  let progress: RunProgress | undefined;
  let points: MetricPoint[] = [];
  let lastFlush: Promise<void> = Promise.resolve();
  const flush = (): Promise<void> => {
    const [flushedProgress, flushedPoints] = [progress, points];
    [progress, points] = [undefined, []];
    lastFlush = lastFlush.then(async () => {
      if (flushedPoints.length > 0) await store.appendMetrics(run.id, flushedPoints);
      if (flushedProgress) await store.reportProgress(run.id, flushedProgress);
    });
    return lastFlush;
  };
  // A run that was deleted or marked interrupted meanwhile must not stop the work: its outcome is still returned.
  const timer = setInterval(() => {
    flush().catch(() => {});
    store.heartbeat(run.id, workerId).catch(() => {});
  }, FLUSH_INTERVAL_MS);
  try {
    const outcome = await runVerb(manifest, run.verb, run.params, {
      ...options,
      seed: run.seed,
      onProgress: (update) => {
        progress = update;
        options.onProgress?.(update);
      },
      onMetric: (name, step, value) => {
        points.push({ name, step, value, atMs: wallClock.nowMs() });
        options.onMetric?.(name, step, value);
      },
    });
    await flush();
    for (const artifact of outcome.artifacts) await store.putArtifact(run.id, artifact);
    const ended = {
      status: outcome.status,
      result: outcome.result,
      report: outcome.report && plainJsonFrom(outcome.report),
      diagnostics: outcome.diagnostics.map((diagnostic) => plainJsonFrom(diagnostic) as never),
      error: outcome.error instanceof TenfoldError ? plainJsonFrom(outcome.error) : undefined,
    };
    await store.finishRun(run.id, ended, workerId);
    return outcome;
  } finally {
    clearInterval(timer);
  }
}
