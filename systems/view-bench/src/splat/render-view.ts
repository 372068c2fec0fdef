/** One view of a cloud by any method: colours, and the expected depth. */
import type { GaussianCloud, PinholeCamera, Reals } from '../types.ts';
import type { SplatMethod } from './method.ts';
import { renderCloud } from './render.ts';
import { SURFEL_CHANNELS } from './surfel-composite.ts';
import { renderSurfels } from './surfels.ts';

export interface ViewOptions {
  readonly method?: SplatMethod | undefined;
  readonly isAntialiased?: boolean | undefined;
  readonly hasDepth?: boolean;
  /** Default black. */
  readonly background?: readonly [number, number, number] | undefined;
}

export interface RenderedView {
  /** [H, W, 3] */ readonly rgb: Reals;
  /** [H, W] Σ w z / Σ w, 0 where nothing is drawn; zeros if it was not asked for */ readonly depthM: Float32Array;
}

/** @throws TF-VIEW-001 for an unusable camera */
export function renderView(
  cloud: GaussianCloud,
  camera: PinholeCamera,
  { method = '3dgs', isAntialiased = false, hasDepth = false, background }: ViewOptions = {},
): RenderedView {
  const isFlat = method === '2dgs';
  const behind = background ? { background } : {};
  const { rgb, extra, transmittance } = isFlat
    ? renderSurfels(cloud, camera, behind)
    : renderCloud(cloud, camera, { isAntialiased, hasDepth, ...behind });
  const [stride, offset] = isFlat ? [SURFEL_CHANNELS.count, SURFEL_CHANNELS.depth] : [1, 0];
  const depthM = Float32Array.from(transmittance, (rest: number, p: number) =>
    hasDepth && rest < 1 ? extra[p * stride + offset] / (1 - rest) : 0,
  );
  return { rgb, depthM };
}
