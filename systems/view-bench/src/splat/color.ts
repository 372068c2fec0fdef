/** Colour of a Gaussian from its harmonics in the direction from the camera, and its gradient. */
import type { CloudGradients, GaussianCloud, Reals } from '../types.ts';
import { addShDirectionGradient, evaluateShBasis, shCoefficientCount } from './spherical-harmonics.ts';

/** Intermediate values of the Gaussian looked at last. */
export interface ColorScratch {
  readonly basis: Float64Array;
  readonly weights: Float64Array;
  readonly direction: Float64Array;
}

export function createColorScratch(): ColorScratch {
  return { basis: new Float64Array(16), weights: new Float64Array(16), direction: new Float64Array(3) };
}

/** Math: c = max(0, ½ + Σ_k Y_k(d) sh_k), d = (m − C) / |m − C|. Mutates: scratch, row i of colors. */
export function writeColor(
  { means, sh, shDegree }: GaussianCloud,
  i: number,
  center: readonly [number, number, number],
  degree: number,
  { basis }: ColorScratch,
  colors: Reals,
): void {
  const x = means[3 * i] - center[0];
  const y = means[3 * i + 1] - center[1];
  const z = means[3 * i + 2] - center[2];
  const length = Math.hypot(x, y, z);
  evaluateShBasis(degree, x / length, y / length, z / length, basis);
  const numBasis = shCoefficientCount(degree);
  const base = 3 * i * shCoefficientCount(shDegree);
  for (let c = 0; c < 3; c++) {
    let sum = 0.5;
    for (let k = 0; k < numBasis; k++) sum += basis[k] * sh[base + 3 * k + c];
    colors[3 * i + c] = Math.max(0, sum);
  }
}

/** Writes the coefficients' gradient and adds that of the mean; a channel clamped at 0 passes none. Mutates: scratch, row i of result. */
export function addColorGradient(
  { means, sh, shDegree }: GaussianCloud,
  i: number,
  center: readonly [number, number, number],
  degree: number,
  { basis, weights, direction }: ColorScratch,
  colors: Reals,
  gradient: Reals,
  result: CloudGradients,
): void {
  const ox = means[3 * i] - center[0];
  const oy = means[3 * i + 1] - center[1];
  const oz = means[3 * i + 2] - center[2];
  const length = Math.hypot(ox, oy, oz);
  const nx = ox / length;
  const ny = oy / length;
  const nz = oz / length;
  evaluateShBasis(degree, nx, ny, nz, basis);
  const vr = colors[3 * i] > 0 ? gradient[3 * i] : 0;
  const vg = colors[3 * i + 1] > 0 ? gradient[3 * i + 1] : 0;
  const vb = colors[3 * i + 2] > 0 ? gradient[3 * i + 2] : 0;
  const numBasis = shCoefficientCount(degree);
  const base = 3 * i * shCoefficientCount(shDegree);
  for (let k = 0; k < numBasis; k++) {
    const at = base + 3 * k;
    result.sh[at] = basis[k] * vr;
    result.sh[at + 1] = basis[k] * vg;
    result.sh[at + 2] = basis[k] * vb;
    weights[k] = sh[at] * vr + sh[at + 1] * vg + sh[at + 2] * vb;
  }
  direction.fill(0);
  addShDirectionGradient(degree, nx, ny, nz, weights, direction);
  const along = direction[0] * nx + direction[1] * ny + direction[2] * nz;
  result.means[3 * i] += (direction[0] - along * nx) / length;
  result.means[3 * i + 1] += (direction[1] - along * ny) / length;
  result.means[3 * i + 2] += (direction[2] - along * nz) / length;
}
