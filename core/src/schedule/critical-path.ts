/** Why the simulation takes as long as it does. */
import type { Simulation } from './types.ts';

/** The chain of operations that ends last, first to last; each started when the one before it ended. */
export function criticalPath({ endMs, blockedBy, makespanMs }: Simulation): number[] {
  let op = endMs.indexOf(makespanMs);
  const path: number[] = [];
  while (op >= 0) {
    path.push(op);
    op = blockedBy[op]!;
  }
  return path.reverse();
}
