/** Front-to-back compositing of tiles: C = Σ c_i α_i T_i + T bg with α = min(α_max, o exp(−σ)).
 *  Every Gaussian walks only the pixels of its ellipse, row by row, so that pixels below α = 1/255 are mostly never visited. */
import { createReals } from '../reals.ts';
import type { Reals } from '../types.ts';
import { MIN_ALPHA, type Projection } from './project.ts';
import { expOfNegative, MAX_EXPONENT } from './exponential.ts';
import { MIN_TRANSMITTANCE, SPAN_SLACK } from './limits.ts';
import { compositePartSimd } from './simd-composite.ts';
import { findTileKernels } from './simd-records.ts';
import type { TileLists } from './tile-lists.ts';
import { TILE_PX } from './tile-lists.ts';

const PIXELS = TILE_PX * TILE_PX;

export interface CompositeInput {
  readonly projection: Projection;
  readonly lists: TileLists;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly background: readonly [number, number, number];
  readonly maxAlpha: number;
  /** [N, E] */ readonly extra: Reals | undefined;
  readonly numExtra: number;
}

/** Outputs of compositing. */
export interface CompositeTarget {
  /** [H, W, 3] with background */ readonly rgb: Reals;
  /** [H, W] transmittance left over */ readonly transmittance: Reals;
  /** [H, W, E] Σ e α T */ readonly extra: Reals;
  /** [H, W] list position after the last Gaussian that contributed */ readonly lasts: Uint32Array;
}

export function createComposite(like: Reals, numPixels: number, numExtra: number): CompositeTarget {
  return {
    rgb: createReals(like, 3 * numPixels),
    transmittance: createReals(like, numPixels),
    extra: createReals(like, numExtra * numPixels),
    lasts: new Uint32Array(numPixels),
  };
}

/** Composites all tiles. Cost: O(evaluated pairs). Mutates: nothing. */
export function compositeTiles(input: CompositeInput): CompositeTarget {
  const target = createComposite(input.projection.uv, input.widthPx * input.heightPx, input.numExtra);
  compositePart(input, target, 0, 1);
  return target;
}

/** Composites tiles part, part + numParts, …, float32 scenes by SIMD where there is any. Mutates: their pixels in `target`. */
export function compositePart(input: CompositeInput, target: CompositeTarget, part: number, numParts: number): void {
  const kernels = findTileKernels(input);
  if (kernels) compositePartSimd(kernels, input, target, part, numParts);
  else compositePartScalar(input, target, part, numParts);
}

/** The same one pixel at a time, in float64. */
export function compositePartScalar(
  input: CompositeInput,
  target: CompositeTarget,
  part: number,
  numParts: number,
): void {
  const { projection, lists, widthPx, heightPx, background, maxAlpha, extra, numExtra } = input;
  const { uv, conics, opacities, colors, extents, reaches } = projection;
  const { rgb, transmittance, extra: extraOut, lasts } = target;
  const T = new Float64Array(PIXELS);
  const C = new Float64Array(3 * PIXELS);
  const E = new Float64Array(Math.max(1, numExtra * PIXELS));
  const isDone = new Uint8Array(PIXELS);
  for (let tile = part; tile < lists.columns * lists.rows; tile += numParts) {
    const x0 = (tile % lists.columns) * TILE_PX;
    const y0 = Math.floor(tile / lists.columns) * TILE_PX;
    const xEnd = Math.min(x0 + TILE_PX, widthPx);
    const yEnd = Math.min(y0 + TILE_PX, heightPx);
    let numOpen = (xEnd - x0) * (yEnd - y0);
    T.fill(1);
    C.fill(0);
    E.fill(0);
    isDone.fill(0);
    for (let y = y0; y < yEnd; y++) lasts.fill(0, y * widthPx + x0, y * widthPx + xEnd);
    for (let position = lists.starts[tile]; position < lists.starts[tile + 1] && numOpen > 0; position++) {
      const i = lists.ids[position];
      const u = uv[2 * i];
      const v = uv[2 * i + 1];
      const a = conics[3 * i];
      const b = conics[3 * i + 1];
      const c = conics[3 * i + 2];
      const opacity = opacities[i];
      const red = colors[3 * i];
      const green = colors[3 * i + 1];
      const blue = colors[3 * i + 2];
      const reach = reaches[i] + SPAN_SLACK;
      const halfY = extents[2 * i + 1];
      const rowStart = Math.max(y0, Math.ceil(v - halfY - 0.5));
      const rowEnd = Math.min(yEnd, Math.floor(v + halfY - 0.5) + 1);
      for (let y = rowStart; y < rowEnd; y++) {
        const dy = v - y - 0.5;
        const disc = b * b * dy * dy - a * (c * dy * dy - reach);
        if (disc < 0) continue;
        const half = Math.sqrt(disc) / a;
        const middle = u - 0.5 + (b * dy) / a;
        const start = Math.max(x0, Math.ceil(middle - half - SPAN_SLACK));
        const end = Math.min(xEnd, Math.floor(middle + half + SPAN_SLACK) + 1);
        const row = (y - y0) * TILE_PX - x0;
        const constant = 0.5 * c * dy * dy;
        const slope = b * dy;
        for (let x = start; x < end; x++) {
          const pixel = row + x;
          if (isDone[pixel] === 1) continue;
          const dx = u - x - 0.5;
          const sigma = 0.5 * a * dx * dx + constant + slope * dx;
          if (sigma < 0 || sigma > MAX_EXPONENT) continue;
          const alpha = Math.min(maxAlpha, opacity * expOfNegative(sigma));
          if (alpha < MIN_ALPHA) continue;
          const before = T[pixel];
          const after = before * (1 - alpha);
          if (after < MIN_TRANSMITTANCE) {
            isDone[pixel] = 1;
            numOpen--;
            continue;
          }
          const weight = alpha * before;
          C[3 * pixel] += red * weight;
          C[3 * pixel + 1] += green * weight;
          C[3 * pixel + 2] += blue * weight;
          for (let e = 0; e < numExtra; e++) E[pixel * numExtra + e] += extra![i * numExtra + e] * weight;
          T[pixel] = after;
          lasts[y * widthPx + x] = position + 1;
        }
      }
    }
    for (let y = y0; y < yEnd; y++) {
      for (let x = x0; x < xEnd; x++) {
        const pixel = (y - y0) * TILE_PX + x - x0;
        const at = y * widthPx + x;
        const rest = T[pixel];
        transmittance[at] = rest;
        for (let k = 0; k < 3; k++) rgb[3 * at + k] = C[3 * pixel + k] + rest * background[k];
        for (let e = 0; e < numExtra; e++) extraOut[at * numExtra + e] = E[pixel * numExtra + e];
      }
    }
  }
}
