/** Recognises stars and balls among tuples that a search found. */
import { ballRules, expandRules } from './extremal.ts';
import { compareSets } from './point-sets.ts';
import type { FamilyTuple, OrbitKind, Problem } from './types.ts';

/** @returns `star`, `ball` with its family and centre size, or `other` */
export function orbitKindOf(problem: Problem, tuple: FamilyTuple): { kind: OrbitKind; j?: number; s?: number } {
  for (let j = 0; j < tuple.length; j++) {
    const others = tuple.filter((_, i) => i !== j).flat();
    if (others.length === 0) continue;
    const centre = others.reduce((common, set) => common.filter((e) => set.includes(e)), [...others[0]!]);
    if (centre.length === 0 || !sameTuple(expandRules(problem, ballRules(problem, j, centre)), tuple)) continue;
    return centre.length === 1 ? { kind: 'star' } : { kind: 'ball', j, s: centre.length };
  }
  return { kind: 'other' };
}

function sameTuple(a: FamilyTuple, b: FamilyTuple): boolean {
  const normal = (tuple: FamilyTuple): string =>
    JSON.stringify(tuple.map((family) => [...family].sort((x, y) => x.length - y.length || compareSets(x, y))));
  return normal(a) === normal(b);
}
