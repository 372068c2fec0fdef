/** Launching ranks: one worker thread each, shared memory between them, and an end whatever happens. */
import { Worker } from 'node:worker_threads';
import { TenfoldError, throwIfCancelled, trackOpen } from '../base/index.ts';
import { createControl, MAX_RANKS, RANK, RANK_STATE, resetControl, type Control } from './control.ts';
import { LINE_BYTES } from './heap.ts';
import type { Links } from './links.ts';
import type { Mesh } from './mesh.ts';
import type { RankReply, RankTask, SerializedError } from './rank-worker.ts';
import { ranksError } from './ranks-errors.ts';
import type { RankSpan } from './types.ts';
import { startWatchdog } from './watchdog.ts';

export interface LaunchOptions {
  readonly mesh: Mesh;
  /** URL of the module with the rank program. */
  readonly module: URL | string;
  /** Exported function `(context, params) => result`. Default `run`. */
  readonly entry?: string;
  /** Given to every rank (structured clone; SharedArrayBuffers are shared). */
  readonly params?: unknown;
  /** Instead of `params`: what each rank is given. */
  readonly paramsOfRank?: (rank: number) => unknown;
  /** Emulated links; default: as fast as memory. */
  readonly links?: Links;
  /** Default 10 minutes. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Shared memory per rank for messages under way. Default 256 MiB (mapped only as it is used). */
  readonly heapBytes?: number;
  /** Record spans. Default true. */
  readonly isTraced?: boolean;
  readonly onMessage?: (rank: number, value: unknown) => void;
}

export interface LaunchResult<Result> {
  /** By rank. */
  readonly results: Result[];
  /** Of all ranks, by rank; give them to core/schedule's traceFromSpans. */
  readonly spans: RankSpan[];
  /** CPU time of each rank's thread while the program ran (threads of native engines not counted). */
  readonly cpuMs: number[];
  readonly elapsedMs: number;
}

