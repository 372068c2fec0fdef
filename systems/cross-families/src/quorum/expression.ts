/** Quorum expressions: evaluation, dual, minimal quorums, resilience and kill cost (spec §2.11). */
import { familiesError } from '../families-errors.ts';
import type { QuorumExpr } from './types.ts';

export function nodeExpr(node: string): QuorumExpr {
  return { kind: 'node', node };
}

/** At least k of the parts. A choice of one part alone is that part. */
export function choose(k: number, of: readonly QuorumExpr[]): QuorumExpr {
  return of.length === 1 && k === 1 ? of[0]! : { kind: 'choose', k, of };
}

export function either(...of: QuorumExpr[]): QuorumExpr {
  return choose(1, of);
}

export function both(...of: QuorumExpr[]): QuorumExpr {
  return choose(of.length, of);
}

export function majority(nodes: readonly string[]): QuorumExpr {
  return choose(Math.floor(nodes.length / 2) + 1, nodes.map(nodeExpr));
}

/** Node names in order of first appearance. */
export function nodesOf(expr: QuorumExpr): string[] {
  const seen = new Set<string>();
  const visit = (part: QuorumExpr): void => {
    if (part.kind === 'node') seen.add(part.node);
    else for (const child of part.of) visit(child);
  };
  visit(expr);
  return [...seen];
}

/** True if no node appears twice, so that minima and kill costs follow the tree. */
export function isDuplicateFree(expr: QuorumExpr): boolean {
  let leaves = 0;
  const count = (part: QuorumExpr): void => {
    if (part.kind === 'node') leaves++;
    else for (const child of part.of) count(child);
  };
  count(expr);
  return leaves === nodesOf(expr).length;
}

/** The sets that meet every quorum: + and * change places, k of m becomes m − k + 1 of m. */
export function dual(expr: QuorumExpr): QuorumExpr {
  return expr.kind === 'node' ? expr : choose(expr.of.length - expr.k + 1, expr.of.map(dual));
}

/** True if the nodes that are up contain a quorum. */
export function contains(expr: QuorumExpr, isUp: (node: string) => boolean): boolean {
  if (expr.kind === 'node') return isUp(expr.node);
  let found = 0;
  for (const child of expr.of) if (contains(child, isUp) && ++found >= expr.k) return true;
  return false;
}

/** Minimal quorums as sorted index sets into `nodes`, smallest first.
 *  @throws TF-FAMILIES-003 above `limit` sets */
export function minimalQuorums(expr: QuorumExpr, nodes: readonly string[], limit = 200_000): number[][] {
  const indexOf = new Map(nodes.map((node, index) => [node, index]));
  const masks = minimalMasks(expr, indexOf, limit);
  return masks
    .map((mask) => nodes.flatMap((_, index) => ((mask >> BigInt(index)) & 1n ? [index] : [])))
    .sort((a, b) => a.length - b.length || compareIndexSets(a, b));
}

/** Upper bound on the number of minimal quorums, without listing them; exact for duplicate-free expressions. */
export function numMinimalQuorums(expr: QuorumExpr): number {
  if (expr.kind === 'node') return 1;
  let counts = [1, ...Array<number>(expr.k).fill(0)];
  for (const child of expr.of) {
    const inner = numMinimalQuorums(child);
    counts = counts.map((count, c) => count + (c > 0 ? counts[c - 1]! * inner : 0));
  }
  return counts[expr.k]!;
}

function compareIndexSets(a: readonly number[], b: readonly number[]): number {
  for (let p = 0; p < a.length; p++) if (a[p] !== b[p]) return a[p]! - b[p]!;
  return 0;
}

function minimalMasks(expr: QuorumExpr, indexOf: ReadonlyMap<string, number>, limit: number): bigint[] {
  if (expr.kind === 'node') return [1n << BigInt(indexOf.get(expr.node)!)];
  const parts = expr.of.map((child) => minimalMasks(child, indexOf, limit));
  // atLeast[c] = minimal unions of c of the parts seen so far.
  let atLeast: bigint[][] = [[0n], ...Array.from({ length: expr.k }, () => [])];
  for (const part of parts) {
    const next = atLeast.map((list) => [...list]);
    for (let c = 0; c < expr.k; c++)
      for (const mask of atLeast[c]!) for (const add of part) next[c + 1]!.push(mask | add);
    atLeast = next.map((list) => [...new Set(list)]);
    if (atLeast.some((list) => list.length > limit * 4)) throw tooMany(limit);
  }
  const minimal = isDuplicateFree(expr) ? atLeast[expr.k]! : keepMinimal(atLeast[expr.k]!);
  if (minimal.length > limit) throw tooMany(limit);
  return minimal;
}

