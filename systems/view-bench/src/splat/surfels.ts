/** Rendering of a cloud of disks and its gradient: projection, tile lists, compositing. */
import type { CloudGradients, GaussianCloud, PinholeCamera } from '../types.ts';
import { createComposite, type CompositeTarget } from './composite.ts';
import type { CompositeGradient } from './composite-gradient.ts';
import { resolveRenderOptions, type RenderOptions, type ResolvedRenderOptions } from './options.ts';
import { createCloud } from '../cloud.ts';
import { assertCamera } from './render.ts';
import { compositeSurfels, SURFEL_CHANNELS, type SurfelCompositeInput } from './surfel-composite.ts';
import { addSurfelGradient, surfelGradientLike, writeSurfelGradient } from './surfel-gradient.ts';
import { createSurfelProjection, projectSurfels } from './surfel-project.ts';
import { createTileLists } from './tile-lists.ts';

export interface SurfelRendering extends CompositeTarget {
  readonly input: SurfelCompositeInput;
  readonly options: ResolvedRenderOptions;
}

/** Renders disks; `extra` holds SURFEL_CHANNELS. @throws TF-VIEW-001 for an unusable camera */
export function renderSurfels(cloud: GaussianCloud, camera: PinholeCamera, given: RenderOptions = {}): SurfelRendering {
  assertCamera(camera, 'renderSurfels');
  const options = resolveRenderOptions(given, cloud.shDegree);
  const projection = createSurfelProjection(cloud.means, cloud.count);
  projectSurfels(cloud, camera, options, projection, 0, cloud.count);
  const { widthPx, heightPx } = camera;
  const lists = createTileLists(projection, widthPx, heightPx);
  const { background, maxAlpha, nearM } = options;
  const input = { projection, lists, widthPx, heightPx, background, maxAlpha, nearM };
  const target = createComposite(cloud.means, widthPx * heightPx, SURFEL_CHANNELS.count);
  compositeSurfels(input, target, 0, 1);
  return { ...target, input, options };
}

/** Gradient of a loss by the cloud. @param gradient  by the outputs of the rendering. Mutates: nothing. */
export function surfelGradient(
  cloud: GaussianCloud,
  camera: PinholeCamera,
  rendering: SurfelRendering,
  gradient: CompositeGradient,
): CloudGradients {
  const { input, options } = rendering;
  const summed = surfelGradientLike(cloud.means, cloud.count);
  addSurfelGradient(input, rendering, gradient, summed, 0, 1);
  const result = createCloud(cloud.count, cloud.shDegree, cloud.means);
  writeSurfelGradient(cloud, camera, options, input.projection, summed, result, undefined, 0, cloud.count);
  return result;
}
