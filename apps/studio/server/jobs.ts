/** Jobs: one process each, a few at a time, the rest wait in order. The server itself never computes. */
import { fork, type ChildProcess } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { NewRun, RunRecord, RunStore } from '@tenfold/core/store';
import type { JobOrder, JobReply, JobRequest } from './job-messages.ts';
import type { RunEventBus } from './run-events.ts';
import { studioError } from './studio-errors.ts';

export interface JobsOptions {
  readonly store: RunStore;
  readonly bus: RunEventBus;
  readonly home: string;
  readonly systemsModule: string;
  readonly dataFolder: string | undefined;
  readonly workingFolder: string;
  /** Jobs at work at once; default half the cores, at least 2. */
  readonly maxJobs?: number;
}

export interface Jobs {
  /** Stores the run as queued and starts it when its turn comes. Params must have been checked. */
  start(run: NewRun): Promise<RunRecord>;
  /** Asks the verb to stop; a process that does not within five seconds is ended. False if the run is not ours. */
  cancel(runId: string): Promise<boolean>;
  isOurs(runId: string): boolean;
  /** Takes up runs that were queued when an earlier server ended. */
  resume(runs: readonly RunRecord[]): void;
  /** Ends all jobs; they are marked interrupted. */
  close(): Promise<void>;
}

const CANCEL_GRACE_MS = 5000;
const MAX_ERROR_TEXT = 2000;

interface ActiveJob {
  readonly child: ChildProcess;
  wasCancelled: boolean;
}

export function createJobs(options: JobsOptions): Jobs {
  const { store, bus, maxJobs = Math.max(2, availableParallelism() >> 1) } = options;
  const workerId = `studio-${process.pid}`;
  const waiting: string[] = [];
  const active = new Map<string, ActiveJob>();
  const state = { isClosing: false };

  const pump = async (): Promise<void> => {
    while (!state.isClosing && active.size < maxJobs && waiting.length > 0) {
      const runId = waiting.shift()!;
      const child = fork(fileURLToPath(new URL('./job-worker.ts', import.meta.url)), [], {
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        execArgv: ['--disable-warning=ExperimentalWarning'],
        serialization: 'advanced',
      });
      const job: ActiveJob = { child, wasCancelled: false };
      active.set(runId, job);
      try {
        await store.startRun(runId, workerId);
      } catch {
        active.delete(runId); // deleted or cancelled while it waited
        child.kill('SIGKILL');
        continue;
      }
      follow(runId, job);
      bus.emit({ kind: 'status', runId });
    }
  };

  const follow = (runId: string, job: ActiveJob): void => {
    const { child } = job;
    let errorText = '';
    child.stderr?.on('data', (chunk: Buffer) => (errorText = `${errorText}${chunk}`.slice(-MAX_ERROR_TEXT)));
    child.on('error', (error) => (errorText += error.message));
    child.on('message', (reply: JobReply) => {
      if (reply.kind === 'ready') send(child, orderOf(runId));
      else if (reply.kind === 'progress') bus.emit({ kind: 'progress', runId, progress: reply.progress });
      else if (reply.kind === 'metrics') bus.emit({ kind: 'metrics', runId, points: reply.points });
    });
    child.once('close', (code, signal) => {
      void endRun(runId, job, { code, signal, errorText }).finally(() => {
        active.delete(runId);
        if (!state.isClosing) bus.emit({ kind: 'status', runId });
        void pump();
      });
    });
  };

  const orderOf = (runId: string): JobOrder => ({
    kind: 'run',
    runId,
    workerId,
    home: options.home,
    systemsModule: options.systemsModule,
    dataFolder: options.dataFolder,
    workingFolder: options.workingFolder,
  });

  /** The process is gone. If it has not written an outcome, say why. */
  const endRun = async (
    runId: string,
    job: ActiveJob,
    end: { readonly code: number | null; readonly signal: string | null; readonly errorText: string },
  ): Promise<void> => {
    const run = await store.getRun(runId);
    if (!run || (run.status !== 'running' && run.status !== 'queued')) return;
    if (state.isClosing) return store.finishRun(runId, { status: 'interrupted' });
    if (job.wasCancelled) return store.finishRun(runId, { status: 'cancelled' });
    const lastLine = end.errorText.split('\n').findLast((line) => /\S/.test(line));
    const error = studioError('TF-STUDIO-006', {
      subject: `${run.system} ${run.verb}`,
      expected: 'its process must report a result',
      actual: end.signal ? `signal ${end.signal}` : `exit code ${end.code}`,
      ...(lastLine === undefined ? {} : { location: lastLine.trim().slice(0, 300) }),
      hints: ['Run it again; if the machine was short of memory, with smaller input.'],
    });
    await store.finishRun(runId, { status: 'failed', error: error.toJSON() });
  };

  return {
    async start(newRun) {
      const run = await store.createRun(newRun);
      waiting.push(run.id);
      bus.emit({ kind: 'status', runId: run.id });
      void pump();
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
      if (!job) return false;
      job.wasCancelled = true;
      send(job.child, { kind: 'cancel' });
      setTimeout(() => job.child.kill('SIGKILL'), CANCEL_GRACE_MS).unref();
      return true;
    },
    isOurs: (runId) => active.has(runId) || waiting.includes(runId),
    resume(runs) {
      waiting.push(...runs.map((run) => run.id));
      void pump();
    },
    async close() {
      state.isClosing = true;
      const ends = [...active.values()].map(
        ({ child }) =>
          new Promise<void>((resolve) => {
            if (child.exitCode !== null || child.signalCode !== null) return resolve();
            child.once('close', () => resolve());
            child.kill('SIGKILL');
          }),
      );
      await Promise.all(ends);
      await new Promise((resolve) => setImmediate(resolve)); // let endRun write
      for (const runId of active.keys()) await store.finishRun(runId, { status: 'interrupted' }).catch(() => {});
    },
  };
}

function send(child: ChildProcess, request: JobRequest): void {
  if (child.connected) child.send(request);
}
