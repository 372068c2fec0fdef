/** Multi-view geometry of planes: a pixel goes by its depth into a neighbouring view, takes the depth that this view has there, and comes back.
 *  How far from its start it lands is the error e, pixels; L = w mean(exp(−e) e) over pixels with e < 1, the factor exp(−e) and the
 *  neighbour's depths held fixed.  Source: PGSR (arXiv 2406.06521). */
import type { PinholeCamera, Reals } from '../types.ts';
import { rayX, rayY } from './depth-normals.ts';

/** A view and its depths [H, W], 0 = none. */
export interface DepthView {
  readonly camera: PinholeCamera;
  readonly depths: Reals;
}

export interface RelativePose {
  /** [3, 3] row-major */ readonly turn: Float64Array;
  readonly shift: readonly number[];
}

export interface RoundTrip {
  /** Distance of the way back from the start, pixels. */
  readonly errorPx: number;
  /** Its derivative by the depth of the start, pixels a metre. */
  readonly slope: number;
}

const MAX_ERROR_PX = 1;

/** Adds the gradient by the depths. @returns the loss. Mutates: byDepth */
export function addMultiViewGradient(here: DepthView, there: DepthView, weight: number, byDepth: Reals): number {
  const { depths } = here;
  const pose = relativePose(here.camera, there.camera);
  const trips: { readonly p: number; readonly trip: RoundTrip }[] = [];
  for (let p = 0; p < depths.length; p++) {
    const trip = depths[p] > 0 ? roundTrip(here.camera, there, pose, p, depths[p]) : undefined;
    if (trip && trip.errorPx < MAX_ERROR_PX) trips.push({ p, trip });
  }
  let loss = 0;
  for (const { p, trip } of trips) {
    const share = (weight * Math.exp(-trip.errorPx)) / trips.length;
    loss += share * trip.errorPx;
    byDepth[p] += share * trip.slope;
  }
  return loss;
}

/** @returns undefined if the neighbour does not look there, has no depth there, or the way back leads behind the camera */
export function roundTrip(
  camera: PinholeCamera,
  there: DepthView,
  pose: RelativePose,
  p: number,
  depth: number,
): RoundTrip | undefined {
  const x = p % camera.widthPx;
  const y = Math.floor(p / camera.widthPx);
  const { camera: other, depths } = there;
  const ray = [rayX(camera, x), rayY(camera, y), 1];
  const { turn, shift } = pose;
  const along = rotate(turn, ray);
  const point = along.map((value, k) => depth * value + shift[k]!);
  if (!(point[2]! > 0)) return undefined;
  const u = (other.fx * point[0]!) / point[2]! + other.cx - 0.5;
  const v = (other.fy * point[1]!) / point[2]! + other.cy - 0.5;
  if (!(u >= 0 && v >= 0 && u < other.widthPx - 1 && v < other.heightPx - 1)) return undefined;
  const [x0, y0] = [Math.floor(u), Math.floor(v)];
  const [fu, fv] = [u - x0, v - y0];
  const at = y0 * other.widthPx + x0;
  const [d00, d10] = [depths[at], depths[at + 1]];
  const [d01, d11] = [depths[at + other.widthPx], depths[at + other.widthPx + 1]];
  if (!(d00 > 0 && d10 > 0 && d01 > 0 && d11 > 0)) return undefined;
  const found = (d00 * (1 - fu) + d10 * fu) * (1 - fv) + (d01 * (1 - fu) + d11 * fu) * fv;
  // Derivatives by the depth of the start: of the pixel there, of the depth found there, of the point found.
  const byU = (other.fx * (along[0]! * point[2]! - point[0]! * along[2]!)) / point[2]! ** 2;
  const byV = (other.fy * (along[1]! * point[2]! - point[1]! * along[2]!)) / point[2]! ** 2;
  const byFound = ((d10 - d00) * (1 - fv) + (d11 - d01) * fv) * byU + ((d01 - d00) * (1 - fu) + (d11 - d10) * fu) * byV;
  const rayThere = [(u + 0.5 - other.cx) / other.fx, (v + 0.5 - other.cy) / other.fy, 1];
  const back = rotateBack(
    turn,
    rayThere.map((value, k) => found * value - shift[k]!),
  );
  const byBack = rotateBack(turn, [
    byFound * rayThere[0]! + (found * byU) / other.fx,
    byFound * rayThere[1]! + (found * byV) / other.fy,
    byFound,
  ]);
  if (!(back[2]! > 0)) return undefined;
  const dx = (camera.fx * back[0]!) / back[2]! + camera.cx - x - 0.5;
  const dy = (camera.fy * back[1]!) / back[2]! + camera.cy - y - 0.5;
  const errorPx = Math.hypot(dx, dy);
  const byX = (camera.fx * (byBack[0]! * back[2]! - back[0]! * byBack[2]!)) / back[2]! ** 2;
  const byY = (camera.fy * (byBack[1]! * back[2]! - back[1]! * byBack[2]!)) / back[2]! ** 2;
  return { errorPx, slope: errorPx > 1e-9 ? (dx * byX + dy * byY) / errorPx : 0 };
}

/** There from here. */
export function relativePose(from: PinholeCamera, to: PinholeCamera): RelativePose {
  const turn = Float64Array.from({ length: 9 }, (_, k) => {
    const [r, c] = [Math.floor(k / 3), k % 3];
    let sum = 0;
    for (let j = 0; j < 3; j++) sum += to.rotation[3 * r + j] * from.rotation[3 * c + j];
    return sum;
  });
  const shift = rotate(turn, [...from.translation]).map((value, k) => to.translation[k] - value);
  return { turn, shift };
}

function rotate(R: Float64Array, v: readonly number[]): readonly number[] {
  return [0, 1, 2].map((r) => R[3 * r] * v[0]! + R[3 * r + 1] * v[1]! + R[3 * r + 2] * v[2]!);
}

function rotateBack(R: Float64Array, v: readonly number[]): readonly number[] {
  return [0, 1, 2].map((c) => R[c] * v[0]! + R[3 + c] * v[1]! + R[6 + c] * v[2]!);
}
