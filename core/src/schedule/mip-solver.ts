/** Solving integer programs with HiGHS (WebAssembly) in a worker thread, so that the caller's thread stays free. */
import type { Worker } from 'node:worker_threads';
import { throwIfCancelled, trackOpen } from '../base/index.ts';
import type { MipOptions, MipSolution } from './highs-run.ts';
import type { MipModel } from './mip-model.ts';
import { scheduleError } from './schedule-errors.ts';

export interface MipSolver {
  /** One solve at a time; further calls queue up.
   *  @param options.signal  aborting ends the worker at once and throws TF-BASE-001
   *  @throws TF-SCHEDULE-006 if the solver itself fails; limits and infeasibility are statuses, not errors */
  solve(model: MipModel, options?: MipOptions & { readonly signal?: AbortSignal }): Promise<MipSolution>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Opens a solver that keeps its worker (and the compiled WebAssembly) between solves. */
export function openMipSolver(): MipSolver {
  const noteClosed = trackOpen('MipSolver');
  let worker: Worker | undefined;
  let tail: Promise<unknown> = Promise.resolve();
  let numSolves = 0;

  const solver: MipSolver = {
    solve(model, { signal, ...options } = {}) {
      const result = tail.then(() => solveOne(model, options, signal));
      tail = result.catch(() => undefined);
      return result;
    },
    async close() {
      await tail;
      await worker?.terminate();
      worker = undefined;
      noteClosed();
    },
    [Symbol.asyncDispose]: () => solver.close(),
  };
  return solver;

  async function solveOne(model: MipModel, options: MipOptions, signal?: AbortSignal): Promise<MipSolution> {
    throwIfCancelled(signal, 'solveMip');
    const threads = await import('node:worker_threads');
    const current = (worker ??= new threads.Worker(new URL('./highs-worker.ts', import.meta.url)));
    const id = numSolves++;
    const reply = Promise.withResolvers<{ solution?: MipSolution; failure?: string }>();
    const onMessage = (message: { id: number; solution?: MipSolution; failure?: string }): void => {
      if (message.id === id) reply.resolve(message);
    };
    const onError = (error: Error): void => reply.resolve({ failure: error.message });
    const onExit = (): void => reply.resolve({ failure: 'its worker thread ended' });
    const onAbort = (): void => void current.terminate();
    current.on('message', onMessage).once('error', onError).once('exit', onExit);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      current.postMessage({ id, model, options });
      const { solution, failure } = await reply.promise;
      if (solution) return solution;
      worker = undefined;
      await current.terminate();
      throwIfCancelled(signal, 'solveMip');
      throw scheduleError('TF-SCHEDULE-006', { subject: 'solveMip', expected: 'a solver status', actual: failure });
    } finally {
      signal?.removeEventListener('abort', onAbort);
      current.off('message', onMessage).off('error', onError).off('exit', onExit);
    }
  }
}

/** One solve: opens a solver, solves, closes. Starting it takes about 0.1 s; for many solves keep one open. */
export async function solveMip(
  model: MipModel,
  options?: MipOptions & { readonly signal?: AbortSignal },
): Promise<MipSolution> {
  await using solver = openMipSolver();
  return await solver.solve(model, options);
}
