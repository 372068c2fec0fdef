/** Which checkpoint goes first. Every policy scores the candidates from the same features; the least score is evicted.
 *  utility = norm(recency) + α · norm(FLOPs saved per byte really freed) (paper, eq. 2, with the denominators of an
 *  eviction's true effect and the FLOPs since the nearest ancestor that still holds a state). */
import { prefixError } from '../prefix-errors.ts';
import type { RadixTree } from '../tree/radix-tree.ts';
import type { ModelProfile } from '../types.ts';
import type { NodeHistory } from './node-history.ts';

export type EvictionPolicy =
  /** Least recently used checkpoint among nodes of up to one child; a hit refreshes the node it used. */
  | { readonly kind: 'lru' }
  /** Least recently used leaf; a hit refreshes the whole path (what engines without FLOP awareness do). */
  | { readonly kind: 'leafLru' }
  | { readonly kind: 'marconi'; readonly alpha: number }
  /** Tokens to replay instead of FLOPs per byte. */
  | { readonly kind: 'segLen'; readonly weight: number }
  /** Greedy-dual-size-frequency: inflation + uses · FLOPs / bytes. */
  | { readonly kind: 'gdsf' }
  /** P(used again) · √(FLOPs saved ÷ requests until then) per byte freed, learned from the ages at which checkpoints are
   *  used (reuse-ages.ts); the roots damp the long tails of lengths and waits. Ours. */
  | { readonly kind: 'hitDensity' }
  /** Checkpoints that a longer one continues go first, then LRU. */
  | { readonly kind: 'superseded' }
  /** Knows the future: what is never used again goes first, then by value per byte and request until the next use, by
   *  that distance alone, or by recency. */
  | { readonly kind: 'clairvoyant'; readonly nextUse: (node: number) => number; readonly rank: ClairvoyantRank };

export type ClairvoyantRank = 'density' | 'distance' | 'recency';

export interface CandidateFeatures {
  readonly count: number;
  readonly nodes: Int32Array;
  readonly recency: Float64Array;
  /** FLOPs that a hit on the node saves over a hit on the nearest state above it. */
  readonly flops: Float64Array;
  readonly replayTokens: Float64Array;
  readonly freedBytes: Float64Array;
}

export type Scorer = (features: CandidateFeatures, tree: RadixTree, history: NodeHistory, scores: Float64Array) => void;

const DEFAULT_SEGLEN_WEIGHT = 0.85;
const PLAIN_POLICIES = ['hitDensity', 'lru', 'leafLru', 'gdsf', 'superseded'] as const;

/** One row a policy kind. Scores are written to `scores[0..count)`. */
const SCORERS: {
  readonly [Kind in EvictionPolicy['kind']]: (policy: Extract<EvictionPolicy, { kind: Kind }>) => Scorer;
} = {
  lru: () => byRecency,
  leafLru: () => byRecency,
  marconi:
    ({ alpha }) =>
    (features, _tree, _history, scores) => {
      const { count, recency, flops, freedBytes } = features;
      let [low, high, oldest, newest] = [Infinity, -Infinity, Infinity, -Infinity];
      for (let i = 0; i < count; i++) {
        const efficiency = flops[i]! / freedBytes[i]!;
        const age = recency[i]!;
        scores[i] = efficiency;
        if (efficiency < low) low = efficiency;
        if (efficiency > high) high = efficiency;
        if (age < oldest) oldest = age;
        if (age > newest) newest = age;
      }
      const recencyScale = newest > oldest ? 1 / (newest - oldest) : 0;
      if (high > low) {
        const efficiencyScale = alpha / (high - low);
        for (let i = 0; i < count; i++)
          scores[i] = (recency[i]! - oldest) * recencyScale + (scores[i]! - low) * efficiencyScale;
      } else for (let i = 0; i < count; i++) scores[i] = (recency[i]! - oldest) * recencyScale + alpha;
    },
  segLen:
    ({ weight }) =>
    ({ count, recency, replayTokens }, _tree, _history, scores) => {
      const r = rangeOf(recency, count);
      const t = rangeOf(replayTokens, count);
      for (let i = 0; i < count; i++)
        scores[i] = (recency[i]! - r.low) * r.scale + weight * (replayTokens[i]! - t.low) * t.scale;
    },
  gdsf:
    () =>
    ({ count, nodes, flops, freedBytes }, _tree, { uses, inflation }, scores) => {
      for (let i = 0; i < count; i++) {
        const node = nodes[i]!;
        scores[i] = inflation[node]! + (uses[node]! + 1) * (flops[i]! / freedBytes[i]!);
      }
    },
  hitDensity:
    () =>
    ({ count, nodes, flops, freedBytes }, tree, history, scores) => {
      const { ages, request, lastRequest } = history;
      ages.refresh();
      for (let i = 0; i < count; i++) {
        const node = nodes[i]!;
        const density = ages.density(history.kindOf(tree, node), request - lastRequest[node]!);
        scores[i] = (density * Math.sqrt(flops[i]!)) / freedBytes[i]!;
      }
    },
  superseded:
    () =>
    ({ count, nodes, recency }, tree, _history, scores) => {
      for (let i = 0; i < count; i++) scores[i] = recency[i]! + tree.childCount[nodes[i]!]! * -1;
    },
  clairvoyant:
    ({ nextUse, rank }) =>
    ({ count, nodes, recency, flops, freedBytes }, _tree, _history, scores) => {
      for (let i = 0; i < count; i++) {
        const distance = nextUse(nodes[i]!);
        const live = { density: flops[i]! / freedBytes[i]! / distance, distance: 1 / distance, recency: recency[i]! };
        scores[i] = distance === Infinity ? -freedBytes[i]! : live[rank];
      }
    },
};

