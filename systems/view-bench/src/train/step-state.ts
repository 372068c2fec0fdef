/** One training step in phases. Every phase works on a part of its rows, tiles or image rows and touches nothing else, so that parts run
 *  in any order, in one thread or several, with the same bits. All arrays lie in shared memory. */
import { createSharedFloats } from '../reals.ts';
import type { CompositeTarget } from '../splat/composite.ts';
import type { ProjectionGradient } from '../splat/composite-gradient.ts';
import type { SplatMethod } from '../splat/method.ts';
import type { ResolvedRenderOptions } from '../splat/options.ts';
import type { Projection } from '../splat/project.ts';
import type { TileLists } from '../splat/tile-lists.ts';
import { PARAMETER_KINDS, type CloudGradients, type GaussianCloud, type PinholeCamera } from '../types.ts';
import { applyAdamRows, type AdamState, type GroupRates } from './adam.ts';
import { writeImageLossRows, type LossOptions } from './loss.ts';
import { addMcmcRegularisers } from './mcmc.ts';
import {
  compositeStep,
  createMethodBuffers,
  differentiateStep,
  gradientRows,
  projectRows,
  type SurfelBuffers,
} from './step-methods.ts';

export type Phase = 'project' | 'composite' | 'loss' | 'backward' | 'update';

/** What stays the same while the number of Gaussians does. */
export interface StepBuffers {
  readonly cloud: GaussianCloud;
  readonly projection: Projection;
  /** A sum of gradients for each part. */ readonly partials: readonly ProjectionGradient[];
  /** Of the method 2dgs, which uses these in place of `partials`. */ readonly surfels?: SurfelBuffers;
  /** [N, 4] normals and plane distances of the method pgsr. */ readonly planes?: Float32Array;
  readonly gradients: CloudGradients;
  readonly moments: Pick<AdamState, 'first' | 'second'>;
  /** [N] sum of positional gradients, and views in which each was drawn. */
  readonly growth: { readonly sums: Float32Array; readonly views: Uint32Array };
}

/** What a step says. */
export interface StepOrder {
  readonly step: number;
  readonly camera: PinholeCamera;
  readonly options: ResolvedRenderOptions;
  readonly lists: TileLists;
  readonly image: CompositeTarget;
  /** Colours that the loss sees: the rendering, or it after exposure. */ readonly shown: Float32Array;
  readonly target: Float32Array;
  readonly loss: LossOptions;
  readonly numOpen: number;
  /** [H, W, 3] by the shown colours, then by the rendering */ readonly imageGradient: Float32Array;
  /** [H, W, E] by the method's further channels and [H, W] by the coverage, where a loss reads them */
  readonly extraGradient?: Float32Array | undefined;
  readonly alphaGradient?: Float32Array | undefined;
  /** Of planes: the weight of the mean least scale, and the Gaussians that are drawn. */
  readonly flattening?: { readonly weight: number; readonly numDrawn: number } | undefined;
  readonly rates: GroupRates;
  readonly isAbsolute: boolean;
  readonly isRegularised: boolean;
}

/** Runs part `part` of `numParts` of a phase. @returns its share of the loss, or 0 */
export function runPhase(phase: Phase, buffers: StepBuffers, order: StepOrder, part: number, numParts: number): number {
  const { cloud } = buffers;
  const { camera } = order;
  const rows = stretch(cloud.count, part, numParts);
  if (phase === 'project') {
    projectRows(buffers, order, rows.start, rows.end);
    return 0;
  }
  if (phase === 'loss') {
    const band = stretch(camera.heightPx, part, numParts);
    return writeImageLossRows(
      order.shown,
      order.target,
      camera,
      order.loss,
      order.numOpen,
      band.start,
      band.end,
      order.imageGradient,
    );
  }
  if (phase === 'update') {
    update(buffers, order, rows.start, rows.end);
    return 0;
  }
  if (phase === 'composite') compositeStep(buffers, order, part, numParts);
  else differentiateStep(buffers, order, part, numParts);
  return 0;
}

/** Sums the partial gradients of rows, projects them back, counts growth statistics, and steps the parameters. */
function update(buffers: StepBuffers, order: StepOrder, start: number, end: number): void {
  const { cloud, projection, gradients, moments, growth } = buffers;
  const { camera } = order;
  const positional = gradientRows(buffers, order, start, end);
  for (let i = start; i < end; i++) {
    if (projection.extents[2 * i] === 0) continue;
    growth.sums[i] += Math.hypot(positional[2 * i] * camera.widthPx, positional[2 * i + 1] * camera.heightPx) / 2;
    growth.views[i]++;
  }
  if (order.isRegularised) addMcmcRegularisers(cloud, gradients, start, end);
  applyAdamRows(cloud, gradients, { step: order.step, ...moments }, order.rates, start, end);
}

function stretch(length: number, part: number, numParts: number): { readonly start: number; readonly end: number } {
  return { start: Math.floor((length * part) / numParts), end: Math.floor((length * (part + 1)) / numParts) };
}

/** Copies of a cloud's arrays in shared memory. */
export function sharedCloud(cloud: GaussianCloud): GaussianCloud {
  const copies = PARAMETER_KINDS.map((kind) => {
    const copy = createSharedFloats(cloud[kind].length);
    copy.set(cloud[kind]);
    return [kind, copy] as const;
  });
  return { count: cloud.count, shDegree: cloud.shDegree, ...(Object.fromEntries(copies) as unknown as CloudGradients) };
}

/** Buffers for a cloud, whose arrays are shared already. */
export function createStepBuffers(
  cloud: GaussianCloud,
  adam: AdamState,
  numParts: number,
  method: SplatMethod = '3dgs',
): StepBuffers {
  const { count } = cloud;
  const floats = (width: number) => createSharedFloats(width * count);
  return {
    cloud,
    ...createMethodBuffers(method, count, numParts),
    gradients: Object.fromEntries(
      PARAMETER_KINDS.map((kind) => [kind, createSharedFloats(cloud[kind].length)]),
    ) as unknown as CloudGradients,
    moments: { first: adam.first, second: adam.second },
    growth: { sums: floats(1), views: new Uint32Array(new SharedArrayBuffer(4 * count)) },
  };
}
