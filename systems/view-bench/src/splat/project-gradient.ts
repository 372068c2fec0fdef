/** Exact derivative of projectCloud: gradients of means, quaternions, log scales, opacity logits and coefficients.
 *  Σ' = B Σ Bᵀ, conic X = (Σ' + low-pass)⁻¹, dΣ' = −X V X; the clamped branch of J and the antialiasing factor included. */
import { createCloud } from '../cloud.ts';
import { sigmoid } from '../reals.ts';
import { PARAMETER_KINDS } from '../types.ts';
import type { CloudGradients, GaussianCloud, PinholeCamera, Reals } from '../types.ts';
import { addColorGradient, createColorScratch } from './color.ts';
import type { ProjectionGradient } from './composite-gradient.ts';
import { computeSplatGeometry, createSplatGeometry } from './geometry.ts';
import type { ResolvedRenderOptions } from './options.ts';
import type { Projection } from './project.ts';
import { cameraCenter, MIN_DET_RATIO } from './project.ts';

/** @param depthGradient  [N] further gradient by the depth along z, if depth was composited
 *  @returns gradients in the cloud's layout; rows not drawn are zero. Cost: O(N). Mutates: nothing. */
export function projectionGradient(
  cloud: GaussianCloud,
  camera: PinholeCamera,
  options: ResolvedRenderOptions,
  projection: Projection,
  gradient: ProjectionGradient,
  depthGradient?: Reals,
): CloudGradients {
  const result = createCloud(cloud.count, cloud.shDegree, cloud.means);
  writeProjectionGradient(cloud, camera, options, projection, gradient, depthGradient, result, 0, cloud.count);
  return result;
}

