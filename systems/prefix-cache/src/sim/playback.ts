/** Frames of a replay: what the tree looked like after some of the requests. */
import { fillFeatures, policyFromName } from '../cache/eviction.ts';
import type { PrefixCache } from '../cache/prefix-cache.ts';
import type { Trace } from '../types.ts';
import { createSizeCache, serveFrom, type ReplayOptions } from './size-cache.ts';

export interface FrameNode {
  readonly id: number;
  readonly parent: number;
  /** Tokens before and at the end of the edge. */
  readonly start: number;
  readonly end: number;
  readonly hasState: boolean;
  /** Whether its checkpoint may be evicted: nothing parts there and no request uses it. */
  readonly isCandidate: boolean;
  /** Requests since the last use. */
  readonly age: number;
  /** Prefill FLOPs that a hit saves per byte freed. */
  readonly efficiency: number;
}

export interface Frame {
  /** Requests served so far. */
  readonly served: number;
  readonly session: number;
  readonly reusedTokens: number;
  readonly inputTokens: number;
  readonly tokenHitRate: number;
  readonly bytes: number;
  /** Node that would be evicted next, or −1. */
  readonly victim: number;
  readonly nodes: readonly FrameNode[];
}

/** @param numFrames  most frames; they are spread over the trace */
export function playTrace(trace: Trace, options: ReplayOptions, numFrames: number): Frame[] {
  const policy = policyFromName(options.policy);
  const cache = createSizeCache(trace, options, policy);
  const every = Math.max(1, Math.ceil(trace.requests.length / numFrames));
  const frames: Frame[] = [];
  let [reused, input] = [0, 0];
  for (const [index, request] of trace.requests.entries()) {
    const reusedTokens = Math.min(serveFrom(cache, trace, request) * trace.symbolTokens, request.inputTokens);
    reused += reusedTokens;
    input += request.inputTokens;
    if ((index + 1) % every !== 0 && index + 1 < trace.requests.length) continue;
    frames.push({
      served: index + 1,
      session: request.session,
      reusedTokens,
      inputTokens: request.inputTokens,
      tokenHitRate: reused / input,
      bytes: cache.bytes,
      ...viewNodes(cache, index + 1, trace.symbolTokens),
    });
  }
  return frames;
}

/** The nodes of a cache, parents first, and which checkpoint would go first.
 *  @param now  number of the last request */
export function viewNodes<State, Kv>(
  cache: PrefixCache<State, Kv>,
  now: number,
  symbolTokens = 1,
): Pick<Frame, 'nodes' | 'victim'> {
  const { tree, profile } = cache;
  const ids: number[] = [];
  for (const root of tree.roots) tree.preorder(root, (node) => void ids.push(node));
  const count = ids.length;
  const floats = (): Float64Array => new Float64Array(count);
  const features = {
    count,
    nodes: Int32Array.from(ids),
    recency: floats(),
    flops: floats(),
    replayTokens: floats(),
    freedBytes: floats(),
  };
  fillFeatures(tree, profile, now, features);
  const nodes = ids.map((id, i): FrameNode => {
    return {
      id,
      parent: tree.parent[id]!,
      start: (tree.depth[id]! - tree.tokenCount[id]!) * symbolTokens,
      end: tree.depth[id]! * symbolTokens,
      hasState: tree.hasState[id] === 1,
      isCandidate: tree.hasState[id] === 1 && tree.childCount[id]! <= 1 && tree.locks[id] === 0,
      age: now - tree.lastAccess[id]!,
      efficiency: features.flops[i]! / features.freedBytes[i]!,
    };
  });
  return { nodes, victim: cache.findNextVictim() };
}
