/** Dense symmetric positive-definite algebra for the layer-wise methods: row-major [n, n] f64. */
import type { Pace } from './pace.ts';

/** Lower Cholesky factor L with A = L Lᵀ. @returns undefined if A is not positive definite */
export async function cholesky(a: Float64Array, n: number, pace: Pace): Promise<Float64Array | undefined> {
  const factor = new Float64Array(n * n);
  for (let row = 0; row < n; row++) {
    await pace((row * row) / 2);
    for (let column = 0; column <= row; column++) {
      let value = a[row * n + column]!;
      for (let k = 0; k < column; k++) value -= factor[row * n + k]! * factor[column * n + k]!;
      if (row === column) {
        if (!(value > 0)) return undefined;
        factor[row * n + row] = Math.sqrt(value);
      } else factor[row * n + column] = value / factor[column * n + column]!;
    }
  }
  return factor;
}

/** A⁻¹ from the lower factor. */
export async function inverseFromCholesky(factor: Float64Array, n: number, pace: Pace): Promise<Float64Array> {
  const lowerInverse = new Float64Array(n * n);
  for (let row = 0; row < n; row++) {
    await pace((row * row) / 2);
    const at = row * n;
    for (let k = 0; k < row; k++) {
      const left = factor[at + k]!;
      for (let column = 0; column <= k; column++)
        lowerInverse[at + column] = lowerInverse[at + column]! - left * lowerInverse[k * n + column]!;
    }
    const diagonal = factor[at + row]!;
    for (let column = 0; column < row; column++) lowerInverse[at + column] = lowerInverse[at + column]! / diagonal;
    lowerInverse[at + row] = 1 / diagonal;
  }
  const inverse = new Float64Array(n * n); // L⁻ᵀ L⁻¹
  for (let k = 0; k < n; k++) {
    await pace(k * k);
    for (let i = 0; i <= k; i++) {
      const left = lowerInverse[k * n + i]!;
      if (left === 0) continue;
      for (let j = 0; j <= k; j++) inverse[i * n + j] = inverse[i * n + j]! + left * lowerInverse[k * n + j]!;
    }
  }
  return inverse;
}

/** Upper factor U with A = UᵀU. @returns undefined if A is not positive definite */
export async function upperCholesky(a: Float64Array, n: number, pace: Pace): Promise<Float64Array | undefined> {
  const lower = await cholesky(a, n, pace);
  if (lower === undefined) return undefined;
  const upper = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) upper[j * n + i] = lower[i * n + j]!;
  return upper;
}
