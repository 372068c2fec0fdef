/** Which training views see the surface that a pixel shows: the oracle that splits pixels into seen and unseen. */
import { worldFromPixel } from './camera.ts';
import type { Frame } from './types.ts';

/** Two depths of one surface differ by less than this share, plus a margin for slanted surfaces. */
const RELATIVE_TOLERANCE = 0.02;
const SLANT_TOLERANCE_PX = 1.5;
const TOLERANCE_M = 0.03;

/** Number of training pixels that show the same surface point as each pixel, from exact depth.
 *  @param pixels  indices of pixels of `frame`; pixels without depth count 0
 *  Cost: O(pixels · training frames). */
export function countViewsOfPixels(frame: Frame, pixels: ArrayLike<number>, train: readonly Frame[]): Uint16Array {
  const counts = new Uint16Array(pixels.length);
  const { camera, depthM } = frame;
  if (!depthM) return counts;
  const points = new Float64Array(3 * pixels.length);
  for (let k = 0; k < pixels.length; k++) {
    const depth = depthM[pixels[k]];
    if (depth > 0) points.set(worldFromPixel(camera, pixels[k], depth), 3 * k);
  }
  for (const other of train) {
    const { rotation: R, translation: t, fx, fy, cx, cy, widthPx, heightPx } = other.camera;
    const depths = other.depthM;
    if (!depths) continue;
    for (let k = 0; k < pixels.length; k++) {
      if (!(depthM[pixels[k]] > 0)) continue;
      const [mx, my, mz] = [points[3 * k], points[3 * k + 1], points[3 * k + 2]];
      const z = R[6] * mx + R[7] * my + R[8] * mz + t[2];
      if (z <= 0.05) continue;
      const x = Math.floor((fx * (R[0] * mx + R[1] * my + R[2] * mz + t[0])) / z + cx);
      const y = Math.floor((fy * (R[3] * mx + R[4] * my + R[5] * mz + t[1])) / z + cy);
      if (x < 0 || y < 0 || x >= widthPx || y >= heightPx) continue;
      const pixel = y * widthPx + x;
      const there = depths[pixel];
      if (!(there > 0) || other.staticMask?.[pixel] === 0) continue;
      // On slanted ground one pixel spans much depth: take the neighbour's step as the measure.
      const step =
        Math.min(Math.abs(there - depths[pixel + (x + 1 < widthPx ? 1 : -1)]), 0.25 * there) +
        Math.min(Math.abs(there - depths[pixel + (y + 1 < heightPx ? widthPx : -widthPx)]), 0.25 * there);
      if (Math.abs(there - z) < TOLERANCE_M + RELATIVE_TOLERANCE * z + SLANT_TOLERANCE_PX * Math.min(step, 0.1 * z))
        counts[k]++;
    }
  }
  return counts;
}

/** [H, W] number of training pixels that see what each pixel shows. */
export function countViews(frame: Frame, train: readonly Frame[]): Uint16Array {
  const { widthPx, heightPx } = frame.camera;
  return countViewsOfPixels(
    frame,
    Uint32Array.from({ length: widthPx * heightPx }, (_, p) => p),
    train,
  );
}
