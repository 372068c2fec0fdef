/** Binomial and Gaussian coefficients as BigInt, cached by row. */

const rows: bigint[][] = [];
/** Rows above this are computed one coefficient at a time instead of being cached. */
const CACHED_ROWS = 64;

/** C(a, b); 0 for b < 0 or b > a.  Cost: O(1) for a < 64, else O(min(b, a−b)) multiplications. */
export function binomial(a: number, b: number): bigint {
  if (b < 0 || b > a) return 0n;
  if (a < CACHED_ROWS) return row(a)[b]!;
  const k = Math.min(b, a - b);
  let value = 1n;
  for (let i = 1; i <= k; i++) value = (value * BigInt(a - k + i)) / BigInt(i);
  return value;
}

function row(a: number): bigint[] {
  while (rows.length <= a) {
    const previous = rows[rows.length - 1];
    const next = [1n];
    if (previous) {
      for (let i = 1; i < previous.length; i++) next.push(previous[i - 1]! + previous[i]!);
      next.push(1n);
    }
    rows.push(next);
  }
  return rows[a]!;
}

/** Gaussian binomial [a, b] over the field with q elements: the number of b-dimensional subspaces. */
export function gaussianBinomial(a: number, b: number, q: bigint): bigint {
  if (b < 0 || b > a) return 0n;
  let top = 1n;
  let bottom = 1n;
  for (let i = 0; i < b; i++) {
    top *= q ** BigInt(a - i) - 1n;
    bottom *= q ** BigInt(i + 1) - 1n;
  }
  return top / bottom;
}

/** Number of one bits of a 32-bit integer. */
export function popcount32(bits: number): number {
  let x = bits - ((bits >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  return (((x + (x >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}
