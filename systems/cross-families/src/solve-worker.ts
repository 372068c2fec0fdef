/** Worker entry: solves one problem and posts progress, then the plain answer. */
import { parentPort, workerData } from 'node:worker_threads';
import { TenfoldError } from '@tenfold/core/base';
import { extremalTuples, solve } from './solve.ts';
import type { WorkerAnswer, WorkerJob } from './solve-in-worker.ts';
import type { FamilyTuple } from './types.ts';

const job = workerData as WorkerJob;
const post = (answer: WorkerAnswer): void => parentPort!.postMessage(answer);

try {
  const solution = await solve(job.problem, {
    ...job.options,
    onProgress: (numNodes, best) => post({ kind: 'progress', numNodes, best }),
  });
  const tuples: FamilyTuple[] = [];
  if (job.numTuples > 0 && solution.labelled !== undefined)
    for (const tuple of extremalTuples(job.problem) ?? []) {
      tuples.push(tuple);
      if (tuples.length >= job.numTuples) break;
    }
  const { orbits, ...rest } = solution;
  post({
    kind: 'done',
    solution: rest,
    tuples,
    orbits: orbits?.map(({ kind, j, s, size, representative }) => ({
      kind,
      size,
      sample: representative(),
      ...(j === undefined ? {} : { j }),
      ...(s === undefined ? {} : { s }),
    })),
  });
} catch (cause) {
  const error =
    cause instanceof TenfoldError
      ? cause
      : new TenfoldError('TF-BASE-002', { subject: 'solve', expected: 'the solver to finish', actual: String(cause) });
  post({ kind: 'error', error: error.toJSON() });
}
