/** ADMM pruning of one matrix: W, a masked copy Z and the scaled dual U take turns; the mask grows cubically to 2:4.
 *  Columns are scaled by their input norms first; (XᵀX + ρI) is inverted once.
 *  Source: Boža 2024 (arXiv 2401.02938), with the settings of the released code: ρ = 1, 20 iterations, masks over the first 15. */
import { CODE_BITS, maskFromScores } from '../mask/mask24.ts';
import type { Mask24 } from '../types.ts';
import { cholesky, inverseFromCholesky } from './cholesky.ts';
import type { Pace } from './pace.ts';

const ITERATIONS = 20;
const MASK_ITERATIONS = 15;
const DAMPING = 0.1;

export async function admmPrune(
  weights: Float32Array,
  shape: readonly [number, number],
  gram: Float64Array,
  pace: Pace,
): Promise<{ mask: Mask24; updated: Float32Array }> {
  const [rows, n] = shape;
  const norms = Float64Array.from({ length: n }, (_, j) => Math.sqrt(Math.max(0, gram[j * n + j]!)) + 1e-8);
  const scaled = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) scaled[i * n + j] = gram[i * n + j]! / (norms[i]! * norms[j]!);
  let mean = 0;
  for (let j = 0; j < n; j++) mean += scaled[j * n + j]! / n;
  for (let j = 0; j < n; j++) scaled[j * n + j] = scaled[j * n + j]! + DAMPING * mean;
  const shifted = Float64Array.from(scaled);
  for (let j = 0; j < n; j++) shifted[j * n + j] = shifted[j * n + j]! + 1;
  const inverse = await inverseFromCholesky((await cholesky(shifted, n, pace))!, n, pace);
  const start = Float64Array.from(weights, (value, i) => value * norms[i % n]!);
  const fixed = await multiply(start, scaled, [rows, n], pace); // W₀ XᵀX
  let w = Float64Array.from(start);
  const z = new Float64Array(w.length);
  const u = new Float64Array(w.length);
  let mask = maskFromScores(shape, w, true);
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    const sum = w.map((value, i) => value + u[i]!);
    let limit = 0;
    if (iteration < MASK_ITERATIONS) {
      mask = maskFromScores(shape, sum, true);
      const share = 0.5 * (1 - (1 - (iteration + 1) / MASK_ITERATIONS) ** 3);
      limit = thresholdOfShare(sum, mask.codes, share);
    }
    for (let i = 0; i < z.length; i++) {
      const isTop = (CODE_BITS[mask.codes[i >> 2]!]! & (1 << (i & 3))) !== 0;
      const isKept = isTop || (iteration < MASK_ITERATIONS - 1 && Math.abs(sum[i]!) > limit);
      z[i] = isKept ? sum[i]! : 0;
      u[i] = sum[i]! - z[i]!;
    }
    const target = fixed.map((value, i) => value + z[i]! - u[i]!);
    w = await multiply(target, inverse, [rows, n], pace);
  }
  const updated = new Float32Array(weights.length);
  for (let i = 0; i < updated.length; i++) {
    if (CODE_BITS[mask.codes[i >> 2]!]! & (1 << (i & 3))) updated[i] = (w[i]! + u[i]!) / norms[i % n]!;
  }
  return { mask, updated };
}

/** The size up to which entries go so that a share of all goes, none of the two largest of a block among them. */
function thresholdOfShare(values: Float64Array, codes: Uint8Array, share: number): number {
  const sizes = values
    .map((value, i) => (CODE_BITS[codes[i >> 2]!]! & (1 << (i & 3)) ? Infinity : Math.abs(value)))
    .sort();
  return sizes[Math.min(sizes.length - 1, Math.floor(share * sizes.length) - 1)] ?? 0;
}

/** @param a [rows, n] @param b [n, n] @returns [rows, n] */
async function multiply(
  a: Float64Array,
  b: Float64Array,
  [rows, n]: readonly [number, number],
  pace: Pace,
): Promise<Float64Array<ArrayBuffer>> {
  const product = new Float64Array(rows * n);
  for (let row = 0; row < rows; row++) {
    await pace(n * n);
    const at = row * n;
    // Four rows of b at a time, so that the product is read and written a quarter as often; n is a multiple of 4.
    for (let k = 0; k < n; k += 4) {
      const [a0, a1, a2, a3] = [a[at + k]!, a[at + k + 1]!, a[at + k + 2]!, a[at + k + 3]!];
      const [b0, b1, b2, b3] = [k * n, (k + 1) * n, (k + 2) * n, (k + 3) * n];
      for (let j = 0; j < n; j++)
        product[at + j] = product[at + j]! + a0 * b[b0 + j]! + a1 * b[b1 + j]! + a2 * b[b2 + j]! + a3 * b[b3 + j]!;
    }
  }
  return product;
}
