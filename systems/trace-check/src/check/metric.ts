/** The metric: rel = ‖a − b‖_F / ‖b‖_F in f64, and what else one pass over the elements tells. */

/** Running sums over the logical elements; a is the candidate, b the reference. */
export interface Sums {
  numel: number;
  aa: number;
  bb: number;
  ab: number;
  /** Σ (a − b)². */
  dd: number;
  maxAbs: number;
  /** Zero exactly if all elements are equal; stretches (or, among values that are not finite, elements) that differ. */
  numDifferent: number;
  numNonFinite: number;
  numRefNonFinite: number;
}

export function emptySums(): Sums {
  return {
    numel: 0,
    aa: 0,
    bb: 0,
    ab: 0,
    dd: 0,
    maxAbs: 0,
    numDifferent: 0,
    numNonFinite: 0,
    numRefNonFinite: 0,
  };
}

/** Adds elements [0, count) of both arrays; a is multiplied by scaleA, b by scaleB (loss factors).
 *  Elements equal in both and not finite (masked logits) count as equal.   Mutates: sums. */
export function addToSums(
  sums: Sums,
  a: Float32Array,
  b: Float32Array,
  count: number,
  scaleA: number,
  scaleB: number,
): void {
  let aa = 0;
  let bb = 0;
  let ab = 0;
  let dd = 0;
  let maxAbs = 0;
  for (let i = 0; i < count; i++) {
    const x = a[i] * scaleA;
    const y = b[i] * scaleB;
    const d = x - y;
    aa += x * x;
    bb += y * y;
    ab += x * y;
    dd += d * d;
    const magnitude = Math.abs(d);
    if (magnitude > maxAbs) maxAbs = magnitude;
  }
  if (!Number.isFinite(aa + bb + dd)) return addNonFinite(sums, a, b, count, scaleA, scaleB);
  sums.numel += count;
  sums.aa += aa;
  sums.bb += bb;
  sums.ab += ab;
  sums.dd += dd;
  if (maxAbs > sums.maxAbs) sums.maxAbs = maxAbs;
  // No square of a difference of f32 values vanishes in f64; counting elements one by one would cost a branch each.
  if (dd > 0) sums.numDifferent++;
}

/** The slow way for stretches that hold NaN or infinities. */
function addNonFinite(
  sums: Sums,
  a: Float32Array,
  b: Float32Array,
  count: number,
  scaleA: number,
  scaleB: number,
): void {
  sums.numel += count;
  for (let i = 0; i < count; i++) {
    const x = a[i] * scaleA;
    const y = b[i] * scaleB;
    const isFinite = Number.isFinite(x) && Number.isFinite(y);
    if (!isFinite) {
      const isSame = Object.is(x, y);
      if (!isSame) sums.numNonFinite++;
      if (!Number.isFinite(y) && !(isSame && y === -Infinity)) sums.numRefNonFinite++;
      if (!isSame) sums.numDifferent++;
      continue;
    }
    const d = x - y;
    sums.aa += x * x;
    sums.bb += y * y;
    sums.ab += x * y;
    sums.dd += d * d;
    sums.maxAbs = Math.max(sums.maxAbs, Math.abs(d));
    if (d !== 0) sums.numDifferent++;
  }
}

/** rel, α, residual and cosine of finished sums. A zero reference gives 0 (both zero) or Infinity. */
export function figuresOfSums({ aa, bb, ab, dd }: Sums): {
  readonly rel: number;
  readonly alpha: number;
  readonly residual: number;
  readonly cosine: number;
} {
  if (bb === 0) return { rel: aa === 0 ? 0 : Infinity, alpha: aa === 0 ? 1 : Infinity, residual: 0, cosine: 1 };
  const alpha = ab / bb;
  // ‖a − αb‖² = ‖a − b‖² − (α − 1)²‖b‖²: no cancellation of large terms where a ≈ b.
  const residual = Math.sqrt(Math.max(0, dd - (alpha - 1) ** 2 * bb) / bb);
  return { rel: Math.sqrt(dd / bb), alpha, residual, cosine: aa === 0 ? 0 : ab / Math.sqrt(aa * bb) };
}
