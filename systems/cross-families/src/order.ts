/** Lexicographic order of k-sets and the exact partner count (spec §2.5).
 *
 *  A comes before B when min(A △ B) ∈ A. By the layerwise Hilton lemma (paper, Theorem 2.3) the maximum is reached by
 *  lexicographically first layers, so the sizes of the layers are all that matters. */
import { binomial } from './binomial.ts';

/** Position of a k-set in lexicographic order, 1-based. @param set ascending elements of 1..n */
export function rankLex(n: number, set: readonly number[]): bigint {
  const k = set.length;
  let rank = 1n;
  let previous = 0;
  for (const [p, element] of set.entries()) {
    for (let x = previous + 1; x < element; x++) rank += binomial(n - x, k - p - 1);
    previous = element;
  }
  return rank;
}

/** The k-set at a 1-based position of lexicographic order. @throws RangeError outside 1..C(n,k) */
export function unrankLex(n: number, k: number, rank: bigint): number[] {
  if (rank < 1n || rank > binomial(n, k)) throw new RangeError(`unrankLex: rank ${rank} outside 1..${binomial(n, k)}`);
  const set: number[] = [];
  let rest = rank - 1n;
  for (let x = 1; set.length < k; x++) {
    const through = binomial(n - x, k - set.length - 1);
    if (rest < through) set.push(x);
    else rest -= through;
  }
  return set;
}

/** The first `count` k-sets of [n] in lexicographic order, one after the other. */
export function* lexPrefix(n: number, k: number, count: bigint): Generator<number[]> {
  let set = Array.from({ length: k }, (_, p) => p + 1);
  for (let made = 0n; made < count; made++) {
    yield set;
    let p = k - 1;
    while (p >= 0 && set[p] === n - k + p + 1) p--;
    if (p < 0) return;
    const head = set.slice(0, p);
    const start = set[p]! + 1;
    set = [...head, ...Array.from({ length: k - p }, (_, offset) => start + offset)];
  }
}

/** The k-cascade of x: x = Σ C(a_i, i) with a_k > a_{k−1} > … ≥ i, greedy. @returns pairs [a_i, i] from i = k down */
export function cascade(x: bigint, k: number): [number, number][] {
  const terms: [number, number][] = [];
  let rest = x;
  for (let i = k; i >= 1 && rest > 0n; i--) {
    const a = largestTop(rest, i);
    terms.push([a, i]);
    rest -= binomial(a, i);
  }
  return terms;
}

/** Largest a with C(a, i) ≤ x, for x ≥ 1; by doubling and halving. */
function largestTop(x: bigint, i: number): number {
  let low = i;
  let high = i + 1;
  while (binomial(high, i) <= x) {
    low = high;
    high *= 2;
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (binomial(middle, i) <= x) low = middle;
    else high = middle;
  }
  return low;
}

/** Least size of the d-fold shadow of x k-sets (Kruskal-Katona). */
export function shadowBound(x: bigint, k: number, d = 1): bigint {
  let total = 0n;
  for (const [a, i] of cascade(x, k)) total += binomial(a, i - d);
  return total;
}

/** p_{k→l}(x): how many lexicographically first l-sets meet all of the first x k-sets.
 *  Math: C(n,l) − Σ C(a_i, i − (n−k−l)) over the (n−k)-cascade of x; C(n,l) where k + l > n. */
export function partnerCount(n: number, k: number, l: number, x: bigint): bigint {
  const all = binomial(n, l);
  if (k + l > n || x === 0n) return all;
  return all - shadowBound(x, n - k, n - k - l);
}

/** The values of x at which p_{k→l} is about to drop: the largest x of every step, ascending, C(n,k) last.
 *  There are C(k+l, k) drops for every n ≥ k + l, so that large n with small k stays small. */
export function partnerSteps(n: number, k: number, l: number): { readonly last: bigint; readonly partners: bigint }[] {
  const all = binomial(n, k);
  if (k + l > n) return [{ last: all, partners: binomial(n, l) }];
  const steps: { last: bigint; partners: bigint }[] = [];
  for (let x = 0n; ;) {
    const partners = partnerCount(n, k, l, x);
    // Galois: the largest x' with p(x') ≥ y is the partner count of y the other way round.
    const last = partnerCount(n, l, k, partners);
    steps.push({ last, partners });
    if (last >= all) return steps;
    x = last + 1n;
  }
}
