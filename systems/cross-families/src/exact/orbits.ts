/** Orbits of extremal tuples under S_n × exchange of alike families (equal sizes, weights and flags). */
import { mustMeet } from '../problem.ts';
import type { FamilyTuple, Problem } from '../types.ts';
import { maskFromElements } from './graph.ts';

export interface ListedOrbit {
  readonly size: bigint;
  readonly representative: FamilyTuple;
}

/** Largest n for which all n! relabellings are tried. */
export const MAX_ORBIT_POINTS = 8;

/** Groups tuples that are complete under the symmetry group.
 *  Cost: O(orbits · n! · exchanges · sets). @param tuples all of them, each once */
export function orbitsOfTuples(problem: Problem, tuples: Iterable<FamilyTuple>): ListedOrbit[] {
  const pointMaps = permutations(problem.n);
  const familyMaps = familyExchanges(problem);
  const seen = new Set<string>();
  const orbits: ListedOrbit[] = [];
  for (const tuple of tuples) {
    const masks = tuple.map((family) => Uint32Array.from(family, maskFromElements).sort());
    if (seen.has(keyOf(masks))) continue;
    const before = seen.size;
    for (const pointMap of pointMaps) {
      const images = masks.map((family) => family.map((mask) => relabel(mask, pointMap)).sort());
      for (const familyMap of familyMaps) seen.add(keyOf(familyMap.map((i) => images[i]!)));
    }
    orbits.push({ size: BigInt(seen.size - before), representative: tuple });
  }
  return orbits;
}

function keyOf(masks: readonly Uint32Array[]): string {
  return masks.map((family) => family.join(',')).join('|');
}

function relabel(mask: number, pointMap: readonly number[]): number {
  let image = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) image |= 1 << pointMap[31 - Math.clz32(rest & -rest)]!;
  return image;
}

/** Exchanges of families that leave the problem unchanged: same sizes, weights, flags and conflicts. */
export function familyExchanges(problem: Problem): number[][] {
  const m = problem.sizes.length;
  const label = problem.sizes.map((list, i) =>
    [list.join(','), problem.weights?.[i]?.join(',') ?? '', mustMeet(problem, i, i)].join(';'),
  );
  return permutations(m).filter(
    (map) =>
      map.every((i, position) => label[i] === label[position]) &&
      map.every((i, p) => map.every((j, q) => p >= q || mustMeet(problem, i, j) === mustMeet(problem, p, q))),
  );
}

/** All permutations of 0..n−1. */
export function permutations(n: number): number[][] {
  let found: number[][] = [[]];
  for (let next = 0; next < n; next++)
    found = found.flatMap((map) =>
      Array.from({ length: map.length + 1 }, (_, at) => [...map.slice(0, at), next, ...map.slice(at)]),
    );
  return found;
}
