/** Memory of the SIMD kernels: planes of one 16 × 16 tile, then a chunk of Gaussians' records. */
import { TILE_PX } from './tile-lists.ts';

/** Pixels of a plane. */
export const PIXELS = TILE_PX * TILE_PX;
/** Gaussians in memory at once; with them a tile stays in the first cache. */
export const CHUNK = 128;
/** Scenes with more further channels are composited without SIMD. */
export const MAX_EXTRA = 8;

/** Numbers of planes of 32-bit values. */
export const PLANES = {
  /** f32, negative where a pixel takes no more (forward) */ transmittance: 0,
  /** i32 list position after the last Gaussian that contributed */ lasts: 1,
  /** f32 derivative by the coverage and background, times T (backward) */ tail: 2,
  /** f32 v_C · (colour behind) (backward) */ behind: 3,
  /** f32 sums of colours, or the gradients by them */ rgb: 4,
  extra: 7,
} as const;

/** Bytes of a record's fields; m, k and t as in simd-walk.ts, from the tile's upper left corner. */
export const FIELDS = {
  /** f64 m at dy = 0 */ middle: 0,
  /** f64 b / a */ slope: 8,
  /** f64 v − ½ */ center: 16,
  /** f64 reach / a */ reach: 24,
  /** f64 k / a */ fall: 32,
  /** f64 −½ k log₂ e */ across: 40,
  /** f64 k */ stiffness: 48,
  /** i32 */ rowStart: 56,
  /** i32 */ rowEnd: 60,
  /** f32 −½ a log₂ e */ along: 64,
  /** f32 */ opacity: 68,
  /** f32 b */ shear: 72,
  /** f32 */ rgb: 76,
  /** f32 */ extra: 88,
} as const;

/** Sums over a tile's pixels that the backward kernel leaves in a record, n = −∂L/∂σ and q = x − u + ½. */
export const SUMS = {
  /** n t */ along: 0,
  /** ∂L/∂v */ v: 1,
  /** |n t| */ absoluteAlong: 2,
  /** |∂L/∂v| */ absoluteV: 3,
  /** n q² */ squareX: 4,
  /** n q dy */ mixed: 5,
  /** n dy² */ squareY: 6,
  opacity: 7,
  rgb: 8,
  extra: 11,
} as const;

/** Places in bytes. */
export interface TileLayout {
  readonly numExtra: number;
  /** f32 */ readonly maxAlpha: number;
  readonly records: number;
  readonly recordBytes: number;
  /** f32 sums within a record, padded to whole vectors */ readonly sums: number;
  readonly numBytes: number;
}

export function tileLayout(numExtra: number): TileLayout {
  const maxAlpha = 4 * (PLANES.extra + numExtra) * PIXELS;
  const records = maxAlpha + 16;
  const sums = FIELDS.extra + 4 * numExtra;
  const recordBytes = 8 * Math.ceil((sums + 16 * Math.ceil((SUMS.extra + numExtra) / 4)) / 8);
  return { numExtra, maxAlpha, records, recordBytes, sums, numBytes: records + CHUNK * recordBytes };
}

/** Byte of colour or further channel c in the first pixel's plane. */
export const channelPlane = (c: number): number => 4 * PIXELS * (c < 3 ? PLANES.rgb + c : PLANES.extra + c - 3);
