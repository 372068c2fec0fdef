/** Gaussians as planes: the axis of the least scale is the normal. Channels of a Gaussian: normal turned to the camera (3, camera axes)
 *  and distance of its plane from the camera (1).  Source: PGSR (arXiv 2406.06521). */
import { rotationFromQuaternion } from '../camera.ts';
import type { CloudGradients, GaussianCloud, PinholeCamera, Reals } from '../types.ts';
import { addQuaternionGradient } from './project-gradient.ts';
import type { Projection } from './project.ts';

export const NUM_PLANE_CHANNELS = 4;

interface Plane {
  /** Axis of the least scale. */ axis: number;
  readonly Q: Float64Array;
  readonly p: Float64Array;
  readonly normal: Float64Array;
  side: 1 | -1;
}

/** Rows [start, end) of the channels; rows that are not drawn stay as they are. Mutates: these rows of channels [N, 4]. */
export function writePlaneChannels(
  cloud: GaussianCloud,
  camera: PinholeCamera,
  projection: Projection,
  channels: Reals,
  start = 0,
  end = cloud.count,
): void {
  for (let i = start; i < end; i++) {
    if (projection.extents[2 * i] === 0) continue;
    const { normal, p } = planeOf(cloud, i, camera);
    for (let k = 0; k < 3; k++) channels[4 * i + k] = normal[k];
    channels[4 * i + 3] = -(normal[0] * p[0] + normal[1] * p[1] + normal[2] * p[2]);
  }
}

/** Adds to rows [start, end) what the channels' gradient [N, 4] says of means and quaternions. Mutates: result. */
export function addPlaneGradient(
  cloud: GaussianCloud,
  camera: PinholeCamera,
  projection: Projection,
  gradient: Reals,
  result: CloudGradients,
  start = 0,
  end = cloud.count,
): void {
  const { rotation: R } = camera;
  const vQ = new Float64Array(9);
  for (let i = start; i < end; i++) {
    if (projection.extents[2 * i] === 0) continue;
    const { axis, normal, p, side } = planeOf(cloud, i, camera);
    const byDistance = gradient[4 * i + 3];
    const v = [0, 1, 2].map((k) => gradient[4 * i + k] - byDistance * p[k]);
    vQ.fill(0);
    for (let r = 0; r < 3; r++) {
      vQ[3 * r + axis] = side * (R[r] * v[0]! + R[3 + r] * v[1]! + R[6 + r] * v[2]!);
      result.means[3 * i + r] -= byDistance * (R[r] * normal[0] + R[3 + r] * normal[1] + R[6 + r] * normal[2]);
    }
    const wxyz = cloud.quats.subarray(4 * i, 4 * i + 4);
    const norm = Math.hypot(wxyz[0], wxyz[1], wxyz[2], wxyz[3]);
    addQuaternionGradient(
      Float64Array.from(wxyz, (value) => value / norm),
      norm,
      vQ,
      result.quats,
      4 * i,
    );
  }
}

/** Adds the gradient of weight · mean least scale of the drawn Gaussians to rows [start, end). Mutates: result. */
export function addFlatteningGradient(
  { logScales }: GaussianCloud,
  projection: Projection,
  weight: number,
  numDrawn: number,
  result: CloudGradients,
  start: number,
  end: number,
): void {
  for (let i = start; i < end; i++) {
    if (projection.extents[2 * i] === 0) continue;
    const k = 3 * i + leastAxis(logScales, i);
    result.logScales[k] += (weight * Math.exp(logScales[k])) / Math.max(1, numDrawn);
  }
}

function leastAxis(logScales: Reals, i: number): number {
  const [a, b, c] = [logScales[3 * i], logScales[3 * i + 1], logScales[3 * i + 2]];
  return a <= b && a <= c ? 0 : b <= c ? 1 : 2;
}

function planeOf({ means, quats, logScales }: GaussianCloud, i: number, camera: PinholeCamera): Plane {
  const { rotation: R, translation: t } = camera;
  const Q = rotationFromQuaternion([quats[4 * i], quats[4 * i + 1], quats[4 * i + 2], quats[4 * i + 3]]);
  const axis = leastAxis(logScales, i);
  const p = new Float64Array(3);
  const normal = new Float64Array(3);
  let along = 0;
  for (let r = 0; r < 3; r++) {
    p[r] = R[3 * r] * means[3 * i] + R[3 * r + 1] * means[3 * i + 1] + R[3 * r + 2] * means[3 * i + 2] + t[r];
    normal[r] = R[3 * r] * Q[axis] + R[3 * r + 1] * Q[3 + axis] + R[3 * r + 2] * Q[6 + axis];
    along += normal[r] * p[r];
  }
  const side = along < 0 ? 1 : -1;
  for (let r = 0; r < 3; r++) normal[r] *= side;
  return { axis, Q, p, normal, side };
}
