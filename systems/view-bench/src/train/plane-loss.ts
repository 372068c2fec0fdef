/** Geometry of planes: the composited normal agrees with the normal of the depth that normals and plane distances imply.
 *  z = D / (−N · r) for the ray r of a pixel; L = w mean((1 − g)² |N − n(z) A|₁), g the image's edges, A the coverage, both held fixed.
 *  Source: PGSR (arXiv 2406.06521). */
import { createReals } from '../reals.ts';
import { NUM_PLANE_CHANNELS } from '../splat/plane-channels.ts';
import type { PinholeCamera, Reals } from '../types.ts';
import { depthGradientFromNormals, normalsFromDepth, rayX, rayY } from './depth-normals.ts';
import { addMultiViewGradient, type DepthView } from './multi-view-loss.ts';

const MIN_COVERAGE = 0.05;
/** −N · r below this (with the coverage in it) is a plane seen edge-on. */
const MIN_SLOPE = 0.01;

/** @param extra  [H, W, 4] composited channels @param edges  [H, W] 0..1
 *  @param neighbour  a view whose depths these should agree with, held fixed.  Mutates: extraGradient, overwritten. @returns the loss */
export function writePlaneLoss(
  camera: PinholeCamera,
  extra: Reals,
  transmittance: Reals,
  edges: Reals,
  weight: number,
  extraGradient: Reals,
  neighbour?: DepthView & { readonly weight: number },
): number {
  const numPixels = transmittance.length;
  extraGradient.fill(0);
  const depths = planeDepths(camera, extra, transmittance);
  const normals = normalsFromDepth(camera, depths);
  const byNormals = createReals(extra, 3 * numPixels);
  let loss = 0;
  for (let p = 0; p < numPixels; p++) {
    if (normals[3 * p] === 0 && normals[3 * p + 1] === 0 && normals[3 * p + 2] === 0) continue;
    const share = (weight * (1 - edges[p]) ** 2) / numPixels;
    const coverage = 1 - transmittance[p];
    for (let k = 0; k < 3; k++) {
      const difference = extra[p * NUM_PLANE_CHANNELS + k] - coverage * normals[3 * p + k];
      loss += share * Math.abs(difference);
      extraGradient[p * NUM_PLANE_CHANNELS + k] += share * Math.sign(difference);
      byNormals[3 * p + k] = -share * coverage * Math.sign(difference);
    }
  }
  const byDepth = depthGradientFromNormals(camera, depths, byNormals);
  if (neighbour) loss += addMultiViewGradient({ camera, depths }, neighbour, neighbour.weight, byDepth);
  for (let p = 0; p < numPixels; p++) {
    if (depths[p] === 0) continue;
    const at = p * NUM_PLANE_CHANNELS;
    const ray = [rayX(camera, p % camera.widthPx), rayY(camera, Math.floor(p / camera.widthPx)), 1] as const;
    const slope = -(extra[at] * ray[0] + extra[at + 1] * ray[1] + extra[at + 2]);
    extraGradient[at + 3] += byDepth[p] / slope;
    for (let k = 0; k < 3; k++) extraGradient[at + k] += (byDepth[p] * depths[p] * ray[k]!) / slope;
  }
  return loss;
}

/** [H, W] depth along z of the composited planes, 0 where there is none. */
export function planeDepths(camera: PinholeCamera, extra: Reals, transmittance: Reals): Reals {
  const depths = createReals(extra, transmittance.length);
  for (let p = 0; p < depths.length; p++) {
    if (1 - transmittance[p] <= MIN_COVERAGE) continue;
    const at = p * NUM_PLANE_CHANNELS;
    const x = rayX(camera, p % camera.widthPx);
    const y = rayY(camera, Math.floor(p / camera.widthPx));
    const slope = -(extra[at] * x + extra[at + 1] * y + extra[at + 2]);
    if (slope > MIN_SLOPE && extra[at + 3] > 0) depths[p] = extra[at + 3] / slope;
  }
  return depths;
}

/** [H, W] size of the grey image's gradient by central differences, as a share of its largest. */
export function imageEdges(data: ArrayLike<number>, widthPx: number, heightPx: number): Float32Array {
  const grey = Float32Array.from(
    { length: widthPx * heightPx },
    (_, p) => (data[3 * p]! + data[3 * p + 1]! + data[3 * p + 2]!) / 3,
  );
  const edges = new Float32Array(grey.length);
  let largest = 0;
  for (let y = 0; y < heightPx; y++) {
    for (let x = 0; x < widthPx; x++) {
      const dx = grey[y * widthPx + Math.min(widthPx - 1, x + 1)] - grey[y * widthPx + Math.max(0, x - 1)];
      const dy = grey[Math.min(heightPx - 1, y + 1) * widthPx + x] - grey[Math.max(0, y - 1) * widthPx + x];
      largest = Math.max(largest, (edges[y * widthPx + x] = Math.hypot(dx, dy)));
    }
  }
  if (largest > 0) for (let p = 0; p < edges.length; p++) edges[p] /= largest;
  return edges;
}
