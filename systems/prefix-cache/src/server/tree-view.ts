/** The radix tree as plain JSON, for the page and for people who ask why. */
import { policyName } from '../cache/eviction.ts';
import type { PrefixCache } from '../cache/prefix-cache.ts';

export interface TreeNodeView {
  readonly id: number;
  readonly parent: number;
  /** Tokens before and at the end of the edge. */
  readonly start: number;
  readonly end: number;
  readonly hasState: boolean;
  readonly isLocked: boolean;
  readonly isPinned: boolean;
  readonly lastAccess: number;
  readonly text: string;
  readonly salt: string;
}

export interface CacheView {
  readonly policy: string;
  readonly capacityBytes: number;
  readonly bytes: number;
  readonly reservedBytes: number;
  readonly peakBytes: number;
  readonly numStates: number;
  readonly numTokens: number;
  readonly tokenHitRate: number;
  readonly counters: PrefixCache['counters'];
}

const SHOWN_TOKENS = 24;

/** Nodes, parents first. @param decode  turns the first tokens of an edge into text */
export function viewTree<State, Kv>(
  cache: PrefixCache<State, Kv>,
  decode: (tokens: readonly number[]) => string,
): TreeNodeView[] {
  const { tree } = cache;
  const nodes: TreeNodeView[] = [];
  for (const salt of cache.salts)
    tree.preorder(cache.rootOf(salt)!, (node) => {
      nodes.push({
        id: node,
        parent: tree.parent[node]!,
        start: tree.depth[node]! - tree.tokenCount[node]!,
        end: tree.depth[node]!,
        hasState: tree.hasState[node] === 1,
        isLocked: tree.locks[node]! > 0,
        isPinned: cache.isPinned(node),
        lastAccess: tree.lastAccess[node]!,
        text: decode([...tree.edgeOf(node).subarray(0, SHOWN_TOKENS)]),
        salt,
      });
    });
  return nodes;
}

export function viewCache<State, Kv>(cache: PrefixCache<State, Kv>): CacheView {
  const { counters } = cache;
  return {
    policy: policyName(cache.policy),
    capacityBytes: cache.capacityBytes,
    bytes: cache.bytes,
    reservedBytes: cache.reservedBytes,
    peakBytes: cache.peakBytes,
    numStates: cache.tree.numStates,
    numTokens: cache.tree.numTokens,
    tokenHitRate: counters.requestTokens === 0 ? 0 : counters.hitTokens / counters.requestTokens,
    counters,
  };
}
