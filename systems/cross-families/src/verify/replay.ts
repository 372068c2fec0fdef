/** A second, deliberately plain exact search used only to check claims of small problems. */
import type { ProblemJson } from '../types.ts';
import { combinations, overlap } from './pascal.ts';
import { related } from './tuple-check.ts';

/** Sets up to which a replay is tried. */
const MAX_SETS = 130;
const MAX_STEPS = 300_000;

/** The maximum, or undefined where the problem is too large for a plain search. */
export function replayMaximum(problem: ProblemJson): bigint | undefined {
  if (problem.objective === 'product') return undefined;
  const { n, t = 1, sizes } = problem;
  const items = sizes.flatMap((list, i) =>
    list.flatMap((k, p) =>
      n > 12
        ? []
        : [...combinations(n, k)].map((set) => ({ i, set, weight: BigInt(problem.weights?.[i]?.[p] ?? '1') })),
    ),
  );
  if (items.length === 0 || items.length > MAX_SETS) return undefined;
  const enemies = items.map((a, x) => {
    let row = 0n;
    for (const [y, b] of items.entries())
      if (x !== y && related(problem, a.i, b.i) && overlap(a.set, b.set) < t) row |= 1n << BigInt(y);
    return row;
  });
  const usable = items.reduce(
    (mask, { i, set }, x) => (related(problem, i, i) && set.length < t ? mask : mask | (1n << BigInt(x))),
    0n,
  );
  const families = sizes.map((_, f) =>
    items.reduce((mask, { i }, x) => (i === f ? mask | (1n << BigInt(x)) : mask), 0n),
  );
  let best = -1n;
  let steps = 0;
  const weigh = (mask: bigint): bigint =>
    items.reduce((sum, item, x) => ((mask >> BigInt(x)) & 1n ? sum + item.weight : sum), 0n);
  /** Sum of the vertices minus a greedy matching's lighter ends. */
  const bound = (open: bigint): bigint => {
    let total = weigh(open);
    let rest = open;
    for (let x = 0; x < items.length; x++) {
      if (!((rest >> BigInt(x)) & 1n)) continue;
      const partners = enemies[x]! & rest;
      if (partners === 0n) continue;
      const y = lowest(partners);
      rest &= ~((1n << BigInt(x)) | (1n << BigInt(y)));
      total -= items[x]!.weight < items[y]!.weight ? items[x]!.weight : items[y]!.weight;
    }
    return total;
  };
  const visit = (open: bigint): boolean => {
    if (++steps > MAX_STEPS) return false;
    if (!problem.allowEmpty && families.some((family) => (family & open) === 0n)) return true;
    if (bound(open) <= best) return true;
    let pick = -1;
    let most = 0;
    for (let x = 0; x < items.length; x++) {
      if (!((open >> BigInt(x)) & 1n)) continue;
      const degree = ones(enemies[x]! & open);
      if (degree > most) {
        most = degree;
        pick = x;
      }
    }
    if (pick < 0) {
      const value = weigh(open);
      if (value > best) best = value;
      return true;
    }
    return visit(open & ~enemies[pick]!) && visit(open & ~(1n << BigInt(pick)));
  };
  return visit(usable) ? best : undefined;
}

function lowest(mask: bigint): number {
  let x = 0;
  while (!((mask >> BigInt(x)) & 1n)) x++;
  return x;
}

function ones(mask: bigint): number {
  let count = 0;
  for (let rest = mask; rest > 0n; rest &= rest - 1n) count++;
  return count;
}
