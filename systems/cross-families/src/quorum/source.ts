/** Sources of quorums for pricing: which quorum costs least under given node prices?
 *
 *  Duplicate-free expressions answer by recursion (k of m: the k cheapest parts; with f failures to survive: a knapsack
 *  over kill costs), so no quorum is ever listed. Other expressions list their minimal quorums once. */
import { familiesError } from '../families-errors.ts';
import { contains, isDuplicateFree, minimalQuorums } from './expression.ts';
import type { QuorumExpr } from './types.ts';

/** A number type for prices: doubles while searching, BigInt in certificates. */
export interface PriceArithmetic<T> {
  readonly zero: T;
  add(a: T, b: T): T;
  less(a: T, b: T): boolean;
}

export const doubles: PriceArithmetic<number> = { zero: 0, add: (a, b) => a + b, less: (a, b) => a < b };
export const integers: PriceArithmetic<bigint> = { zero: 0n, add: (a, b) => a + b, less: (a, b) => a < b };

export interface PricedQuorum<T> {
  readonly cost: T;
  /** Ascending node indices. */
  readonly members: readonly number[];
}

export interface QuorumSource {
  /** The cheapest quorum inside the allowed nodes; undefined if they hold none.
   *  @param prices  one a node, ≥ 0 */
  cheapest<T>(
    prices: readonly T[],
    arithmetic: PriceArithmetic<T>,
    isAllowed?: (node: number) => boolean,
  ): PricedQuorum<T> | undefined;
  /** All quorums the source would ever return, if they are listed. */
  readonly listed?: readonly (readonly number[])[];
}

/** Nodes up to which resilient quorums of expressions with repeated nodes are listed. */
export const MAX_LISTED_NODES = 16;

/** Creates the source of the (f-resilient) quorums of an expression. @param nodes gives the indices */
export function createQuorumSource(expr: QuorumExpr, nodes: readonly string[], failures = 0): QuorumSource {
  if (!isDuplicateFree(expr))
    return listSource(failures === 0 ? minimalQuorums(expr, nodes) : minimalResilient(expr, nodes, failures));
  const indexOf = new Map(nodes.map((node, index) => [node, index]));
  return {
    cheapest<T>(prices: readonly T[], arithmetic: PriceArithmetic<T>, isAllowed?: (node: number) => boolean) {
      const found =
        failures === 0
          ? cheapestByTree(expr, indexOf, prices, arithmetic, isAllowed)
          : resilientByTree(expr, indexOf, prices, arithmetic, failures + 1, isAllowed)[failures + 1];
      return found && { cost: found.cost, members: [...found.members].sort((a, b) => a - b) };
    },
  };
}

/** All minimal resilient quorums in a list, whatever the shape of the expression: needed where the time of a quorum is
 *  not that of its slowest member. @throws TF-FAMILIES-003 above 16 nodes */
export function createResilientList(expr: QuorumExpr, nodes: readonly string[], failures: number): QuorumSource {
  return listSource(minimalResilient(expr, nodes, failures));
}

/** A source over listed quorums. */
export function listSource(quorums: readonly (readonly number[])[]): QuorumSource {
  return {
    listed: quorums,
    cheapest(prices, arithmetic, isAllowed) {
      let best: PricedQuorum<(typeof prices)[number]> | undefined;
      for (const members of quorums) {
        if (isAllowed && !members.every(isAllowed)) continue;
        let cost = arithmetic.zero;
        for (const index of members) cost = arithmetic.add(cost, prices[index]!);
        if (!best || arithmetic.less(cost, best.cost)) best = { cost, members };
      }
      return best;
    },
  };
}

function cheapestByTree<T>(
  expr: QuorumExpr,
  indexOf: ReadonlyMap<string, number>,
  prices: readonly T[],
  arithmetic: PriceArithmetic<T>,
  isAllowed?: (node: number) => boolean,
): PricedQuorum<T> | undefined {
  if (expr.kind === 'node') {
    const index = indexOf.get(expr.node)!;
    return isAllowed && !isAllowed(index) ? undefined : { cost: prices[index]!, members: [index] };
  }
  const parts: PricedQuorum<T>[] = [];
  for (const child of expr.of) {
    const found = cheapestByTree(child, indexOf, prices, arithmetic, isAllowed);
    if (found) parts.push(found);
  }
  if (parts.length < expr.k) return undefined;
  parts.sort((a, b) => (arithmetic.less(a.cost, b.cost) ? -1 : arithmetic.less(b.cost, a.cost) ? 1 : 0));
  let cost = arithmetic.zero;
  const members: number[] = [];
  for (const part of parts.slice(0, expr.k)) {
    cost = arithmetic.add(cost, part.cost);
    members.push(...part.members);
  }
  return { cost, members };
}

