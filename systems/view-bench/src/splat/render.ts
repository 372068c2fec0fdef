/** Rendering of a cloud and its gradient: projection, tile lists, compositing. */
import { createReals } from '../reals.ts';
import type { CloudGradients, GaussianCloud, PinholeCamera, Reals } from '../types.ts';
import { viewError } from '../view-errors.ts';
import { compositeTiles, type CompositeInput, type CompositeTarget } from './composite.ts';
import { compositeGradient, type CompositeGradient, type ProjectionGradient } from './composite-gradient.ts';
import type { RenderOptions, ResolvedRenderOptions } from './options.ts';
import { resolveRenderOptions } from './options.ts';
import { projectCloud } from './project.ts';
import { projectionGradient } from './project-gradient.ts';
import { shCoefficientCount } from './spherical-harmonics.ts';
import { createTileLists } from './tile-lists.ts';

export interface Rendering extends CompositeTarget {
  /** Kept for the backward pass. */
  readonly input: CompositeInput;
  readonly options: ResolvedRenderOptions;
}

/** Renders a cloud. @throws TF-VIEW-001 for an unusable camera, TF-VIEW-008 for arrays of wrong size */
export function renderCloud(cloud: GaussianCloud, camera: PinholeCamera, options: RenderOptions = {}): Rendering {
  assertCamera(camera, 'renderCloud');
  assertCloud(cloud);
  const resolved = resolveRenderOptions(options, cloud.shDegree);
  const projection = projectCloud(cloud, camera, resolved);
  const numExtra = resolved.numExtra + (resolved.hasDepth ? 1 : 0);
  const input: CompositeInput = {
    projection,
    lists: createTileLists(projection, camera.widthPx, camera.heightPx),
    widthPx: camera.widthPx,
    heightPx: camera.heightPx,
    background: resolved.background,
    maxAlpha: resolved.maxAlpha,
    extra: resolved.hasDepth ? withDepth(resolved, projection.depths, cloud.count) : resolved.extra,
    numExtra,
  };
  return { ...compositeTiles(input), input, options: resolved };
}

export interface RenderGradient extends CloudGradients {
  /** By projected quantities, for densification. */
  readonly projected: ProjectionGradient;
}

/** Gradient of a loss by the cloud. @param gradient  by the outputs of the rendering. Mutates: nothing. */
export function renderGradient(
  cloud: GaussianCloud,
  camera: PinholeCamera,
  rendering: Rendering,
  gradient: CompositeGradient,
): RenderGradient {
  const { input, options } = rendering;
  const projected = compositeGradient(input, rendering, gradient);
  let depthGradient: Reals | undefined;
  if (options.hasDepth) {
    depthGradient = createReals(cloud.means, cloud.count);
    for (let i = 0; i < cloud.count; i++) depthGradient[i] = projected.extra[(i + 1) * input.numExtra - 1];
  }
  return { ...projectionGradient(cloud, camera, options, input.projection, projected, depthGradient), projected };
}

/** @throws TF-VIEW-001 */
export function assertCamera(camera: PinholeCamera, subject: string, location?: string): void {
  const { widthPx, heightPx, fx, fy, cx, cy, rotation, translation } = camera;
  const isSized = Number.isInteger(widthPx) && Number.isInteger(heightPx) && widthPx > 0 && heightPx > 0;
  if (!isSized || !(fx > 0) || !(fy > 0) || !Number.isFinite(fx + fy + cx + cy)) {
    throw viewError('TF-VIEW-001', {
      subject,
      expected: 'positive image size and focal lengths and a finite principal point',
      actual: `${widthPx} × ${heightPx}, fx ${fx}, fy ${fy}, cx ${cx}, cy ${cy}`,
      ...(location === undefined ? {} : { location }),
    });
  }
  if (![...rotation, ...translation].every(Number.isFinite)) {
    throw viewError('TF-VIEW-001', {
      subject,
      expected: 'a finite pose',
      actual: `translation ${translation.join(' ')}, rotation ${rotation.join(' ')}`,
      ...(location === undefined ? {} : { location }),
    });
  }
}

function assertCloud({ count, shDegree, means, quats, logScales, opacityLogits, sh }: GaussianCloud): void {
  const lengths = [means.length, quats.length, logScales.length, opacityLogits.length, sh.length];
  const wanted = [3, 4, 3, 1, 3 * shCoefficientCount(shDegree)].map((width) => width * count);
  if (lengths.every((length, k) => length === wanted[k])) return;
  throw viewError('TF-VIEW-008', {
    subject: 'renderCloud',
    expected: `arrays of ${wanted.join(', ')} values for ${count} Gaussians of degree ${shDegree}`,
    actual: lengths.join(', '),
  });
}

/** [N, E + 1]: the further channels with depth behind them. */
function withDepth({ extra, numExtra }: ResolvedRenderOptions, depths: Reals, count: number): Reals {
  const joined = createReals(depths, count * (numExtra + 1));
  for (let i = 0; i < count; i++) {
    for (let e = 0; e < numExtra; e++) joined[i * (numExtra + 1) + e] = extra![i * numExtra + e];
    joined[i * (numExtra + 1) + numExtra] = depths[i];
  }
  return joined;
}