export interface RankPool {
  /** One launch at a time; workers are kept for the next one. Ends with an error, never hangs:
   *  @throws TF-RANKS-005 if a rank throws, is killed or runs out of memory (names it; cause attached)
   *  @throws TF-RANKS-002, -004 what the ranks themselves detected
   *  @throws TF-RANKS-003 on a deadlock (names ranks and calls); TF-RANKS-008 after timeoutMs; TF-BASE-001 on cancel */
  launch<Result = unknown>(options: LaunchOptions): Promise<LaunchResult<Result>>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const DEFAULT_TIMEOUT_MS = 600_000;
const DEFAULT_HEAP_BYTES = 256 * 1024 ** 2;
/** One launch with fresh workers. See RankPool.launch. */
export async function launchRanks<Result = unknown>(options: LaunchOptions): Promise<LaunchResult<Result>> {
  await using pool = openRankPool();
  return await pool.launch<Result>(options);
}

/** Workers that stay for several launches (starting one takes tens of milliseconds). */
export function openRankPool(): RankPool {
  const noteClosed = trackOpen('RankPool');
  const idle: IdleParts = { workers: [], heaps: [], controls: new Map() };
  let tail: Promise<unknown> = Promise.resolve();
  const pool: RankPool = {
    launch<Result>(options: LaunchOptions) {
      const result = tail.then(() => launchOn<Result>(idle, options));
      tail = result.catch(() => undefined);
      return result;
    },
    async close() {
      await tail;
      await Promise.all(idle.workers.splice(0).map((worker) => worker.terminate()));
      noteClosed();
    },
    [Symbol.asyncDispose]: () => pool.close(),
  };
  return pool;
}

/** What a launch that ended well leaves for the next one; memory that is mapped already is faster. */
interface IdleParts {
  readonly workers: Worker[];
  readonly heaps: SharedArrayBuffer[];
  /** By number of ranks. */
  readonly controls: Map<number, Control>;
}

interface Failure {
  readonly rank: number;
  readonly error: SerializedError;
}

async function launchOn<Result>(idle: IdleParts, options: LaunchOptions): Promise<LaunchResult<Result>> {
  const { mesh, module, entry = 'run', params, paramsOfRank, links, signal, isTraced = true, onMessage } = options;
  const { timeoutMs = DEFAULT_TIMEOUT_MS, heapBytes = DEFAULT_HEAP_BYTES } = options;
  const { numRanks } = mesh;
  throwIfCancelled(signal, 'launchRanks');
  if (numRanks > MAX_RANKS)
    throw ranksError('TF-RANKS-001', {
      subject: 'launchRanks',
      expected: `at most ${MAX_RANKS} ranks`,
      actual: String(numRanks),
    });
  const control = idle.controls.get(numRanks) ?? createControl(numRanks);
  idle.controls.delete(numRanks);
  const heapLength = Math.ceil(heapBytes / LINE_BYTES) * LINE_BYTES;
  const heaps = Array.from({ length: numRanks }, () => {
    const known = idle.heaps.findIndex(({ byteLength }) => byteLength === heapLength);
    return known < 0 ? new SharedArrayBuffer(heapLength) : idle.heaps.splice(known, 1)[0]!;
  });
  const originNs = process.hrtime.bigint();
  const workers = Array.from(
    { length: numRanks },
    () => idle.workers.pop() ?? new Worker(new URL('./rank-worker.ts', import.meta.url)),
  );
  const results: Result[] = new Array<Result>(numRanks);
  const spans: RankSpan[][] = workers.map(() => []);
  const cpuMs: number[] = new Array<number>(numRanks).fill(0);
  const end = Promise.withResolvers<void>();
  const failures: Failure[] = [];
  let numDone = 0;

  const watchdog = startWatchdog({ control, mesh, timeoutMs, reject: end.reject });
  const setState = (rank: number, state: number): void => {
    Atomics.store(control.words, control.rank(rank) + RANK.state, state);
    Atomics.add(control.words, control.rank(rank) + RANK.epoch, 1);
  };
  const fail = (failure: Failure): void => {
    failures.push(failure);
    if (failures.length === 1) {
      watchdog.stop(); // who waits for a failed rank is not in a deadlock
      void watchdog.allAtRest().then(() => end.reject(failureError(failures)));
    }
    setState(failure.rank, RANK_STATE.finished);
  };
  const detach = workers.map((worker, rank) => {
    const onReply = (reply: RankReply): void => {
      if (reply.kind === 'post') onMessage?.(rank, reply.value);
      else if (reply.kind === 'failed') fail({ rank, error: reply.error });
      else if (reply.kind === 'done') {
        results[rank] = reply.result as Result;
        spans[rank] = [...reply.spans];
        cpuMs[rank] = reply.cpuMs;
        setState(rank, RANK_STATE.finished);
        if (++numDone === numRanks) end.resolve();
      }
    };
    const onError = (error: Error): void => fail({ rank, error: { name: error.name, message: error.message } });
    const onExit = (code: number): void =>
      fail({ rank, error: { name: 'Error', message: `its thread ended with exit code ${code} before it returned` } });
    worker.on('message', onReply).once('error', onError).once('exit', onExit);
    return () => worker.off('message', onReply).off('error', onError).off('exit', onExit);
  });
  const onAbort = (): void => {
    try {
      throwIfCancelled(signal, 'launchRanks');
    } catch (error) {
      end.reject(error);
    }
  };
  signal?.addEventListener('abort', onAbort, { once: true });

  let hasEndedWell = false;
  try {
    workers.forEach((worker, rank) => {
      const setup = {
        rank,
        mesh,
        control: control.words.buffer as SharedArrayBuffer,
        heaps,
        links,
        originNs,
        isTraced,
      };
      const own = paramsOfRank ? paramsOfRank(rank) : params;
      const task: RankTask = { setup, module: String(module), entry, params: own };
      worker.postMessage(task);
    });
    await end.promise;
    hasEndedWell = true;
    return { results, spans: spans.flat(), cpuMs, elapsedMs: Number(process.hrtime.bigint() - originNs) / 1e6 };
  } finally {
    watchdog.stop();
    signal?.removeEventListener('abort', onAbort);
    for (const off of detach) off();
    if (hasEndedWell) {
      resetControl(control);
      idle.controls.set(numRanks, control);
      const others = idle.heaps.filter(({ byteLength }) => byteLength === heapLength);
      idle.heaps.splice(0, idle.heaps.length, ...heaps, ...others);
      idle.workers.push(...workers.reverse());
    } else await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** What a rank itself detected keeps its code; anything else becomes TF-RANKS-005 with the cause attached. */
function failureError(failures: readonly Failure[]): Error {
  const ordered = [...failures].sort((a, b) => a.rank - b.rank);
  const { rank, error } = ordered[0]!;
  const others = [...new Set(ordered.map((failure) => failure.rank))].slice(1);
  if (error.tenfold?.code.startsWith('TF-RANKS-')) return TenfoldError.fromJSON(error.tenfold);
  const cause = error.tenfold ? TenfoldError.fromJSON(error.tenfold) : Object.assign(new Error(error.message), error);
  return ranksError('TF-RANKS-005', {
    subject: 'launchRanks',
    expected: 'every rank to return',
    actual: `${error.name} "${error.message}"`,
    location: `rank ${rank}`,
    hints: others.length > 0 ? [`Ranks that failed too: ${others.join(', ')}.`] : [],
    cause,
  });
}
