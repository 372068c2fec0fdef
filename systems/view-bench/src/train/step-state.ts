/** One training step in phases. Every phase works on a part of its rows, tiles or image rows and touches nothing else, so that parts run
 *  in any order, in one thread or several, with the same bits. All arrays lie in shared memory. */
import { createSharedFloats } from '../reals.ts';
import { compositePart, type CompositeInput, type CompositeTarget } from '../splat/composite.ts';
import { addCompositeGradient, type ProjectionGradient } from '../splat/composite-gradient.ts';
import type { ResolvedRenderOptions } from '../splat/options.ts';
import { projectRange, type Projection } from '../splat/project.ts';
import { writeProjectionGradient } from '../splat/project-gradient.ts';
import type { TileLists } from '../splat/tile-lists.ts';
import { PARAMETER_KINDS, type CloudGradients, type GaussianCloud, type PinholeCamera } from '../types.ts';
import { applyAdamRows, type AdamState, type GroupRates } from './adam.ts';
import { writeImageLossRows, type LossOptions } from './loss.ts';
import { addMcmcRegularisers } from './mcmc.ts';

export type Phase = 'project' | 'composite' | 'loss' | 'backward' | 'update';

/** What stays the same while the number of Gaussians does. */
export interface StepBuffers {
  readonly cloud: GaussianCloud;
  readonly projection: Projection;
  /** A sum of gradients for each part. */ readonly partials: readonly ProjectionGradient[];
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
  /** [N, E] composited channels and [H, W, E] their gradients */ readonly extra: Float32Array | undefined;
  readonly extraGradient: Float32Array | undefined;
  readonly rates: GroupRates;
  readonly isAbsolute: boolean;
  readonly isRegularised: boolean;
}

/** Runs part `part` of `numParts` of a phase. @returns its share of the loss, or 0 */
export function runPhase(phase: Phase, buffers: StepBuffers, order: StepOrder, part: number, numParts: number): number {
  const { cloud, projection } = buffers;
  const { camera, options } = order;
  const rows = stretch(cloud.count, part, numParts);
  if (phase === 'project') {
    projectRange(cloud, camera, options, projection, rows.start, rows.end);
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
  const input: CompositeInput = {
    projection,
    lists: order.lists,
    widthPx: camera.widthPx,
    heightPx: camera.heightPx,
    background: options.background,
    maxAlpha: options.maxAlpha,
    extra: order.extra,
    numExtra: options.numExtra,
  };
  if (phase === 'composite') {
    compositePart(input, order.image, part, numParts);
    return 0;
  }
  const partial = buffers.partials[part];
  for (const array of Object.values(partial)) array.fill(0);
  const gradient = { rgb: order.imageGradient, ...(order.extraGradient ? { extra: order.extraGradient } : {}) };
  addCompositeGradient(input, order.image, gradient, partial, part, numParts);
  return 0;
}

/** Sums the partial gradients of rows, projects them back, counts growth statistics, and steps the parameters. */
function update(buffers: StepBuffers, order: StepOrder, start: number, end: number): void {
  const { cloud, projection, partials, gradients, moments, growth } = buffers;
  const { camera, options } = order;
  const total = partials[0];
  for (const other of partials.slice(1)) {
    for (const key of Object.keys(total) as (keyof ProjectionGradient)[]) {
      const width = total[key].length / cloud.count;
      const sum = total[key];
      const more = other[key];
      for (let k = start * width; k < end * width; k++) sum[k] += more[k];
    }
  }
  writeProjectionGradient(cloud, camera, options, projection, total, undefined, gradients, start, end);
  const positional = order.isAbsolute ? total.absoluteUv : total.uv;
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
  numExtra: number,
): StepBuffers {
  const { count } = cloud;
  const floats = (width: number) => createSharedFloats(width * count);
  return {
    cloud,
    projection: {
      count,
      uv: floats(2),
      depths: floats(1),
      conics: floats(3),
      opacities: floats(1),
      colors: floats(3),
      extents: floats(2),
      reaches: floats(1),
    },
    partials: Array.from({ length: numParts }, () => ({
      uv: floats(2),
      absoluteUv: floats(2),
      conics: floats(3),
      opacities: floats(1),
      colors: floats(3),
      extra: floats(numExtra),
    })),
    gradients: Object.fromEntries(
      PARAMETER_KINDS.map((kind) => [kind, createSharedFloats(cloud[kind].length)]),
    ) as unknown as CloudGradients,
    moments: { first: adam.first, second: adam.second },
    growth: { sums: floats(1), views: new Uint32Array(new SharedArrayBuffer(4 * count)) },
  };
}