/** The same for rows [start, end). Mutates: these rows of `result`. */
export function writeProjectionGradient(
  cloud: GaussianCloud,
  camera: PinholeCamera,
  options: ResolvedRenderOptions,
  projection: Projection,
  gradient: ProjectionGradient,
  depthGradient: Reals | undefined,
  result: CloudGradients,
  start: number,
  end: number,
): void {
  const geometry = createSplatGeometry();
  const { p, q, Q, s, M, J, B, BM, cov, misc } = geometry;
  const scratch = createColorScratch();
  const dB = new Float64Array(6);
  const GB = new Float64Array(6);
  const vQ = new Float64Array(9);
  const center = cameraCenter(camera);
  const { rotation: R, fx, fy } = camera;
  const { lowPassPx2, isAntialiased } = options;
  for (const kind of PARAMETER_KINDS) {
    const width = result[kind].length / cloud.count;
    result[kind].fill(0, start * width, end * width);
  }
  for (let i = start; i < end; i++) {
    if (projection.extents[2 * i] === 0) continue;
    computeSplatGeometry(cloud, i, camera, options.nearM, geometry);
    const c00 = cov[0] + lowPassPx2;
    const c11 = cov[2] + lowPassPx2;
    const det = c00 * c11 - cov[1] * cov[1];
    const xa = c11 / det;
    const xb = -cov[1] / det;
    const xc = c00 / det;
    // G = −X V X, V = [[v_a, v_b/2], [v_b/2, v_c]]
    const va = gradient.conics[3 * i];
    const vb = 0.5 * gradient.conics[3 * i + 1];
    const vc = gradient.conics[3 * i + 2];
    const left00 = xa * va + xb * vb;
    const left01 = xa * vb + xb * vc;
    const left10 = xb * va + xc * vb;
    const left11 = xb * vb + xc * vc;
    let g00 = -(left00 * xa + left01 * xb);
    let g01 = -(left00 * xb + left01 * xc);
    let g11 = -(left10 * xb + left11 * xc);
    const opacity = sigmoid(cloud.opacityLogits[i]);
    let vOpacity = gradient.opacities[i];
    if (isAntialiased) {
      const rawDet = cov[0] * cov[2] - cov[1] * cov[1];
      const ratio = rawDet / det;
      const factor = Math.sqrt(Math.max(MIN_DET_RATIO, ratio));
      if (ratio > MIN_DET_RATIO) {
        const vRatio = (vOpacity * opacity) / (2 * factor * det);
        g00 += vRatio * (cov[2] - ratio * c11);
        g11 += vRatio * (cov[0] - ratio * c00);
        g01 += vRatio * (ratio - 1) * cov[1];
      }
      vOpacity *= factor;
    }
    result.opacityLogits[i] = vOpacity * opacity * (1 - opacity);
    for (let k = 0; k < 3; k++) {
      GB[k] = g00 * B[k] + g01 * B[3 + k];
      GB[3 + k] = g01 * B[k] + g11 * B[3 + k];
    }
    // dB = 2 G B Σ = 2 (G B M) Mᵀ and dM = 2 Bᵀ G (B M)
    for (let row = 0; row < 2; row++) {
      const h0 = GB[3 * row] * M[0] + GB[3 * row + 1] * M[3] + GB[3 * row + 2] * M[6];
      const h1 = GB[3 * row] * M[1] + GB[3 * row + 1] * M[4] + GB[3 * row + 2] * M[7];
      const h2 = GB[3 * row] * M[2] + GB[3 * row + 1] * M[5] + GB[3 * row + 2] * M[8];
      for (let k = 0; k < 3; k++) dB[3 * row + k] = 2 * (h0 * M[3 * k] + h1 * M[3 * k + 1] + h2 * M[3 * k + 2]);
    }
    for (let k = 0; k < 3; k++) {
      let sumScale = 0;
      for (let r = 0; r < 3; r++) {
        const dM = 2 * (GB[r] * BM[k] + GB[3 + r] * BM[3 + k]);
        sumScale += dM * Q[3 * r + k];
        vQ[3 * r + k] = dM * s[k];
      }
      result.logScales[3 * i + k] = s[k] * sumScale;
    }
    addQuaternionGradient(q, misc[0], vQ, result.quats, 4 * i);
    const dJ00 = dB[0] * R[0] + dB[1] * R[1] + dB[2] * R[2];
    const dJ02 = dB[0] * R[6] + dB[1] * R[7] + dB[2] * R[8];
    const dJ11 = dB[3] * R[3] + dB[4] * R[4] + dB[5] * R[5];
    const dJ12 = dB[3] * R[6] + dB[4] * R[7] + dB[5] * R[8];
    const z = p[2];
    const vu = gradient.uv[2 * i];
    const vv = gradient.uv[2 * i + 1];
    let dx = (fx / z) * vu;
    let dy = (fy / z) * vv;
    let dz = -(fx * p[0] * vu + fy * p[1] * vv) / (z * z) - (J[0] * dJ00 + J[2] * dJ11) / z;
    // J02 = −fx tx / z²: tx follows p_x, or z alone where it is clamped.
    if (geometry.isClampedX) dz -= (J[1] / z) * dJ02;
    else {
      dx -= (fx / (z * z)) * dJ02;
      dz -= ((2 * J[1]) / z) * dJ02;
    }
    if (geometry.isClampedY) dz -= (J[3] / z) * dJ12;
    else {
      dy -= (fy / (z * z)) * dJ12;
      dz -= ((2 * J[3]) / z) * dJ12;
    }
    if (depthGradient) dz += depthGradient[i];
    result.means[3 * i] = R[0] * dx + R[3] * dy + R[6] * dz;
    result.means[3 * i + 1] = R[1] * dx + R[4] * dy + R[7] * dz;
    result.means[3 * i + 2] = R[2] * dx + R[5] * dy + R[8] * dz;
    addColorGradient(cloud, i, center, options.shDegree, scratch, projection.colors, gradient.colors, result);
  }
}

/** Adds the gradient by the unnormalised quaternion, from v = dL/dQ. Mutates: out[start .. start + 4). */
export function addQuaternionGradient(
  q: Float64Array,
  norm: number,
  v: Float64Array,
  out: Float32Array | Float64Array,
  start: number,
): void {
  const [w, x, y, z] = q;
  const dw = 2 * (x * (v[7] - v[5]) + y * (v[2] - v[6]) + z * (v[3] - v[1]));
  const dx = 2 * (-2 * x * (v[4] + v[8]) + y * (v[3] + v[1]) + z * (v[6] + v[2]) + w * (v[7] - v[5]));
  const dy = 2 * (x * (v[3] + v[1]) - 2 * y * (v[0] + v[8]) + z * (v[7] + v[5]) + w * (v[2] - v[6]));
  const dz = 2 * (x * (v[6] + v[2]) + y * (v[7] + v[5]) - 2 * z * (v[0] + v[4]) + w * (v[3] - v[1]));
  const along = dw * w + dx * x + dy * y + dz * z;
  out[start] += (dw - along * w) / norm;
  out[start + 1] += (dx - along * x) / norm;
  out[start + 2] += (dy - along * y) / norm;
  out[start + 3] += (dz - along * z) / norm;
}
