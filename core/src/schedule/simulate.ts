/** Deterministic simulation of a program: every run of the same program gives the same bits.
 *
 *  start(op) = max(earliest, ends of dependencies, time when all its resources are free and choose it).
 *  With in-order queues and no interference this is a longest path (one pass, O(ops + dependencies));
 *  otherwise an event simulation (O(n log n)). Both give the same answer where both apply. */
import { scheduleError } from './schedule-errors.ts';
import { simulateEvents } from './simulate-events.ts';
import { simulateInOrder } from './simulate-in-order.ts';
import type { InterferenceRule, Program, Simulation } from './types.ts';

export interface SimulateOptions {
  /** Slow-downs of operations that run at the same time on one device. Default none. */
  readonly interference?: readonly InterferenceRule[];
}

/** Start and end of every operation.
 *  Ties: operations that compete at the same time start in order of (resource id, policy, operation id).
 *  Cost: 1 M operations take well under 2 s.   Mutates: nothing.
 *  @throws TF-SCHEDULE-002 if operations wait for each other in a circle; the text names the circle
 *  @throws TF-SCHEDULE-001 if an interference factor is below 1 */
export function simulate(program: Program, { interference = [] }: SimulateOptions = {}): Simulation {
  for (const { factor, victim, aggressor } of interference) {
    if (!(factor >= 1) || factor === Infinity)
      throw scheduleError('TF-SCHEDULE-001', {
        subject: 'simulate',
        expected: 'a finite interference factor ≥ 1',
        actual: String(factor),
        location: `${victim} under ${aggressor}`,
      });
  }
  const isPlain =
    interference.every(({ factor }) => factor === 1) && program.resources.every(({ policy }) => policy === 'in-order');
  return isPlain ? simulateInOrder(program) : simulateEvents(program, interference);
}
