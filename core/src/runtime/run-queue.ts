/** Runs of one session do not overlap: each waits for the one before it, whether that failed or not. */
import { runError } from './run-errors.ts';

export interface RunQueue {
  /** Runs the work after all earlier work. @throws TF-RUN-008 after close */
  enqueue<T>(subject: string, work: () => Promise<T>): Promise<T>;
  /** Waits for what is queued, then runs `last` once; later calls do nothing. */
  close(last: () => Promise<void>): Promise<void>;
}

export function createRunQueue(): RunQueue {
  let tail: Promise<unknown> = Promise.resolve();
  let isClosed = false;
  return {
    enqueue(subject, work) {
      if (isClosed)
        return Promise.reject(runError('TF-RUN-008', { subject, expected: 'an open session', actual: 'a closed one' }));
      const result = tail.then(work);
      tail = result.catch(() => undefined);
      return result;
    },
    close(last) {
      if (isClosed) return Promise.resolve();
      isClosed = true;
      return tail.then(last);
    },
  };
}
