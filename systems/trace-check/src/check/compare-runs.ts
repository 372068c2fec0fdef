/** All tensors of two runs. Traces on disk can be shared out to worker threads; the result does not depend on how many. */
import { Worker } from 'node:worker_threads';
import { TenfoldError, throwIfCancelled } from '@tenfold/core/base';
import { traceError } from '../trace-check-errors.ts';
import { openTrace } from '../trace/open-trace.ts';
import type { TraceRun } from '../trace/trace-run.ts';
import type { Comparison, RunInfo } from '../types.ts';
import { compareTensor, missingComparison, sharedBuckets } from './compare-tensor.ts';
import { withDeltas } from './deltas.ts';

export interface CompareOptions {
  /** Compare by sketches of this size even where all elements are there. */
  readonly buckets?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
  /** Only these ids. */
  readonly ids?: ReadonlySet<string>;
}

/** Longest stretch of work between two turns of the event loop. */
const TURN_MS = 50;

export type Comparisons = ReadonlyMap<string, Comparison>;

/** @throws TF-TRACE-005 if the runs are not the same step; -006 on differing shapes; -011 on differing sketches */
export function compareRuns(
  reference: TraceRun,
  candidate: TraceRun,
  options: CompareOptions = {},
): Map<string, Comparison> {
  return new Map([...comparisonsOf(reference, candidate, options)].map((comparison) => [comparison.id, comparison]));
}

/** The same, giving way to other work (an interrupt, a progress line) from time to time. */
async function compareRunsInTurns(
  reference: TraceRun,
  candidate: TraceRun,
  options: CompareOptions,
): Promise<Map<string, Comparison>> {
  const results = new Map<string, Comparison>();
  let turnStart = performance.now();
  for (const comparison of comparisonsOf(reference, candidate, options)) {
    results.set(comparison.id, comparison);
    if (performance.now() - turnStart < TURN_MS) continue;
    await new Promise((resolve) => setImmediate(resolve));
    turnStart = performance.now();
  }
  return results;
}

function* comparisonsOf(
  reference: TraceRun,
  candidate: TraceRun,
  { signal, onProgress, ids, buckets: wantedBuckets }: CompareOptions,
): Generator<Comparison> {
  assertSameStep(reference.info, candidate.info, candidate.name);
  const a = withDeltas(reference);
  const b = withDeltas(candidate);
  const buckets = sharedBuckets([reference, candidate], wantedBuckets);
  const factors = { reference: reference.info.lossFactor, candidate: candidate.info.lossFactor };
  const all = ids ?? new Set([...a.tensors.keys(), ...b.tensors.keys()]);
  let done = 0;
  for (const id of all) {
    throwIfCancelled(signal, 'compareRuns');
    const [ref, cand] = [a.tensors.get(id), b.tensors.get(id)];
    if (ref && cand) yield compareTensor(ref, cand, factors, buckets);
    else if (ref) yield missingComparison(ref, 'candidate');
    else if (cand) yield missingComparison(cand, 'reference');
    if (++done % 256 === 0) onProgress?.(done, all.size);
  }
}

/** Facts that both runs must share where both state them. @throws TF-TRACE-005, naming the fact */
export function assertSameStep(reference: RunInfo, candidate: RunInfo, where: string): void {
  const facts: readonly [string, unknown, unknown][] = [
    ['plan', reference.planHash, candidate.planHash],
    ['tokens', reference.tokenHash, candidate.tokenHash],
    ['parameters', reference.parameterHash, candidate.parameterHash],
    ['micro-batches', reference.numMicroBatches, candidate.numMicroBatches],
    ['layers', reference.numLayers, candidate.numLayers],
    ['mode', reference.mode ?? 'e2e', candidate.mode ?? 'e2e'],
  ];
  for (const [fact, expected, actual] of facts)
    if (expected !== undefined && actual !== undefined && expected !== actual)
      throw traceError('TF-TRACE-005', {
        subject: 'compareRuns',
        expected: `the reference’s ${fact} (${String(expected)})`,
        actual: String(actual),
        location: where,
      });
}

export interface CompareTask {
  readonly reference: string;
  readonly candidate: string;
  readonly ids: readonly string[];
  readonly buckets?: number;
}

export type CompareReply =
  | { readonly numDone: number }
  | { readonly comparisons: readonly Comparison[] }
  | { readonly error: ReturnType<TenfoldError['toJSON']> }
  | { readonly failure: string };

/** Traces on disk, compared by `numWorkers` threads. Throws as compareRuns does. */
export async function compareFolders(
  reference: string,
  candidate: string,
  { numWorkers = 1, ...options }: CompareOptions & { readonly numWorkers?: number } = {},
): Promise<Map<string, Comparison>> {
  const [a, b] = [await openTrace(reference), await openTrace(candidate)];
  try {
    if (numWorkers <= 1) return await compareRunsInTurns(a, b, options);
    assertSameStep(a.info, b.info, candidate);
    sharedBuckets([a, b], options.buckets);
    const [left, right] = [withDeltas(a).tensors, withDeltas(b).tensors];
    const sizes = new Map<string, number>();
    for (const tensors of [left, right]) for (const { id, numel } of tensors.values()) sizes.set(id, numel);
    const parts = sharesOf(sizes, numWorkers);
    const numDone = parts.map(() => 0);
    const replies = await Promise.all(
      parts.map((ids, part) =>
        inWorker({ reference, candidate, ids, buckets: options.buckets }, options.signal, (count) => {
          numDone[part] = count;
          options.onProgress?.(
            numDone.reduce((sum, each) => sum + each, 0),
            sizes.size,
          );
        }),
      ),
    );
    const found = new Map(replies.flat().map((comparison) => [comparison.id, comparison]));
    return new Map([...sizes.keys()].map((id) => [id, found.get(id)!]));
  } finally {
    a.close();
    b.close();
  }
}

/** Largest first, each to the part with the least so far. */
function sharesOf(sizes: ReadonlyMap<string, number>, numParts: number): string[][] {
  const parts: string[][] = Array.from({ length: numParts }, () => []);
  const loads = new Array<number>(numParts).fill(0);
  for (const [id, size] of [...sizes].sort((x, y) => y[1] - x[1])) {
    const least = loads.indexOf(Math.min(...loads));
    parts[least].push(id);
    loads[least] += size + 1;
  }
  return parts.filter((ids) => ids.length > 0);
}

function inWorker(
  task: CompareTask,
  signal: AbortSignal | undefined,
  onCount: (numDone: number) => void,
): Promise<readonly Comparison[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./compare-worker.ts', import.meta.url), { workerData: task });
    const onAbort = (): void => {
      void worker.terminate();
      try {
        throwIfCancelled(signal, 'compareFolders');
      } catch (error) {
        reject(error);
      }
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    worker.on('message', (reply: CompareReply) => {
      if ('numDone' in reply) return onCount(reply.numDone);
      signal?.removeEventListener('abort', onAbort);
      void worker.terminate();
      if ('comparisons' in reply) resolve(reply.comparisons);
      else reject('error' in reply ? TenfoldError.fromJSON(reply.error) : new Error(reply.failure));
    });
    worker.once('error', reject);
  });
}
