/** Jobs shared by machines: pg-boss hands each run to one worker, and to another if that worker falls silent. What a run is
 *  and how it ended stands in the store alone; the queue only says whose turn it is. */
import { PgBoss } from 'pg-boss';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunStore } from '@tenfold/core/store';
import { STALE_AFTER_MS } from '@tenfold/core/system';

export interface JobQueue {
  /** Puts a stored run into the queue. */
  enqueue(runId: string): Promise<void>;
  /** The same for a run whose server may have died between storing it and putting it into the queue. */
  enqueueIfMissing(runId: string): Promise<void>;
  /** Hands runs to `execute`, at most `maxJobs` at a time, until closed. */
  consume(maxJobs: number, execute: (runId: string) => Promise<void>): Promise<void>;
  /** Takes no more runs; those at work here go to other workers once their heartbeats have ended. */
  close(): Promise<void>;
}

const QUEUE = 'runs';
/** pg-boss asks for at least ten. */
const HEARTBEAT_SECONDS = 10;
const MAX_ATTEMPTS = 10;
const LONGEST_RUN_SECONDS = 23 * 3600;
const SILENCE_POLL_MS = 1000;

/** @param options.url  the store's database; the queue has a schema of its own in it */
export async function openJobQueue({
  url,
  store,
}: {
  readonly url: string;
  readonly store: RunStore;
}): Promise<JobQueue> {
  const boss = new PgBoss({
    connectionString: url,
    schema: 'tenfold_queue',
    application_name: 'tenfold queue',
    superviseIntervalSeconds: HEARTBEAT_SECONDS,
    monitorIntervalSeconds: HEARTBEAT_SECONDS,
  });
  boss.on('error', () => {}); // A lost connection is tried again; runs that need it report it themselves.
  await boss.start();
  await boss.createQueue(QUEUE, {
    retryLimit: MAX_ATTEMPTS,
    retryDelay: 1,
    heartbeatSeconds: HEARTBEAT_SECONDS,
    expireInSeconds: LONGEST_RUN_SECONDS,
  });
  const enqueue = async (runId: string): Promise<void> => {
    await boss.send(QUEUE, { runId }, { singletonKey: runId });
  };
  return {
    enqueue,
    async enqueueIfMissing(runId) {
      if ((await boss.findJobs(QUEUE, { key: runId })).length === 0) await enqueue(runId);
    },
    async consume(maxJobs, execute) {
      await boss.work<{ runId: string }>(
        QUEUE,
        { localConcurrency: maxJobs, batchSize: 1, pollingIntervalSeconds: 0.5 },
        async ([job]) => {
          if (await isFree(store, job!.data.runId)) await execute(job!.data.runId);
        },
      );
    },
    close: () => boss.stop({ graceful: false, close: true }),
  };
}

/** Waits until a run that another worker holds has ended or lost its worker.
 *  @returns whether it is to be run; false if it has ended or is gone */
async function isFree(store: RunStore, runId: string): Promise<boolean> {
  for (;;) {
    await store.markInterrupted({ staleAfterMs: STALE_AFTER_MS });
    const status = (await store.getRun(runId))?.status;
    if (status === 'queued' || status === 'interrupted') return true;
    if (status !== 'running') return false;
    await sleep(SILENCE_POLL_MS);
  }
}
