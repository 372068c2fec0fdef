/** Depth of a photograph from its neighbours by plane sweep: every depth hypothesis warps the neighbours onto the photograph, windows of
 *  both are correlated, and the hypotheses of all pixels are chosen together. They are even in inverse depth, from the nearest to infinity. */
import type { Frame, PinholeCamera } from '../types.ts';
import { chooseHypotheses } from './smooth-hypotheses.ts';

export interface SweepOptions {
  /** Nearest hypothesis, metres. */
  readonly nearM: number;
  readonly numDepths: number;
  /** Windows reach so many pixels to every side; default 3, 7 × 7 pixels. */
  readonly radiusPx?: number;
}

export interface SweptDepth {
  /** [H, W] along z, metres */
  readonly depthM: Float32Array;
  /** [H, W] correlation of the chosen hypothesis, −1..1; −1 where none was judged: outside the neighbours, or without texture */
  readonly score: Float32Array;
}

/** Windows with less variance than this have no texture to match. */
const MIN_VARIANCE = 2e-4;
/** A hypothesis is judged by the best neighbours alone, so that an occluded one does not spoil it. */
const NUM_JUDGES = 2;

/** Cost: O(pixels · depths · neighbours). Mutates: nothing. */
export function sweepDepth(frame: Frame, neighbours: readonly Frame[], options: SweepOptions): SweptDepth {
  const { nearM, numDepths, radiusPx = 3 } = options;
  const { camera } = frame;
  const { widthPx, heightPx } = camera;
  const numPixels = widthPx * heightPx;
  const own = greyOf(frame);
  const sums = createWindowSums(widthPx, heightPx, radiusPx);
  const mean = sums(own, new Float32Array(numPixels));
  const square = sums(
    own.map((value) => value * value),
    new Float32Array(numPixels),
  );
  const others = neighbours.map((other) => ({ grey: greyOf(other), warp: createWarp(camera, other.camera), other }));
  const scores = Array.from({ length: numDepths }, () => new Float32Array(numPixels).fill(-1));
  const [warped, products, squares] = [
    new Float32Array(numPixels),
    new Float32Array(numPixels),
    new Float32Array(numPixels),
  ];
  const [meanThere, squareThere, product] = [
    new Float32Array(numPixels),
    new Float32Array(numPixels),
    new Float32Array(numPixels),
  ];
  const second = new Float32Array(numPixels);
  for (let k = 0; k < numDepths; k++) {
    const inverse = (1 - k / (numDepths - 1)) / nearM;
    const best = scores[k]!;
    second.fill(-1);
    for (const { grey, warp, other } of others) {
      warpGrey(grey, other.camera, camera, warp, inverse, warped);
      for (let p = 0; p < numPixels; p++) {
        products[p] = warped[p] * own[p];
        squares[p] = warped[p] * warped[p];
      }
      // A pixel outside the neighbour is NaN, and so is every window that holds one.
      sums(warped, meanThere);
      sums(squares, squareThere);
      sums(products, product);
      for (let p = 0; p < numPixels; p++) {
        const variance = square[p] - mean[p] ** 2;
        const varianceThere = squareThere[p] - meanThere[p] ** 2;
        if (!(variance > MIN_VARIANCE && varianceThere > MIN_VARIANCE)) continue;
        const value = (product[p] - mean[p] * meanThere[p]) / Math.sqrt(variance * varianceThere);
        if (value > best[p]) {
          second[p] = best[p];
          best[p] = value;
        } else if (value > second[p]) second[p] = value;
      }
    }
    if (others.length >= NUM_JUDGES) {
      for (let p = 0; p < numPixels; p++) best[p] = second[p] === -1 ? best[p] : (best[p] + second[p]) / 2;
    }
  }
  const chosen = chooseHypotheses(scores, own, widthPx, heightPx);
  const last = numDepths - 1;
  const score = new Float32Array(numPixels);
  for (let p = 0; p < numPixels; p++) score[p] = scores[Math.min(last, Math.round(chosen[p]))]![p];
  return { depthM: chosen.map((k) => nearM / Math.max(1 / (4 * last), 1 - k / last)), score };
}

