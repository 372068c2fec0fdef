/** The extremal tuples that the theorems name (spec §2.2, §2.8): orbits, labelled counts and lazy lists. */
import { binomial } from './binomial.ts';
import { closedForm, uniformMixed } from './closed-form.ts';
import { familyExchanges } from './exact/orbits.ts';
import { compareSets, complement, firstPoints } from './point-sets.ts';
import { countHypergraphOrbits } from './hypergraph-orbits.ts';
import { lexPrefix } from './order.ts';
import { maxima } from './problem.ts';
import type { FamilyRule, FamilyTuple, Orbit, Problem } from './types.ts';

/** The complete answer of a theorem to "which tuples reach the maximum". */
export interface ExtremalSet {
  readonly labelled: bigint;
  /** Undefined where the number of orbits is too costly to count. */
  readonly numOrbits: bigint | undefined;
  /** One entry an orbit, except that a world of powers of two is one entry of many orbits. */
  readonly orbits: readonly Orbit[];
  /** All labelled extremal tuples, lazily. */
  tuples(): Generator<FamilyTuple>;
}

/** Extremal tuples of a problem in the range n ≥ K1 + K2 with weight 1. */
export function extremalInRange(problem: Problem): ExtremalSet {
  const form = closedForm(problem);
  const tight = tightWorld(problem);
  if (tight) return tight;
  const { n } = problem;
  const orbits: Orbit[] = [];
  const lists: (() => Generator<FamilyTuple>)[] = [];
  let labelled = 0n;
  if (form.starWins) {
    labelled += BigInt(n);
    orbits.push({ kind: 'star', size: BigInt(n), representative: () => expandRules(problem, starRules(problem, 1)) });
    lists.push(function* () {
      for (let x = 1; x <= n; x++) yield expandRules(problem, starRules(problem, x));
    });
  }
  const classes = familyClasses(problem);
  const seen = new Set<number>();
  for (const j of form.winningBalls) {
    const { s } = form.balls[j]!;
    labelled += binomial(n, s);
    lists.push(function* () {
      for (const centre of lexPrefix(n, s, binomial(n, s))) yield expandRules(problem, ballRules(problem, j, centre));
    });
    if (seen.has(classes[j]!)) continue;
    seen.add(classes[j]!);
    const alike = form.winningBalls.filter((other) => classes[other] === classes[j]).length;
    orbits.push({
      kind: 'ball',
      j,
      s,
      size: binomial(n, s) * BigInt(alike),
      representative: () => expandRules(problem, ballRules(problem, j, firstPoints(s))),
    });
  }
  return {
    labelled,
    numOrbits: BigInt(orbits.length),
    orbits,
    *tuples() {
      for (const list of lists) yield* list();
    },
  };
}

/** Extremal tuples of the uniform mixed theorem; undefined in its exceptional class, where only a search can list them. */
export function extremalUniformMixed(problem: Problem): ExtremalSet | undefined {
  const mixed = uniformMixed(problem);
  if (mixed.exceptional) return undefined;
  const { n } = problem;
  const orbits: Orbit[] = [];
  const starWins = mixed.star === mixed.value;
  const mixedWins = mixed.mixed === mixed.value && mixed.centre >= 2;
  if (starWins)
    orbits.push({ kind: 'star', size: BigInt(n), representative: () => expandRules(problem, starRules(problem, 1)) });
  if (mixedWins)
    orbits.push({
      kind: 'mixed',
      s: mixed.centre,
      size: binomial(n, mixed.centre),
      representative: () => expandRules(problem, mixedRules(problem, firstPoints(mixed.centre))),
    });
  return {
    labelled: orbits.reduce((sum, orbit) => sum + orbit.size, 0n),
    numOrbits: BigInt(orbits.length),
    orbits,
    *tuples() {
      if (starWins) for (let x = 1; x <= n; x++) yield expandRules(problem, starRules(problem, x));
      if (mixedWins)
        for (const centre of lexPrefix(n, mixed.centre, binomial(n, mixed.centre)))
          yield expandRules(problem, mixedRules(problem, centre));
    },
  };
}

