/** Worker entry: compares ids of two traces on disk that no other thread has taken. */
import { parentPort, workerData } from 'node:worker_threads';
import { TenfoldError } from '@tenfold/core/base';
import { openTrace } from '../trace/open-trace.ts';
import { takenFrom, type CompareReply, type CompareTask } from './compare-folders.ts';
import { comparisonsOf, PROGRESS_STEP } from './compare-runs.ts';
import type { Comparison } from '../types.ts';

const task = workerData as CompareTask;
parentPort!.postMessage(await answer());

async function answer(): Promise<CompareReply> {
  try {
    const [reference, candidate] = [await openTrace(task.reference), await openTrace(task.candidate)];
    const comparisons: Comparison[] = [];
    for (const comparison of comparisonsOf(reference, candidate, takenFrom(task), { buckets: task.buckets })) {
      comparisons.push(comparison);
      if (comparisons.length % PROGRESS_STEP === 0)
        parentPort!.postMessage({ numDone: comparisons.length } satisfies CompareReply);
    }
    reference.close();
    candidate.close();
    return { comparisons };
  } catch (cause) {
    if (cause instanceof TenfoldError) return { error: cause.toJSON() };
    return { failure: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) };
  }
}
