/** Operators on set families (spec §2.10). Families are lists of bit masks over at most 30 points (bit e−1 = element e). */
import { popcount32 } from './binomial.ts';
import { familiesError } from './families-errors.ts';

export type MaskFamily = readonly number[];

/** S_ij: element j is replaced by i in every set that has j and not i, unless the image is there already.
 *  Keeps sizes, and keeps families cross-t-intersecting when it is applied to all of them. */
export function shift(family: MaskFamily, i: number, j: number): number[] {
  const present = new Set(family);
  const [into, out] = [1 << (i - 1), 1 << (j - 1)];
  return family
    .map((set) => {
      if ((set & out) === 0 || (set & into) !== 0) return set;
      const image = (set & ~out) | into;
      return present.has(image) ? set : image;
    })
    .sort(byMask);
}

export interface ShiftStep {
  readonly i: number;
  readonly j: number;
  /** Families after the step. */
  readonly families: readonly MaskFamily[];
  readonly numMoved: number;
}

/** Shifts all families together until nothing moves. @returns the steps that moved something, in order */
export function compress(families: readonly MaskFamily[], n: number): ShiftStep[] {
  const steps: ShiftStep[] = [];
  let current: readonly MaskFamily[] = families.map((family) => [...family].sort(byMask));
  for (let isMoving = true; isMoving;) {
    isMoving = false;
    for (let i = 1; i < n; i++)
      for (let j = i + 1; j <= n; j++) {
        const next = current.map((family) => shift(family, i, j));
        const numMoved = next.reduce((sum, family, f) => {
          const before = new Set(current[f]);
          return sum + family.filter((set) => !before.has(set)).length;
        }, 0);
        if (numMoved === 0) continue;
        isMoving = true;
        current = next;
        steps.push({ i, j, families: current, numMoved });
      }
  }
  return steps;
}

/** Sets one element smaller that lie in some set; applied d times. */
export function shadow(family: MaskFamily, d = 1): number[] {
  let current = [...family];
  for (let round = 0; round < d; round++) {
    const below = new Set<number>();
    for (const set of current) for (let rest = set; rest !== 0; rest &= rest - 1) below.add(set & ~(rest & -rest));
    current = [...below];
  }
  return current.sort(byMask);
}

/** Sets one element larger that hold some set. */
export function upperShadow(family: MaskFamily, n: number): number[] {
  const above = new Set<number>();
  for (const set of family) for (let e = 0; e < n; e++) if (!((set >> e) & 1)) above.add(set | (1 << e));
  return [...above].sort(byMask);
}

/** All sets that hold some member. Cost: O(n · 2^n). */
export function upClosure(family: MaskFamily, n: number): number[] {
  const table = membershipTable(family, n);
  for (let e = 0; e < n; e++)
    for (let set = 0; set < 1 << n; set++) if ((set >> e) & 1 && table[set & ~(1 << e)]) table[set] = 1;
  return setsOfTable(table);
}

/** Members that hold no other member. */
export function minimalMembers(family: MaskFamily): number[] {
  const bySize = [...new Set(family)].sort((a, b) => popcount32(a) - popcount32(b) || a - b);
  const kept: number[] = [];
  for (const set of bySize) if (!kept.some((small) => (small & set) === small)) kept.push(set);
  return kept;
}

/** [n] ∖ A for every member A. */
export function complementFamily(family: MaskFamily, n: number): number[] {
  const all = 2 ** n - 1;
  return family.map((set) => all & ~set).sort(byMask);
}

/** Members through x, with x taken out. */
export function link(family: MaskFamily, x: number): number[] {
  const bit = 1 << (x - 1);
  return family
    .filter((set) => (set & bit) !== 0)
    .map((set) => set & ~bit)
    .sort(byMask);
}

/** Members without x. */
export function deletion(family: MaskFamily, x: number): number[] {
  const bit = 1 << (x - 1);
  return family.filter((set) => (set & bit) === 0).sort(byMask);
}

const MAX_TABLE_POINTS = 24;

/** dual_t(F) = all sets that share at least t elements with every member. For t = 1 and an up-set F it is
 *  {A : the complement of A is not in F}, and taking it twice gives F back; for t > 1 it is a Galois connection only. */
export function dualFamily(family: MaskFamily, n: number, t = 1): number[] {
  assertPoints(n);
  const found: number[] = [];
  for (let set = 0; set < 2 ** n; set++) if (family.every((member) => popcount32(set & member) >= t)) found.push(set);
  return found;
}

/** The first `count` k-sets in colexicographic order: by largest element that differs. */
export function colexPrefix(n: number, k: number, count: number): number[] {
  assertPoints(n);
  const found: number[] = [];
  for (let set = 2 ** k - 1; found.length < count && set < 2 ** n;) {
    found.push(set);
    if (k === 0) break;
    // Gosper's successor: the next larger number with k one bits.
    const low = set & -set;
    const ripple = set + low;
    set = (((ripple ^ set) >>> 2) / low) | ripple;
  }
  return found;
}

/** A disjoint (or less than t-meeting) pair of two families, by a table of the subsets of complements for t = 1. */
export function findMissingPair(a: MaskFamily, b: MaskFamily, n: number, t = 1): readonly [number, number] | undefined {
  if (t === 1 && n <= MAX_TABLE_POINTS && a.length * b.length > 2 ** n * n) {
    // inside[S] = some member of b that lies in S; then A misses b exactly when inside[complement of A] exists.
    const inside = new Int32Array(2 ** n).fill(-1);
    for (const set of b) inside[set] = set;
    for (let e = 0; e < n; e++)
      for (let set = 0; set < 2 ** n; set++)
        if ((set >> e) & 1 && inside[set]! < 0) inside[set] = inside[set & ~(1 << e)]!;
    const all = 2 ** n - 1;
    for (const set of a) if (inside[all & ~set]! >= 0) return [set, inside[all & ~set]!];
    return undefined;
  }
  for (const x of a) for (const y of b) if (popcount32(x & y) < t) return [x, y];
  return undefined;
}

function membershipTable(family: MaskFamily, n: number): Uint8Array {
  assertPoints(n);
  const table = new Uint8Array(2 ** n);
  for (const set of family) table[set] = 1;
  return table;
}

function setsOfTable(table: Uint8Array): number[] {
  const sets: number[] = [];
  for (const [set, isMember] of table.entries()) if (isMember) sets.push(set);
  return sets;
}

function assertPoints(n: number): void {
  if (n > MAX_TABLE_POINTS)
    throw familiesError('TF-FAMILIES-003', {
      subject: 'operators',
      expected: `at most ${MAX_TABLE_POINTS} points for a table of all sets`,
      actual: String(n),
    });
}

function byMask(a: number, b: number): number {
  return a - b;
}
