/** The regulariser of a method, and from which step on it works: 7,000 of 30,000 steps for normals, 3,000 for the distortion. */
import { createSharedFloats } from '../reals.ts';
import type { CompositeTarget } from '../splat/composite.ts';
import type { SplatMethod } from '../splat/method.ts';
import { resolveRenderOptions } from '../splat/options.ts';
import { NUM_PLANE_CHANNELS, writePlaneChannels } from '../splat/plane-channels.ts';
import { projectCloud } from '../splat/project.ts';
import { renderCloud } from '../splat/render.ts';
import { SURFEL_CHANNELS } from '../splat/surfel-composite.ts';
import type { Frame, GaussianCloud, PinholeCamera } from '../types.ts';
import type { DepthView } from './multi-view-loss.ts';
import { nearestFrames } from './neighbours.ts';
import { imageEdges, planeDepths, writePlaneLoss } from './plane-loss.ts';
import { writeSurfelLoss } from './surfel-loss.ts';

export interface GeometryWeights {
  /** Default 0.05 for disks, 0.015 for planes. */
  readonly normal?: number | undefined;
  /** Of disks. Default 0. */
  readonly distortion?: number | undefined;
  /** Of the agreement of planes with a neighbouring view, every fourth step. Default 0.03. */
  readonly multiView?: number | undefined;
  /** Of the mean least scale of planes, 1/metres. Default 100. */
  readonly flattening?: number | undefined;
}

export interface GeometryGradient {
  /** [H, W, E] */ readonly extra: Float32Array;
  /** [H, W] */ readonly alpha: Float32Array;
}

export interface GeometryLoss {
  /** Arrays that `write` fills, or undefined before the loss starts. */
  gradientAt(step: number, numPixels: number): GeometryGradient | undefined;
  /** Mutates: gradient. @returns the loss */
  write(
    step: number,
    frameIndex: number,
    cloud: GaussianCloud,
    image: CompositeTarget,
    gradient: GeometryGradient,
  ): number;
}

const NORMAL_START = 7 / 30;
const DISTORTION_START = 3 / 30;
const SURFEL_NORMAL = 0.05;
const PLANE_NORMAL = 0.015;
const PLANE_MULTI_VIEW = 0.03;
/** A neighbour has to be rendered for it. */
const MULTI_VIEW_EVERY = 4;
/** Prime to the above, so that each neighbour has its turn. */
const NUM_NEIGHBOURS = 3;
export const FLATTENING = 100;

/** Channels that a method composites beside colour. */
export function numGeometryChannels(method: SplatMethod): number {
  return { '3dgs': 0, '2dgs': SURFEL_CHANNELS.count, pgsr: NUM_PLANE_CHANNELS }[method];
}

export function createGeometryLoss(
  method: SplatMethod,
  frames: readonly Frame[],
  numSteps: number,
  weights: GeometryWeights,
): GeometryLoss | undefined {
  if (method === '3dgs') return undefined;
  const isFlat = method === '2dgs';
  const normal = weights.normal ?? (isFlat ? SURFEL_NORMAL : PLANE_NORMAL);
  const distortion = isFlat ? (weights.distortion ?? 0) : 0;
  const normalStart = normal > 0 ? NORMAL_START * numSteps : Infinity;
  const distortionStart = distortion > 0 ? DISTORTION_START * numSteps : Infinity;
  const edges = isFlat ? [] : frames.map(({ image }) => imageEdges(image.data, image.widthPx, image.heightPx));
  const multiView = weights.multiView ?? PLANE_MULTI_VIEW;
  const neighbours = isFlat ? [] : frames.map((frame) => nearestFrames(frame, frames, NUM_NEIGHBOURS));
  const kept = new Map<number, GeometryGradient>();
  return {
    gradientAt(step, numPixels) {
      if (step < Math.min(normalStart, distortionStart)) return undefined;
      const known = kept.get(numPixels);
      if (known) return known;
      const extra = createSharedFloats(numGeometryChannels(method) * numPixels);
      const made = { extra, alpha: createSharedFloats(numPixels) };
      kept.set(numPixels, made);
      return made;
    },
    write(step, frameIndex, cloud, { extra, transmittance }, gradient) {
      const { camera } = frames[frameIndex]!;
      if (!isFlat) {
        const other = neighbours[frameIndex]![step % NUM_NEIGHBOURS];
        const isCompared = multiView > 0 && other !== undefined && step % MULTI_VIEW_EVERY === 0;
        const neighbour = isCompared ? { ...planeView(cloud, frames[other]!.camera), weight: multiView } : undefined;
        const { extra: byExtra } = gradient;
        return writePlaneLoss(camera, extra, transmittance, edges[frameIndex]!, normal, byExtra, neighbour);
      }
      const now = {
        normal: step < normalStart ? 0 : normal,
        distortion: step < distortionStart ? 0 : distortion,
      };
      return writeSurfelLoss(camera, extra, transmittance, now, gradient.extra, gradient.alpha);
    },
  };
}

/** Depths of the composited planes in another view. */
function planeView(cloud: GaussianCloud, camera: PinholeCamera): DepthView {
  const extra = new Float32Array(NUM_PLANE_CHANNELS * cloud.count);
  const projection = projectCloud(cloud, camera, resolveRenderOptions({ shDegree: 0 }, cloud.shDegree));
  writePlaneChannels(cloud, camera, projection, extra);
  const rendering = renderCloud(cloud, camera, { extra, numExtra: NUM_PLANE_CHANNELS, shDegree: 0 });
  return { camera, depths: planeDepths(camera, rendering.extra, rendering.transmittance) };
}
