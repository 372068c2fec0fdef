/** Clouds and cameras in the layouts of the kernels. */
import { createCloud, rowWidths } from '../cloud.ts';
import type { ResolvedRenderOptions } from '../splat/options.ts';
import { cameraCenter } from '../splat/project.ts';
import { shCoefficientCount } from '../splat/spherical-harmonics.ts';
import type { GaussianCloud, PinholeCamera, Reals } from '../types.ts';
import { GEOM_STRIDE, TILE_PX } from './common-wgsl.ts';

/** Bytes of the struct Frame. */
export const FRAME_BYTES = 36 * 4;
const GEOM_KINDS = ['means', 'quats', 'logScales', 'opacityLogits'] as const;

/** [N, 11] */
export function packGeometry(cloud: GaussianCloud): Float32Array<ArrayBuffer> {
  const packed = new Float32Array(GEOM_STRIDE * cloud.count);
  const widths = rowWidths(cloud.shDegree);
  let column = 0;
  for (const kind of GEOM_KINDS) {
    const [width, values] = [widths[kind], cloud[kind]];
    for (let k = 0; k < width; k++, column++) {
      for (let i = 0; i < cloud.count; i++) packed[GEOM_STRIDE * i + column] = values[width * i + k];
    }
  }
  return packed;
}

/** A cloud of packed geometry and harmonics. @param packed  [N, 11] @param sh  [N, K, 3] */
export function unpackCloud(packed: Float32Array, sh: Reals, count: number, shDegree: number): GaussianCloud {
  const cloud = createCloud(count, 0);
  const widths = rowWidths(0);
  let column = 0;
  for (const kind of GEOM_KINDS) {
    const [width, values] = [widths[kind], cloud[kind]];
    for (let k = 0; k < width; k++, column++) {
      for (let i = 0; i < count; i++) values[width * i + k] = packed[GEOM_STRIDE * i + column];
    }
  }
  return { ...cloud, shDegree, sh };
}

/** The struct Frame. @param numStored  coefficients stored a channel @param capacity  room for pairs */
export function packFrame(
  camera: PinholeCamera,
  options: ResolvedRenderOptions,
  count: number,
  numStored: number,
  capacity: number,
): ArrayBuffer {
  const { rotation: R, translation: t, fx, fy, cx, cy, widthPx, heightPx } = camera;
  const floats = new Float32Array(FRAME_BYTES / 4);
  const words = new Uint32Array(floats.buffer);
  for (let r = 0; r < 3; r++) floats.set([R[3 * r], R[3 * r + 1], R[3 * r + 2], t[r]], 4 * r);
  floats.set([fx, fy, cx, cy], 12);
  floats.set(cameraCenter(camera), 16);
  floats.set(options.background, 20);
  floats.set([options.nearM, options.lowPassPx2, options.maxAlpha, options.isAntialiased ? 1 : 0], 24);
  words.set([widthPx, heightPx, ...tileGrid(camera)], 28);
  words.set([count, shCoefficientCount(options.shDegree), numStored, capacity], 32);
  return floats.buffer;
}

/** Columns and rows of tiles. */
export function tileGrid({
  widthPx,
  heightPx,
}: Pick<PinholeCamera, 'widthPx' | 'heightPx'>): readonly [number, number] {
  return [Math.ceil(widthPx / TILE_PX), Math.ceil(heightPx / TILE_PX)];
}
