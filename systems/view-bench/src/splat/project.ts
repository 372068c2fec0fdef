/** Projection of a cloud into a camera: pixel positions, conics, opacities, colours, and the extent of the α ≥ 1/255 ellipse. */
import { createReals, sigmoid } from '../reals.ts';
import type { GaussianCloud, PinholeCamera, Reals } from '../types.ts';
import { createColorScratch, writeColor } from './color.ts';
import { computeSplatGeometry, createSplatGeometry } from './geometry.ts';
import type { ResolvedRenderOptions } from './options.ts';

/** Row i belongs to Gaussian i; rows with `extents` 0 are not drawn. */
export interface Projection {
  readonly count: number;
  /** [N, 2] pixels */ readonly uv: Reals;
  /** [N] metres along z */ readonly depths: Reals;
  /** [N, 3] a, b, c of the inverse covariance, 1/px² */ readonly conics: Reals;
  /** [N] in 0..1, with the antialiasing factor */ readonly opacities: Reals;
  /** [N, 3] */ readonly colors: Reals;
  /** [N, 2] half-widths of the visible ellipse in pixels */ readonly extents: Reals;
  /** [N] largest dᵀ X d that is still visible, 2 ln(255 o) */ readonly reaches: Reals;
}

/** Gaussians fainter than this are not drawn. */
export const MIN_ALPHA = 1 / 255;
/** Lower bound of the determinant ratio of antialiasing. */
export const MIN_DET_RATIO = 0.000025;

export function createProjection(like: Reals, count: number): Projection {
  const reals = (length: number) => createReals(like, length);
  return {
    count,
    uv: reals(2 * count),
    depths: reals(count),
    conics: reals(3 * count),
    opacities: reals(count),
    colors: reals(3 * count),
    extents: reals(2 * count),
    reaches: reals(count),
  };
}

/** Projects all Gaussians. Cost: O(N). Mutates: nothing. */
export function projectCloud(cloud: GaussianCloud, camera: PinholeCamera, options: ResolvedRenderOptions): Projection {
  const projection = createProjection(cloud.means, cloud.count);
  projectRange(cloud, camera, options, projection, 0, cloud.count);
  return projection;
}

/** Projects rows [start, end). Mutates: these rows of `projection`. */
export function projectRange(
  cloud: GaussianCloud,
  camera: PinholeCamera,
  options: ResolvedRenderOptions,
  projection: Projection,
  start: number,
  end: number,
): void {
  const { opacityLogits } = cloud;
  const geometry = createSplatGeometry();
  const scratch = createColorScratch();
  const center = cameraCenter(camera);
  const { lowPassPx2, isAntialiased } = options;
  for (let i = start; i < end; i++) {
    projection.extents[2 * i] = 0;
    if (!computeSplatGeometry(cloud, i, camera, options.nearM, geometry)) continue;
    const { cov, p } = geometry;
    const c00 = cov[0] + lowPassPx2;
    const c11 = cov[2] + lowPassPx2;
    const det = c00 * c11 - cov[1] * cov[1];
    if (!(det > 0)) continue;
    let opacity = sigmoid(opacityLogits[i]);
    if (isAntialiased) opacity *= Math.sqrt(Math.max(MIN_DET_RATIO, (cov[0] * cov[2] - cov[1] * cov[1]) / det));
    if (!(opacity >= MIN_ALPHA)) continue;
    const u = (camera.fx * p[0]) / p[2] + camera.cx;
    const v = (camera.fy * p[1]) / p[2] + camera.cy;
    const reach = 2 * Math.log(opacity / MIN_ALPHA);
    const halfX = Math.sqrt(reach * c00);
    const halfY = Math.sqrt(reach * c11);
    if (u + halfX < 0 || v + halfY < 0 || u - halfX > camera.widthPx || v - halfY > camera.heightPx) continue;
    projection.uv[2 * i] = u;
    projection.uv[2 * i + 1] = v;
    projection.depths[i] = p[2];
    projection.conics[3 * i] = c11 / det;
    projection.conics[3 * i + 1] = -cov[1] / det;
    projection.conics[3 * i + 2] = c00 / det;
    projection.opacities[i] = opacity;
    projection.reaches[i] = reach;
    // A hair wider, so that rounding never loses a pixel; pixels test α themselves.
    projection.extents[2 * i] = halfX + EXTENT_SLACK_PX;
    projection.extents[2 * i + 1] = halfY + EXTENT_SLACK_PX;
    writeColor(cloud, i, center, options.shDegree, scratch, projection.colors);
  }
}

const EXTENT_SLACK_PX = 1e-3;

/** C = −Rᵀ t. */
export function cameraCenter({ rotation: R, translation: t }: PinholeCamera): readonly [number, number, number] {
  return [
    -(R[0] * t[0] + R[3] * t[1] + R[6] * t[2]),
    -(R[1] * t[0] + R[4] * t[1] + R[7] * t[2]),
    -(R[2] * t[0] + R[5] * t[1] + R[8] * t[2]),
  ];
}
