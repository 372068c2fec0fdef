/** Near-duplicates: samples closer than ε. Exact, by a sweep along one direction: |u·x − u·y| ≤ ‖x − y‖. */
import { createRng } from '@tenfold/core/base';
import type { Features } from '../types.ts';

export interface DuplicateSet {
  /** Ascending. */
  readonly rows: readonly number[];
}

/** Sets of samples linked by pairs at distance ≤ epsilon.
 *  Cost: O(N log N + pairs within ε along the direction of largest spread among a few). */
export function nearDuplicates({ numRows, width, data }: Features, epsilon: number): DuplicateSet[] {
  const projection = widestProjection({ numRows, width, data });
  const order = Uint32Array.from({ length: numRows }, (_, i) => i).sort(
    (a, b) => projection[a] - projection[b] || a - b,
  );
  const parent = Uint32Array.from({ length: numRows }, (_, i) => i);
  const rootOf = (i: number): number => {
    while (parent[i] !== i) i = parent[i] = parent[parent[i]];
    return i;
  };
  const limit = epsilon * epsilon;
  const slack = 1e-6 * (Math.abs(projection[order[0]] ?? 0) + Math.abs(projection[order[numRows - 1]] ?? 0)); // rounding of the projection
  for (let p = 0; p < numRows; p++) {
    const i = order[p];
    for (let q = p + 1; q < numRows; q++) {
      const j = order[q];
      if (projection[j] - projection[i] > epsilon + slack) break;
      let square = 0;
      for (let a = 0; a < width && square <= limit; a++) square += (data[i * width + a] - data[j * width + a]) ** 2;
      if (square <= limit) parent[Math.max(rootOf(i), rootOf(j))] = Math.min(rootOf(i), rootOf(j));
    }
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

const NUM_DIRECTIONS = 8;

/** Of a few random unit directions, the projection with the largest variance. */
function widestProjection({ numRows, width, data }: Features): Float64Array {
  const rng = createRng(1, 'label-audit/projection');
  let widest = new Float64Array(numRows);
  let largest = -1;
  for (let d = 0; d < NUM_DIRECTIONS; d++) {
    const direction = Float64Array.from({ length: width }, () => rng.normal());
    const length = Math.hypot(...direction) || 1;
    const projection = new Float64Array(numRows);
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < numRows; i++) {
      let product = 0;
      for (let a = 0; a < width; a++) product += direction[a] * data[i * width + a];
      projection[i] = product / length;
      sum += projection[i];
      squares += projection[i] ** 2;
    }
    const variance = squares / numRows - (sum / numRows) ** 2;
    if (variance > largest) [widest, largest] = [projection, variance];
  }
  return widest;
}
