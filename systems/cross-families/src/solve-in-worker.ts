/** Solves problems without blocking the caller: short ones here, long ones in a worker thread that a cancel request ends.
 *  A cancelled search answers with the bounds that are known. */
import { Worker } from 'node:worker_threads';
import { TenfoldError } from '@tenfold/core/base';
import { withoutFreeFamilies } from './free-families.ts';
import { countLayerColumns } from './layer-choice.ts';
import { countSearchVertices, MAX_SEARCH_VERTICES, regimeOf } from './problem.ts';
import { boundsOnly, extremalTuples, solve } from './solve.ts';
import type { SolveOptions } from './solve.ts';
import type { FamilyTuple, Orbit, Problem, Solution } from './types.ts';

type PlainOptions = Pick<SolveOptions, 'want' | 'maxNodes' | 'timeLimitSec' | 'maxOrbitTuples'>;

export interface WorkerJob {
  readonly problem: Problem;
  readonly options: PlainOptions;
  readonly numTuples: number;
}

type PlainOrbit = Omit<Orbit, 'representative'> & { readonly sample: FamilyTuple };

export type WorkerAnswer =
  | { readonly kind: 'progress'; readonly numNodes: number; readonly best: number }
  | {
      readonly kind: 'done';
      readonly solution: Omit<Solution, 'orbits'>;
      readonly orbits: readonly PlainOrbit[] | undefined;
      readonly tuples: readonly FamilyTuple[];
    }
  | { readonly kind: 'error'; readonly error: ReturnType<TenfoldError['toJSON']> };

export interface SolvedWithTuples {
  readonly solution: Solution;
  readonly tuples: readonly FamilyTuple[];
}

/** Search nodes that are tried before a worker is worth its start. */
const SHORT_SEARCH_NODES = 4096;
/** Layer sizes up to which an integer program is solved here. */
const SHORT_PROGRAM_COLUMNS = 200;

/** @param numTuples  extremal tuples to list; 0 for none
 *  @returns the solution; status `bounds` if it was cancelled or its budget ended */
export async function solveCancellably(
  problem: Problem,
  options: SolveOptions,
  numTuples = 0,
): Promise<SolvedWithTuples> {
  if (isShort(withoutFreeFamilies(problem)?.core ?? problem))
    return withTuples(await solve(problem, options), numTuples, options.signal);
  if (countSearchVertices(problem) <= BigInt(MAX_SEARCH_VERTICES)) {
    const tried = await solve(problem, {
      ...options,
      maxNodes: Math.min(SHORT_SEARCH_NODES, options.maxNodes ?? Infinity),
    });
    if (tried.status !== 'bounds' && isWanted(tried, options)) return withTuples(tried, numTuples, options.signal);
  }
  return inWorker(problem, options, numTuples);
}

/** True where no search and no large program is needed. */
function isShort(problem: Problem): boolean {
  const regime = regimeOf(problem);
  if (regime === 'trivial' || regime === 'large') return true;
  if (problem.objective === 'product' || regime === 'medium')
    return countLayerColumns(problem) <= SHORT_PROGRAM_COLUMNS;
  return regime === 'theorem' && problem.weights === undefined;
}

/** A short search may have the value and still miss the count that was asked for. */
function isWanted(solution: Solution, { want = 'value' }: SolveOptions): boolean {
  return want === 'value' || solution.labelled !== undefined;
}

function withTuples(solution: Solution, numTuples: number, signal: AbortSignal | undefined): SolvedWithTuples {
  const tuples: FamilyTuple[] = [];
  if (numTuples > 0 && solution.status !== 'bounds' && solution.status !== 'exact-mip')
    for (const tuple of extremalTuples(solution.problem, signal) ?? []) {
      tuples.push(tuple);
      if (tuples.length >= numTuples) break;
    }
  return { solution, tuples };
}

function inWorker(problem: Problem, options: SolveOptions, numTuples: number): Promise<SolvedWithTuples> {
  const { want, maxNodes, timeLimitSec, maxOrbitTuples, signal, onProgress } = options;
  const plain: PlainOptions = {
    ...(want === undefined ? {} : { want }),
    ...(maxNodes === undefined ? {} : { maxNodes }),
    ...(timeLimitSec === undefined ? {} : { timeLimitSec }),
    ...(maxOrbitTuples === undefined ? {} : { maxOrbitTuples }),
  };
  const job: WorkerJob = { problem, options: plain, numTuples };
  const cancelled = (): SolvedWithTuples => ({
    solution: boundsOnly(problem, 'The search was cancelled; the bounds are proved.'),
    tuples: [],
  });
  if (signal?.aborted) return Promise.resolve(cancelled());
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./solve-worker.ts', import.meta.url), { workerData: job });
    const finish = (): void => {
      signal?.removeEventListener('abort', onAbort);
      void worker.terminate();
    };
    const onAbort = (): void => {
      finish();
      resolve(cancelled());
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    worker.on('message', (answer: WorkerAnswer) => {
      if (answer.kind === 'progress') {
        onProgress?.(answer.numNodes, answer.best);
        return;
      }
      finish();
      if (answer.kind === 'error') {
        reject(TenfoldError.fromJSON(answer.error));
        return;
      }
      const orbits = answer.orbits?.map(({ sample, ...orbit }) => ({ ...orbit, representative: () => sample }));
      resolve({ solution: { ...answer.solution, ...(orbits ? { orbits } : {}) }, tuples: answer.tuples });
    });
    worker.on('error', (error) => {
      finish();
      reject(error);
    });
  });
}
