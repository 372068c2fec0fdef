/** Strong views for the FixMatch-style baseline. */
import type { Rng } from '@tenfold/core/base';

const MAX_SHIFT_PX = 2;
const HOLE_SHARE = 0.35;
const NOISE = 0.1;

/** Shifts, cuts a hole and adds noise (images); hides a fifth of the numbers and adds noise (other rows).
 *  Mutates: row. @param sidePx  side of the square image, if the row is one */
export function strengthen(row: Float32Array, rng: Rng, sidePx: number | undefined): void {
  if (sidePx !== undefined) {
    const [dx, dy] = [rng.integer(2 * MAX_SHIFT_PX + 1) - MAX_SHIFT_PX, rng.integer(2 * MAX_SHIFT_PX + 1) - MAX_SHIFT_PX];
    const copy = row.slice();
    const hole = Math.round(HOLE_SHARE * sidePx);
    const [left, top] = [rng.integer(sidePx - hole + 1), rng.integer(sidePx - hole + 1)];
    for (let y = 0; y < sidePx; y++) {
      for (let x = 0; x < sidePx; x++) {
        const [u, v] = [x - dx, y - dy];
        const isInside = u >= 0 && u < sidePx && v >= 0 && v < sidePx;
        const isHidden = x >= left && x < left + hole && y >= top && y < top + hole;
        row[y * sidePx + x] = isInside && !isHidden ? copy[v * sidePx + u] : 0;
      }
    }
  }
  for (let a = 0; a < row.length; a++) {
    if (sidePx === undefined && rng.uniform() < 0.2) row[a] = 0;
    else row[a] += NOISE * rng.normal();
  }
}
