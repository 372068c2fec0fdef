/** Checks the upper bound of a certificate: theorem hypotheses, König covers, densities; searches are replayed plainly. */
import type { Certificate, CoverOfPair, ProblemJson } from '../types.ts';
import { constrainedPart } from './free-families.ts';
import { choose, combinations, overlap } from './pascal.ts';
import { replayMaximum } from './replay.ts';
import { related } from './tuple-check.ts';

export interface UpperCheck {
  readonly failures: readonly string[];
  /** `proved` by this code, `replayed` by a second plain search, or `trusted` on the word of the solver. */
  readonly level: 'proved' | 'replayed' | 'trusted';
}

/** Layers up to which the half-integral densities are tried out. */
const MAX_DENSITY_LAYERS = 20;

/** Checks that no tuple exceeds the claimed upper bound. */
export function checkUpper(certificate: Certificate): UpperCheck {
  const { upper } = certificate;
  const whole = BigInt(certificate.claim.upper);
  if (upper.type === 'theorem' && upper.id === 'all-layers-free')
    return { failures: theoremFailures(certificate.problem, upper.id, whole), level: 'proved' };
  const { problem, freeWeight } = constrainedPart(certificate.problem);
  if (whole < freeWeight)
    return {
      failures: [`families that meet all others hold ${freeWeight}, above the claimed ${whole}`],
      level: 'proved',
    };
  const claimed = whole - freeWeight;
  switch (upper.type) {
    case 'theorem':
      return { failures: theoremFailures(problem, upper.id, claimed), level: 'proved' };
    case 'vertexCover':
      return { failures: coverFailures(problem, upper.pairs, claimed), level: 'proved' };
    case 'density':
      return densityCheck(problem, claimed);
    case 'mip':
      if (BigInt(upper.bound) > whole)
        return { failures: ['the program proved a weaker bound than claimed'], level: 'trusted' };
      if (BigInt(upper.bound) < BigInt(certificate.claim.value))
        return { failures: [`the program's bound ${upper.bound} lies below the claimed value`], level: 'trusted' };
      if (certificate.claim.kind === 'maximum' && upper.gap !== 0)
        return { failures: [`a maximum needs gap 0, the certificate has gap ${upper.gap}`], level: 'trusted' };
      return replay(problem, claimed);
    case 'search':
      return replay(problem, claimed);
    case 'none':
      return { failures: ['the certificate has no upper bound'], level: 'trusted' };
  }
}

function replay(problem: ProblemJson, claimed: bigint): UpperCheck {
  const maximum = replayMaximum(problem);
  if (maximum === undefined) {
    const known = bestKnown(problem);
    const tooLow = known > claimed ? [`stars and balls reach ${known}, above the claimed ${claimed}`] : [];
    return { failures: tooLow, level: 'trusted' };
  }
  const failures = maximum > claimed ? [`a second search finds ${maximum}, above the claimed ${claimed}`] : [];
  return { failures, level: 'replayed' };
}

/** The best star or ball: a bound below it is false, whoever gives his word. */
function bestKnown(problem: ProblemJson): bigint {
  const { n, sizes, t = 1 } = problem;
  const m = sizes.length;
  let best = 0n;
  const tryRule = (countOf: (i: number, k: number) => bigint): void => {
    const totals = sizes.map((list, i) =>
      list.reduce((sum, k, p) => sum + BigInt(problem.weights?.[i]?.[p] ?? '1') * countOf(i, k), 0n),
    );
    if (!problem.allowEmpty && sizes.some((list, i) => list.every((k) => countOf(i, k) === 0n))) return;
    const value =
      problem.objective === 'product' ? totals.reduce((x, y) => x * y, 1n) : totals.reduce((x, y) => x + y, 0n);
    if (value > best) best = value;
  };
  tryRule((_, k) => choose(n - t, k - t));
  if (t > 1) return best;
  for (let j = 0; j < m; j++) {
    if (related(problem, j, j)) continue;
    for (let s = 1; s <= n; s++) tryRule((i, k) => (i === j ? choose(n, k) - choose(n - s, k) : choose(n - s, k - s)));
  }
  return best;
}