function tooMany(limit: number): Error {
  return familiesError('TF-FAMILIES-003', {
    subject: 'minimalQuorums',
    expected: `at most ${limit} minimal quorums`,
    actual: 'more',
    hints: ['Write the expression so that no node appears twice; then no list is needed.'],
  });
}

/** Drops sets that contain another one. */
export function keepMinimal(masks: readonly bigint[]): bigint[] {
  const bySize = [...new Set(masks)].sort((a, b) => countOnes(a) - countOnes(b));
  const kept: bigint[] = [];
  for (const mask of bySize) if (!kept.some((small) => (small & mask) === small)) kept.push(mask);
  return kept;
}

export function countOnes(mask: bigint): number {
  let count = 0;
  for (let rest = mask; rest > 0n; rest &= rest - 1n) count++;
  return count;
}

/** Number of nodes that any failure may take while a quorum stays: smallest hitting set minus 1. */
export function resilience(expr: QuorumExpr): number {
  // The hitting sets of the quorums are the quorums of the dual.
  return smallestQuorum(dual(expr)) - 1;
}

/** Size of a smallest quorum. */
export function smallestQuorum(expr: QuorumExpr): number {
  if (isDuplicateFree(expr)) return smallestBySums(expr);
  return Math.min(...minimalQuorums(expr, nodesOf(expr)).map((set) => set.length));
}

function smallestBySums(expr: QuorumExpr): number {
  if (expr.kind === 'node') return 1;
  const sizes = expr.of.map(smallestBySums).sort((a, b) => a - b);
  return sizes.slice(0, expr.k).reduce((sum, size) => sum + size, 0);
}

/** Kill cost κ(S): fewest members of S to lose until S holds no quorum; 0 if it holds none. Duplicate-free only.
 *  Math: node 1 or 0; k of m: sum of the m − k + 1 smallest. A set is f-resilient exactly when κ ≥ f + 1. */
export function killCost(expr: QuorumExpr, isMember: (node: string) => boolean): number {
  if (expr.kind === 'node') return isMember(expr.node) ? 1 : 0;
  const costs = expr.of.map((child) => killCost(child, isMember)).sort((a, b) => a - b);
  return costs.slice(0, expr.of.length - expr.k + 1).reduce((sum, cost) => sum + cost, 0);
}

/** True if both expressions have the same quorums. */
export function isEquivalent(a: QuorumExpr, b: QuorumExpr): boolean {
  const nodes = [...new Set([...nodesOf(a), ...nodesOf(b)])];
  return JSON.stringify(minimalQuorums(a, nodes)) === JSON.stringify(minimalQuorums(b, nodes));
}

/** A read and a write quorum without a common node, or undefined if all meet. */
export function findDisjointPair(
  reads: QuorumExpr,
  writes: QuorumExpr,
): { read: string[]; write: string[] } | undefined {
  if (JSON.stringify(writes) === JSON.stringify(dual(reads))) return undefined;
  const nodes = [...new Set([...nodesOf(reads), ...nodesOf(writes)])];
  // Reads and writes all meet exactly when no write quorum lies in the complement of a read quorum.
  for (const read of minimalQuorums(reads, nodes)) {
    const outside = new Set(nodes.filter((_, index) => !read.includes(index)));
    if (!contains(writes, (node) => outside.has(node))) continue;
    const write = minimalQuorums(writes, nodes).find((set) => set.every((index) => outside.has(nodes[index]!)))!;
    return { read: read.map((index) => nodes[index]!), write: write.map((index) => nodes[index]!) };
  }
  return undefined;
}

/** Text in the grammar that `parseExpression` reads. */
export function formatExpression(expr: QuorumExpr): string {
  if (expr.kind === 'node') return /^[A-Za-z_]\w*$/.test(expr.node) ? expr.node : JSON.stringify(expr.node);
  const m = expr.of.length;
  if (expr.k === m)
    return expr.of
      .map((child) =>
        child.kind === 'choose' && child.k === 1 && child.of.length > 1
          ? `(${formatExpression(child)})`
          : formatExpression(child),
      )
      .join('*');
  if (expr.k === 1) return expr.of.map(formatExpression).join(' + ');
  return `choose ${expr.k} (${expr.of.map(formatExpression).join(', ')})`;
}
