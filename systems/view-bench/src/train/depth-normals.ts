/** Normals of a depth map from central differences of its points in camera axes, and the way back of their gradient. */
import { createReals } from '../reals.ts';
import type { PinholeCamera, Reals } from '../types.ts';

/** [H, W, 3] unit normals that face the camera; 0 at the border and beside pixels without depth.
 *  Math: a = P(x+1, y) − P(x−1, y), b = P(x, y+1) − P(x, y−1), n = b × a / |b × a|.  @param depths  [H, W] along z, 0 = none */
export function normalsFromDepth(camera: PinholeCamera, depths: Reals): Reals {
  const normals = createReals(depths, 3 * depths.length);
  const cut = new Float64Array(9);
  for (let y = 1; y < camera.heightPx - 1; y++) {
    for (let x = 1; x < camera.widthPx - 1; x++) {
      const p = y * camera.widthPx + x;
      const length = crossAt(camera, depths, x, y, cut);
      if (length > 0) for (let k = 0; k < 3; k++) normals[3 * p + k] = cut[6 + k] / length;
    }
  }
  return normals;
}

/** @param gradient  [H, W, 3] by the normals @returns [H, W] by the depths. Mutates: nothing. */
export function depthGradientFromNormals(camera: PinholeCamera, depths: Reals, gradient: Reals): Reals {
  const { widthPx, heightPx } = camera;
  const result = createReals(depths, depths.length);
  const cut = new Float64Array(9);
  const v = new Float64Array(3);
  const n = new Float64Array(3);
  for (let y = 1; y < heightPx - 1; y++) {
    for (let x = 1; x < widthPx - 1; x++) {
      const p = y * widthPx + x;
      const length = crossAt(camera, depths, x, y, cut);
      if (length === 0) continue;
      let along = 0;
      for (let k = 0; k < 3; k++) {
        n[k] = cut[6 + k] / length;
        along += n[k] * gradient[3 * p + k];
      }
      for (let k = 0; k < 3; k++) v[k] = (gradient[3 * p + k] - along * n[k]) / length;
      // c = b × a: by b it is a × v, by a it is v × b.
      const [a0, a1, a2, b0, b1, b2] = cut;
      const byB = [a1 * v[2] - a2 * v[1], a2 * v[0] - a0 * v[2], a0 * v[1] - a1 * v[0]] as const;
      const byA = [v[1] * b2 - v[2] * b1, v[2] * b0 - v[0] * b2, v[0] * b1 - v[1] * b0] as const;
      addAlongRay(camera, x + 1, y, byA, 1, result);
      addAlongRay(camera, x - 1, y, byA, -1, result);
      addAlongRay(camera, x, y + 1, byB, 1, result);
      addAlongRay(camera, x, y - 1, byB, -1, result);
    }
  }
  return result;
}

/** Ray of a pixel with z = 1. */
export function rayX({ fx, cx }: PinholeCamera, x: number): number {
  return (x + 0.5 - cx) / fx;
}

export function rayY({ fy, cy }: PinholeCamera, y: number): number {
  return (y + 0.5 - cy) / fy;
}

/** @returns |b × a|, 0 where a neighbour has no depth. Mutates: cut = a, b, b × a. */
function crossAt(camera: PinholeCamera, depths: Reals, x: number, y: number, cut: Float64Array): number {
  const p = y * camera.widthPx + x;
  const [left, right] = [depths[p - 1], depths[p + 1]];
  const [up, down] = [depths[p - camera.widthPx], depths[p + camera.widthPx]];
  if (!(left > 0 && right > 0 && up > 0 && down > 0 && depths[p] > 0)) return 0;
  cut[0] = right * rayX(camera, x + 1) - left * rayX(camera, x - 1);
  cut[1] = (right - left) * rayY(camera, y);
  cut[2] = right - left;
  cut[3] = (down - up) * rayX(camera, x);
  cut[4] = down * rayY(camera, y + 1) - up * rayY(camera, y - 1);
  cut[5] = down - up;
  cut[6] = cut[4] * cut[2] - cut[5] * cut[1];
  cut[7] = cut[5] * cut[0] - cut[3] * cut[2];
  cut[8] = cut[3] * cut[1] - cut[4] * cut[0];
  return Math.hypot(cut[6], cut[7], cut[8]);
}

function addAlongRay(
  camera: PinholeCamera,
  x: number,
  y: number,
  v: readonly [number, number, number],
  sign: number,
  result: Reals,
): void {
  result[y * camera.widthPx + x] += sign * (v[0] * rayX(camera, x) + v[1] * rayY(camera, y) + v[2]);
}
