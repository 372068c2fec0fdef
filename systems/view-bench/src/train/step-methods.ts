/** How each method projects, composites and differentiates its part of a step. */
import { createSharedFloats } from '../reals.ts';
import { compositePart, type CompositeInput } from '../splat/composite.ts';
import { addCompositeGradient, type ProjectionGradient } from '../splat/composite-gradient.ts';
import type { SplatMethod } from '../splat/method.ts';
import {
  addFlatteningGradient,
  addPlaneGradient,
  NUM_PLANE_CHANNELS,
  writePlaneChannels,
} from '../splat/plane-channels.ts';
import { projectRange, type Projection } from '../splat/project.ts';
import { writeProjectionGradient } from '../splat/project-gradient.ts';
import { compositeSurfels } from '../splat/surfel-composite.ts';
import {
  addSurfelGradient,
  createSurfelGradient,
  writeSurfelGradient,
  type SurfelGradient,
} from '../splat/surfel-gradient.ts';
import { projectSurfels, type SurfelProjection } from '../splat/surfel-project.ts';
import type { Reals } from '../types.ts';
import type { StepBuffers, StepOrder } from './step-state.ts';

/** Disks in a step. */
export interface SurfelBuffers {
  readonly projection: SurfelProjection;
  readonly partials: readonly SurfelGradient[];
  /** [N, 2] */ readonly positional: Float32Array;
}

/** Projection, sums of gradients and further arrays that a method needs for N Gaussians, in shared memory. */
export function createMethodBuffers(
  method: SplatMethod,
  count: number,
  numParts: number,
): Pick<StepBuffers, 'projection' | 'partials' | 'surfels' | 'planes'> {
  const floats = (width: number) => createSharedFloats(width * count);
  const projection: Projection = {
    count,
    uv: floats(2),
    depths: floats(1),
    conics: floats(3),
    opacities: floats(1),
    colors: floats(3),
    extents: floats(2),
    reaches: floats(1),
  };
  if (method === '2dgs') {
    const flat = { ...projection, maps: floats(9), normals: floats(3), centers: floats(2) };
    const partials = Array.from({ length: numParts }, () => createSurfelGradient(count, createSharedFloats));
    return { projection: flat, partials: [], surfels: { projection: flat, partials, positional: floats(2) } };
  }
  const partials = Array.from({ length: numParts }, () => ({
    uv: floats(2),
    absoluteUv: floats(2),
    conics: floats(3),
    opacities: floats(1),
    colors: floats(3),
    extra: floats(method === 'pgsr' ? NUM_PLANE_CHANNELS : 0),
  }));
  return { projection, partials, ...(method === 'pgsr' ? { planes: floats(NUM_PLANE_CHANNELS) } : {}) };
}

export function projectRows(
  { cloud, projection, surfels, planes }: StepBuffers,
  { camera, options }: StepOrder,
  start: number,
  end: number,
): void {
  if (surfels) projectSurfels(cloud, camera, options, surfels.projection, start, end);
  else projectRange(cloud, camera, options, projection, start, end);
  if (planes) writePlaneChannels(cloud, camera, projection, planes, start, end);
}

export function compositeStep(buffers: StepBuffers, order: StepOrder, part: number, numParts: number): void {
  const { surfels } = buffers;
  if (surfels)
    compositeSurfels({ ...inputOf(buffers, order), projection: surfels.projection }, order.image, part, numParts);
  else compositePart(inputOf(buffers, order), order.image, part, numParts);
}

export function differentiateStep(buffers: StepBuffers, order: StepOrder, part: number, numParts: number): void {
  const { surfels, partials } = buffers;
  const { extraGradient, alphaGradient } = order;
  const gradient = {
    rgb: order.imageGradient,
    ...(extraGradient ? { extra: extraGradient } : {}),
    ...(alphaGradient ? { alpha: alphaGradient } : {}),
  };
  const input = inputOf(buffers, order);
  const partial = (surfels?.partials ?? partials)[part]!;
  for (const array of Object.values(partial) as Reals[]) array.fill(0);
  if (surfels) {
    const flat = { ...input, projection: surfels.projection };
    addSurfelGradient(flat, order.image, gradient, surfels.partials[part]!, part, numParts);
  } else addCompositeGradient(input, order.image, gradient, partials[part]!, part, numParts);
}

/** Sums the parts' gradients of rows and brings them to the parameters. @returns [N, 2] gradient by the position in the image */
export function gradientRows(buffers: StepBuffers, order: StepOrder, start: number, end: number): Reals {
  const { cloud, projection, partials, gradients, surfels, planes } = buffers;
  const { camera, options } = order;
  if (surfels) {
    const total = sumParts(surfels.partials, cloud.count, start, end);
    const { positional } = surfels;
    writeSurfelGradient(cloud, camera, options, surfels.projection, total, gradients, positional, start, end);
    return positional;
  }
  const total: ProjectionGradient = sumParts(partials, cloud.count, start, end);
  writeProjectionGradient(cloud, camera, options, projection, total, undefined, gradients, start, end);
  if (planes) {
    if (order.extraGradient) addPlaneGradient(cloud, camera, projection, total.extra, gradients, start, end);
    const { weight, numDrawn } = order.flattening!;
    addFlatteningGradient(cloud, projection, weight, numDrawn, gradients, start, end);
  }
  return order.isAbsolute ? total.absoluteUv : total.uv;
}

/** Adds rows [start, end) of the other parts to the first. @returns the first. Mutates: it */
function sumParts<Part extends ProjectionGradient | SurfelGradient>(
  parts: readonly Part[],
  count: number,
  start: number,
  end: number,
): Part {
  const total = parts[0]!;
  for (const other of parts.slice(1)) {
    for (const key of Object.keys(total) as (keyof Part)[]) {
      const sum = total[key] as Reals;
      const more = other[key] as Reals;
      const width = sum.length / count;
      for (let k = start * width; k < end * width; k++) sum[k] += more[k];
    }
  }
  return total;
}

function inputOf({ projection, planes }: StepBuffers, order: StepOrder): CompositeInput & { readonly nearM: number } {
  const { camera, options } = order;
  return {
    projection,
    lists: order.lists,
    widthPx: camera.widthPx,
    heightPx: camera.heightPx,
    background: options.background,
    maxAlpha: options.maxAlpha,
    nearM: options.nearM,
    extra: planes,
    numExtra: planes ? NUM_PLANE_CHANNELS : 0,
  };
}
