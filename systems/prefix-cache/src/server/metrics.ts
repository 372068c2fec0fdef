/** Prometheus text of a cache and its service. */
import type { PrefixCache } from '../cache/prefix-cache.ts';
import { bytesOf } from '../cost/profile.ts';
import { policyName } from '../cache/eviction.ts';

const TTFT_BUCKETS_SEC = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Times to first token, apart for cached and uncached requests. */
export class TtftHistogram {
  readonly #of = { true: newBuckets(), false: newBuckets() };

  observe(seconds: number, isCached: boolean): void {
    const buckets = this.#of[`${isCached}`];
    buckets.sum += seconds;
    buckets.count++;
    for (const [i, limit] of TTFT_BUCKETS_SEC.entries()) if (seconds <= limit) buckets.counts[i]!++;
  }

  lines(): string[] {
    const name = 'prefix_cache_ttft_seconds';
    return (['true', 'false'] as const).flatMap((cached) => {
      const { counts, count, sum } = this.#of[cached];
      return [
        ...TTFT_BUCKETS_SEC.map((limit, i) => `${name}_bucket{cached="${cached}",le="${limit}"} ${counts[i]}`),
        `${name}_bucket{cached="${cached}",le="+Inf"} ${count}`,
        `${name}_sum{cached="${cached}"} ${sum}`,
        `${name}_count{cached="${cached}"} ${count}`,
      ];
    });
  }
}

export interface ServerFigures {
  readonly ttft: TtftHistogram;
  readonly numWaiting: number;
  /** Requests that the tuner's shadows have seen; absent without a tuner. */
  readonly numTuned?: number;
}

export function metricsText<State, Kv>(
  cache: PrefixCache<State, Kv>,
  { ttft, numWaiting, numTuned }: ServerFigures,
): string {
  const { counters, tree, profile } = cache;
  const one = (
    name: string,
    kind: string,
    help: string,
    ...samples: readonly (readonly [string, number])[]
  ): string[] => [
    `# HELP prefix_cache_${name} ${help}`,
    `# TYPE prefix_cache_${name} ${kind}`,
    ...samples.map(([labels, value]) => `prefix_cache_${name}${labels} ${value}`),
  ];
  const policy = policyName(cache.policy);
  const numCheckpoints = Object.values(counters.checkpoints).reduce((sum, count) => sum + count, 0);
  const lines = [
    ...one('queries_tokens_total', 'counter', 'Prompt tokens looked up.', ['', counters.requestTokens]),
    ...one('hit_tokens_total', 'counter', 'Prompt tokens reused.', ['', counters.hitTokens]),
    ...one(
      'requests_total',
      'counter',
      'Requests by result.',
      ['{result="hit"}', counters.hits],
      ['{result="miss"}', counters.requests - counters.hits],
    ),
    ...one(
      'miss_reason_total',
      'counter',
      'Requests without reuse by reason.',
      ...Object.entries(counters.misses)
        .filter(([reason]) => reason !== 'hit')
        .map(([reason, count]) => [`{reason="${reason}"}`, count] as const),
    ),
    ...one(
      'bytes',
      'gauge',
      'Bytes by kind.',
      ['{kind="state"}', bytesOf(profile, 0, tree.numStates, tree.numStateTokens)],
      ['{kind="kv"}', tree.numTokens * profile.kvBytesPerToken],
      ['{kind="reserved"}', cache.reservedBytes],
      ['{kind="pinned"}', pinnedBytesOf(cache)],
    ),
    ...one('capacity_bytes', 'gauge', 'The hard budget.', ['', cache.capacityBytes]),
    ...one('peak_bytes', 'gauge', 'Most bytes used and reserved so far.', ['', cache.peakBytes]),
    ...one(
      'nodes',
      'gauge',
      'Nodes by kind.',
      ['{kind="checkpoint"}', tree.numStates],
      ['{kind="all"}', tree.numNodes - tree.roots.length],
    ),
    // Without a policy label: the policy may have changed since, see policy_info.
    ...one('evictions_total', 'counter', 'Checkpoints evicted.', ['{kind="state"}', counters.evictedStates]),
    ...one('evicted_flops_total', 'counter', 'FLOPs that evicted checkpoints would have saved.', [
      '',
      counters.evictedFlops,
    ]),
    ...one('flops_saved_total', 'counter', 'Prefill FLOPs saved.', ['', counters.savedFlops]),
    ...one(
      'checkpoint_total',
      'counter',
      'Checkpoints taken by source.',
      ...Object.entries(counters.checkpoints).map(([source, count]) => [`{source="${source}"}`, count] as const),
    ),
    ...one('checkpoint_reused_total', 'counter', 'Checkpoints used at least once.', ['', counters.reusedCheckpoints]),
    ...one('checkpoint_reused_ratio', 'gauge', 'Share of the checkpoints taken that were used at least once.', [
      '',
      numCheckpoints === 0 ? 0 : counters.reusedCheckpoints / numCheckpoints,
    ]),
    ...one('policy_info', 'gauge', 'The eviction policy in force.', [`{policy="${policy}"}`, 1]),
    ...(cache.policy.kind === 'marconi'
      ? one('alpha', 'gauge', 'Weight of FLOPs per byte against recency.', ['', cache.policy.alpha])
      : []),
    ...(numTuned === undefined
      ? []
      : one('tuner_requests_total', 'counter', 'Requests that the shadow caches of the tuner have seen.', [
          '',
          numTuned,
        ])),
    ...one('skipped_admissions_total', 'counter', 'Requests or checkpoints that found no room.', [
      '',
      counters.skippedAdmissions,
    ]),
    ...one('waiting_requests', 'gauge', 'Requests in the queue.', ['', numWaiting]),
    '# HELP prefix_cache_ttft_seconds Time to first token.',
    '# TYPE prefix_cache_ttft_seconds histogram',
    ...ttft.lines(),
  ];
  return `${lines.join('\n')}\n`;
}

/** Bytes of pinned checkpoints. Cost: O(nodes). */
function pinnedBytesOf<State, Kv>(cache: PrefixCache<State, Kv>): number {
  const { tree, profile } = cache;
  let bytes = 0;
  for (let node = 0; node < tree.nodeLimit; node++)
    if (tree.isLive(node) && tree.hasState[node] === 1 && cache.isPinned(node))
      bytes += bytesOf(profile, 0, 1, tree.depth[node]!);
  return bytes;
}

function newBuckets(): { sum: number; count: number; readonly counts: number[] } {
  return { sum: 0, count: 0, counts: TTFT_BUCKETS_SEC.map(() => 0) };
}
