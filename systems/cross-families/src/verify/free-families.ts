/** The verifier's own reduction: a family each of whose sets meets every partner is full and leaves the question. */
import type { ProblemJson } from '../types.ts';
import { choose } from './pascal.ts';
import { related } from './tuple-check.ts';

/** The families that others constrain, and the weight of all sets of the families set aside. */
export interface ConstrainedPart {
  readonly problem: ProblemJson;
  readonly freeWeight: bigint;
}

/** Sums only: any tuple of the problem is a tuple of the part plus at most the free weight. */
export function constrainedPart(problem: ProblemJson): ConstrainedPart {
  const { n, sizes, t = 1, weights, selfIntersecting, conflicts, ...rest } = problem;
  const all = { problem, freeWeight: 0n };
  if (problem.objective === 'product') return all;
  const smallest = sizes.map((list) => Math.min(...list));
  const kept = sizes.flatMap((_, i) =>
    sizes.some((__, j) => related(problem, i, j) && smallest[i]! + smallest[j]! < n + t) ? [i] : [],
  );
  if (kept.length === 0 || kept.length === sizes.length) return all;
  let freeWeight = 0n;
  for (const [i, list] of sizes.entries())
    if (!kept.includes(i))
      for (const [p, k] of list.entries()) freeWeight += choose(n, k) * BigInt(weights?.[i]?.[p] ?? '1');
  const pairs = conflicts
    ?.filter((pair) => pair.every((i) => kept.includes(i)))
    .map(([i, j]): [number, number] => [kept.indexOf(i), kept.indexOf(j)]);
  const areAllPairs = kept.every((a, x) => kept.every((b, y) => x >= y || related(problem, a, b)));
  const inner = selfIntersecting?.filter((i) => kept.includes(i)).map((i) => kept.indexOf(i));
  return {
    freeWeight,
    problem: {
      ...rest,
      n,
      t,
      sizes: kept.map((i) => sizes[i]!),
      ...(weights ? { weights: kept.map((i) => weights[i]!) } : {}),
      ...(pairs && !areAllPairs ? { conflicts: pairs } : {}),
      ...(inner?.length ? { selfIntersecting: inner } : {}),
    },
  };
}
