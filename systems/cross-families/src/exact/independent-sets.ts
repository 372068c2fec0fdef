/** Maximum-weight independent sets with their number, on bitset vertex sets (spec §2.6, phase B).
 *
 *  Isolated vertices are always taken, components are multiplied, results are kept by vertex set, a vertex of largest
 *  degree is branched on, and the branch without it is skipped when a clique cover shows that it cannot reach the other. */
import { popcount32 } from '../binomial.ts';
import type { DisjointnessGraph } from './graph.ts';

export interface Optimum {
  readonly value: number;
  /** Number of optimal sets; 0n when counting is off. */
  readonly count: bigint;
}

/** Raised inside the search when its node budget is used up; never leaves this folder. */
export class BudgetSpent extends Error {}

const NOTHING: Optimum = { value: 0, count: 1n };
/** Entries of the memo before it is emptied, to bound memory. */
const MEMO_LIMIT = 400_000;

export class IndependentSets {
  numNodes = 0;
  readonly graph: DisjointnessGraph;
  readonly counting: boolean;
  readonly onNode: (numNodes: number) => void;
  private readonly memo = new Map<string, Optimum>();
  private readonly pool: Int32Array[] = [];

  constructor(graph: DisjointnessGraph, counting: boolean, onNode: (numNodes: number) => void) {
    this.graph = graph;
    this.counting = counting;
    this.onNode = onNode;
  }

  /** The optimum inside the vertex set P. P is not changed. */
  solve(P: Int32Array): Optimum {
    const { words, adjacency, weight } = this.graph;
    // Isolated vertices leave first; what remains is split into components.
    const rest = this.take();
    rest.set(P);
    let value = 0;
    for (let w = 0; w < words; w++) {
      let bits = P[w]!;
      while (bits !== 0) {
        const low = bits & -bits;
        bits ^= low;
        const v = (w << 5) + (31 - Math.clz32(low));
        if (this.isIsolated(P, v, adjacency, words)) {
          value += weight[v]!;
          rest[w]! &= ~low;
        }
      }
    }
    let count = 1n;
    const component = this.take();
    while (this.nextComponent(rest, component)) {
      const part = this.solveComponent(component);
      value += part.value;
      if (this.counting) count *= part.count;
      for (let w = 0; w < words; w++) rest[w]! &= ~component[w]!;
    }
    this.give(rest);
    this.give(component);
    return value === 0 && count === 1n ? NOTHING : { value, count };
  }

  /** Upper bound by a greedy clique cover: each clique adds its heaviest vertex. */
  cliqueBound(P: Int32Array): number {
    const { words, adjacency, weight } = this.graph;
    const rest = this.take();
    const candidates = this.take();
    rest.set(P);
    let bound = 0;
    for (let w = 0; w < words; w++) {
      while (rest[w] !== 0) {
        const low = rest[w]! & -rest[w]!;
        let v = (w << 5) + (31 - Math.clz32(low));
        rest[w]! ^= low;
        let heaviest = weight[v]!;
        const row = v * words;
        for (let x = w; x < words; x++) candidates[x] = rest[x]! & adjacency[row + x]!;
        for (let x = w; x < words; x++) {
          while (candidates[x] !== 0) {
            const bit = candidates[x]! & -candidates[x]!;
            v = (x << 5) + (31 - Math.clz32(bit));
            rest[x]! &= ~bit;
            if (weight[v]! > heaviest) heaviest = weight[v]!;
            const next = v * words;
            for (let y = x; y < words; y++) candidates[y]! &= adjacency[next + y]!;
          }
        }
        bound += heaviest;
      }
    }
    this.give(rest);
    this.give(candidates);
    return bound;
  }

  /** A vertex of largest degree inside P, or −1 if P has no edge. */
  branchVertex(P: Int32Array): number {
    const { words, adjacency } = this.graph;
    let best = -1;
    let bestDegree = 0;
    for (let w = 0; w < words; w++) {
      let bits = P[w]!;
      while (bits !== 0) {
        const low = bits & -bits;
        bits ^= low;
        const v = (w << 5) + (31 - Math.clz32(low));
        let degree = 0;
        const row = v * words;
        for (let x = 0; x < words; x++) degree += popcount32(P[x]! & adjacency[row + x]!);
        if (degree > bestDegree) {
          bestDegree = degree;
          best = v;
        }
      }
    }
    return best;
  }

  /** A scratch vertex set; give it back with `give`. */
  take(): Int32Array {
    return this.pool.pop() ?? new Int32Array(this.graph.words);
  }

  give(set: Int32Array): void {
    this.pool.push(set);
  }

  private solveComponent(P: Int32Array): Optimum {
    const key = this.keyOf(P);
    const known = this.memo.get(key);
    if (known) return known;
    this.onNode(++this.numNodes);
    const { words, adjacency, weight } = this.graph;
    const v = this.branchVertex(P);
    const inside = this.take();
    const row = v * words;
    for (let w = 0; w < words; w++) inside[w] = P[w]! & ~adjacency[row + w]!;
    inside[v >>> 5]! &= ~(1 << (v & 31));
    const included = this.solve(inside);
    let value = included.value + weight[v]!;
    let count = included.count;
    inside.set(P);
    inside[v >>> 5]! &= ~(1 << (v & 31));
    const bound = this.cliqueBound(inside);
    if (this.counting ? bound >= value : bound > value) {
      const excluded = this.solve(inside);
      if (excluded.value > value) ({ value, count } = excluded);
      else if (excluded.value === value) count += excluded.count;
    }
    this.give(inside);
    const optimum = { value, count };
    if (this.memo.size >= MEMO_LIMIT) this.memo.clear();
    this.memo.set(key, optimum);
    return optimum;
  }

  private isIsolated(P: Int32Array, v: number, adjacency: Int32Array, words: number): boolean {
    const row = v * words;
    for (let w = 0; w < words; w++) if ((P[w]! & adjacency[row + w]!) !== 0) return false;
    return true;
  }

  /** Writes the component of the first vertex of `rest` into `component`; false if `rest` is empty. */
  private nextComponent(rest: Int32Array, component: Int32Array): boolean {
    const { words, adjacency } = this.graph;
    let first = 0;
    while (first < words && rest[first] === 0) first++;
    if (first === words) return false;
    component.fill(0);
    const frontier = this.take();
    frontier.fill(0);
    frontier[first] = rest[first]! & -rest[first]!;
    component[first] = frontier[first]!;
    for (let grown = true; grown;) {
      grown = false;
      for (let w = 0; w < words; w++) {
        while (frontier[w] !== 0) {
          const low = frontier[w]! & -frontier[w]!;
          frontier[w]! ^= low;
          const row = ((w << 5) + (31 - Math.clz32(low))) * words;
          for (let x = 0; x < words; x++) {
            const fresh = rest[x]! & adjacency[row + x]! & ~component[x]!;
            if (fresh !== 0) {
              component[x]! |= fresh;
              frontier[x]! |= fresh;
              grown = true;
            }
          }
        }
      }
    }
    this.give(frontier);
    return true;
  }

  private keyOf(P: Int32Array): string {
    let key = '';
    for (let w = 0; w < P.length; w++) key += String.fromCharCode(P[w]! & 0xffff, P[w]! >>> 16);
    return key;
  }
}