export function scorerOf(policy: EvictionPolicy): Scorer {
  return (SCORERS[policy.kind] as (policy: EvictionPolicy) => Scorer)(policy);
}

/** Name of a policy as the command line writes it: `lru`, `marconi:0.5`. */
export function policyName(policy: EvictionPolicy): string {
  if (policy.kind === 'marconi') return `marconi:${policy.alpha}`;
  if (policy.kind === 'segLen') return `segLen:${policy.weight}`;
  return policy.kind;
}

/** Reads `hitDensity`, `lru`, `leafLru`, `marconi:0.5`, `segLen`, `segLen:0.85`, `gdsf`, `superseded`.
 *  @throws TF-PREFIX-006 for another name */
export function policyFromName(name: string): EvictionPolicy {
  const [kind, number] = name.split(':');
  const value = number === undefined ? NaN : Number(number);
  if (number === undefined) {
    if (kind === 'segLen') return { kind, weight: DEFAULT_SEGLEN_WEIGHT };
    for (const plain of PLAIN_POLICIES) if (kind === plain) return { kind: plain };
  }
  if (kind === 'marconi' && Number.isFinite(value) && value >= 0) return { kind, alpha: value };
  if (kind === 'segLen' && Number.isFinite(value) && value >= 0) return { kind, weight: value };
  throw prefixError('TF-PREFIX-006', {
    subject: 'policyFromName',
    expected: 'hitDensity, lru, leafLru, marconi:<alpha>, segLen, gdsf or superseded',
    actual: JSON.stringify(name),
  });
}

/** Fills the features of candidate nodes.
 *  Cost: O(count · stateless ancestors). Mutates: the arrays of `features`. */
export function fillFeatures(tree: RadixTree, profile: ModelProfile, now: number, features: CandidateFeatures): void {
  const { count, nodes, recency, flops, replayTokens, freedBytes } = features;
  const { depth, parent, hasState, lastAccess, childCount, tokenCount } = tree;
  const { linearFlops, quadraticFlops, stateBytes, stateBytesPerToken = 0, kvBytesPerToken } = profile;
  const hasTombstones = tree.numStates < tree.numNodes - tree.roots.length;
  for (let i = 0; i < count; i++) {
    const node = nodes[i]!;
    const end = depth[node]!;
    const edge = tokenCount[node]!;
    const freedPerToken = childCount[node] === 0 ? kvBytesPerToken : 0;
    recency[i] = 1 / (1 + now - lastAccess[node]!);
    freedBytes[i] = stateBytes + stateBytesPerToken * end + freedPerToken * edge;
    // Where every node holds a state, the nearest one above is the parent's.
    replayTokens[i] = edge;
    flops[i] = edge * (linearFlops + quadraticFlops * (2 * end - edge));
  }
  if (!hasTombstones) return;
  for (let i = 0; i < count; i++) {
    let above = parent[nodes[i]!]!;
    let base = depth[above]!;
    if (base === 0 || hasState[above] === 1) continue;
    while (hasState[above] === 0 && base > 0) {
      above = parent[above]!;
      base = depth[above]!;
    }
    const end = depth[nodes[i]!]!;
    replayTokens[i] = end - base;
    flops[i] = (end - base) * (linearFlops + quadraticFlops * (end + base));
  }
}

function byRecency(
  { count, recency }: CandidateFeatures,
  _tree: RadixTree,
  _history: NodeHistory,
  scores: Float64Array,
) {
  for (let i = 0; i < count; i++) scores[i] = recency[i]!;
}

function rangeOf(values: Float64Array, count: number): { readonly low: number; readonly scale: number } {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < count; i++) {
    const value = values[i]!;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, scale: high > low ? 1 / (high - low) : 0 };
}