/** n = K1 + K2 and one size a family: the two worlds that hold a power of two of extremal tuples. */
function tightWorld(problem: Problem): ExtremalSet | undefined {
  const { n, sizes } = problem;
  const m = sizes.length;
  const k = maxima(problem);
  if (sizes.some((list) => list.length !== 1)) return undefined;
  if (m === 2 && k[0]! + k[1]! === n) {
    // F_1 is any non-empty, not full family; F_2 = {B : [n] ∖ B ∉ F_1}.
    const numSets = binomial(n, k[0]!);
    const labelled = 2n ** numSets - 2n;
    const tupleAt = (choice: bigint): FamilyTuple => complementTuple(n, k[0]!, choice);
    return {
      labelled,
      numOrbits: countHypergraphOrbits({ n, k: k[0]!, world: k[0] === k[1] ? 'complement-swap' : 'complement' }),
      orbits: [{ kind: 'complement', size: labelled, representative: () => tupleAt(1n) }],
      *tuples() {
        for (let choice = 1n; choice <= labelled; choice++) yield tupleAt(choice);
      },
    };
  }
  if (m >= 3 && k.every((size) => 2 * size === n)) {
    // F_1 = … = F_m = one set of every complementary pair.
    const labelled = 2n ** binomial(n - 1, k[0]! - 1);
    const tupleAt = (choice: bigint): FamilyTuple => halvingTuple(n, k[0]!, m, choice);
    return {
      labelled,
      numOrbits: countHypergraphOrbits({ n, k: k[0]!, world: 'halving' }),
      orbits: [{ kind: 'halving', size: labelled, representative: () => tupleAt(0n) }],
      *tuples() {
        for (let choice = 0n; choice < labelled; choice++) yield tupleAt(choice);
      },
    };
  }
  return undefined;
}

function complementTuple(n: number, k: number, choice: bigint): FamilyTuple {
  const first: number[][] = [];
  const second: number[][] = [];
  let position = 0n;
  for (const set of lexPrefix(n, k, binomial(n, k))) {
    if ((choice >> position) & 1n) first.push(set);
    else second.push(complement(n, set));
    position++;
  }
  return [first, second.sort(compareSets)];
}

function halvingTuple(n: number, k: number, m: number, choice: bigint): FamilyTuple {
  const family: number[][] = [];
  let position = 0n;
  for (const set of lexPrefix(n, k, binomial(n - 1, k - 1))) {
    family.push((choice >> position) & 1n ? complement(n, set) : set);
    position++;
  }
  family.sort(compareSets);
  return Array.from({ length: m }, () => family);
}

/** All families: the sets through x. */
export function starRules(problem: Problem, x: number): FamilyRule[] {
  return problem.sizes.map(() => ({ contains: [x] }));
}

/** F_j meets the centre, all other families contain it. */
export function ballRules(problem: Problem, j: number, centre: readonly number[]): FamilyRule[] {
  return problem.sizes.map((_, i) => (i === j ? { meets: centre } : { contains: centre }));
}

/** The two families of the largest sizes meet the centre, the others contain it. */
export function mixedRules(problem: Problem, centre: readonly number[]): FamilyRule[] {
  const { order } = uniformMixed(problem);
  return problem.sizes.map((_, i) => (order.indexOf(i) < 2 ? { meets: centre } : { contains: centre }));
}

/** Lists the sets of rules; sizes come from the problem. Cost: all sets of the allowed sizes are looked at. */
export function expandRules(problem: Problem, rules: readonly FamilyRule[]): FamilyTuple {
  return rules.map((rule, i) => {
    if ('sets' in rule) return rule.sets.map((set) => [...set]);
    const found: number[][] = [];
    for (const k of problem.sizes[i]!) {
      if ('lexPrefix' in rule) {
        found.push(...lexPrefix(problem.n, k, BigInt(rule.lexPrefix[k] ?? '0')));
        continue;
      }
      for (const set of lexPrefix(problem.n, k, binomial(problem.n, k))) if (fulfils(rule, set)) found.push(set);
    }
    return found;
  });
}

function fulfils(rule: FamilyRule, set: readonly number[]): boolean {
  if ('meets' in rule) return rule.meets.some((e) => set.includes(e));
  if ('contains' in rule) return rule.contains.every((e) => set.includes(e));
  if ('atLeast' in rule) return set.filter((e) => rule.atLeast.of.includes(e)).length >= rule.atLeast.count;
  return 'full' in rule && rule.full.includes(set.length);
}

/** Families in one class may be exchanged. @returns class number per family */
function familyClasses(problem: Problem): number[] {
  if (problem.sizes.length > 6) {
    const first = new Map<string, number>();
    return problem.sizes.map((list, i) => {
      const key = list.join(',');
      if (!first.has(key)) first.set(key, i);
      return first.get(key)!;
    });
  }
  const exchanges = familyExchanges(problem);
  return problem.sizes.map((_, i) => Math.min(...exchanges.map((map) => map[i]!)));
}
