/** Sets as ascending arrays of points 1..n. */

/** {1..s}. */
export function firstPoints(s: number): number[] {
  return Array.from({ length: s }, (_, p) => p + 1);
}

export function complement(n: number, set: readonly number[]): number[] {
  return firstPoints(n).filter((e) => !set.includes(e));
}

/** Shorter sets first, then lexicographic. */
export function compareSets(a: readonly number[], b: readonly number[]): number {
  for (let p = 0; p < Math.min(a.length, b.length); p++) if (a[p] !== b[p]) return a[p]! - b[p]!;
  return a.length - b.length;
}
