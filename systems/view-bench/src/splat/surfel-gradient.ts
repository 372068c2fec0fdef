/** Exact derivative of compositing and projecting disks. Per pixel, with v_w the gradient by the weight w = α T:
 *  v_α = v_w T − Σ_behind v_w w / (1 − α); v_ρ = −½ o e^{−ρ/2} v_α; u and v pass it to k and l, and these to the map's rows. */
import { createReals } from '../reals.ts';
import { PARAMETER_KINDS, type CloudGradients, type GaussianCloud, type PinholeCamera, type Reals } from '../types.ts';
import { addColorGradient, createColorScratch } from './color.ts';
import type { CompositeTarget } from './composite.ts';
import type { CompositeGradient } from './composite-gradient.ts';
import { expOfNegative, MAX_EXPONENT } from './exponential.ts';
import type { ResolvedRenderOptions } from './options.ts';
import { cameraCenter, MIN_ALPHA } from './project.ts';
import { addQuaternionGradient } from './project-gradient.ts';
import {
  createSurfelHit,
  hitSurfel,
  mapDepth,
  mapDepthSlope,
  SURFEL_CHANNELS,
  type SurfelCompositeInput,
} from './surfel-composite.ts';
import { LOW_PASS, normalSide, surfelRotation, type SurfelProjection } from './surfel-project.ts';
import { TILE_PX } from './tile-lists.ts';

const PIXELS = TILE_PX * TILE_PX;
const { normal: NORMAL, depth: DEPTH, mapped: MAPPED, mappedSquare: SQUARE, count: CHANNELS } = SURFEL_CHANNELS;

export interface SurfelGradient {
  /** [N, 9] */ readonly maps: Reals;
  /** [N, 2] by the mean's pixel */ readonly centers: Reals;
  /** [N, 3] */ readonly normals: Reals;
  /** [N] */ readonly opacities: Reals;
  /** [N, 3] */ readonly colors: Reals;
}

export function createSurfelGradient(count: number, create: (length: number) => Reals): SurfelGradient {
  return {
    maps: create(9 * count),
    centers: create(2 * count),
    normals: create(3 * count),
    opacities: create(count),
    colors: create(3 * count),
  };
}

export function surfelGradientLike(like: Reals, count: number): SurfelGradient {
  return createSurfelGradient(count, (length) => createReals(like, length));
}

