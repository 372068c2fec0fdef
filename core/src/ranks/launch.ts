/** Launching ranks: one worker thread each, shared memory between them, and an end whatever happens. */
import { Worker } from 'node:worker_threads';
import { TenfoldError, throwIfCancelled, trackOpen } from '../base/index.ts';
import { createControl, MAX_RANKS, RANK, RANK_STATE, resetControl, type Control } from './control.ts';
import { describeRank, findStuckRanks } from './deadlock.ts';
import { LINE_BYTES } from './heap.ts';
import type { Links } from './links.ts';
import type { Mesh } from './mesh.ts';
import type { RankReply, RankTask, SerializedError } from './rank-worker.ts';
import { ranksError } from './ranks-errors.ts';
import type { RankSpan } from './types.ts';

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
/** How often the launch looks for deadlocks; a stuck set must be seen twice. */
const WATCH_INTERVAL_MS = 25;
/** After a failure, how long the other ranks may take to end or to wait, so that of several failing ranks the lowest is
 *  named whatever the speed of their threads. */
const FAILURE_GRACE_MS = 1000;
/** The same for ranks whose thread is not up yet. */
const START_GRACE_MS = 10_000;
const FAILURE_POLL_MS = 10;

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

  const settled = new Set<number>(); // ranks that returned or failed
  const fail = (failure: Failure): void => {
    failures.push(failure);
    settled.add(failure.rank);
    if (failures.length > 1) return;
    stopWatching();
    void othersAtRest(control, settled).then(() => end.reject(failureError(failures)));
  };
  const detach = workers.map((worker, rank) => {
    const setState = (state: number): void => {
      Atomics.store(control.words, control.rank(rank) + RANK.state, state);
      Atomics.add(control.words, control.rank(rank) + RANK.epoch, 1);
    };
    const onReply = (reply: RankReply): void => {
      if (reply.kind === 'post') onMessage?.(rank, reply.value);
      else if (reply.kind === 'failed') fail({ rank, error: reply.error });
      else if (reply.kind === 'done') {
        results[rank] = reply.result as Result;
        spans[rank] = [...reply.spans];
        cpuMs[rank] = reply.cpuMs;
        settled.add(rank);
        setState(RANK_STATE.finished);
        if (++numDone === numRanks) end.resolve();
      }
    };
    const onError = (error: Error): void => fail({ rank, error: { name: error.name, message: error.message } });
    const onExit = (code: number): void =>
      fail({ rank, error: { name: 'Error', message: `its thread ended with exit code ${code} before it returned` } });
    worker.on('message', onReply).once('error', onError).once('exit', onExit);
    return () => worker.off('message', onReply).off('error', onError).off('exit', onExit);
  });
  const stopWatching = watch(control, mesh, timeoutMs, end.reject);
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
    stopWatching();
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

/** Resolves when every rank has settled or waits for others, or after the grace. */
async function othersAtRest(control: Control, settled: ReadonlySet<number>): Promise<void> {
  const ranks = Array.from({ length: control.numRanks }, (_, rank) => rank);
  const stateOf = (rank: number): number => Atomics.load(control.words, control.rank(rank) + RANK.state);
  for (let waitedMs = 0; waitedMs < START_GRACE_MS; waitedMs += FAILURE_POLL_MS) {
    await new Promise((resolve) => setTimeout(resolve, FAILURE_POLL_MS));
    const busy = ranks.filter((rank) => !settled.has(rank) && stateOf(rank) !== RANK_STATE.waiting);
    if (busy.length === 0) return;
    if (waitedMs >= FAILURE_GRACE_MS && busy.every((rank) => stateOf(rank) !== RANK_STATE.starting)) return;
  }
}

/** Looks for deadlocks and the time limit. @returns stops it */
function watch(control: Control, mesh: Mesh, timeoutMs: number, reject: (error: Error) => void): () => void {
  let suspects = '';
  const watcher = setInterval(() => {
    const stuck = findStuckRanks(control, mesh);
    const seen = stuck.map(({ rank, epoch }) => `${rank}@${epoch}`).join();
    if (stuck.length > 0 && seen === suspects) {
      reject(
        ranksError('TF-RANKS-003', {
          subject: 'launchRanks',
          expected: 'every rank to make the calls that others wait for',
          actual: `a deadlock: ${stuck.map(({ text }) => text).join('; ')}`,
        }),
      );
    }
    suspects = seen;
  }, WATCH_INTERVAL_MS);
  const limit = setTimeout(() => {
    const ranks = Array.from({ length: control.numRanks }, (_, rank) => describeRank(control, mesh, rank));
    reject(
      ranksError('TF-RANKS-008', {
        subject: 'launchRanks',
        expected: `an end within ${timeoutMs} ms`,
        actual: ranks.join('; '),
      }),
    );
  }, timeoutMs);
  return () => {
    clearInterval(watcher);
    clearTimeout(limit);
  };
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
