/** Strong views for the FixMatch-style baseline. */
import type { Rng } from '@tenfold/core/base';

/** What a row is: a square grey image, a photograph whose pixels must stay where they are, or plain numbers. */
export type StrongView =
  | { readonly kind: 'grey'; readonly sidePx: number }
  | { readonly kind: 'photo'; readonly channels: number }
  | { readonly kind: 'numbers' };

const MAX_SHIFT_PX = 2;
const HOLE_SHARE = 0.35;
const NOISE = 0.1;
const HIDDEN_SHARE = 0.2;
const COLOUR_CHANGE = 0.3;

/** Mutates: row. */
export function strengthen(row: Float32Array, rng: Rng, view: StrongView): void {
  if (view.kind === 'grey') shiftAndCut(row, rng, view.sidePx);
  if (view.kind === 'photo') {
    const numPixels = row.length / view.channels;
    for (let c = 0; c < view.channels; c++) {
      const [gain, offset] = [1 + COLOUR_CHANGE * (2 * rng.uniform() - 1), COLOUR_CHANGE * (rng.uniform() - 0.5)];
      for (let p = c * numPixels; p < (c + 1) * numPixels; p++) row[p] = gain * row[p] + offset;
    }
  }
  for (let a = 0; a < row.length; a++) {
    if (view.kind === 'numbers' && rng.uniform() < HIDDEN_SHARE) row[a] = 0;
    else row[a] += NOISE * rng.normal();
  }
}

function shiftAndCut(row: Float32Array, rng: Rng, sidePx: number): void {
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