/** Adds the gradient of tiles part, part + numParts, … Mutates: result. */
export function addSurfelGradient(
  input: SurfelCompositeInput,
  composite: CompositeTarget,
  gradient: CompositeGradient,
  result: SurfelGradient,
  part: number,
  numParts: number,
): void {
  const { projection, lists, widthPx, heightPx, background, maxAlpha, nearM } = input;
  const { uv, extents, opacities, colors, normals, maps, centers } = projection;
  const T = new Float64Array(PIXELS);
  const behind = new Float64Array(PIXELS);
  const tail = new Float64Array(PIXELS);
  const lasts = new Uint32Array(PIXELS);
  const sum = new Float64Array(9);
  const hit = createSurfelHit();
  const vC = gradient.rgb;
  const vE = gradient.extra;
  for (let tile = part; tile < lists.columns * lists.rows; tile += numParts) {
    const x0 = (tile % lists.columns) * TILE_PX;
    const y0 = Math.floor(tile / lists.columns) * TILE_PX;
    const xEnd = Math.min(x0 + TILE_PX, widthPx);
    const yEnd = Math.min(y0 + TILE_PX, heightPx);
    let lastOfTile = 0;
    behind.fill(0);
    for (let y = y0; y < yEnd; y++) {
      for (let x = x0; x < xEnd; x++) {
        const pixel = (y - y0) * TILE_PX + x - x0;
        const source = y * widthPx + x;
        T[pixel] = composite.transmittance[source];
        lasts[pixel] = composite.lasts[source];
        lastOfTile = Math.max(lastOfTile, lasts[pixel]);
        let rest = gradient.alpha ? gradient.alpha[source] : 0;
        for (let k = 0; k < 3; k++) rest -= vC[3 * source + k] * background[k];
        tail[pixel] = rest * T[pixel];
      }
    }
    for (let position = lastOfTile - 1; position >= lists.starts[tile]; position--) {
      const i = lists.ids[position];
      const rowStart = Math.max(y0, Math.ceil(uv[2 * i + 1] - extents[2 * i + 1] - 0.5));
      const rowEnd = Math.min(yEnd, Math.floor(uv[2 * i + 1] + extents[2 * i + 1] - 0.5) + 1);
      const start = Math.max(x0, Math.ceil(uv[2 * i] - extents[2 * i] - 0.5));
      const end = Math.min(xEnd, Math.floor(uv[2 * i] + extents[2 * i] - 0.5) + 1);
      const opacity = opacities[i];
      const [w0, w1, w2] = [maps[9 * i + 6], maps[9 * i + 7], maps[9 * i + 8]];
      sum.fill(0);
      let [sumO, sumU, sumV] = [0, 0, 0];
      for (let y = rowStart; y < rowEnd; y++) {
        for (let x = start; x < end; x++) {
          const pixel = (y - y0) * TILE_PX + x - x0;
          if (position >= lasts[pixel]) continue;
          const [px, py] = [x + 0.5, y + 0.5];
          hitSurfel(projection, i, px, py, hit);
          if (!(hit.rho <= 2 * MAX_EXPONENT && hit.depthM > nearM)) continue;
          const fall = expOfNegative(hit.rho / 2);
          const unclamped = opacity * fall;
          const alpha = Math.min(maxAlpha, unclamped);
          if (alpha < MIN_ALPHA) continue;
          const source = y * widthPx + x;
          const open = 1 / (1 - alpha);
          const before = T[pixel] * open;
          T[pixel] = before;
          const weight = alpha * before;
          let shade = 0;
          for (let k = 0; k < 3; k++) {
            shade += vC[3 * source + k] * colors[3 * i + k];
            result.colors[3 * i + k] += weight * vC[3 * source + k];
          }
          let vDepth = 0;
          if (vE) {
            const at = source * CHANNELS;
            const mapped = mapDepth(hit.depthM);
            for (let k = 0; k < 3; k++) {
              shade += vE[at + NORMAL + k] * normals[3 * i + k];
              result.normals[3 * i + k] += weight * vE[at + NORMAL + k];
            }
            shade += vE[at + DEPTH] * hit.depthM + vE[at + MAPPED] * mapped + vE[at + SQUARE] * mapped * mapped;
            vDepth =
              weight * (vE[at + DEPTH] + (vE[at + MAPPED] + 2 * mapped * vE[at + SQUARE]) * mapDepthSlope(hit.depthM));
          }
          const farther = behind[pixel];
          behind[pixel] = farther + shade * weight;
          let vRho = 0;
          if (unclamped <= maxAlpha) {
            const vAlpha = shade * before + (tail[pixel] - farther) * open;
            sumO += fall * vAlpha;
            vRho = -0.5 * unclamped * vAlpha;
          }
          if (!hit.isHit) {
            sumU += 2 * LOW_PASS * (centers[2 * i] - px) * vRho;
            sumV += 2 * LOW_PASS * (centers[2 * i + 1] - py) * vRho;
            sum[8] += vDepth;
            continue;
          }
          const { u, v, scale } = hit;
          const vu = (2 * u * vRho + vDepth * w0) / scale;
          const vv = (2 * v * vRho + vDepth * w1) / scale;
          const vs = -(u * vu + v * vv);
          // (vu, vv, vs) is the gradient by k × l: by k it is l × it, by l it is it × k.
          const k0 = px * w0 - maps[9 * i];
          const k1 = px * w1 - maps[9 * i + 1];
          const k2 = px * w2 - maps[9 * i + 2];
          const l0 = py * w0 - maps[9 * i + 3];
          const l1 = py * w1 - maps[9 * i + 4];
          const l2 = py * w2 - maps[9 * i + 5];
          const gk0 = l1 * vs - l2 * vv;
          const gk1 = l2 * vu - l0 * vs;
          const gk2 = l0 * vv - l1 * vu;
          const gl0 = vv * k2 - vs * k1;
          const gl1 = vs * k0 - vu * k2;
          const gl2 = vu * k1 - vv * k0;
          sum[0] -= gk0;
          sum[1] -= gk1;
          sum[2] -= gk2;
          sum[3] -= gl0;
          sum[4] -= gl1;
          sum[5] -= gl2;
          sum[6] += px * gk0 + py * gl0 + vDepth * u;
          sum[7] += px * gk1 + py * gl1 + vDepth * v;
          sum[8] += px * gk2 + py * gl2 + vDepth;
        }
      }
      for (let k = 0; k < 9; k++) result.maps[9 * i + k] += sum[k];
      result.centers[2 * i] += sumU;
      result.centers[2 * i + 1] += sumV;
      result.opacities[i] += sumO;
    }
  }
}

