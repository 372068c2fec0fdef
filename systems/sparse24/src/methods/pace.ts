/** Lets long arithmetic be interrupted: it counts its multiply-adds, and every so often other work gets a turn. */
import { throwIfCancelled, yieldToEventLoop } from '@tenfold/core/base';

/** Adds to the count; gives way when enough has been done.  @throws TF-BASE-001 once the signal is aborted */
export type Pace = (multiplyAdds: number) => Promise<void>;

/** Multiply-adds between two turns: 20 to 100 ms of one core. */
const TURN = 2 ** 25;

export function createPace(signal: AbortSignal | undefined, subject: string): Pace {
  let sinceTurn = 0;
  return async (multiplyAdds) => {
    sinceTurn += multiplyAdds;
    if (sinceTurn < TURN) return;
    sinceTurn = 0;
    await yieldToEventLoop();
    throwIfCancelled(signal, subject);
  };
}
