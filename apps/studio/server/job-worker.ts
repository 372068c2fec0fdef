/** The process of one job: opens the store, runs the verb, tells the server what happens, ends.
 *  If the server is gone, the work stops too; the run then has no heartbeat and is marked interrupted. */
import { join } from 'node:path';
import { openRunStore, type MetricPoint, type RunRecord } from '@tenfold/core/store';
import { executeRecordedRun, paramFieldsOf, paramFromText, verbOf, type SystemManifest } from '@tenfold/core/system';
import type { JobOrder, JobReply, JobRequest } from './job-messages.ts';

const METRICS_INTERVAL_MS = 100;
const wallClock = { nowMs: () => Date.now() };
const abort = new AbortController();

process.on('message', (request: JobRequest) => {
  if (request.kind === 'cancel') abort.abort();
  else void work(request);
});
process.on('disconnect', () => process.exit(1));
process.on('SIGINT', () => {}); // the server decides: Ctrl-C reaches the whole group of processes
reply({ kind: 'ready' });

async function work(order: JobOrder): Promise<void> {
  const store = await openRunStore({ environment: process.env, folder: order.home, clock: wallClock });
  let points: MetricPoint[] = [];
  const flushMetrics = () => {
    if (points.length > 0) reply({ kind: 'metrics', points });
    points = [];
  };
  const timer = setInterval(flushMetrics, METRICS_INTERVAL_MS);
  let exitCode = 0;
  try {
    const run = (await store.getRun(order.runId))!;
    const manifest = await loadManifest(order.systemsModule, run.system);
    await executeRecordedRun(manifest, {
      store,
      run: { ...run, params: typedParams(manifest, run) },
      workerId: order.workerId,
      wallClock,
      signal: abort.signal,
      ...(order.dataFolder === undefined ? {} : { dataFolder: order.dataFolder }),
      cacheFolder: join(order.home, 'cache', run.system),
      workingFolder: order.workingFolder,
      onProgress: (progress) => reply({ kind: 'progress', progress }),
      onMetric: (name, step, value) => points.push({ name, step, value, atMs: wallClock.nowMs() }),
    });
  } catch (error) {
    console.error(error);
    exitCode = 1;
  }
  clearInterval(timer);
  flushMetrics();
  await store.close();
  process.send?.({ kind: 'finished' } satisfies JobReply, () => process.exit(exitCode));
}

async function loadManifest(systemsModule: string, systemId: string): Promise<SystemManifest> {
  const { systems } = (await import(systemsModule)) as {
    systems: readonly { id: string; load?: () => Promise<{ manifest: SystemManifest }> }[];
  };
  return (await systems.find((system) => system.id === systemId)!.load!()).manifest;
}

/** Big integers travel and are stored as decimal text. */
function typedParams(manifest: SystemManifest, run: RunRecord): Record<string, unknown> {
  const params: Record<string, unknown> = { ...run.params };
  for (const field of paramFieldsOf(verbOf(manifest, run.verb))) {
    const value = params[field.name];
    if (field.type === 'bigint' && typeof value === 'string') params[field.name] = paramFromText(field, value);
  }
  return params;
}

function reply(message: JobReply): void {
  process.send?.(message);
}
