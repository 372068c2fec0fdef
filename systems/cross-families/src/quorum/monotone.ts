/** All monotone functions of up to six nodes as truth tables (spec §2.12): every quorum system is one of them.
 *
 *  A function of n nodes is a pair (a, b) of functions of n − 1 nodes with a ⊆ b: table = a | b << 2^(n−1).
 *  Counts with the two constants: 2, 3, 6, 20, 168, 7,581, 7,828,354 for n = 0..6. */
import { choose, nodeExpr } from './expression.ts';
import type { QuorumExpr } from './types.ts';

/** Bit s of the table says whether the node set s (bit i = node i) holds a quorum. n ≤ 5: one 32-bit word. */
export type TruthTable = number;

/** All non-constant monotone functions of n ≤ 5 nodes. */
export function monotoneFunctions(n: number): TruthTable[] {
  const full = fullTable(n);
  return allMonotone(n).filter((table) => table !== 0 && table !== full);
}

/** Monotone functions of n ≤ 5 nodes, the constants among them. */
export function allMonotone(n: number): TruthTable[] {
  if (n === 0) return [0, 1];
  const smaller = allMonotone(n - 1);
  const shift = 2 ** (n - 1);
  const found: TruthTable[] = [];
  for (const a of smaller) for (const b of smaller) if ((a & ~b) === 0) found.push((a | (b << shift)) >>> 0);
  return found;
}

export function fullTable(n: number): TruthTable {
  return n === 5 ? 0xffffffff : (2 ** (2 ** n) - 1) >>> 0;
}

export function holds(table: TruthTable, set: number): boolean {
  return ((table >>> set) & 1) === 1;
}

/** Truth table of the sets that meet every quorum: bit s = not bit of the complement of s. */
export function dualTable(table: TruthTable, n: number): TruthTable {
  let dual = 0;
  const all = 2 ** n - 1;
  for (let set = 0; set <= all; set++) if (!holds(table, all & ~set)) dual |= 1 << set;
  return dual >>> 0;
}

/** Minimal quorums as node masks. */
export function minimalSets(table: TruthTable, n: number): number[] {
  const minimal: number[] = [];
  for (let set = 0; set < 2 ** n; set++) {
    if (!holds(table, set)) continue;
    let isMinimal = true;
    for (let rest = set; rest !== 0 && isMinimal; rest &= rest - 1) isMinimal = !holds(table, set & ~(rest & -rest));
    if (isMinimal) minimal.push(set);
  }
  return minimal;
}

/** Table of the sets that stay quorums after losing any `failures` members. */
export function resilientTable(table: TruthTable, n: number, failures: number): TruthTable {
  let current = table;
  for (let round = 0; round < failures; round++) {
    let next = 0;
    for (let set = 0; set < 2 ** n; set++) {
      let isGood = holds(current, set);
      for (let rest = set; rest !== 0 && isGood; rest &= rest - 1) isGood = holds(current, set & ~(rest & -rest));
      if (isGood) next |= 1 << set;
    }
    current = next >>> 0;
  }
  return current;
}

/** True if a quorum is left whatever `failures` nodes fail. */
export function survives(table: TruthTable, n: number, failures: number): boolean {
  const all = 2 ** n - 1;
  for (let lost = 0; lost <= all; lost++) if (ones(lost) === failures && !holds(table, all & ~lost)) return false;
  return true;
}

export function ones(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** The function as a sum of products. */
export function exprFromSets(sets: readonly number[], ids: readonly string[]): QuorumExpr {
  const products = sets.map((set) => {
    const nodes = ids.filter((_, index) => (set >> index) & 1).map(nodeExpr);
    return choose(nodes.length, nodes);
  });
  return choose(1, products);
}
