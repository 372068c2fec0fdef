/** Bounds for problems that no exact method reaches.
 *
 *  Upper: for cross-intersecting layers, |A|/C(n,k) + |B|/C(n,l) ≤ 1 (the disjointness graph of two layers is regular on
 *  either side), so Σ w C(n,k) d_{i,k} with densities d ≤ 1 and d + d' ≤ 1 on conflicts bounds the sum. The program has
 *  half-integral optima: it is a bipartite minimum cut on two copies of the layers.
 *  Lower: the best of stars, balls, threshold families and full layers. */
import { binomial } from './binomial.ts';
import { layersConflict, layerWeight, maxima } from './problem.ts';
import { layerSum } from './closed-form.ts';
import type { FamilyRule, Problem } from './types.ts';
import { firstPoints } from './point-sets.ts';

/** Upper bound of the weighted sum. Exact arithmetic; valid for t ≥ 1. */
export function densityUpperBound(problem: Problem): bigint {
  const layers = problem.sizes.flatMap((list, i) => list.map((k) => ({ i, k })));
  const capacity = layers.map(({ i, k }) => layerWeight(problem, i, k) * binomial(problem.n, k));
  const conflicts = layers.map((a) => layers.map((b) => layersConflict(problem, a.i, a.k, b.i, b.k)));
  // Fractional vertex packing: Σ capacity − ½ · (maximum flow of the bipartite double cover).
  const flow = bipartiteCut(capacity, conflicts);
  const total = capacity.reduce((sum, c) => sum + c, 0n);
  return (2n * total - flow) / 2n;
}

/** Minimum vertex cover weight of the bipartite double cover, by augmenting paths over few layers. */
function bipartiteCut(capacity: readonly bigint[], conflicts: readonly (readonly boolean[])[]): bigint {
  const count = capacity.length;
  const left = [...capacity];
  const right = [...capacity];
  const flow = capacity.map(() => Array<bigint>(count).fill(0n));
  let total = 0n;
  for (;;) {
    // Breadth first from left nodes with spare capacity; edges left→right unlimited, right→left where flow runs.
    const fromLeft = Array<number>(count).fill(-2);
    const fromRight = Array<number>(count).fill(-2);
    const queue: [boolean, number][] = [];
    for (let a = 0; a < count; a++)
      if (left[a]! > 0n) {
        fromLeft[a] = -1;
        queue.push([true, a]);
      }
    let end = -1;
    for (let head = 0; head < queue.length && end < 0; head++) {
      const [isLeft, node] = queue[head]!;
      for (let other = 0; other < count; other++) {
        if (isLeft && conflicts[node]![other] && fromRight[other] === -2) {
          fromRight[other] = node;
          if (right[other]! > 0n) {
            end = other;
            break;
          }
          queue.push([false, other]);
        } else if (!isLeft && flow[other]![node]! > 0n && fromLeft[other] === -2) {
          fromLeft[other] = node;
          queue.push([true, other]);
        }
      }
    }
    if (end < 0) return total;
    let amount = right[end]!;
    let a = fromRight[end]!;
    for (let b = end; ;) {
      const before = fromLeft[a]!;
      if (before === -1) {
        if (left[a]! < amount) amount = left[a]!;
        break;
      }
      if (flow[a]![before]! < amount) amount = flow[a]![before]!;
      b = before;
      a = fromRight[b]!;
    }
    right[end]! -= amount;
    a = fromRight[end]!;
    for (let b = end; ;) {
      flow[a]![b]! += amount;
      const before = fromLeft[a]!;
      if (before === -1) {
        left[a]! -= amount;
        break;
      }
      flow[a]![before]! -= amount;
      b = before;
      a = fromRight[b]!;
    }
    total += amount;
  }
}

/** The best construction the room knows, as rules, with its weighted sum (t = 1 and t > 1). */
export function bestConstruction(problem: Problem): { readonly value: bigint; readonly rules: FamilyRule[] } {
  const { n, t, sizes } = problem;
  let best: { value: bigint; rules: FamilyRule[] } = { value: -1n, rules: [] };
  const offer = (rules: FamilyRule[], count: (i: number, k: number) => bigint): void => {
    for (const [i, list] of sizes.entries()) if (!problem.allowEmpty && list.every((k) => count(i, k) === 0n)) return;
    const value = layerSum(problem, count);
    if (value > best.value) best = { value, rules };
  };
  // |A ∩ [s]| ≥ a in one family and ≥ s + t − a in the others: any two then share t elements of [s].
  const inner = new Set(problem.selfIntersecting);
  for (let s = t; s <= Math.min(n, 2 * Math.max(...maxima(problem)) + t); s++) {
    const centre = firstPoints(s);
    for (let j = 0; j < sizes.length; j++)
      for (let a = 1; a <= s + t - 1; a++) {
        const others = s + t - a;
        if (2 * others < s + t && sizes.length > 2) continue;
        if (inner.has(j) && 2 * a < s + t) continue;
        if (2 * others < s + t && [...inner].some((i) => i !== j)) continue;
        if (a > s || others > s) continue;
        const need = (i: number): number => (i === j ? a : others);
        offer(
          sizes.map((_, i) => ({ atLeast: { count: need(i), of: centre } })),
          (i, k) => thresholdCount(n, s, need(i), k),
        );
      }
  }
  // Full layers above half: sets of sizes k + l ≥ n + t always share t elements.
  for (let cut = 1; cut <= n; cut++) {
    const allowed = sizes.map((list) => list.filter((k) => 2 * k >= n + t || k >= cut));
    const clash = allowed.some((list, i) =>
      list.some((k) => allowed.some((others, j) => others.some((l) => layersConflict(problem, i, k, j, l)))),
    );
    if (!clash)
      offer(
        allowed.map((list) => ({ full: list })),
        (i, k) => (allowed[i]!.includes(k) ? binomial(n, k) : 0n),
      );
  }
  return best;
}

/** Number of k-subsets of [n] with at least `need` elements in [s]. */
function thresholdCount(n: number, s: number, need: number, k: number): bigint {
  let count = 0n;
  for (let inside = need; inside <= Math.min(s, k); inside++)
    count += binomial(s, inside) * binomial(n - s, k - inside);
  return count;
}
