/** Front-to-back compositing of disks: every pixel's ray is cut with the disk, α = o exp(−½ min(u² + v², 2 |Δ|²)) with Δ to the mean's pixel.
 *  Further channels a pixel: Σ w n (3), Σ w z, Σ w m and Σ w m² with the mapped depth m of the distortion.  Source: 2DGS (arXiv 2403.17888). */
import type { CompositeInput, CompositeTarget } from './composite.ts';
import { expOfNegative, MAX_EXPONENT } from './exponential.ts';
import { MIN_ALPHA } from './project.ts';
import { LOW_PASS, type SurfelProjection } from './surfel-project.ts';
import { TILE_PX } from './tile-lists.ts';

export const SURFEL_CHANNELS = { normal: 0, depth: 3, mapped: 4, mappedSquare: 5, count: 6 } as const;
const MIN_TRANSMITTANCE = 1e-4;
const PIXELS = TILE_PX * TILE_PX;
const MAP_NEAR_M = 0.2;
const MAP_FAR_M = 100;
const MAP_SCALE = MAP_FAR_M / (MAP_FAR_M - MAP_NEAR_M);

export interface SurfelCompositeInput extends Omit<CompositeInput, 'projection' | 'extra' | 'numExtra'> {
  readonly projection: SurfelProjection;
  readonly nearM: number;
}

/** Depth as the distortion measures it: 0 at 0.2 m, 1 at 100 m, even in inverse depth. */
export function mapDepth(depthM: number): number {
  return MAP_SCALE * (1 - MAP_NEAR_M / depthM);
}

/** Derivative of mapDepth. */
export function mapDepthSlope(depthM: number): number {
  return (MAP_SCALE * MAP_NEAR_M) / (depthM * depthM);
}

/** Where a ray meets a disk; `isHit` false: the low-pass decides and the depth is the mean's. */
export interface SurfelHit {
  u: number;
  v: number;
  /** The third component of k × l, which u and v were divided by. */ scale: number;
  rho: number;
  depthM: number;
  isHit: boolean;
}

export function createSurfelHit(): SurfelHit {
  return { u: 0, v: 0, scale: 0, rho: 0, depthM: 0, isHit: false };
}

/** Cuts the ray of pixel position (px, py) with disk i. Mutates: hit. */
export function hitSurfel(
  { maps, centers }: SurfelProjection,
  i: number,
  px: number,
  py: number,
  hit: SurfelHit,
): void {
  const at = 9 * i;
  const w0 = maps[at + 6];
  const w1 = maps[at + 7];
  const w2 = maps[at + 8];
  const k0 = px * w0 - maps[at];
  const k1 = px * w1 - maps[at + 1];
  const k2 = px * w2 - maps[at + 2];
  const l0 = py * w0 - maps[at + 3];
  const l1 = py * w1 - maps[at + 4];
  const l2 = py * w2 - maps[at + 5];
  const scale = k0 * l1 - k1 * l0;
  const dx = centers[2 * i] - px;
  const dy = centers[2 * i + 1] - py;
  const flat = LOW_PASS * (dx * dx + dy * dy);
  hit.scale = scale;
  hit.u = (k1 * l2 - k2 * l1) / scale;
  hit.v = (k2 * l0 - k0 * l2) / scale;
  const round = hit.u * hit.u + hit.v * hit.v;
  hit.isHit = round <= flat;
  hit.rho = hit.isHit ? round : flat;
  hit.depthM = hit.isHit ? hit.u * w0 + hit.v * w1 + w2 : w2;
}

/** Composites tiles part, part + numParts, … Mutates: the pixels of these tiles in `target`. */
export function compositeSurfels(
  input: SurfelCompositeInput,
  target: CompositeTarget,
  part: number,
  numParts: number,
): void {
  const { projection, lists, widthPx, heightPx, background, maxAlpha, nearM } = input;
  const { uv, extents, opacities, colors, normals } = projection;
  const T = new Float64Array(PIXELS);
  const sums = new Float64Array(PIXELS * NUM_SUMS);
  const isDone = new Uint8Array(PIXELS);
  const hit = createSurfelHit();
  for (let tile = part; tile < lists.columns * lists.rows; tile += numParts) {
    const x0 = (tile % lists.columns) * TILE_PX;
    const y0 = Math.floor(tile / lists.columns) * TILE_PX;
    const xEnd = Math.min(x0 + TILE_PX, widthPx);
    const yEnd = Math.min(y0 + TILE_PX, heightPx);
    let numOpen = (xEnd - x0) * (yEnd - y0);
    T.fill(1);
    sums.fill(0);
    isDone.fill(0);
    for (let y = y0; y < yEnd; y++) target.lasts.fill(0, y * widthPx + x0, y * widthPx + xEnd);
    for (let position = lists.starts[tile]; position < lists.starts[tile + 1] && numOpen > 0; position++) {
      const i = lists.ids[position];
      const rowStart = Math.max(y0, Math.ceil(uv[2 * i + 1] - extents[2 * i + 1] - 0.5));
      const rowEnd = Math.min(yEnd, Math.floor(uv[2 * i + 1] + extents[2 * i + 1] - 0.5) + 1);
      const start = Math.max(x0, Math.ceil(uv[2 * i] - extents[2 * i] - 0.5));
      const end = Math.min(xEnd, Math.floor(uv[2 * i] + extents[2 * i] - 0.5) + 1);
      const opacity = opacities[i];
      for (let y = rowStart; y < rowEnd; y++) {
        for (let x = start; x < end; x++) {
          const pixel = (y - y0) * TILE_PX + x - x0;
          if (isDone[pixel] === 1) continue;
          hitSurfel(projection, i, x + 0.5, y + 0.5, hit);
          if (!(hit.rho <= 2 * MAX_EXPONENT && hit.depthM > nearM)) continue;
          const alpha = Math.min(maxAlpha, opacity * expOfNegative(hit.rho / 2));
          if (alpha < MIN_ALPHA) continue;
          const after = T[pixel] * (1 - alpha);
          if (after < MIN_TRANSMITTANCE) {
            isDone[pixel] = 1;
            numOpen--;
            continue;
          }
          const weight = alpha * T[pixel];
          const mapped = mapDepth(hit.depthM);
          const at = pixel * NUM_SUMS;
          for (let k = 0; k < 3; k++) sums[at + k] += weight * colors[3 * i + k];
          for (let k = 0; k < 3; k++) sums[at + 3 + k] += weight * normals[3 * i + k];
          sums[at + 6] += weight * hit.depthM;
          sums[at + 7] += weight * mapped;
          sums[at + 8] += weight * mapped * mapped;
          T[pixel] = after;
          target.lasts[y * widthPx + x] = position + 1;
        }
      }
    }
    for (let y = y0; y < yEnd; y++) {
      for (let x = x0; x < xEnd; x++) {
        const pixel = (y - y0) * TILE_PX + x - x0;
        const at = y * widthPx + x;
        target.transmittance[at] = T[pixel];
        for (let k = 0; k < 3; k++) target.rgb[3 * at + k] = sums[pixel * NUM_SUMS + k] + T[pixel] * background[k];
        for (let e = 0; e < SURFEL_CHANNELS.count; e++)
          target.extra[at * SURFEL_CHANNELS.count + e] = sums[pixel * NUM_SUMS + 3 + e];
      }
    }
  }
}

/** Colour and the further channels. */
const NUM_SUMS = 9;
