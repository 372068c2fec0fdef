/** Random assignment problems as backward passes make them: a gradient may hide every all-to-all from some point on. */
import type { Rng } from '@tenfold/core/base';
import type { DwProblem } from './dw-assign.ts';

export function randomDwProblem(rng: Rng): DwProblem {
  const numA2a = 2 + rng.integer(5);
  const numDw = 4 + rng.integer(11);
  return {
    a2aMs: Array.from({ length: numA2a }, () => 4 + rng.integer(12)),
    dwMs: Array.from({ length: numDw }, () => 1 + rng.integer(9)),
    allowed: Array.from({ length: numDw }, () => {
      const first = rng.integer(numA2a);
      return Array.from({ length: numA2a - first }, (_, index) => first + index);
    }),
    predecessors: Array.from({ length: numDw }, () => []),
  };
}