/** table[c] = cheapest set of kill cost ≥ c, for c = 0..need. */
function resilientByTree<T>(
  expr: QuorumExpr,
  indexOf: ReadonlyMap<string, number>,
  prices: readonly T[],
  arithmetic: PriceArithmetic<T>,
  need: number,
  isAllowed?: (node: number) => boolean,
): (PricedQuorum<T> | undefined)[] {
  const nothing: PricedQuorum<T> = { cost: arithmetic.zero, members: [] };
  const table: (PricedQuorum<T> | undefined)[] = [nothing, ...Array.from({ length: need }, () => undefined)];
  if (expr.kind === 'node') {
    const index = indexOf.get(expr.node)!;
    if (!isAllowed || isAllowed(index)) table[1] = { cost: prices[index]!, members: [index] };
    return table;
  }
  const parts = expr.of.map((child) => resilientByTree(child, indexOf, prices, arithmetic, need, isAllowed));
  const numSmall = expr.of.length - expr.k;
  const keepCheaper = (row: (PricedQuorum<T> | undefined)[], at: number, offer: PricedQuorum<T>): void => {
    const known = row[at];
    if (!known || arithmetic.less(offer.cost, known.cost)) row[at] = offer;
  };
  for (let c = 1; c <= need; c++) {
    for (let t = 1; t <= c; t++) {
      // k parts reach t; the other m − k parts reach v_i ≤ t with Σ v_i + t ≥ c. State: small parts so far × capped sum.
      let states: (PricedQuorum<T> | undefined)[][] = [[nothing]];
      const cap = c - t;
      for (const [p, part] of parts.entries()) {
        const next: (PricedQuorum<T> | undefined)[][] = [];
        for (const [small, row] of states.entries()) {
          for (const [sum, state] of row.entries()) {
            if (!state) continue;
            const large = part[t];
            if (large && p - small < expr.k) keepCheaper((next[small] ??= []), sum, joined(state, large, arithmetic));
            if (small === numSmall) continue;
            for (let v = 0; v <= t; v++) {
              const chosen = part[v];
              if (chosen)
                keepCheaper((next[small + 1] ??= []), Math.min(cap, sum + v), joined(state, chosen, arithmetic));
            }
          }
        }
        states = Array.from(next, (row) => row ?? []);
      }
      const reached = states[numSmall]?.[cap];
      if (reached) keepCheaper(table, c, reached);
    }
  }
  return table;
}

function joined<T>(a: PricedQuorum<T>, b: PricedQuorum<T>, arithmetic: PriceArithmetic<T>): PricedQuorum<T> {
  return { cost: arithmetic.add(a.cost, b.cost), members: [...a.members, ...b.members] };
}

/** Minimal sets that stay a quorum after losing any `failures` members, by trying all sets. */
function minimalResilient(expr: QuorumExpr, nodes: readonly string[], failures: number): number[][] {
  if (nodes.length > MAX_LISTED_NODES)
    throw familiesError('TF-FAMILIES-003', {
      subject: 'createQuorumSource',
      expected: `at most ${MAX_LISTED_NODES} nodes for resilient quorums of an expression that repeats nodes`,
      actual: String(nodes.length),
      hints: ['Write the expression so that no node appears twice.'],
    });
  const size = 1 << nodes.length;
  const good = new Uint8Array(size); // survives `round` losses
  for (let set = 0; set < size; set++)
    good[set] = contains(expr, (node) => ((set >> nodes.indexOf(node)) & 1) === 1) ? 1 : 0;
  for (let round = 0; round < failures; round++) {
    const before = good.slice();
    for (let set = 0; set < size; set++)
      for (let rest = set; rest !== 0; rest &= rest - 1) if (!before[set & ~(rest & -rest)]) good[set] = 0;
    if (!before[0]) good[0] = 0;
  }
  const minimal: number[][] = [];
  for (let set = 1; set < size; set++) {
    if (!good[set]) continue;
    let isMinimal = true;
    for (let rest = set; rest !== 0; rest &= rest - 1) if (good[set & ~(rest & -rest)]) isMinimal = false;
    if (isMinimal) minimal.push(nodes.flatMap((_, index) => ((set >> index) & 1 ? [index] : [])));
  }
  return minimal;
}