function theoremFailures(problem: ProblemJson, id: string, claimed: bigint): string[] {
  const { n, sizes, t = 1 } = problem;
  const m = sizes.length;
  const top = sizes.map((list) => Math.max(...list));
  const sorted = [...top].sort((x, y) => y - x);
  const isPlainButEmpty = t === 1 && !problem.conflicts && !problem.selfIntersecting?.length;
  const plain = isPlainButEmpty && !problem.allowEmpty;
  const weight = (i: number, p: number): bigint => BigInt(problem.weights?.[i]?.[p] ?? '1');
  const add = (term: (i: number, k: number) => bigint): bigint =>
    sizes.reduce((sum, list, i) => sum + list.reduce((part, k, p) => part + weight(i, p) * term(i, k), 0n), 0n);
  const star = (): bigint => add((_, k) => choose(n - 1, k - 1));
  let value: bigint;
  if (sizes.some((list) => list.some((k) => k < 1 || k > n)) && m > 1) return [`sizes have to lie in 1..${n}`];
  if (id === 'all-layers-free') {
    for (let i = 0; i < m; i++)
      for (let j = i; j < m; j++)
        if (related(problem, i, j) && Math.min(...sizes[i]!) + Math.min(...sizes[j]!) < n + t)
          return [`hypothesis fails: the smallest sets of families ${i} and ${j} can miss each other`];
    const totals = sizes.map((list, i) => list.reduce((sum, k, p) => sum + weight(i, p) * choose(n, k), 0n));
    value = problem.objective === 'product' ? totals.reduce((x, y) => x * y, 1n) : totals.reduce((x, y) => x + y, 0n);
  } else if (id === 'weightless-family') {
    const isWeightless = problem.weights?.some((list) => list.every((w) => BigInt(w) === 0n));
    if (problem.objective !== 'product' || !isWeightless)
      return ['hypothesis fails: a product with a family all of whose weights are 0'];
    value = 0n;
  } else if (id === 'product') {
    // With an empty family the product is 0, so allowing one changes nothing.
    if (
      !isPlainButEmpty ||
      problem.weights ||
      problem.objective !== 'product' ||
      m !== 2 ||
      sizes.some((list) => list.length > 1)
    )
      return ['hypotheses fail: the product theorem is for two uniform families, t = 1'];
    if (n < 2 * sorted[0]!) return [`hypothesis fails: n ≥ 2·max(k, l) = ${2 * sorted[0]!}`];
    value = choose(n - 1, top[0]! - 1) * choose(n - 1, top[1]! - 1);
  } else if (id === 'non-uniform') {
    if (!plain || problem.objective === 'product')
      return ['hypotheses fail: the theorem is about plain sums with t = 1'];
    if (m < 2) return ['hypothesis fails: at least two families'];
    if (n < sorted[0]! + sorted[1]!) return [`hypothesis fails: n ≥ K1 + K2 = ${sorted[0]! + sorted[1]!}`];
    value = star();
    for (let j = 0; j < m; j++) {
      const s = Math.min(...top.filter((_, i) => i !== j));
      const ball = add((i, k) => (i === j ? choose(n, k) - choose(n - s, k) : choose(n - s, k - s)));
      if (ball > value) value = ball;
    }
  } else if (id === 'uniform-mixed') {
    if (!plain || problem.weights || problem.objective === 'product' || m < 3 || sizes.some((list) => list.length > 1))
      return ['hypotheses fail: the theorem is about at least three uniform families, plain sums, t = 1'];
    if (n < sorted[0]! + sorted[2]! || n >= sorted[0]! + sorted[1]!) return ['hypothesis fails: k1 + k3 ≤ n < k1 + k2'];
    const s = sorted[m - 1]!;
    const mixed = sorted.reduce(
      (sum, k, p) => sum + (p < 2 ? choose(n, k) - choose(n - s, k) : choose(n - s, k - s)),
      0n,
    );
    value = mixed > star() ? mixed : star();
  } else return [`theorem "${id}" is unknown to the verifier`];
  return value === claimed ? [] : [`the theorem gives ${value}, the certificate claims ${claimed}`];
}

