/** Compositing of float32 scenes and its derivative by the SIMD kernels: tile after tile goes through their memory. */
import type { CompositeGradient, ProjectionGradient } from './composite-gradient.ts';
import type { CompositeInput, CompositeTarget } from './composite.ts';
import { CHUNK, PIXELS, PLANES, SUMS } from './simd-layout.ts';
import { writeRecords, type TileKernels } from './simd-records.ts';
import { TILE_PX } from './tile-lists.ts';

const LASTS = PLANES.lasts * PIXELS;
const TAIL = PLANES.tail * PIXELS;
const RGB = PLANES.rgb * PIXELS;
const EXTRA = PLANES.extra * PIXELS;

/** Composites tiles part, part + numParts, … Mutates: the pixels of these tiles in `target`. */
export function compositePartSimd(
  kernels: TileKernels,
  input: CompositeInput,
  target: CompositeTarget,
  part: number,
  numParts: number,
): void {
  const { lists, widthPx, heightPx, background, maxAlpha, numExtra } = input;
  const { rgb, transmittance, extra, lasts } = target;
  const { layout, floats, words, forward } = kernels;
  floats[layout.maxAlpha / 4] = maxAlpha;
  for (let tile = part; tile < lists.columns * lists.rows; tile += numParts) {
    const x0 = (tile % lists.columns) * TILE_PX;
    const y0 = Math.floor(tile / lists.columns) * TILE_PX;
    const width = Math.min(TILE_PX, widthPx - x0);
    const height = Math.min(TILE_PX, heightPx - y0);
    const frame = { x0, y0, height };
    floats.fill(0, 0, EXTRA + numExtra * PIXELS);
    // Pixels beyond the image take nothing from the start.
    floats.fill(-1, 0, PIXELS);
    for (let y = 0; y < height; y++) floats.fill(1, y * TILE_PX, y * TILE_PX + width);
    let numOpen = width * height;
    const stop = lists.starts[tile + 1];
    for (let start = lists.starts[tile]; start < stop && numOpen > 0; start += CHUNK) {
      const end = Math.min(start + CHUNK, stop);
      writeRecords(kernels, input, frame, start, end);
      numOpen = forward(end - start, start, numOpen, width);
    }
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const pixel = y * TILE_PX + x;
        const at = (y0 + y) * widthPx + x0 + x;
        const rest = Math.abs(floats[pixel]);
        transmittance[at] = rest;
        lasts[at] = words[LASTS + pixel];
        for (let k = 0; k < 3; k++) rgb[3 * at + k] = floats[RGB + k * PIXELS + pixel] + rest * background[k];
        for (let e = 0; e < numExtra; e++) extra[at * numExtra + e] = floats[EXTRA + e * PIXELS + pixel];
      }
    }
  }
}

/** Adds the gradient of tiles part, part + numParts, … Mutates: result. */
export function addCompositeGradientSimd(
  kernels: TileKernels,
  input: CompositeInput,
  composite: CompositeTarget,
  gradient: CompositeGradient,
  result: ProjectionGradient,
  part: number,
  numParts: number,
): void {
  const { lists, widthPx, heightPx, background, maxAlpha, numExtra } = input;
  const { layout, floats, words, backward } = kernels;
  const { rgb: vC, alpha: vA, extra: vExtra } = gradient;
  floats[layout.maxAlpha / 4] = maxAlpha;
  for (let tile = part; tile < lists.columns * lists.rows; tile += numParts) {
    const x0 = (tile % lists.columns) * TILE_PX;
    const y0 = Math.floor(tile / lists.columns) * TILE_PX;
    const width = Math.min(TILE_PX, widthPx - x0);
    const height = Math.min(TILE_PX, heightPx - y0);
    const frame = { x0, y0, height };
    let lastOfTile = 0;
    floats.fill(0, 0, EXTRA + numExtra * PIXELS);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const pixel = y * TILE_PX + x;
        const at = (y0 + y) * widthPx + x0 + x;
        const rest = composite.transmittance[at];
        lastOfTile = Math.max(lastOfTile, composite.lasts[at]);
        let tail = vA ? vA[at] : 0;
        for (let k = 0; k < 3; k++) {
          tail -= vC[3 * at + k] * background[k];
          floats[RGB + k * PIXELS + pixel] = vC[3 * at + k];
        }
        if (vExtra) for (let e = 0; e < numExtra; e++) floats[EXTRA + e * PIXELS + pixel] = vExtra[at * numExtra + e];
        floats[pixel] = rest;
        floats[TAIL + pixel] = tail * rest;
        words[LASTS + pixel] = composite.lasts[at];
      }
    }
    const first = lists.starts[tile];
    for (let end = lastOfTile; end > first; end -= CHUNK) {
      const start = Math.max(first, end - CHUNK);
      writeRecords(kernels, input, frame, start, end);
      backward(end - start, start, width);
      addSums(kernels, input, result, start, end);
    }
  }
}

/** Adds the records' sums of list positions [start, end), far to near. Mutates: result. */
function addSums(
  { layout, floats }: TileKernels,
  { projection, lists, numExtra }: CompositeInput,
  result: ProjectionGradient,
  start: number,
  end: number,
): void {
  for (let position = end - 1; position >= start; position--) {
    const i = lists.ids[position];
    const at = (layout.records + (position - start) * layout.recordBytes + layout.sums) >> 2;
    const a = projection.conics[3 * i];
    result.uv[2 * i] += a * floats[at + SUMS.along];
    result.uv[2 * i + 1] += floats[at + SUMS.v];
    result.absoluteUv[2 * i] += a * floats[at + SUMS.absoluteAlong];
    result.absoluteUv[2 * i + 1] += floats[at + SUMS.absoluteV];
    result.conics[3 * i] -= 0.5 * floats[at + SUMS.squareX];
    result.conics[3 * i + 1] += floats[at + SUMS.mixed];
    result.conics[3 * i + 2] -= 0.5 * floats[at + SUMS.squareY];
    result.opacities[i] += floats[at + SUMS.opacity];
    for (let k = 0; k < 3; k++) result.colors[3 * i + k] += floats[at + SUMS.rgb + k];
    for (let e = 0; e < numExtra; e++) result.extra[i * numExtra + e] += floats[at + SUMS.extra + e];
  }
}