/** Gradient by the parameters for rows [start, end). @param positional  [N, 2] gets the gradient by a shift of the mean of one pixel.
 *  Mutates: these rows of `result` and `positional`. */
export function writeSurfelGradient(
  cloud: GaussianCloud,
  camera: PinholeCamera,
  options: ResolvedRenderOptions,
  projection: SurfelProjection,
  gradient: SurfelGradient,
  result: CloudGradients,
  positional: Reals | undefined,
  start: number,
  end: number,
): void {
  const { rotation: R, fx, fy, cx, cy } = camera;
  const { maps, centers, opacities } = projection;
  const center = cameraCenter(camera);
  const scratch = createColorScratch();
  const vM = new Float64Array(9);
  const vQ = new Float64Array(9);
  const columns = new Float64Array(9);
  for (const kind of PARAMETER_KINDS) {
    const width = result[kind].length / cloud.count;
    result[kind].fill(0, start * width, end * width);
  }
  for (let i = start; i < end; i++) {
    if (projection.extents[2 * i] === 0) continue;
    const Q = surfelRotation(cloud, i)!;
    const depth = maps[9 * i + 8];
    const [vu, vv] = [gradient.centers[2 * i], gradient.centers[2 * i + 1]];
    for (let c = 0; c < 3; c++) {
      let tu = gradient.maps[9 * i + c];
      let tv = gradient.maps[9 * i + 3 + c];
      let tw = gradient.maps[9 * i + 6 + c];
      if (c === 2) {
        tu += vu / depth;
        tv += vv / depth;
        tw -= (vu * centers[2 * i] + vv * centers[2 * i + 1]) / depth;
      }
      vM[c] = fx * tu;
      vM[3 + c] = fy * tv;
      vM[6 + c] = cx * tu + cy * tv + tw;
    }
    columns[8] = depth;
    columns[2] = (maps[9 * i + 2] - cx * depth) / fx;
    columns[5] = (maps[9 * i + 5] - cy * depth) / fy;
    const side = normalSide(R, Q, columns);
    for (let r = 0; r < 3; r++) {
      for (let c = 0; c < 2; c++)
        vQ[3 * r + c] =
          Math.exp(cloud.logScales[3 * i + c]) * (R[r] * vM[c] + R[3 + r] * vM[3 + c] + R[6 + r] * vM[6 + c]);
      vQ[3 * r + 2] =
        side *
        (R[r] * gradient.normals[3 * i] +
          R[3 + r] * gradient.normals[3 * i + 1] +
          R[6 + r] * gradient.normals[3 * i + 2]);
      result.means[3 * i + r] = R[r] * vM[2] + R[3 + r] * vM[5] + R[6 + r] * vM[8];
    }
    // The scale multiplies its column, so that its logarithm gets the column's gradient along itself.
    for (let c = 0; c < 2; c++)
      result.logScales[3 * i + c] = vQ[c] * Q[c] + vQ[3 + c] * Q[3 + c] + vQ[6 + c] * Q[6 + c];
    const { quats } = cloud;
    const norm = Math.hypot(quats[4 * i], quats[4 * i + 1], quats[4 * i + 2], quats[4 * i + 3]);
    const q = Float64Array.from({ length: 4 }, (_, k) => quats[4 * i + k] / norm);
    addQuaternionGradient(q, norm, vQ, result.quats, 4 * i);
    result.opacityLogits[i] = gradient.opacities[i] * opacities[i] * (1 - opacities[i]);
    addColorGradient(cloud, i, center, options.shDegree, scratch, projection.colors, gradient.colors, result);
    if (positional) {
      positional[2 * i] = (vM[2] * depth) / fx;
      positional[2 * i + 1] = (vM[5] * depth) / fy;
    }
  }
}
