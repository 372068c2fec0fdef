/** Near-duplicates: samples closer than ε, exactly. Pairs are first compared along a few orthonormal directions, whose
 *  squared differences never exceed the squared distance; a sweep along the widest one leaves few pairs to compare. */
import type { Features } from '../types.ts';
import { principalProjections } from './principal-projections.ts';
import { rowsPerStep, runAtOnce } from './steps.ts';
import type { Steps } from './steps.ts';

export interface DuplicateSet {
  /** Ascending. */
  readonly rows: readonly number[];
}

const NUM_DIRECTIONS = 8;

/** Sets of samples linked by pairs at distance ≤ epsilon.
 *  Cost: O(N log N + P · directions), P pairs within ε along the widest direction. */
export function nearDuplicates(features: Features, epsilon: number): DuplicateSet[] {
  return runAtOnce(duplicateSteps(features, epsilon));
}

/** As nearDuplicates, in steps. */
export function* duplicateSteps(features: Features, epsilon: number): Steps<DuplicateSet[]> {
  const { numRows, width, data } = features;
  const { projected, numDirections } = yield* principalProjections(features, NUM_DIRECTIONS);
  const order = Uint32Array.from({ length: numRows }, (_, i) => i).sort(
    (a, b) => projected[a * numDirections] - projected[b * numDirections] || a - b,
  );
  const parent = Uint32Array.from({ length: numRows }, (_, i) => i);
  const rootOf = (i: number): number => {
    while (parent[i] !== i) i = parent[i] = parent[parent[i]];
    return i;
  };
  const limit = epsilon * epsilon;
  // Projections are rounded sums: pairs at the edge are compared in full.
  const slack = 1e-6 * projected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const projectedLimit = (epsilon + slack) ** 2;
  const squaredDistance = (values: ArrayLike<number>, size: number, i: number, j: number, stop: number) => {
    let square = 0;
    for (let a = 0, p = i * size, q = j * size; a < size && square <= stop; a++)
      square += (values[p++] - values[q++]) ** 2;
    return square;
  };
  /** @returns pairs compared */
  const linkFrom = (p: number): number => {
    const i = order[p];
    const end = projected[i * numDirections] + epsilon + slack;
    let q = p + 1;
    for (; q < numRows && projected[order[q] * numDirections] <= end; q++) {
      const j = order[q];
      if (squaredDistance(projected, numDirections, i, j, projectedLimit) > projectedLimit) continue;
      if (squaredDistance(data, width, i, j, limit) > limit) continue;
      const [a, b] = [rootOf(i), rootOf(j)];
      parent[Math.max(a, b)] = Math.min(a, b);
    }
    return q - p;
  };
  const pairsPerStep = rowsPerStep(numDirections);
  let numCompared = 0;
  for (let p = 0; p < numRows; p++) {
    numCompared += linkFrom(p);
    if (numCompared < pairsPerStep) continue;
    numCompared = 0;
    yield;
  }
  const members = new Map<number, number[]>();
  for (let i = 0; i < numRows; i++) {
    const root = rootOf(i);
    const rows = members.get(root);
    if (rows) rows.push(i);
    else members.set(root, [i]);
  }
  return [...members.values()].filter((rows) => rows.length > 1).map((rows) => ({ rows }));
}
