/** Dense symmetric positive-definite algebra for the layer-wise methods: row-major [n, n] f64. */

/** Lower Cholesky factor L with A = L Lᵀ. @returns undefined if A is not positive definite */
export function cholesky(a: Float64Array, n: number): Float64Array | undefined {
  const factor = new Float64Array(n * n);
  for (let row = 0; row < n; row++) {
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
export function inverseFromCholesky(factor: Float64Array, n: number): Float64Array {
  const lowerInverse = new Float64Array(n * n);
  for (let column = 0; column < n; column++) {
    lowerInverse[column * n + column] = 1 / factor[column * n + column]!;
    for (let row = column + 1; row < n; row++) {
      let value = 0;
      for (let k = column; k < row; k++) value -= factor[row * n + k]! * lowerInverse[k * n + column]!;
      lowerInverse[row * n + column] = value / factor[row * n + row]!;
    }
  }
  const inverse = new Float64Array(n * n); // L⁻ᵀ L⁻¹
  for (let k = 0; k < n; k++) {
    for (let i = 0; i <= k; i++) {
      const left = lowerInverse[k * n + i]!;
      if (left === 0) continue;
      for (let j = 0; j <= k; j++) inverse[i * n + j] = inverse[i * n + j]! + left * lowerInverse[k * n + j]!;
    }
  }
  return inverse;
}

/** Upper factor U with A = UᵀU. @returns undefined if A is not positive definite */
export function upperCholesky(a: Float64Array, n: number): Float64Array | undefined {
  const lower = cholesky(a, n);
  if (lower === undefined) return undefined;
  const upper = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) upper[j * n + i] = lower[i * n + j]!;
  return upper;
}
