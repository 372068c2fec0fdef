/** Small least squares problems: how much of each known vector is in another. */

const RIDGE = 1e-12;

export interface Fit {
  readonly coefficients: readonly number[];
  /** ‖v − Σ c·b‖ / ‖v‖. */
  readonly residual: number;
}

/** @returns undefined where the vectors depend on each other or `vector` is zero. Cost: O(n²·length) for n vectors. */
export function fitVector(vector: ArrayLike<number>, basis: readonly ArrayLike<number>[]): Fit | undefined {
  const n = basis.length;
  const gram = basis.map((a, i) => basis.map((b, j) => (j <= i ? dot(a, b) : 0)));
  const right = basis.map((b) => dot(vector, b));
  const coefficients = solveCholesky(gram, right);
  const square = dot(vector, vector);
  if (!coefficients || square === 0) return undefined;
  let rest = 0;
  for (let e = 0; e < vector.length; e++) {
    let d = vector[e];
    for (let i = 0; i < n; i++) d -= coefficients[i] * basis[i][e];
    rest += d * d;
  }
  return { coefficients, residual: Math.sqrt(rest / square) };
}

/** @param gram  lower triangle */
function solveCholesky(gram: readonly (readonly number[])[], right: readonly number[]): number[] | undefined {
  const n = right.length;
  const lower = gram.map((row) => [...row]);
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let sum = gram[i][j];
      for (let k = 0; k < j; k++) sum -= lower[i][k] * lower[j][k];
      if (i !== j) lower[i][j] = sum / lower[j][j];
      else if (sum > RIDGE * gram[i][i]) lower[i][i] = Math.sqrt(sum);
      else return undefined;
    }
  const y = new Array<number>(n).fill(0);
  for (let i = 0; i < n; i++) {
    let sum = right[i];
    for (let k = 0; k < i; k++) sum -= lower[i][k] * y[k];
    y[i] = sum / lower[i][i];
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) y[i] -= lower[k][i] * y[k];
    y[i] /= lower[i][i];
  }
  return y;
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
