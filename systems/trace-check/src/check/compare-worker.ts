/** Worker entry: compares some ids of two traces on disk. */
import { parentPort, workerData } from 'node:worker_threads';
import { TenfoldError } from '@tenfold/core/base';
import { openTrace } from '../trace/open-trace.ts';
import { compareRuns, type CompareReply, type CompareTask } from './compare-runs.ts';

const task = workerData as CompareTask;
parentPort!.postMessage(await answer());

async function answer(): Promise<CompareReply> {
  try {
    const [reference, candidate] = [await openTrace(task.reference), await openTrace(task.candidate)];
    const found = compareRuns(reference, candidate, {
      ids: new Set(task.ids),
      buckets: task.buckets,
      onProgress: (numDone) => parentPort!.postMessage({ numDone } satisfies CompareReply),
    });
    reference.close();
    candidate.close();
    return { comparisons: [...found.values()] };
  } catch (cause) {
    if (cause instanceof TenfoldError) return { error: cause.toJSON() };
    return { failure: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) };
  }
}
