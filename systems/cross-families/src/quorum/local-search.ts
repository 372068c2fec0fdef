/** Heuristic search beyond six nodes: duplicate-free expressions changed step by step; prints its gap to a lower bound. */
import { throwIfCancelled, yieldToEventLoop } from '@tenfold/core/base';
import type { Rng } from '@tenfold/core/base';
import { choose, dual, nodeExpr, resilience as resilienceOf } from './expression.ts';
import { knownSystems } from './gallery.ts';
import { loadLowerBound } from './load-bound.ts';
import { optimalStrategy } from './strategy.ts';
import type { Strategy } from './strategy.ts';
import type { QuorumExpr, QuorumNode, QuorumSystem, Workload } from './types.ts';

export interface HeuristicFinding {
  readonly system: QuorumSystem;
  readonly strategy: Strategy;
  readonly value: number;
  /** No system has a smaller load than this. */
  readonly bound: number;
  readonly numTried: number;
}

export interface HeuristicOptions {
  readonly rng: Rng;
  readonly clock: { nowMs(): number };
  readonly budgetMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (numTried: number, best: number) => void;
}

/** A low-load system on many nodes; not proved optimal. */
export async function searchHeuristically(
  nodes: readonly QuorumNode[],
  workload: Workload,
  resilience: number,
  options: HeuristicOptions,
): Promise<HeuristicFinding> {
  const bound = loadLowerBound(nodes, workload, resilience);
  const deadline = options.clock.nowMs() + options.budgetMs;
  const ids = nodes.map((node) => node.id);
  let best: { reads: QuorumExpr; strategy: Strategy; value: number } | undefined;
  let numTried = 0;
  const consider = async (reads: QuorumExpr): Promise<boolean> => {
    const writes = dual(reads);
    if (Math.min(resilienceOf(reads), resilienceOf(writes)) < resilience) return false;
    numTried++;
    const strategy = await optimalStrategy({ nodes, reads, writes }, workload, { signal: options.signal });
    const value = strategy.metrics.load;
    if (best && value >= best.value) return false;
    best = { reads, strategy, value };
    options.onProgress?.(numTried, value);
    return true;
  };
  // Read-once systems do best when fast nodes sit together, so start from nodes in order of capacity too.
  const byCapacity = [...nodes].sort((a, b) => b.readCapacity + b.writeCapacity - a.readCapacity - a.writeCapacity);
  for (const { reads } of [...knownSystems(ids), ...knownSystems(byCapacity.map((node) => node.id))])
    await consider(reads);
  const draw = options.rng.fork('local-search');
  while (options.clock.nowMs() < deadline && best!.value > bound * (1 + 1e-9)) {
    throwIfCancelled(options.signal, 'searchHeuristically');
    await yieldToEventLoop();
    await consider(draw.uniform() < 0.3 ? randomTree(draw.shuffle([...ids]), draw) : mutate(best!.reads, draw));
  }
  const { reads, strategy, value } = best!;
  return { system: { nodes, reads, writes: dual(reads) }, strategy, value, bound, numTried };
}

/** Random thresholds over random groups. */
function randomTree(ids: readonly string[], rng: Rng): QuorumExpr {
  if (ids.length === 1) return nodeExpr(ids[0]!);
  const numGroups = Math.min(ids.length, 2 + rng.integer(4));
  const groups: string[][] = Array.from({ length: numGroups }, (_, g) => [ids[g]!]);
  for (const id of ids.slice(numGroups)) groups[rng.integer(numGroups)]!.push(id);
  const parts = groups.map((group) =>
    group.length < 3 || rng.uniform() < 0.5 ? flat(group, rng) : randomTree(group, rng),
  );
  return choose(1 + rng.integer(parts.length), parts);
}

function flat(ids: readonly string[], rng: Rng): QuorumExpr {
  return choose(1 + rng.integer(ids.length), ids.map(nodeExpr));
}

/** Changes one threshold or exchanges two nodes. */
function mutate(expr: QuorumExpr, rng: Rng): QuorumExpr {
  if (rng.uniform() < 0.5) return changeThreshold(expr, rng);
  const leaves: string[] = [];
  const collect = (part: QuorumExpr): void => {
    if (part.kind === 'node') leaves.push(part.node);
    else for (const child of part.of) collect(child);
  };
  collect(expr);
  const a = leaves[rng.integer(leaves.length)]!;
  const b = leaves[rng.integer(leaves.length)]!;
  const rename = (part: QuorumExpr): QuorumExpr =>
    part.kind === 'node'
      ? nodeExpr(part.node === a ? b : part.node === b ? a : part.node)
      : { ...part, of: part.of.map(rename) };
  return rename(expr);
}

function changeThreshold(expr: QuorumExpr, rng: Rng): QuorumExpr {
  if (expr.kind === 'node') return expr;
  const inner = expr.of.findIndex((child) => child.kind === 'choose' && rng.uniform() < 0.5);
  if (inner >= 0)
    return { ...expr, of: expr.of.map((child, p) => (p === inner ? changeThreshold(child, rng) : child)) };
  return { ...expr, k: 1 + rng.integer(expr.of.length) };
}