/** Every kind of pair (A, B) of a hit tuple must come with a cover that leaves at most the claimed number of sets. */
function coverFailures(problem: ProblemJson, pairs: readonly CoverOfPair[], claimed: bigint): string[] {
  const { n, sizes, t = 1 } = problem;
  if (
    sizes.length !== 2 ||
    problem.weights ||
    problem.allowEmpty ||
    problem.selfIntersecting?.length ||
    problem.objective === 'product' ||
    !related(problem, 0, 1)
  )
    return ['covers prove plain sums of two families that have to meet only'];
  const sets = sizes.map((list) => list.flatMap((k) => [...combinations(n, k)]));
  const needed = new Set<string>();
  for (const a of sizes[0]!)
    for (const b of sizes[1]!)
      for (let shared = Math.max(t, a + b - n); shared <= Math.min(a, b); shared++) needed.add(`${a},${b},${shared}`);
  for (const { a, b, cover } of pairs) {
    const kind = `${a.length},${b.length},${overlap(a, b)}`;
    const covered = cover.map((family) => new Set(family.map((set) => set.join(','))));
    const left = sets[0]!.filter((set) => overlap(set, b) >= t);
    const right = sets[1]!.filter((set) => overlap(set, a) >= t);
    const openLeft = left.filter((set) => !covered[0]?.has(set.join(',')));
    const openRight = right.filter((set) => !covered[1]?.has(set.join(',')));
    for (const x of openLeft)
      for (const y of openRight)
        if (overlap(x, y) < t) return [`the cover of pair ${kind} misses {${x.join(', ')}} against {${y.join(', ')}}`];
    const bound = BigInt(openLeft.length + openRight.length);
    if (bound > claimed) return [`the cover of pair ${kind} proves ${bound} only, the claim is ${claimed}`];
    needed.delete(kind);
  }
  return needed.size === 0 ? [] : [`no cover for pairs of kind ${[...needed].join('; ')}`];
}

/** Densities: d_{i,k} + d_{j,l} ≤ 1 for conflicting layers; checked by a half-integral assignment found here. */
function densityCheck(problem: ProblemJson, claimed: bigint): UpperCheck {
  const { n, sizes, t = 1 } = problem;
  if (problem.objective === 'product') return { failures: ['densities bound sums only'], level: 'proved' };
  const layers = sizes.flatMap((list, i) =>
    list.map((k, p) => ({ i, k, size: choose(n, k) * BigInt(problem.weights?.[i]?.[p] ?? '1') })),
  );
  if (layers.length > MAX_DENSITY_LAYERS) return { failures: [], level: 'trusted' };
  // Optima of fractional vertex packing are half-integral: try 0, ½, 1 with pruning on the claimed bound.
  const clash = (a: (typeof layers)[number], b: (typeof layers)[number]): boolean =>
    related(problem, a.i, b.i) && a.k + b.k < n + t;
  const halves: number[] = [];
  const suffix = layers.map((_, p) => layers.slice(p).reduce((sum, layer) => sum + 2n * layer.size, 0n));
  let exceeded = false;
  const visit = (p: number, doubled: bigint): void => {
    if (exceeded) return;
    if (p === layers.length) {
      if (doubled / 2n > claimed) exceeded = true;
      return;
    }
    if ((doubled + suffix[p]!) / 2n <= claimed) return;
    for (const half of [2, 1, 0]) {
      if (layers.some((layer, q) => q < p && clash(layer, layers[p]!) && halves[q]! + half > 2)) continue;
      if (half === 2 && clash(layers[p]!, layers[p]!)) continue;
      halves[p] = half;
      visit(p + 1, doubled + BigInt(half) * layers[p]!.size);
    }
  };
  visit(0, 0n);
  return { failures: exceeded ? [`layer densities allow more than the claimed ${claimed}`] : [], level: 'proved' };
}
