/** Which training views see the surface that a pixel shows: the oracle that splits pixels into seen and unseen. */
import { worldFromPixel } from './camera.ts';
import { cameraCenter } from './splat/project.ts';
import type { Frame } from './types.ts';

/** Two depths of one surface differ by less than this share, plus a margin for slanted surfaces. */
const RELATIVE_TOLERANCE = 0.02;
const SLANT_TOLERANCE_PX = 1.5;
const TOLERANCE_M = 0.03;

/** Number of training pixels that show the same surface point as each pixel, from exact depth; for sky, the same direction.
 *  @param pixels  indices of pixels of `frame`; pixels with neither depth nor sky count 0
 *  Cost: O(pixels · training frames). */
export function countViewsOfPixels(frame: Frame, pixels: ArrayLike<number>, train: readonly Frame[]): Uint16Array {
  const counts = new Uint16Array(pixels.length);
  const { camera, depthM } = frame;
  if (!depthM) return counts;
  const points = new Float64Array(3 * pixels.length);
  const isSky = new Uint8Array(pixels.length);
  const center = cameraCenter(camera);
  for (let k = 0; k < pixels.length; k++) {
    const depth = depthM[pixels[k]];
    points.set(worldFromPixel(camera, pixels[k], depth > 0 ? depth : 1), 3 * k);
    isSky[k] = !(depth > 0) && frame.groundMask?.[pixels[k]] === 0 ? 1 : 0;
    // Sky is infinitely far: its direction is turned, not moved.
    if (isSky[k]) for (let c = 0; c < 3; c++) points[3 * k + c] -= center[c];
  }
  for (const other of train) {
    const { rotation: R, translation: t, fx, fy, cx, cy, widthPx, heightPx } = other.camera;
    const depths = other.depthM;
    if (!depths) continue;
    for (let k = 0; k < pixels.length; k++) {
      if (!(depthM[pixels[k]] > 0) && isSky[k] === 0) continue;
      const move = isSky[k] === 1 ? 0 : 1;
      const [mx, my, mz] = [points[3 * k], points[3 * k + 1], points[3 * k + 2]];
      const z = R[6] * mx + R[7] * my + R[8] * mz + move * t[2];
      if (z <= 0.05) continue;
      const x = Math.floor((fx * (R[0] * mx + R[1] * my + R[2] * mz + move * t[0])) / z + cx);
      const y = Math.floor((fy * (R[3] * mx + R[4] * my + R[5] * mz + move * t[1])) / z + cy);
      if (x < 0 || y < 0 || x >= widthPx || y >= heightPx) continue;
      const pixel = y * widthPx + x;
      const there = depths[pixel];
      if (isSky[k] === 1) {
        if (other.groundMask?.[pixel] === 0 && other.staticMask?.[pixel] !== 0) counts[k]++;
        continue;
      }
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
