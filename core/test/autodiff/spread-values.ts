/** Random inputs that keep away from kinks, ties and bounds. */
import type { Rng } from '../../src/base/index.ts';

/** Distance of the grid that inputs are drawn from: kinks, ties and bounds stay further away than any difference step. */
const GRID = 0.03;

/** Distinct values in [−2, 2], at least 0.007 from multiples of the grid and from each other. */
export function* spreadValues(rng: Rng): Generator<number> {
  for (;;) {
    const places = rng.shuffle(Array.from({ length: 133 }, (_, i) => i - 66));
    for (const place of places) yield place * GRID + 0.011 + 0.004 * (2 * rng.uniform() - 1);
  }
}
