/** Sets aside the families whose sets meet every partner whatever is chosen: such a family is full in every extremal
 *  tuple, so the rest is a smaller question, often one that a theorem answers (spec §2.7). Sums only. */
import { binomial } from './binomial.ts';
import { lexPrefix } from './order.ts';
import { layerHasPartner, layerWeight, normaliseProblem, problemToJson } from './problem.ts';
import type { ProblemInput } from './problem.ts';
import type { Certificate, FamilyRule, FamilyTuple, Orbit, Problem, Solution } from './types.ts';

/** The question that is left once families that are always full are set aside. */
export interface WithoutFreeFamilies {
  readonly core: Problem;
  /** kept[c] = number of the family of `problem` that is family c of the core. */
  readonly kept: readonly number[];
  /** Weighted size of the families set aside. */
  readonly freeValue: bigint;
}

/** @returns undefined where no family is free, all are, the objective is no sum, or a weight 0 leaves a free family open */
export function withoutFreeFamilies(problem: Problem): WithoutFreeFamilies | undefined {
  const { n, sizes, weights } = problem;
  if (problem.objective !== 'sum') return undefined;
  const kept = sizes.flatMap((list, i) => (list.some((k) => layerHasPartner(problem, i, k)) ? [i] : []));
  if (kept.length === sizes.length || kept.length === 0) return undefined;
  if (weights?.some((list, i) => !kept.includes(i) && list.includes(0n))) return undefined;
  const numberOf = new Map(kept.map((i, c) => [i, c]));
  const input: ProblemInput = {
    n,
    sizes: kept.map((i) => sizes[i]!),
    t: problem.t,
    allowEmpty: problem.allowEmpty,
    selfIntersecting: problem.selfIntersecting.flatMap((i) => numberOf.get(i) ?? []),
    ...(weights ? { weights: kept.map((i) => weights[i]!) } : {}),
    ...(problem.conflicts
      ? {
          conflicts: problem.conflicts.flatMap(([i, j]): [number, number][] =>
            numberOf.has(i) && numberOf.has(j) ? [[numberOf.get(i)!, numberOf.get(j)!]] : [],
          ),
        }
      : {}),
  };
  let freeValue = 0n;
  for (const [i, list] of sizes.entries())
    if (!numberOf.has(i)) for (const k of list) freeValue += layerWeight(problem, i, k) * binomial(n, k);
  return { core: normaliseProblem(input).problem, kept, freeValue };
}

/** The answer to `problem` from the answer to its core. */
export function withFreeFamilies(problem: Problem, { kept, freeValue }: WithoutFreeFamilies, core: Solution): Solution {
  const { certificate, orbits } = core;
  const free = problem.sizes.flatMap((_, i) => (kept.includes(i) ? [] : [i + 1]));
  return {
    ...core,
    problem,
    regime: core.regime === 'theorem' ? 'theorem-for-rest' : core.regime,
    value: core.value + freeValue,
    upper: core.upper + freeValue,
    certificate: liftCertificate(problem, kept, freeValue, certificate),
    notes: [
      `Every set of ${free.map((i) => `F${i}`).join(', ')} meets all sets of the others, so ${free.length > 1 ? 'these families are' : 'this family is'} full; the rest was solved alone.`,
      ...core.notes,
    ],
    ...(orbits ? { orbits: orbits.map((orbit) => liftOrbit(problem, kept, orbit)) } : {}),
  };
}

/** Fills the families set aside. */
export function* tuplesWithFreeFamilies(
  problem: Problem,
  kept: readonly number[],
  tuples: Iterable<FamilyTuple>,
): Generator<FamilyTuple> {
  for (const tuple of tuples) yield liftTuple(problem, kept, tuple);
}

function liftTuple(problem: Problem, kept: readonly number[], tuple: FamilyTuple): FamilyTuple {
  return problem.sizes.map((list, i) =>
    kept.includes(i)
      ? tuple[kept.indexOf(i)]!
      : list.flatMap((k) => [...lexPrefix(problem.n, k, binomial(problem.n, k))]),
  );
}

function liftOrbit(problem: Problem, kept: readonly number[], orbit: Orbit): Orbit {
  return {
    ...orbit,
    ...(orbit.j === undefined ? {} : { j: kept[orbit.j]! }),
    representative: () => liftTuple(problem, kept, orbit.representative()),
  };
}

function liftCertificate(
  problem: Problem,
  kept: readonly number[],
  freeValue: bigint,
  { claim, tuple, upper, ...rest }: Certificate,
): Certificate {
  const plus = (text: string): string => String(BigInt(text) + freeValue);
  return {
    ...rest,
    problem: problemToJson(problem),
    claim: { ...claim, value: plus(claim.value), upper: plus(claim.upper) },
    tuple: problem.sizes.map((list, i): FamilyRule => (kept.includes(i) ? tuple[kept.indexOf(i)]! : { full: list })),
    upper: upper.type === 'mip' ? { ...upper, bound: plus(upper.bound) } : upper,
  };
}
