/** Traces on disk, compared by this thread and helpers that take tensors from one list; the result does not depend on how
 *  many there are. Helpers take about 0.3 s to start, so small traces are compared here alone. */
import { Worker } from 'node:worker_threads';
import { TenfoldError, throwIfCancelled } from '@tenfold/core/base';
import { openTrace } from '../trace/open-trace.ts';
import type { Comparison } from '../types.ts';
import { sharedBuckets } from './compare-tensor.ts';
import { assertSameStep, comparisonsOf, idsOf, PROGRESS_STEP, type CompareOptions } from './compare-runs.ts';
import { withDeltas } from './deltas.ts';

export interface CompareTask {
  readonly reference: string;
  readonly candidate: string;
  /** Largest tensors first. */
  readonly ids: readonly string[];
  /** Int32, shared by all threads: how many ids are taken; then for each helper whether it has begun to take. */
  readonly counters: SharedArrayBuffer;
  /** Which helper this is, from 1. */
  readonly helper: number;
  readonly buckets?: number;
}

export type CompareReply =
  | { readonly numDone: number }
  | { readonly comparisons: readonly Comparison[] }
  | { readonly error: ReturnType<TenfoldError['toJSON']> }
  | { readonly failure: string };

/** Longest stretch of work between two turns of the event loop. */
const TURN_MS = 50;
const LEAST_ELEMENTS_EACH = 1 << 26;

export interface CompareFoldersOptions extends Omit<CompareOptions, 'ids'> {
  /** Threads, this one included. Default 1. */
  readonly numWorkers?: number;
  /** Elements that one more thread must have to do for its start to pay. Default 2²⁶. */
  readonly leastElementsEach?: number;
}

/** Traces on disk, compared by up to `numWorkers` threads, this one included. Throws as compareRuns does. */
export async function compareFolders(
  reference: string,
  candidate: string,
  { numWorkers = 1, leastElementsEach = LEAST_ELEMENTS_EACH, buckets, signal, onProgress }: CompareFoldersOptions = {},
): Promise<Map<string, Comparison>> {
  const [a, b] = [await openTrace(reference), await openTrace(candidate)];
  try {
    assertSameStep(a.info, b.info, candidate);
    sharedBuckets([a, b], buckets);
    const sizes = new Map<string, number>();
    const [left, right] = [withDeltas(a).tensors, withDeltas(b).tensors];
    for (const id of idsOf(a, b)) sizes.set(id, (right.get(id) ?? left.get(id)!).numel);
    const ids = [...sizes].toSorted((x, y) => y[1] - x[1]).map(([id]) => id);
    const numElements = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    const numHelpers = Math.min(numWorkers - 1, Math.floor(numElements / leastElementsEach));
    const counters = new SharedArrayBuffer(4 * (numHelpers + 1));
    const task = { reference, candidate, ids, counters, helper: 0, buckets };
    const stop = new AbortController();
    const ended = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
    const numDone = new Array<number>(numHelpers + 1).fill(0);
    const report = (thread: number) => (count: number) => {
      numDone[thread] = count;
      onProgress?.(
        numDone.reduce((sum, each) => sum + each, 0),
        sizes.size,
      );
    };
    try {
      const here = inTurns(comparisonsOf(a, b, takenFrom(task), { signal: ended, buckets }), report(0));
      const helpers = Array.from({ length: numHelpers }, (_, i) =>
        inWorker({ ...task, helper: i + 1 }, here, ended, report(i + 1)),
      );
      const found = new Map((await Promise.all([here, ...helpers])).flat().map((each) => [each.id, each]));
      return new Map([...sizes.keys()].map((id) => [id, found.get(id)!]));
    } finally {
      stop.abort();
    }
  } finally {
    a.close();
    b.close();
  }
}

/** Ids that no other thread has taken, one at a time. */
export function* takenFrom({ ids, counters, helper }: CompareTask): Generator<string> {
  const shared = new Int32Array(counters);
  if (helper > 0) Atomics.store(shared, helper, 1);
  for (let i = Atomics.add(shared, 0, 1); i < ids.length; i = Atomics.add(shared, 0, 1)) yield ids[i];
}

/** Gives way to other work (an interrupt, a progress line) from time to time. */
async function inTurns(comparisons: Iterable<Comparison>, onCount: (numDone: number) => void): Promise<Comparison[]> {
  const results: Comparison[] = [];
  let turnStart = performance.now();
  for (const comparison of comparisons) {
    results.push(comparison);
    if (results.length % PROGRESS_STEP === 0) onCount(results.length);
    if (performance.now() - turnStart < TURN_MS) continue;
    await new Promise((resolve) => setImmediate(resolve));
    turnStart = performance.now();
  }
  return results;
}

function inWorker(
  task: CompareTask,
  mainThread: Promise<unknown>,
  ended: AbortSignal,
  onCount: (numDone: number) => void,
): Promise<readonly Comparison[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./compare-worker.ts', import.meta.url), { workerData: task });
    const onAbort = (): void => {
      void worker.terminate();
      try {
        throwIfCancelled(ended, 'compareFolders');
      } catch (error) {
        reject(error);
      }
    };
    ended.addEventListener('abort', onAbort, { once: true });
    worker.on('message', (reply: CompareReply) => {
      if ('numDone' in reply) return onCount(reply.numDone);
      ended.removeEventListener('abort', onAbort);
      void worker.terminate();
      if ('comparisons' in reply) resolve(reply.comparisons);
      else reject('error' in reply ? TenfoldError.fromJSON(reply.error) : new Error(reply.failure));
    });
    worker.once('error', reject);
    // Once the main thread finds no more ids, a helper that has not begun has nothing left to take.
    void mainThread.then(
      () => {
        if (Atomics.load(new Int32Array(task.counters), task.helper) !== 0) return;
        ended.removeEventListener('abort', onAbort);
        void worker.terminate();
        resolve([]);
      },
      () => {},
    );
  });
}
