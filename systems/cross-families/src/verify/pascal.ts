/** The verifier's own arithmetic; nothing here is shared with the solvers. */

/** n choose r by the product formula on BigInt. */
export function choose(n: number, r: number): bigint {
  if (r < 0 || r > n) return 0n;
  let numerator = 1n;
  let denominator = 1n;
  for (let step = 0; step < Math.min(r, n - r); step++) {
    numerator *= BigInt(n - step);
    denominator *= BigInt(step + 1);
  }
  return numerator / denominator;
}

/** Number of common elements of two ascending arrays. */
export function overlap(a: readonly number[], b: readonly number[]): number {
  let shared = 0;
  for (let p = 0, q = 0; p < a.length && q < b.length;) {
    if (a[p] === b[q]) {
      shared++;
      p++;
      q++;
    } else if (a[p]! < b[q]!) p++;
    else q++;
  }
  return shared;
}

/** All r-subsets of 1..n, by the odometer rule. */
export function* combinations(n: number, r: number): Generator<number[]> {
  const wheel = Array.from({ length: r }, (_, p) => p + 1);
  for (;;) {
    yield [...wheel];
    let p = r - 1;
    while (p >= 0 && wheel[p] === n - (r - 1 - p)) p--;
    if (p < 0) return;
    wheel[p]!++;
    for (let q = p + 1; q < r; q++) wheel[q] = wheel[q - 1]! + 1;
  }
}
