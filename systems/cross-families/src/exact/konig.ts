/** Upper-bound certificates for two families: a König cover for every kind of forced pair (spec §2.6).
 *
 *  Some A ∈ F_0 and B ∈ F_1 are in the tuple. By symmetry only |A|, |B|, |A ∩ B| matter. With both forced in, the rest of
 *  the disjointness graph is bipartite, so a vertex cover of size c leaves at most (vertices − c) sets. */
import { popcount32 } from '../binomial.ts';
import type { CoverOfPair, Problem } from '../types.ts';
import type { DisjointnessGraph } from './graph.ts';
import { elementsFromMask } from './graph.ts';

/** Covers per pair kind, or undefined where the method does not apply (weights, m ≠ 2, free layers, inner conditions). */
export function konigCovers(problem: Problem, graph: DisjointnessGraph): CoverOfPair[] | undefined {
  if (problem.sizes.length !== 2 || !graph.unit || graph.free.length > 0) return undefined;
  if (problem.selfIntersecting.length > 0 || problem.allowEmpty || problem.objective !== 'sum') return undefined;
  const covers: CoverOfPair[] = [];
  const seen = new Set<string>();
  for (let u = 0; u < graph.numVertices; u++) {
    if (graph.family[u] !== 0) continue;
    for (let v = 0; v < graph.numVertices; v++) {
      if (graph.family[v] !== 1) continue;
      const [a, b] = [graph.mask[u]!, graph.mask[v]!];
      const shared = popcount32(a & b);
      if (shared < problem.t) continue;
      const kind = `${popcount32(a)},${popcount32(b)},${shared}`;
      if (seen.has(kind)) continue;
      seen.add(kind);
      covers.push(coverOf(graph, u, v));
    }
  }
  return covers;
}

function coverOf(graph: DisjointnessGraph, u: number, v: number): CoverOfPair {
  const { numVertices, words, adjacency, family, mask } = graph;
  const adjacent = (a: number, b: number): boolean => ((adjacency[a * words + (b >>> 5)]! >>> (b & 31)) & 1) === 1;
  const alive = Array.from({ length: numVertices }, (_, w) => !adjacent(u, w) && !adjacent(v, w));
  const left: number[] = [];
  const right: number[] = [];
  for (let w = 0; w < numVertices; w++) if (alive[w]) (family[w] === 0 ? left : right).push(w);
  const matched = new Int32Array(numVertices).fill(-1);
  const visited = new Uint8Array(numVertices);
  const augment = (a: number): boolean => {
    for (const b of right) {
      if (visited[b] || !adjacent(a, b)) continue;
      visited[b] = 1;
      if (matched[b]! < 0 || augment(matched[b]!)) {
        matched[b] = a;
        matched[a] = b;
        return true;
      }
    }
    return false;
  };
  for (const a of left) {
    visited.fill(0);
    augment(a);
  }
  // König: cover = left nodes not reachable from free left nodes, and right nodes that are.
  const reached = new Uint8Array(numVertices);
  const stack = left.filter((a) => matched[a]! < 0);
  for (const a of stack) reached[a] = 1;
  while (stack.length > 0) {
    const a = stack.pop()!;
    for (const b of right) {
      if (reached[b] || !adjacent(a, b)) continue;
      reached[b] = 1;
      if (matched[b]! >= 0 && !reached[matched[b]!]) {
        reached[matched[b]!] = 1;
        stack.push(matched[b]!);
      }
    }
  }
  const setOf = (w: number): number[] => elementsFromMask(mask[w]!);
  return {
    a: setOf(u),
    b: setOf(v),
    cover: [left.filter((a) => !reached[a]).map(setOf), right.filter((b) => reached[b]).map(setOf)],
  };
}
