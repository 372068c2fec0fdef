/** Geometry of one Gaussian seen by one camera: everything that forward and backward projection share.
 *  p = R m + t, Σ = M Mᵀ with M = Q diag(s), B = J R, Σ' = B Σ Bᵀ.  Source: EWA splatting with the full K. */
import type { GaussianCloud, PinholeCamera } from '../types.ts';

/** Share of the image beyond its border up to which the linearisation follows the Gaussian. */
const CLAMP_MARGIN = 0.15;

/** Intermediate values of the Gaussian looked at last; reused for every Gaussian. */
export interface SplatGeometry {
  /** [3] in camera axes */ readonly p: Float64Array;
  /** [4] unit quaternion (w, x, y, z) */ readonly q: Float64Array;
  /** [3, 3] rotation */ readonly Q: Float64Array;
  /** [3] standard deviations */ readonly s: Float64Array;
  /** [3, 3] Q diag(s) */ readonly M: Float64Array;
  /** [4] J00, J02, J11, J12 */ readonly J: Float64Array;
  /** [2, 3] J R */ readonly B: Float64Array;
  /** [2, 3] B M */ readonly BM: Float64Array;
  /** [3] Σ'00, Σ'01, Σ'11 before the low-pass */ readonly cov: Float64Array;
  /** [3] |q|, tx, ty */ readonly misc: Float64Array;
  isClampedX: boolean;
  isClampedY: boolean;
}

export function createSplatGeometry(): SplatGeometry {
  const reals = (length: number) => new Float64Array(length);
  return {
    p: reals(3),
    q: reals(4),
    Q: reals(9),
    s: reals(3),
    M: reals(9),
    J: reals(4),
    B: reals(6),
    BM: reals(6),
    cov: reals(3),
    misc: reals(3),
    isClampedX: false,
    isClampedY: false,
  };
}

/** Fills `geometry` for Gaussian i. @returns false if it is at or nearer than nearM. Mutates: geometry. */
export function computeSplatGeometry(
  cloud: GaussianCloud,
  i: number,
  camera: PinholeCamera,
  nearM: number,
  geometry: SplatGeometry,
): boolean {
  const { means, quats, logScales } = cloud;
  const { rotation: R, translation: t, fx, fy, cx, cy, widthPx, heightPx } = camera;
  const { p, q, Q, s, M, J, B, BM, cov, misc } = geometry;
  const mx = means[3 * i];
  const my = means[3 * i + 1];
  const mz = means[3 * i + 2];
  const z = R[6] * mx + R[7] * my + R[8] * mz + t[2];
  if (!(z > nearM)) return false;
  p[0] = R[0] * mx + R[1] * my + R[2] * mz + t[0];
  p[1] = R[3] * mx + R[4] * my + R[5] * mz + t[1];
  p[2] = z;
  const norm = Math.hypot(quats[4 * i], quats[4 * i + 1], quats[4 * i + 2], quats[4 * i + 3]);
  if (!(norm > 0)) return false;
  misc[0] = norm;
  const w = (q[0] = quats[4 * i] / norm);
  const x = (q[1] = quats[4 * i + 1] / norm);
  const y = (q[2] = quats[4 * i + 2] / norm);
  const v = (q[3] = quats[4 * i + 3] / norm);
  Q[0] = 1 - 2 * (y * y + v * v);
  Q[1] = 2 * (x * y - w * v);
  Q[2] = 2 * (x * v + w * y);
  Q[3] = 2 * (x * y + w * v);
  Q[4] = 1 - 2 * (x * x + v * v);
  Q[5] = 2 * (y * v - w * x);
  Q[6] = 2 * (x * v - w * y);
  Q[7] = 2 * (y * v + w * x);
  Q[8] = 1 - 2 * (x * x + y * y);
  for (let k = 0; k < 3; k++) {
    const scale = (s[k] = Math.exp(logScales[3 * i + k]));
    M[k] = Q[k] * scale;
    M[3 + k] = Q[3 + k] * scale;
    M[6 + k] = Q[6 + k] * scale;
  }
  const ratioX = p[0] / z;
  const ratioY = p[1] / z;
  const limitX = Math.min(
    Math.max(ratioX, -(cx + CLAMP_MARGIN * widthPx) / fx),
    (widthPx * (1 + CLAMP_MARGIN) - cx) / fx,
  );
  const limitY = Math.min(
    Math.max(ratioY, -(cy + CLAMP_MARGIN * heightPx) / fy),
    (heightPx * (1 + CLAMP_MARGIN) - cy) / fy,
  );
  geometry.isClampedX = limitX !== ratioX;
  geometry.isClampedY = limitY !== ratioY;
  misc[1] = z * limitX;
  misc[2] = z * limitY;
  J[0] = fx / z;
  J[1] = (-fx * limitX) / z;
  J[2] = fy / z;
  J[3] = (-fy * limitY) / z;
  for (let k = 0; k < 3; k++) {
    B[k] = J[0] * R[k] + J[1] * R[6 + k];
    B[3 + k] = J[2] * R[3 + k] + J[3] * R[6 + k];
  }
  for (let k = 0; k < 3; k++) {
    BM[k] = B[0] * M[k] + B[1] * M[3 + k] + B[2] * M[6 + k];
    BM[3 + k] = B[3] * M[k] + B[4] * M[3 + k] + B[5] * M[6 + k];
  }
  cov[0] = BM[0] * BM[0] + BM[1] * BM[1] + BM[2] * BM[2];
  cov[1] = BM[0] * BM[3] + BM[1] * BM[4] + BM[2] * BM[5];
  cov[2] = BM[3] * BM[3] + BM[4] * BM[4] + BM[5] * BM[5];
  return true;
}
