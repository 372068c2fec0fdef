/** One run in one process: starts it, passes its messages on, and sees to it that the run ends in the store. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { RunStore } from '@tenfold/core/store';
import type { JobOrder, JobReply, JobRequest } from './job-messages.ts';
import { studioError } from './studio-errors.ts';

export interface JobProcessOptions {
  readonly store: RunStore;
  readonly order: JobOrder;
  readonly onReply?: (reply: JobReply) => void;
}

export interface JobProcess {
  /** Asks the verb to stop; the process is ended if it does not within five seconds. */
  cancel(): void;
  /** Ends the process at once; the run is marked interrupted. */
  kill(): void;
  /** When the process is gone and the run has ended in the store. */
  readonly ended: Promise<void>;
}

const CANCEL_GRACE_MS = 5000;
const MAX_ERROR_TEXT = 2000;
const MAX_LOCATION = 300;

/** Takes the run and starts its process. @throws TF-STORE-004, TF-STORE-005 if the run is gone or another worker has it */
export async function startJobProcess({ store, order, onReply }: JobProcessOptions): Promise<JobProcess> {
  const { runId, workerId } = order;
  await store.startRun(runId, workerId);
  const child = fork(fileURLToPath(new URL('./job-worker.ts', import.meta.url)), [], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: ['--disable-warning=ExperimentalWarning'],
    serialization: 'advanced',
  });
  let state: 'running' | 'cancelled' | 'killed' = 'running';
  let errorText = '';
  child.stderr?.on('data', (chunk: Buffer) => (errorText = `${errorText}${chunk}`.slice(-MAX_ERROR_TEXT)));
  child.on('error', (error) => (errorText += error.message));
  child.on('message', (reply: JobReply) => {
    if (reply.kind === 'ready') send(child, order);
    onReply?.(reply);
  });

  /** The process is gone. If it has not written an outcome, say why. */
  const endRun = async (code: number | null, signal: string | null): Promise<void> => {
    const run = await store.getRun(runId);
    if (!run || (run.status !== 'running' && run.status !== 'queued')) return;
    if (state !== 'running') {
      const status = state === 'killed' ? 'interrupted' : 'cancelled';
      return store.finishRun(runId, { status }, workerId).catch(() => {});
    }
    const lastLine = errorText.split('\n').findLast((line) => /\S/.test(line));
    const error = studioError('TF-STUDIO-006', {
      subject: `${run.system} ${run.verb}`,
      expected: 'its process must report a result',
      actual: signal ? `signal ${signal}` : `exit code ${code}`,
      ...(lastLine === undefined ? {} : { location: lastLine.trim().slice(0, MAX_LOCATION) }),
      hints: ['Run it again; if the machine was short of memory, with smaller input.'],
    });
    await store.finishRun(runId, { status: 'failed', error: error.toJSON() }, workerId).catch(() => {});
  };
  return {
    cancel() {
      state = 'cancelled';
      send(child, { kind: 'cancel' });
      setTimeout(() => child.kill('SIGKILL'), CANCEL_GRACE_MS).unref();
    },
    kill() {
      state = 'killed';
      child.kill('SIGKILL');
    },
    ended: new Promise((resolve, reject) => {
      child.once('close', (code, signal) => void endRun(code, signal).then(resolve, reject));
    }),
  };
}

function send(child: ChildProcess, request: JobRequest): void {
  if (child.connected) child.send(request);
}