function greyOf({ image }: Frame): Float32Array {
  const grey = new Float32Array(image.data.length / 3);
  for (let p = 0; p < grey.length; p++)
    grey[p] = (image.data[3 * p] + image.data[3 * p + 1] + image.data[3 * p + 2]) / 3;
  return grey;
}

/** [12] pixel of the other camera = (A (x, y, 1) + inverse depth · b), homogeneous: A row-major, then b. */
function createWarp(from: PinholeCamera, to: PinholeCamera): Float64Array {
  const warp = new Float64Array(12);
  const turn = new Float64Array(9);
  for (let r = 0; r < 3; r++) {
    for (let c = 0; c < 3; c++) {
      for (let k = 0; k < 3; k++) turn[3 * r + c] += to.rotation[3 * r + k] * from.rotation[3 * c + k];
    }
  }
  const shift = [0, 1, 2].map((r) => {
    let value = to.translation[r];
    for (let c = 0; c < 3; c++) value -= turn[3 * r + c] * from.translation[c];
    return value;
  });
  const columns = [0, 1, 2].map((r) => [
    turn[3 * r] / from.fx,
    turn[3 * r + 1] / from.fy,
    turn[3 * r + 2] - (turn[3 * r] * from.cx) / from.fx - (turn[3 * r + 1] * from.cy) / from.fy,
    shift[r]!,
  ]);
  const rows = [
    columns[0]!.map((value, c) => to.fx * value + to.cx * columns[2]![c]!),
    columns[1]!.map((value, c) => to.fy * value + to.cy * columns[2]![c]!),
    columns[2]!,
  ];
  rows.forEach((row, r) => {
    for (let c = 0; c < 3; c++) warp[3 * r + c] = row[c]!;
    warp[9 + r] = row[3]!;
  });
  return warp;
}

/** Mutates: out (NaN where the other camera does not look). */
function warpGrey(
  grey: Float32Array,
  there: PinholeCamera,
  here: PinholeCamera,
  warp: Float64Array,
  inverse: number,
  out: Float32Array,
): void {
  for (let y = 0; y < here.heightPx; y++) {
    for (let x = 0; x < here.widthPx; x++) {
      const [px, py] = [x + 0.5, y + 0.5];
      const z = warp[6] * px + warp[7] * py + warp[8] + inverse * warp[11];
      const u = (warp[0] * px + warp[1] * py + warp[2] + inverse * warp[9]) / z - 0.5;
      const v = (warp[3] * px + warp[4] * py + warp[5] + inverse * warp[10]) / z - 0.5;
      const at = y * here.widthPx + x;
      if (!(z > 0 && u >= 0 && v >= 0 && u < there.widthPx - 1 && v < there.heightPx - 1)) {
        out[at] = NaN;
        continue;
      }
      const [x0, y0] = [Math.floor(u), Math.floor(v)];
      const [fx, fy] = [u - x0, v - y0];
      const base = y0 * there.widthPx + x0;
      const top = grey[base] * (1 - fx) + grey[base + 1] * fx;
      const bottom = grey[base + there.widthPx] * (1 - fx) + grey[base + there.widthPx + 1] * fx;
      out[at] = top * (1 - fy) + bottom * fy;
    }
  }
}

/** Means over square windows by separable sums; windows across the border are cut. A NaN spoils the windows that hold it and no other. */
function createWindowSums(
  width: number,
  height: number,
  radius: number,
): (values: Float32Array, out: Float32Array) => Float32Array {
  const rows = new Float32Array(width * height);
  return (values, out) => {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const [start, end] = [Math.max(0, x - radius), Math.min(width, x + radius + 1)];
        let sum = 0;
        for (let k = start; k < end; k++) sum += values[y * width + k];
        rows[y * width + x] = sum / (end - start);
      }
    }
    for (let y = 0; y < height; y++) {
      const [start, end] = [Math.max(0, y - radius), Math.min(height, y + radius + 1)];
      for (let x = 0; x < width; x++) {
        let sum = 0;
        for (let k = start; k < end; k++) sum += rows[k * width + x];
        out[y * width + x] = sum / (end - start);
      }
    }
    return out;
  };
}
