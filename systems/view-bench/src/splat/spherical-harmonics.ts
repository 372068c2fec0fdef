/** Real spherical harmonics up to degree 3 and their gradient by direction, in the sign convention of 3D Gaussian splats.
 *  Source: Kerbl et al. 2023 (arXiv 2308.04079), supplementary basis; gradients derived by hand. */

export const SH_C0 = 0.28209479177387814;
const C1 = 0.4886025119029199;
const C2 = [
  1.0925484305920792, -1.0925484305920792, 0.31539156525252005, -1.0925484305920792, 0.5462742152960396,
] as const;
const C3 = [
  -0.5900435899266435, 2.890611442640554, -0.4570457994644658, 0.3731763325901154, -0.4570457994644658,
  1.445305721320277, -0.5900435899266435,
] as const;

/** Number of coefficients a channel. */
export function shCoefficientCount(degree: number): number {
  return (degree + 1) ** 2;
}

/** Writes Y_k(direction) for k < (degree + 1)². @param direction unit vector. Mutates: basis. */
export function evaluateShBasis(degree: number, x: number, y: number, z: number, basis: Float64Array): void {
  basis[0] = SH_C0;
  if (degree < 1) return;
  basis[1] = -C1 * y;
  basis[2] = C1 * z;
  basis[3] = -C1 * x;
  if (degree < 2) return;
  const [xx, yy, zz] = [x * x, y * y, z * z];
  basis[4] = C2[0] * x * y;
  basis[5] = C2[1] * y * z;
  basis[6] = C2[2] * (2 * zz - xx - yy);
  basis[7] = C2[3] * x * z;
  basis[8] = C2[4] * (xx - yy);
  if (degree < 3) return;
  basis[9] = C3[0] * y * (3 * xx - yy);
  basis[10] = C3[1] * x * y * z;
  basis[11] = C3[2] * y * (4 * zz - xx - yy);
  basis[12] = C3[3] * z * (2 * zz - 3 * xx - 3 * yy);
  basis[13] = C3[4] * x * (4 * zz - xx - yy);
  basis[14] = C3[5] * z * (xx - yy);
  basis[15] = C3[6] * x * (xx - 3 * yy);
}

/** Adds Σ_k w_k ∇Y_k to `gradient` [3]. The gradient is that of the polynomials in x, y, z. Mutates: gradient. */
export function addShDirectionGradient(
  degree: number,
  x: number,
  y: number,
  z: number,
  weights: Float64Array,
  gradient: Float64Array,
): void {
  if (degree < 1) return;
  let gx = -C1 * weights[3];
  let gy = -C1 * weights[1];
  let gz = C1 * weights[2];
  if (degree >= 2) {
    const [w4, w5, w6, w7, w8] = [weights[4], weights[5], weights[6], weights[7], weights[8]];
    gx += C2[0] * w4 * y - 2 * C2[2] * w6 * x + C2[3] * w7 * z + 2 * C2[4] * w8 * x;
    gy += C2[0] * w4 * x + C2[1] * w5 * z - 2 * C2[2] * w6 * y - 2 * C2[4] * w8 * y;
    gz += C2[1] * w5 * y + 4 * C2[2] * w6 * z + C2[3] * w7 * x;
  }
  if (degree >= 3) {
    const [xx, yy, zz] = [x * x, y * y, z * z];
    const [xy, xz, yz] = [x * y, x * z, y * z];
    const w9 = C3[0] * weights[9];
    const w10 = C3[1] * weights[10];
    const w11 = C3[2] * weights[11];
    const w12 = C3[3] * weights[12];
    const w13 = C3[4] * weights[13];
    const w14 = C3[5] * weights[14];
    const w15 = C3[6] * weights[15];
    gx += w9 * 6 * xy + w10 * yz - w11 * 2 * xy - w12 * 6 * xz;
    gx += w13 * (4 * zz - 3 * xx - yy) + w14 * 2 * xz + w15 * 3 * (xx - yy);
    gy += w9 * 3 * (xx - yy) + w10 * xz + w11 * (4 * zz - xx - 3 * yy) - w12 * 6 * yz;
    gy += -w13 * 2 * xy - w14 * 2 * yz - w15 * 6 * xy;
    gz += w10 * xy + w11 * 8 * yz + w12 * (6 * zz - 3 * xx - 3 * yy) + w13 * 8 * xz + w14 * (xx - yy);
  }
  gradient[0] += gx;
  gradient[1] += gy;
  gradient[2] += gz;
}
