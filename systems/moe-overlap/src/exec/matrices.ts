/** Small matrix kernels. Every output row is made from its own input row in one order of additions, so cutting rows into
 *  parts changes no bit. */

export type Floats = Float32Array | Float64Array;

export function like(example: Floats, length: number): Floats {
  return example instanceof Float64Array ? new Float64Array(length) : new Float32Array(length);
}

/** y[r] = x[r] · w. x [rows, k], w [k, n]; rows [first, end) only. Mutates: y. */
export function multiplyRows(
  y: Floats,
  x: Floats,
  w: Floats,
  { first, end, k, n, wOffset = 0 }: { first: number; end: number; k: number; n: number; wOffset?: number },
): void {
  for (let row = first; row < end; row++) {
    const to = row * n;
    for (let i = 0; i < k; i++) {
      const factor = x[row * k + i]!;
      const from = wOffset + i * n;
      for (let j = 0; j < n; j++) y[to + j]! += factor * w[from + j]!;
    }
  }
}

/** y[r] = x[r] · wᵀ. x [rows, n], w [k, n], y [rows, k]. Mutates: y. */
export function multiplyRowsTransposed(
  y: Floats,
  x: Floats,
  w: Floats,
  { first, end, k, n, wOffset = 0 }: { first: number; end: number; k: number; n: number; wOffset?: number },
): void {
  for (let row = first; row < end; row++) {
    for (let i = 0; i < k; i++) {
      let sum = 0;
      const from = wOffset + i * n;
      for (let j = 0; j < n; j++) sum += x[row * n + j]! * w[from + j]!;
      y[row * k + i]! += sum;
    }
  }
}

/** g += xᵀ · d over rows [first, end): x [rows, k], d [rows, n], g [k, n]. Mutates: g. */
export function addOuterProducts(
  g: Floats,
  x: Floats,
  d: Floats,
  { first, end, k, n, gOffset = 0 }: { first: number; end: number; k: number; n: number; gOffset?: number },
): void {
  for (let row = first; row < end; row++) {
    for (let i = 0; i < k; i++) {
      const factor = x[row * k + i]!;
      const to = gOffset + i * n;
      for (let j = 0; j < n; j++) g[to + j]! += factor * d[row * n + j]!;
    }
  }
}

/** x · sigmoid(1.702 x), the quick form of gelu. */
export function activate(x: Floats): Floats {
  const y = like(x, x.length);
  for (let i = 0; i < x.length; i++) y[i] = x[i]! / (1 + Math.exp(-1.702 * x[i]!));
  return y;
}

/** d · (derivative of activate at x). */
export function activateBackward(x: Floats, d: Floats): Floats {
  const y = like(x, x.length);
  for (let i = 0; i < x.length; i++) {
    const s = 1 / (1 + Math.exp(-1.702 * x[i]!));
    y[i] = d[i]! * (s + 1.702 * x[i]! * s * (1 - s));
  }
  return y;
}

export function softmaxRows(x: Floats, width: number): void {
  for (let at = 0; at < x.length; at += width) {
    let most = -Infinity;
    for (let j = 0; j < width; j++) most = Math.max(most, x[at + j]!);
    let sum = 0;
    for (let j = 0; j < width; j++) {
      const value = Math.exp(x[at + j]! - most);
      x[at + j] = value;
      sum += value;
    }
    for (let j = 0; j < width; j++) x[at + j]! /= sum;
  }
}
