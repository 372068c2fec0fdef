/** Long sums in steps of some ten milliseconds, so that heartbeats, progress and cancel requests get through. */
import { throwIfCancelled, yieldToEventLoop } from '@tenfold/core/base';

/** Pauses at each yield. Inner loops belong into functions of their own: with a generator's variables they are slow. */
export type Steps<Answer> = Generator<void, Answer, void>;

const PRODUCTS_PER_STEP = 2e7;

/** Rows of one step. @param productsPerRow  multiply-adds */
export function rowsPerStep(productsPerRow: number): number {
  return Math.max(1, Math.floor(PRODUCTS_PER_STEP / Math.max(productsPerRow, 1)));
}

export function runAtOnce<Answer>(steps: Steps<Answer>): Answer {
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}

/** @throws TF-BASE-001 if the signal is aborted */
export async function runWithPauses<Answer>(steps: Steps<Answer>, signal?: AbortSignal): Promise<Answer> {
  let step = steps.next();
  for (; step.done !== true; step = steps.next()) {
    throwIfCancelled(signal, 'gatherEvidence');
    await yieldToEventLoop();
  }
  return step.value;
}
