/** Exact maximum over the disjointness graph, with the number of optimal tuples and a lazy list of them (spec §2.6).
 *
 *  Phase A: while some family has no member for certain, take the one with fewest candidates and branch on its first
 *  member in vertex order. The branches share no solution, so counts add. Phase B: once every family is hit, count
 *  maximum independent sets. */
import { popcount32 } from '../binomial.ts';
import { hashStep } from './log-hash.ts';
import { createDisjointnessGraph, elementsFromMask, subsetMasks } from './graph.ts';
import type { DisjointnessGraph } from './graph.ts';
import { BudgetSpent, IndependentSets } from './independent-sets.ts';
import { familiesError } from '../families-errors.ts';
import type { FamilyTuple, Problem } from '../types.ts';

export interface SearchOptions {
  /** Count all optimal tuples; without it equal branches are pruned. Default true. */
  readonly counting?: boolean;
  /** A value that some tuple is known to reach; prunes from the start. Default none. */
  readonly atLeast?: number;
  readonly maxNodes?: number;
  readonly signal?: AbortSignal | undefined;
  /** Called now and then with the nodes so far and the best value. */
  readonly onProgress?: (numNodes: number, best: number) => void;
}

export interface SearchOutcome {
  /** False when the budget ended first or the search was cancelled: value is then a lower bound. */
  readonly complete: boolean;
  readonly value: bigint;
  readonly upper: bigint;
  /** Number of optimal labelled tuples; undefined when counting was off, weights may be 0, or the search did not end. */
  readonly labelled: bigint | undefined;
  readonly numNodes: number;
  /** Hash of the branch decisions in order, so that a second run can be compared. */
  readonly logHash: string;
  readonly graph: DisjointnessGraph;
  /** Lists optimal tuples one after the other; their number can be astronomical. */
  tuples(): Generator<FamilyTuple>;
}

const NODES_BETWEEN_CHECKS = 2048;

/** Solves a problem of at most 256 constrained sets.
 *  @throws TF-FAMILIES-002 if no tuple exists, TF-FAMILIES-003 if the graph is too large */
export function searchExact(problem: Problem, options: SearchOptions = {}): SearchOutcome {
  return searchGraph(createDisjointnessGraph(problem), options);
}

/** The same search on any graph whose vertices belong to families.
 *  @throws TF-FAMILIES-002 if the families cannot all be hit */
export function searchGraph(graph: DisjointnessGraph, options: SearchOptions = {}): SearchOutcome {
  const { counting = true, maxNodes = Infinity } = options;
  const { problem } = graph;
  const freeValue = graph.free.reduce((sum, { i, k }) => sum + subsetCountWeight(problem, i, k), 0n);
  let best = -1;
  let count = 0n;
  let hash = 0x811c9dc5;
  let numBranches = 0;
  const check = (numNodes: number): void => {
    if (numNodes % NODES_BETWEEN_CHECKS !== 0) return;
    options.onProgress?.(numNodes, best);
    if (numNodes > maxNodes || options.signal?.aborted) throw new BudgetSpent();
  };
  const sets = new IndependentSets(graph, counting, check);
  let floor = options.atLeast === undefined ? -1 : options.atLeast - Number(freeValue);
  if (floor < 0) floor = -1;

  const branch = (P: Int32Array): void => {
    const target = Math.max(best, floor);
    const bound = sets.cliqueBound(P);
    // Branches that only equal the target may go once a tuple that reaches it is in hand.
    if (counting || best < Math.max(floor, 0) ? bound < target : bound <= target) return;
    check(++numBranches);
    const open = openFamily(graph, P);
    if (open.index < 0) {
      const optimum = sets.solve(P);
      if (optimum.value > best) {
        best = optimum.value;
        count = optimum.count;
      } else if (optimum.value === best) count += optimum.count;
      hash = hashStep(hash, optimum.value);
      return;
    }
    if (open.size === 0) return;
    const rest = sets.take();
    const inside = sets.take();
    rest.set(P);
    for (const v of verticesOf(P, graph.ofFamily[open.index]!)) {
      hash = hashStep(hash, v);
      for (let w = 0; w < graph.words; w++) inside[w] = rest[w]! & ~graph.adjacency[v * graph.words + w]!;
      branch(inside);
      rest[v >>> 5]! &= ~(1 << (v & 31));
    }
    sets.give(rest);
    sets.give(inside);
  };

  let complete = true;
  try {
    branch(graph.all);
  } catch (error) {
    if (!(error instanceof BudgetSpent)) throw error;
    complete = false;
  }
  if (complete && best < 0)
    throw familiesError('TF-FAMILIES-002', {
      subject: 'searchExact',
      expected: 'families that can all be non-empty',
      actual: 'none exists',
      hints: ['Every family needs a set that meets a set of each other family in t elements.'],
    });
  const value = BigInt(Math.max(best, floor, 0)) + freeValue;
  // sets of weight 0 may be in or out, in free layers too
  const positive = !problem.weights?.some((list) => list.includes(0n));
  return {
    complete,
    value,
    upper: complete ? value : BigInt(sets.cliqueBound(graph.all)) + freeValue,
    labelled: complete && counting && positive ? count : undefined,
    numNodes: sets.numNodes + numBranches,
    logHash: (hash >>> 0).toString(16).padStart(8, '0'),
    graph,
    tuples: () => enumerateOptima(graph, best, options.signal),
  };
}

