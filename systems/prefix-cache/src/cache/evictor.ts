/** Chooses victims: collects the checkpoints that may go, scores them by the policy, and hands them out in rising order. */
import type { RadixTree } from '../tree/radix-tree.ts';
import type { ModelProfile } from '../types.ts';
import {
  fillFeatures,
  policyName,
  scorerOf,
  type CandidateFeatures,
  type EvictionPolicy,
  type Scorer,
} from './eviction.ts';
import type { NodeHistory } from './node-history.ts';
import { SmallestFirst } from './smallest-first.ts';

const INITIAL_CANDIDATES = 64;
/** Removals change the scores of neighbours: after this share of the candidates the rest is scored again. */
const BATCH_SHARE = 1 / 8;

export class Evictor {
  readonly #tree: RadixTree;
  readonly #profile: ModelProfile;
  readonly #history: NodeHistory;
  readonly #now: () => number;
  #policy: EvictionPolicy;
  #scorer: Scorer;
  #features = createFeatures(INITIAL_CANDIDATES);
  #scores = new Float64Array(INITIAL_CANDIDATES);

  constructor(
    tree: RadixTree,
    profile: ModelProfile,
    { policy, history, now }: { policy: EvictionPolicy; history: NodeHistory; now: () => number },
  ) {
    this.#tree = tree;
    this.#profile = profile;
    this.#history = history;
    this.#now = now;
    this.#policy = policy;
    this.#scorer = scorerOf(policy);
  }

  get policy(): EvictionPolicy {
    return this.#policy;
  }

  set policy(policy: EvictionPolicy) {
    if (policyName(policy) === policyName(this.#policy)) return;
    this.#policy = policy;
    this.#scorer = scorerOf(policy);
  }

  isPinned(node: number): boolean {
    return this.#history.pinnedUntil[node]! > this.#now();
  }

  /** The checkpoint that would go first, or −1. */
  next(): number {
    const count = this.#score(false);
    const index = new SmallestFirst(this.#scores, count).pop();
    return index < 0 ? -1 : this.#features.nodes[index]!;
  }

  /** Drops checkpoints in rising order of score until `isEnough`, or none is left that may go.
   *  @param options.isForced  also states where sequences part */
  evict(isEnough: () => boolean, drop: (node: number) => void, isForced: boolean): void {
    const history = this.#history;
    while (!isEnough()) {
      const count = this.#score(isForced);
      if (count === 0) return;
      const order = new SmallestFirst(this.#scores, count);
      const batch = Math.max(1, Math.floor(count * BATCH_SHARE));
      let removed = 0;
      for (let index = order.pop(); index >= 0 && removed < batch; index = order.pop()) {
        const node = this.#features.nodes[index]!;
        if (!this.#isStillEvictable(node, isForced)) continue;
        if (this.#policy.kind === 'gdsf') history.inflationNow = Math.max(history.inflationNow, this.#scores[index]!);
        drop(node);
        removed++;
        if (isEnough()) return;
      }
      if (removed === 0) return;
    }
  }

  /** @returns number of candidates; their nodes and scores stand in the arrays */
  #score(isForced: boolean): number {
    const count = this.#collect(isForced);
    this.#features = { ...this.#features, count };
    fillFeatures(this.#tree, this.#profile, this.#now(), this.#features);
    this.#scorer(this.#features, this.#tree, this.#history, this.#scores);
    return count;
  }

  #collect(isForced: boolean): number {
    const tree = this.#tree;
    const most = isForced ? tree.nodeLimit : tree.numCandidates;
    if (this.#features.nodes.length < most) {
      this.#features = createFeatures(most * 2);
      this.#scores = new Float64Array(most * 2);
    }
    const { nodes } = this.#features;
    const { pinnedUntil } = this.#history;
    const now = this.#now();
    // Without recurrent layers a state frees nothing while a child needs its keys and values.
    const leavesOnly = !isForced && this.#policy.kind === 'leafLru';
    const needsLeaf = leavesOnly || this.#profile.stateBytes === 0;
    let count = 0;
    for (let i = 0; i < most; i++) {
      const node = isForced ? i : tree.candidates[i]!;
      if (tree.hasState[node] === 0 || tree.locks[node] !== 0 || pinnedUntil[node]! > now) continue;
      if (needsLeaf && tree.childCount[node] !== 0) continue;
      nodes[count++] = node;
    }
    return count;
  }

  #isStillEvictable(node: number, isForced: boolean): boolean {
    const tree = this.#tree;
    return (
      tree.isLive(node) &&
      tree.hasState[node] === 1 &&
      tree.locks[node] === 0 &&
      (isForced || tree.childCount[node]! <= 1)
    );
  }
}

function createFeatures(size: number): CandidateFeatures {
  return {
    count: 0,
    nodes: new Int32Array(size),
    recency: new Float64Array(size),
    flops: new Float64Array(size),
    replayTokens: new Float64Array(size),
    freedBytes: new Float64Array(size),
  };
}
