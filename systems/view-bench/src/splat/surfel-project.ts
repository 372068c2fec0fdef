/** Projection of flat disks: the map from disk coordinates to pixels, the normal, and the box that a disk can touch.
 *  Rows Tu, Tv, Tw of K [s_u t_u, s_v t_v, p]: a pixel is (Tu, Tv, Tw)(u, v, 1), homogeneous.  Source: 2DGS (arXiv 2403.17888). */
import { rotationFromQuaternion } from '../camera.ts';
import { createReals, sigmoid } from '../reals.ts';
import type { GaussianCloud, PinholeCamera, Reals } from '../types.ts';
import { createColorScratch, writeColor } from './color.ts';
import type { ResolvedRenderOptions } from './options.ts';
import { cameraCenter, createProjection, MIN_ALPHA, type Projection } from './project.ts';

/** `uv` and `extents` are middle and half-widths of the box; `conics` are next to zero, so that tile lists keep the whole box. */
export interface SurfelProjection extends Projection {
  /** [N, 9] */ readonly maps: Reals;
  /** [N, 3] unit, camera axes, turned to the camera */ readonly normals: Reals;
  /** [N, 2] pixel of the mean */ readonly centers: Reals;
}

/** ρ of the low-pass is this times the squared distance from the mean's pixel: a standard deviation of √½ pixel. */
export const LOW_PASS = 2;
const NO_CONIC = 1e-30;
const SLACK_PX = 1e-3;

export function createSurfelProjection(like: Reals, count: number): SurfelProjection {
  return {
    ...createProjection(like, count),
    maps: createReals(like, 9 * count),
    normals: createReals(like, 3 * count),
    centers: createReals(like, 2 * count),
  };
}

/** Projects rows [start, end); the third scale is not read. Mutates: these rows of `projection`. */
export function projectSurfels(
  cloud: GaussianCloud,
  camera: PinholeCamera,
  options: ResolvedRenderOptions,
  projection: SurfelProjection,
  start: number,
  end: number,
): void {
  const { means, logScales, opacityLogits } = cloud;
  const { rotation: R, translation: t, fx, fy, cx, cy } = camera;
  const { maps, normals, centers, uv, extents, conics } = projection;
  const scratch = createColorScratch();
  const center = cameraCenter(camera);
  const T = new Float64Array(9);
  const columns = new Float64Array(9);
  for (let i = start; i < end; i++) {
    extents[2 * i] = 0;
    const Q = surfelRotation(cloud, i);
    if (Q === undefined) continue;
    for (let r = 0; r < 3; r++) {
      for (let c = 0; c < 2; c++) {
        columns[3 * r + c] =
          Math.exp(logScales[3 * i + c]) * (R[3 * r] * Q[c] + R[3 * r + 1] * Q[3 + c] + R[3 * r + 2] * Q[6 + c]);
      }
      columns[3 * r + 2] =
        R[3 * r] * means[3 * i] + R[3 * r + 1] * means[3 * i + 1] + R[3 * r + 2] * means[3 * i + 2] + t[r];
    }
    const z = columns[8];
    if (!(z > options.nearM)) continue;
    const opacity = sigmoid(opacityLogits[i]);
    if (!(opacity >= MIN_ALPHA)) continue;
    for (let c = 0; c < 3; c++) {
      T[c] = fx * columns[c] + cx * columns[6 + c];
      T[3 + c] = fy * columns[3 + c] + cy * columns[6 + c];
      T[6 + c] = columns[6 + c];
    }
    const reach = 2 * Math.log(opacity / MIN_ALPHA);
    const [u, v] = [T[2] / z, T[5] / z];
    const blur = Math.sqrt(reach / LOW_PASS);
    const [left, right] = span(T, 0, reach, u, blur, camera.widthPx);
    const [top, bottom] = span(T, 3, reach, v, blur, camera.heightPx);
    if (right < 0 || bottom < 0 || left > camera.widthPx || top > camera.heightPx) continue;
    const side = normalSide(R, Q, columns);
    for (let r = 0; r < 3; r++) {
      normals[3 * i + r] = side * (R[3 * r] * Q[2] + R[3 * r + 1] * Q[5] + R[3 * r + 2] * Q[8]);
    }
    maps.set(T, 9 * i);
    centers[2 * i] = u;
    centers[2 * i + 1] = v;
    uv[2 * i] = (left + right) / 2;
    uv[2 * i + 1] = (top + bottom) / 2;
    extents[2 * i] = (right - left) / 2 + SLACK_PX;
    extents[2 * i + 1] = (bottom - top) / 2 + SLACK_PX;
    conics[3 * i] = NO_CONIC;
    conics[3 * i + 1] = 0;
    conics[3 * i + 2] = NO_CONIC;
    projection.depths[i] = z;
    projection.opacities[i] = opacity;
    projection.reaches[i] = reach;
    writeColor(cloud, i, center, options.shDegree, scratch, projection.colors);
  }
}

/** Rotation of disk i, or undefined for a quaternion of zero length. */
export function surfelRotation({ quats }: GaussianCloud, i: number): Float64Array | undefined {
  const wxyz = [quats[4 * i], quats[4 * i + 1], quats[4 * i + 2], quats[4 * i + 3]];
  return Math.hypot(...wxyz) > 0 ? rotationFromQuaternion(wxyz) : undefined;
}

/** +1 if the third axis looks at the camera, −1 if away. @param columns  camera axes in rows; the last column is the mean */
export function normalSide(R: Float64Array, Q: Float64Array, columns: Float64Array): 1 | -1 {
  let along = 0;
  for (let r = 0; r < 3; r++)
    along += (R[3 * r] * Q[2] + R[3 * r + 1] * Q[5] + R[3 * r + 2] * Q[8]) * columns[3 * r + 2];
  return along < 0 ? 1 : -1;
}

/** Least and largest pixel coordinate of the disk |(u, v)|² ≤ reach, with the low-pass circle; the whole image if the disk reaches behind the camera. */
function span(T: Float64Array, row: number, reach: number, middle: number, blur: number, sizePx: number) {
  const d = reach * (T[6] * T[6] + T[7] * T[7]) - T[8] * T[8];
  if (d >= -1e-9 * T[8] * T[8]) return [0, sizePx] as const;
  const mean = (reach * (T[row] * T[6] + T[row + 1] * T[7]) - T[row + 2] * T[8]) / d;
  const square = mean * mean - (reach * (T[row] * T[row] + T[row + 1] * T[row + 1]) - T[row + 2] * T[row + 2]) / d;
  const half = Math.sqrt(Math.max(0, square));
  return [Math.min(mean - half, middle - blur), Math.max(mean + half, middle + blur)] as const;
}
