/** Cancellation: long work takes an AbortSignal and checks it at natural borders. */
import { baseError } from './base-errors.ts';

/** Throws TF-BASE-001 if the signal is aborted. */
export function throwIfCancelled(signal: AbortSignal | undefined, subject: string): void {
  if (signal?.aborted)
    throw baseError('TF-BASE-001', { subject, expected: 'the work to run to its end', actual: 'a cancel request' });
}

/** Lets the event loop run once, so that cancel requests and progress can be delivered. */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve);
    else setTimeout(resolve, 0); // browsers
  });
}
