/** Minima of f restricted to the k largest entries, k = 3 or 4, for sorted z₁ ≥ z₂ ≥ z₃ ≥ z₄ ≥ 0.
 *
 *  `alternate` is the official form: coordinate minimisation from zero, smallest entry first, at most 100 sweeps.
 *  `followPath` is exact: it follows the minimiser from λ = 0, where it is z, to the target λ by Newton's method. All
 *  minimisers with full support of their size lie in the convex set where the Hessian H = I + λ·M, M_ij = Σ of the
 *  entries other than i and j, is positive semidefinite, so there is one value to find.
 *  Source: ProxSparse (arXiv 2502.00258), algorithms 2 and 3; the path is ours. */

const MAX_SWEEPS = 100;
const SWEEP_TOLERANCE = 1e-9;
/** Relative to the largest weight: far below the spacing of f32. */
const SETTLE_TOLERANCE = 1e-9;
const PATH_STEPS = 200;
const NEWTON_STEPS = 3;
const LAST_NEWTON_STEPS = 12;
const PIVOT_TOLERANCE = -1e-9;
const RESIDUAL_TOLERANCE = 1e-6;

/** Coordinate minimisation from `w` as given; for blocks on whose whole box [0, z] f is convex, where any start leads to
 *  the one minimum.  Mutates: w. @returns true if it still moved in the last sweep */
export function settle(z: Float64Array, lambda: number, w: Float64Array): boolean {
  const za = z[0]!;
  const zb = z[1]!;
  const zc = z[2]!;
  const zd = z[3]!;
  let a = w[0]!;
  let b = w[1]!;
  let c = w[2]!;
  let d = w[3]!;
  let isMoving = true;
  for (let sweep = 0; sweep < MAX_SWEEPS && isMoving; sweep++) {
    const a0 = a;
    const b0 = b;
    const c0 = c;
    const d0 = d;
    d = Math.max(0, zd - lambda * (a * b + (a + b) * c));
    c = Math.max(0, zc - lambda * (a * b + (a + b) * d));
    b = Math.max(0, zb - lambda * (c * d + (c + d) * a));
    a = Math.max(0, za - lambda * (c * d + (c + d) * b));
    isMoving = Math.abs(a - a0) + Math.abs(b - b0) + Math.abs(c - c0) + Math.abs(d - d0) >= SETTLE_TOLERANCE * a;
  }
  w[0] = a;
  w[1] = b;
  w[2] = c;
  w[3] = d;
  return isMoving;
}

/** Coordinate minimisation over the k largest entries. @param w  [4] written; entries from k on are zero */
export function alternate(z: Float64Array, lambda: number, k: 3 | 4, w: Float64Array): void {
  if (k === 3) alternateThree(z, lambda, w);
  else alternateFour(z, lambda, w);
}

function alternateThree(z: Float64Array, lambda: number, w: Float64Array): void {
  const za = z[0]!;
  const zb = z[1]!;
  const zc = z[2]!;
  let a = 0;
  let b = 0;
  let c = 0;
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    const a0 = a;
    const b0 = b;
    const c0 = c;
    c = Math.max(0, zc - lambda * a * b);
    const pull = lambda * c;
    b = Math.max(0, zb - pull * a);
    a = Math.max(0, za - pull * b);
    if (Math.abs(a - a0) + Math.abs(b - b0) + Math.abs(c - c0) < SWEEP_TOLERANCE) break;
  }
  w[0] = a;
  w[1] = b;
  w[2] = c;
  w[3] = 0;
}

function alternateFour(z: Float64Array, lambda: number, w: Float64Array): void {
  const za = z[0]!;
  const zb = z[1]!;
  const zc = z[2]!;
  const zd = z[3]!;
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    const a0 = a;
    const b0 = b;
    const c0 = c;
    const d0 = d;
    d = Math.max(0, zd - lambda * (a * b + (a + b) * c));
    c = Math.max(0, zc - lambda * (a * b + (a + b) * d));
    const product = c * d;
    const sum = c + d;
    b = Math.max(0, zb - lambda * (product + sum * a));
    a = Math.max(0, za - lambda * (product + sum * b));
    if (Math.abs(a - a0) + Math.abs(b - b0) + Math.abs(c - c0) + Math.abs(d - d0) < SWEEP_TOLERANCE) break;
  }
  w[0] = a;
  w[1] = b;
  w[2] = c;
  w[3] = d;
}

