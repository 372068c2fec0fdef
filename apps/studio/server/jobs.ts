/** Jobs: one process each, a few at a time, the rest wait in order. The server itself never computes.
 *  With a queue, runs wait there for a worker of any machine; this process is one of them. */
import { availableParallelism } from 'node:os';
import type { NewRun, RunRecord, RunStore } from '@tenfold/core/store';
import { STALE_AFTER_MS } from '@tenfold/core/system';
import type { JobReply } from './job-messages.ts';
import { startJobProcess, type JobProcess } from './job-process.ts';
import type { JobQueue } from './job-queue.ts';
import type { RunEventBus } from './run-events.ts';

export interface JobsOptions {
  readonly store: RunStore;
  readonly bus: RunEventBus;
  readonly home: string;
  readonly systemsModule: string;
  readonly dataFolder: string | undefined;
  readonly workingFolder: string;
  /** Jobs at work at once; default half the cores, at least 2. */
  readonly maxJobs?: number;
  readonly queue?: JobQueue;
  /** Default `studio-<process>`. */
  readonly workerId?: string;
}

export interface Jobs {
  /** Stores the run as queued and starts it when its turn comes. Params must have been checked. */
  start(run: NewRun): Promise<RunRecord>;
  /** Asks the verb to stop; a process that does not within five seconds is ended. False if the run is not ours. */
  cancel(runId: string): Promise<boolean>;
  isOurs(runId: string): boolean;
  /** Takes up runs that were queued when an earlier server ended; with a queue, those that never reached it. */
  resume(runs: readonly RunRecord[]): Promise<void>;
  /** Ends all jobs; they are marked interrupted. */
  close(): Promise<void>;
}

const CANCEL_POLL_MS = 1000;

export async function createJobs(options: JobsOptions): Promise<Jobs> {
  const { store, bus, queue, maxJobs = Math.max(2, availableParallelism() >> 1) } = options;
  const { home, systemsModule, dataFolder, workingFolder, workerId = `studio-${process.pid}` } = options;
  const waiting: string[] = [];
  const active = new Map<string, JobProcess | 'starting'>();
  const executions = new Set<Promise<void>>();
  const state = { isClosing: false };

  const execute = (runId: string): Promise<void> => {
    const execution = executeToEnd(runId).finally(() => executions.delete(execution));
    executions.add(execution);
    return execution;
  };

  /** Runs one job to its end. A run that was deleted or cancelled while it waited, or that another worker has, is left. */
  const executeToEnd = async (runId: string): Promise<void> => {
    if (state.isClosing) throw new Error('closing'); // A queue hands the run out once more, to another worker.
    active.set(runId, 'starting');
    try {
      const order = { kind: 'run' as const, runId, workerId, home, systemsModule, dataFolder, workingFolder };
      const job = await startJobProcess({ store, order, onReply: (reply) => tell(runId, reply) });
      active.set(runId, job);
      if (state.isClosing) job.kill();
      bus.emit({ kind: 'status', runId });
      const stopWatching = queue ? cancelFromElsewhere(runId, job) : () => {};
      await job.ended.finally(stopWatching);
      if (!state.isClosing) bus.emit({ kind: 'status', runId });
    } catch (cause) {
      const { code } = cause as { code?: string };
      const isGone = code === 'TF-STORE-004' || (code === 'TF-STORE-005' && queue === undefined);
      if (!isGone) throw cause; // A queue hands the run out once more.
    } finally {
      active.delete(runId);
    }
  };

  const tell = (runId: string, reply: JobReply): void => {
    if (reply.kind === 'progress') bus.emit({ kind: 'progress', runId, progress: reply.progress });
    else if (reply.kind === 'metrics') bus.emit({ kind: 'metrics', runId, points: reply.points });
  };

  /** Another machine cancels by ending the run in the store. */
  const cancelFromElsewhere = (runId: string, job: JobProcess): (() => void) => {
    const timer = setInterval(() => {
      store.getRun(runId).then(
        (run) => {
          if (run !== undefined && run.status !== 'cancelled') return;
          clearInterval(timer);
          job.cancel();
        },
        () => {},
      );
    }, CANCEL_POLL_MS);
    return () => clearInterval(timer);
  };

  const pump = (): void => {
    while (!state.isClosing && active.size < maxJobs && waiting.length > 0) {
      void execute(waiting.shift()!).then(pump, pump);
    }
  };

  await queue?.consume(maxJobs, execute);

  return {
    async start(newRun) {
      const run = await store.createRun(newRun);
      bus.emit({ kind: 'status', runId: run.id });
      if (queue) await queue.enqueue(run.id);
      else waiting.push(run.id);
      pump();
      return run;
    },
    async cancel(runId) {
      const place = waiting.indexOf(runId);
      if (place >= 0) {
        waiting.splice(place, 1);
        await store.finishRun(runId, { status: 'cancelled' });
        bus.emit({ kind: 'status', runId });
        return true;
      }
      const job = active.get(runId);
      if (job !== undefined && job !== 'starting') job.cancel();
      else if (queue) await store.finishRun(runId, { status: 'cancelled' });
      else return false;
      return true;
    },
    isOurs: (runId) => active.has(runId) || waiting.includes(runId),
    async resume(runs) {
      if (queue) for (const run of runs) await queue.enqueueIfMissing(run.id);
      else waiting.push(...runs.map((run) => run.id));
      pump();
    },
    async close() {
      state.isClosing = true;
      for (const job of active.values()) if (job !== 'starting') job.kill(); // One that starts now is killed as it stands.
      await Promise.allSettled(executions);
      await queue?.close();
    },
  };
}

const MAX_LEFT_OVER = 1000;

/** Runs that have been queued for longer than any program takes between storing a run and starting it, oldest first. */
export async function leftOverRuns(store: RunStore): Promise<readonly RunRecord[]> {
  const queued = await store.listRuns({ status: 'queued', limit: MAX_LEFT_OVER });
  return queued.filter((run) => Date.now() - run.createdAtMs > STALE_AFTER_MS).toReversed();
}
