/** The disjointness graph: one vertex per pair (family, set), an edge where two sets fail to meet in t elements although
 *  their families must. Extremal tuples are its maximum-weight independent sets that hit every family. */
import { popcount32 } from '../binomial.ts';
import { familiesError } from '../families-errors.ts';
import { MAX_SEARCH_VERTICES, countSearchVertices, layerHasPartner, layerWeight, mustMeet } from '../problem.ts';
import type { Problem } from '../types.ts';

export interface DisjointnessGraph {
  readonly problem: Problem;
  readonly numVertices: number;
  /** 32-bit words per vertex set. */
  readonly words: number;
  readonly family: Uint8Array;
  /** Bit masks of the sets. */
  readonly mask: Int32Array;
  /** Row v: neighbours of v. [numVertices, words] */
  readonly adjacency: Int32Array;
  readonly weight: Float64Array;
  /** True while all weights are 1. */
  readonly unit: boolean;
  /** Vertices that may be used at all. */
  readonly all: Int32Array;
  /** Members of each family. */
  readonly ofFamily: readonly Int32Array[];
  /** Families that need no vertex: they hold a free layer, or may be empty. */
  readonly alreadyHit: readonly boolean[];
  /** Free layers, always full: their sets never fail to meet a partner. */
  readonly free: readonly { readonly i: number; readonly k: number }[];
}

/** Largest number of points of the masks. */
const MAX_POINTS = 31;

/** Builds the graph of the constrained layers.
 *  @throws TF-FAMILIES-003 above 256 vertices */
export function createDisjointnessGraph(problem: Problem): DisjointnessGraph {
  const { n, t, sizes } = problem;
  const count = countSearchVertices(problem);
  if (count > BigInt(MAX_SEARCH_VERTICES) || n > MAX_POINTS)
    throw familiesError('TF-FAMILIES-003', {
      subject: 'createDisjointnessGraph',
      expected: `at most ${MAX_SEARCH_VERTICES} sets in conflicting layers on at most ${MAX_POINTS} points`,
      actual: `${count} sets on ${n} points`,
      hints: ['Lists and counts of this size come from theorems only.'],
    });
  const families: number[] = [];
  const masks: number[] = [];
  const weights: number[] = [];
  const free: { i: number; k: number }[] = [];
  const alreadyHit = sizes.map(() => problem.allowEmpty);
  for (const [i, list] of sizes.entries()) {
    for (const k of list) {
      if (!layerHasPartner(problem, i, k)) {
        free.push({ i, k });
        alreadyHit[i] = true;
        continue;
      }
      const weight = Number(layerWeight(problem, i, k));
      for (const set of subsetMasks(n, k)) {
        if (mustMeet(problem, i, i) && k < t) continue; // a set that does not even meet itself
        families.push(i);
        masks.push(set);
        weights.push(weight);
      }
    }
  }
  const numVertices = masks.length;
  const words = Math.max(1, (numVertices + 31) >>> 5);
  const adjacency = new Int32Array(numVertices * words);
  for (let u = 0; u < numVertices; u++)
    for (let v = 0; v < numVertices; v++)
      if (u !== v && mustMeet(problem, families[u]!, families[v]!) && popcount32(masks[u]! & masks[v]!) < t)
        adjacency[u * words + (v >>> 5)]! |= 1 << (v & 31);
  const all = new Int32Array(words);
  const ofFamily = sizes.map(() => new Int32Array(words));
  for (let v = 0; v < numVertices; v++) {
    all[v >>> 5]! |= 1 << (v & 31);
    ofFamily[families[v]!]![v >>> 5]! |= 1 << (v & 31);
  }
  if (weights.reduce((sum, w) => sum + w, 0) > Number.MAX_SAFE_INTEGER)
    throw familiesError('TF-FAMILIES-003', {
      subject: 'createDisjointnessGraph',
      expected: 'weights with a sum below 2^53',
      actual: String(weights.reduce((sum, w) => sum + w, 0)),
    });
  return {
    problem,
    numVertices,
    words,
    family: Uint8Array.from(families),
    mask: Int32Array.from(masks),
    adjacency,
    weight: Float64Array.from(weights),
    unit: weights.every((w) => w === 1),
    all,
    ofFamily,
    alreadyHit,
    free,
  };
}

/** All k-subsets of [n] as masks, in lexicographic order of the sets. */
export function subsetMasks(n: number, k: number): number[] {
  const found: number[] = [];
  const grow = (mask: number, next: number, left: number): void => {
    if (left === 0) {
      found.push(mask);
      return;
    }
    for (let e = next; e <= n - left + 1; e++) grow(mask | (1 << (e - 1)), e + 1, left - 1);
  };
  grow(0, 1, k);
  return found;
}

/** Ascending elements of a mask. */
export function elementsFromMask(mask: number): number[] {
  const elements: number[] = [];
  for (let e = 1, rest = mask >>> 0; rest !== 0; e++, rest >>>= 1) if (rest & 1) elements.push(e);
  return elements;
}

export function maskFromElements(elements: readonly number[]): number {
  let mask = 0;
  for (const e of elements) mask |= 1 << (e - 1);
  return mask;
}