const hessian = new Float64Array(16);
const gradient = new Float64Array(4);

/** Follows the minimiser in λ. @param w  [4] written. @returns false if there is no minimum of this support */
export function followPath(z: Float64Array, lambda: number, k: 3 | 4, w: Float64Array): boolean {
  w.fill(0);
  for (let i = 0; i < k; i++) w[i] = z[i]!;
  for (let step = 1; step <= PATH_STEPS; step++) {
    const at = (lambda * step) / PATH_STEPS;
    const newtonSteps = step === PATH_STEPS ? LAST_NEWTON_STEPS : NEWTON_STEPS;
    for (let newton = 0; newton < newtonSteps; newton++) {
      fillGradient(z, at, k, w);
      fillHessian(at, k, w);
      if (!solveInPlace(k)) return false;
      for (let i = 0; i < k; i++) w[i] = w[i]! - gradient[i]!;
    }
  }
  for (let i = 0; i < k; i++) if (!(w[i]! > 0)) return false;
  fillGradient(z, lambda, k, w);
  for (let i = 0; i < k; i++) if (Math.abs(gradient[i]!) > RESIDUAL_TOLERANCE) return false;
  fillHessian(lambda, k, w);
  return isPositiveSemidefinite(k);
}

function fillGradient(z: Float64Array, lambda: number, k: number, w: Float64Array): void {
  const sum = w[0]! + w[1]! + w[2]! + w[3]!;
  let squares = 0;
  for (let i = 0; i < 4; i++) squares += w[i]! * w[i]!;
  for (let i = 0; i < k; i++) {
    const rest = sum - w[i]!;
    const pairs = (rest * rest - (squares - w[i]! * w[i]!)) / 2; // e2 of the other three
    gradient[i] = w[i]! - z[i]! + lambda * pairs;
  }
}

function fillHessian(lambda: number, k: number, w: Float64Array): void {
  const sum = w[0]! + w[1]! + w[2]! + w[3]!;
  for (let i = 0; i < k; i++) {
    for (let j = 0; j < k; j++) hessian[i * 4 + j] = i === j ? 1 : lambda * (sum - w[i]! - w[j]!);
  }
}

/** gradient ← H⁻¹ gradient by elimination with row pivots. @returns false if H is singular */
function solveInPlace(k: number): boolean {
  for (let column = 0; column < k; column++) {
    let pivot = column;
    for (let row = column + 1; row < k; row++) {
      if (Math.abs(hessian[row * 4 + column]!) > Math.abs(hessian[pivot * 4 + column]!)) pivot = row;
    }
    const size = hessian[pivot * 4 + column]!;
    if (!(Math.abs(size) > 1e-12)) return false;
    if (pivot !== column) {
      for (let j = 0; j < k; j++) {
        const kept = hessian[column * 4 + j]!;
        hessian[column * 4 + j] = hessian[pivot * 4 + j]!;
        hessian[pivot * 4 + j] = kept;
      }
      const kept = gradient[column]!;
      gradient[column] = gradient[pivot]!;
      gradient[pivot] = kept;
    }
    for (let row = column + 1; row < k; row++) {
      const factor = hessian[row * 4 + column]! / hessian[column * 4 + column]!;
      for (let j = column; j < k; j++) hessian[row * 4 + j] = hessian[row * 4 + j]! - factor * hessian[column * 4 + j]!;
      gradient[row] = gradient[row]! - factor * gradient[column]!;
    }
  }
  for (let row = k - 1; row >= 0; row--) {
    let value = gradient[row]!;
    for (let j = row + 1; j < k; j++) value -= hessian[row * 4 + j]! * gradient[j]!;
    gradient[row] = value / hessian[row * 4 + row]!;
  }
  return true;
}

/** LDLᵀ without pivots; H is symmetric. */
function isPositiveSemidefinite(k: number): boolean {
  for (let column = 0; column < k; column++) {
    const pivot = hessian[column * 4 + column]!;
    if (pivot < PIVOT_TOLERANCE) return false;
    if (pivot <= 1e-14) continue;
    for (let row = column + 1; row < k; row++) {
      const factor = hessian[row * 4 + column]! / pivot;
      for (let j = column + 1; j < k; j++)
        hessian[row * 4 + j] = hessian[row * 4 + j]! - factor * hessian[column * 4 + j]!;
    }
  }
  return true;
}
