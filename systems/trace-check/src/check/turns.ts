/** Long work in steps: run at once, or in turns with the event loop so that an interrupt is heard. */
import { throwIfCancelled, yieldToEventLoop } from '@tenfold/core/base';

/** Yields between pieces of work of some milliseconds. */
export type Steps<Result> = Generator<undefined, Result>;

/** Longest stretch of work between two turns of the event loop. */
const TURN_MS = 50;

export function atOnce<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** @throws TF-BASE-001 once the signal is aborted */
export async function inTurns<Result>(
  steps: Steps<Result>,
  subject: string,
  signal: AbortSignal | undefined,
): Promise<Result> {
  throwIfCancelled(signal, subject);
  let turnStart = performance.now();
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (performance.now() - turnStart < TURN_MS) continue;
    await yieldToEventLoop();
    throwIfCancelled(signal, subject);
    turnStart = performance.now();
  }
}
