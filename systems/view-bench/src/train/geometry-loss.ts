/** The regulariser of a method, and from which step on it works: 7,000 of 30,000 steps for normals, 3,000 for the distortion. */
import { createSharedFloats } from '../reals.ts';
import type { CompositeTarget } from '../splat/composite.ts';
import type { SplatMethod } from '../splat/method.ts';
import { NUM_PLANE_CHANNELS } from '../splat/plane-channels.ts';
import { SURFEL_CHANNELS } from '../splat/surfel-composite.ts';
import type { Frame } from '../types.ts';
import { imageEdges, writePlaneLoss } from './plane-loss.ts';
import { writeSurfelLoss } from './surfel-loss.ts';

export interface GeometryWeights {
  /** Default 0.05 for disks, 0.015 for planes. */
  readonly normal?: number | undefined;
  /** Of disks. Default 0. */
  readonly distortion?: number | undefined;
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
  write(step: number, frameIndex: number, image: CompositeTarget, gradient: GeometryGradient): number;
}

const NORMAL_START = 7 / 30;
const DISTORTION_START = 3 / 30;
const SURFEL_NORMAL = 0.05;
const PLANE_NORMAL = 0.015;
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
    write(step, frameIndex, { extra, transmittance }, gradient) {
      const { camera } = frames[frameIndex]!;
      if (!isFlat) return writePlaneLoss(camera, extra, transmittance, edges[frameIndex]!, normal, gradient.extra);
      const now = {
        normal: step < normalStart ? 0 : normal,
        distortion: step < distortionStart ? 0 : distortion,
      };
      return writeSurfelLoss(camera, extra, transmittance, now, gradient.extra, gradient.alpha);
    },
  };
}
