/** Gradient descent on the energy of the centres alone: where they would rest without data. */
import { centreEnergyOf } from './centre-energy.ts';
import type { CentreEnergyOptions } from './centre-energy.ts';

const MAX_STEPS = 20_000;
const MAX_MOVE = 0.05;
const SMALLEST_STEP = 1e-13;

/** Steps grow while the energy falls and shrink where it would rise; no coordinate moves more than 0.05 at once.
 *  @param start  [K, d]  @returns energy, centres, and distances: K norms, then pairs i < j.  Mutates: nothing. */
export function descend(
  start: Float64Array,
  numClasses: number,
  options: CentreEnergyOptions = {},
): { energy: number; centres: Float64Array; distances: number[]; steps: number } {
  let centres = start.slice();
  let { energy, gradient } = centreEnergyOf(centres, numClasses, options);
  let rate = 0.1;
  let steps = 0;
  for (; steps < MAX_STEPS && rate > SMALLEST_STEP; steps++) {
    const moved = centres.map((c, i) => c - Math.min(Math.max(rate * gradient[i], -MAX_MOVE), MAX_MOVE));
    const next = centreEnergyOf(moved, numClasses, options);
    if (next.energy < energy) {
      centres = moved;
      ({ energy, gradient } = next);
      rate *= 1.2;
    } else rate /= 2;
  }
  return { energy, centres, distances: centreDistances(centres, numClasses), steps };
}

/** K norms, then distances of the pairs i < j. @param centres [K, d] */
export function centreDistances(centres: ArrayLike<number>, numClasses: number): number[] {
  const width = centres.length / numClasses;
  const distance = (i: number, j: number) => {
    let square = 0;
    for (let a = 0; a < width; a++) square += (centres[i * width + a] - (j < 0 ? 0 : centres[j * width + a])) ** 2;
    return Math.sqrt(square);
  };
  const distances = Array.from({ length: numClasses }, (_, k) => distance(k, -1));
  for (let i = 0; i < numClasses; i++) for (let j = i + 1; j < numClasses; j++) distances.push(distance(i, j));
  return distances;
}
