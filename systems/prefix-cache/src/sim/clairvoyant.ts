/** Replays that know the future: admission keeps what some later request will resume from, eviction takes what is worth
 *  least per byte and request until its next use. Greedy, so not optimal; the best of nine variants is reported. */
import type { ClairvoyantRank } from '../cache/eviction.ts';
import { sequenceOf } from '../trace/request-builder.ts';
import type { ReplayResult, Trace } from '../types.ts';
import type { BoundaryIndex, BoundaryPath } from './boundaries.ts';
import { replayWith, type ReplayedCache } from './replay.ts';
import { createSizeCache, serveFrom, type ReplayOptions } from './size-cache.ts';

interface Variant {
  /** What goes first among the checkpoints that are used again. */
  readonly rank: ClairvoyantRank;
  /** Which prefixes get checkpoints: those that a later request needs most deeply, all that are used again, or what the
   *  online admission plans. */
  readonly admission: 'sparse' | 'reused' | 'online';
}

const VARIANTS: readonly Variant[] = (['sparse', 'reused', 'online'] as const).flatMap((admission) =>
  (['density', 'distance', 'recency'] as const).map((rank) => ({ rank, admission })),
);

export function replayClairvoyant(
  trace: Trace,
  options: Omit<ReplayOptions, 'policy'>,
  index: BoundaryIndex,
): ReplayResult {
  const results = VARIANTS.map((variant) =>
    replayWith(trace, { ...options, policy: 'clairvoyant' }, clairvoyantCache(trace, options, index, variant)),
  );
  return results.reduce((best, result) => (result.tokenHitRate > best.tokenHitRate ? result : best));
}

function clairvoyantCache(
  trace: Trace,
  options: Omit<ReplayOptions, 'policy'>,
  index: BoundaryIndex,
  { rank, admission }: Variant,
): ReplayedCache {
  let now = 0;
  const cache = createSizeCache(
    trace,
    admission === 'online' ? options : { ...options, minCheckpointTokens: 1, admission: { branch: false, end: true } },
    {
      kind: 'clairvoyant',
      rank,
      nextUse: (node) => {
        const tag = cache.tagOf(node);
        return tag < 0 ? Infinity : index.nextUse(tag, now) - now;
      },
    },
  );
  return {
    serve(request, requestIndex) {
      now = requestIndex;
      const path = index.paths[requestIndex]!;
      const sequence = trace.hasOpaqueOutputs ? request.input : sequenceOf(request);
      if (admission === 'online') {
        const reused = serveFrom(cache, trace, request);
        tagPath(cache.tree, cache, path, sequence);
        return reused;
      }
      const wanted = usefulDepths(path, index, now, admission === 'sparse');
      const lease = cache.begin(request.input, {
        breakpoints: wanted.filter((at) => at <= request.input.length),
        isEndKept: wanted.at(-1) === sequence.length,
        maxOutputTokens: sequence.length - request.input.length,
      });
      const states = new Map(wanted.map((at) => [at, undefined]));
      cache.commit(lease, sequence, { states, kvOf: () => undefined });
      tagPath(cache.tree, cache, path, sequence);
      return lease.reusedTokens;
    },
    get peakBytes() {
      return cache.peakBytes;
    },
    get numEvictions() {
      return cache.counters.evictedStates;
    },
  };
}

function usefulDepths({ nodes, depths }: BoundaryPath, index: BoundaryIndex, now: number, isSparse: boolean): number[] {
  const wanted: number[] = [];
  let soonest = Infinity;
  for (let i = nodes.length - 1; i >= 0; i--) {
    const next = index.nextUse(nodes[i]!, now);
    if (next === Infinity || (isSparse && next >= soonest)) continue;
    wanted.push(depths[i]!);
    soonest = Math.min(soonest, next);
  }
  return wanted.reverse();
}

/** Tells the cache's nodes on a path which boundary they stand for: the first at or below them. */
function tagPath(
  tree: ReturnType<typeof createSizeCache>['tree'],
  cache: Pick<ReturnType<typeof createSizeCache>, 'tagOf' | 'setTag'>,
  { nodes, depths }: BoundaryPath,
  sequence: Int32Array,
): void {
  let i = 0;
  for (let node = tree.root; tree.depth[node]! < sequence.length;) {
    const at = tree.depth[node]!;
    node = tree.findChild(node, sequence[at]!);
    if (node < 0 || tree.matchEdge(node, sequence, at) < tree.tokenCount[node]!) return;
    while (i < depths.length && depths[i]! < tree.depth[node]!) i++;
    if (cache.tagOf(node) < 0 && i < nodes.length) cache.setTag(node, nodes[i]!);
  }
}