function subsetCountWeight(problem: Problem, i: number, k: number): bigint {
  const weight = problem.weights?.[i]?.[problem.sizes[i]!.indexOf(k)] ?? 1n;
  let count = 1n;
  for (let step = 1; step <= k; step++) count = (count * BigInt(problem.n - k + step)) / BigInt(step);
  return weight * count;
}

/** The family without a certain member that has fewest candidates in P; index −1 if all are hit. */
function openFamily(graph: DisjointnessGraph, P: Int32Array): { readonly index: number; readonly size: number } {
  let index = -1;
  let size = Infinity;
  for (const [i, members] of graph.ofFamily.entries()) {
    if (graph.alreadyHit[i]) continue;
    let numCandidates = 0;
    for (let w = 0; w < graph.words; w++) numCandidates += popcount32(P[w]! & members[w]!);
    if (numCandidates >= size) continue;
    if (hasIsolatedMember(graph, P, members)) continue;
    index = i;
    size = numCandidates;
  }
  return { index, size };
}

function hasIsolatedMember(graph: DisjointnessGraph, P: Int32Array, members: Int32Array): boolean {
  const { words, adjacency } = graph;
  for (let w = 0; w < words; w++) {
    let bits = P[w]! & members[w]!;
    while (bits !== 0) {
      const low = bits & -bits;
      bits ^= low;
      const row = ((w << 5) + (31 - Math.clz32(low))) * words;
      let isolated = true;
      for (let x = 0; x < words && isolated; x++) isolated = (P[x]! & adjacency[row + x]!) === 0;
      if (isolated) return true;
    }
  }
  return false;
}

function verticesOf(P: Int32Array, members: Int32Array): number[] {
  const vertices: number[] = [];
  for (let w = 0; w < P.length; w++) {
    let bits = P[w]! & members[w]!;
    while (bits !== 0) {
      const low = bits & -bits;
      bits ^= low;
      vertices.push((w << 5) + (31 - Math.clz32(low)));
    }
  }
  return vertices;
}

/** Walks the same tree again, kept to the branches that reach the optimum. */
function* enumerateOptima(
  graph: DisjointnessGraph,
  target: number,
  signal: AbortSignal | undefined,
): Generator<FamilyTuple> {
  const sets = new IndependentSets(graph, false, (numNodes) => {
    if (numNodes % NODES_BETWEEN_CHECKS === 0 && signal?.aborted) throw new BudgetSpent();
  });
  const { words, adjacency } = graph;

  function* phaseB(P: Int32Array): Generator<FamilyTuple> {
    const v = sets.branchVertex(P);
    if (v < 0) {
      yield tupleOf(graph, P);
      return;
    }
    const inside = new Int32Array(words);
    for (let w = 0; w < words; w++) inside[w] = P[w]! & ~adjacency[v * words + w]!;
    // v stays in: it is isolated now, so it counts with its weight.
    if (sets.solve(inside).value === target) yield* phaseB(inside);
    inside.set(P);
    inside[v >>> 5]! &= ~(1 << (v & 31));
    if (sets.solve(inside).value === target) yield* phaseB(inside);
  }

  function* phaseA(P: Int32Array): Generator<FamilyTuple> {
    if (sets.cliqueBound(P) < target) return;
    const open = openFamily(graph, P);
    if (open.index < 0) {
      if (sets.solve(P).value === target) yield* phaseB(P);
      return;
    }
    const rest = Int32Array.from(P);
    for (const v of verticesOf(P, graph.ofFamily[open.index]!)) {
      const inside = new Int32Array(words);
      for (let w = 0; w < words; w++) inside[w] = rest[w]! & ~adjacency[v * words + w]!;
      yield* phaseA(inside);
      rest[v >>> 5]! &= ~(1 << (v & 31));
    }
  }
  yield* phaseA(graph.all);
}

function tupleOf(graph: DisjointnessGraph, P: Int32Array): FamilyTuple {
  const tuple: number[][][] = graph.problem.sizes.map(() => []);
  for (let v = 0; v < graph.numVertices; v++)
    if ((P[v >>> 5]! >>> (v & 31)) & 1) tuple[graph.family[v]!]!.push(elementsFromMask(graph.mask[v]!));
  for (const { i, k } of graph.free)
    for (const mask of subsetMasks(graph.problem.n, k)) tuple[i]!.push(elementsFromMask(mask));
  return tuple;
}
