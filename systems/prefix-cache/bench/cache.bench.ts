/** Speed and memory of the cache at a million nodes. No peer library keeps such a tree in JavaScript; the peer column is
 *  the target of the room's issue where it names one. */
import { createRng, median } from '@tenfold/core/base';
import type { BenchRow } from '@tenfold/core/report';
import { policyFromName, fillFeatures, scorerOf } from '../src/cache/eviction.ts';
import { NodeHistory } from '../src/cache/node-history.ts';
import { PrefixCache } from '../src/cache/prefix-cache.ts';
import { PAPER_7B, profileFromPaperModel } from '../src/cost/paper-costs.ts';

const NODES = 1_000_000;
const SEQUENCE_TOKENS = 24;
const LOOKUPS = 50_000;
const LONG_TOKENS = 10_000;
const CANDIDATES = 100_000;
const REPEATS = 25;
/** Calls before the first that is timed: a server has evicted many times before an eviction is slow. */
const WARM_UP = 25;

export async function bench(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  const profile = profileFromPaperModel(PAPER_7B);
  const cache = new PrefixCache({ profile, capacityBytes: 1e18, minCheckpointTokens: 1, explain: false });
  const rng = createRng(8, 'bench');
  const sequences: Int32Array[] = [];
  const makeSequence = (): Int32Array => {
    // Sequences of one family part at a random place.
    const family = rng.integer(60_000);
    const shared = 1 + rng.integer(SEQUENCE_TOKENS - 1);
    return Int32Array.from({ length: SEQUENCE_TOKENS }, (_, i) => (i < shared ? family * 31 + i : rng.integer(50_000)));
  };
  const start = performance.now();
  while (cache.tree.numNodes < NODES) {
    const tokens = makeSequence();
    cache.commit(cache.begin(tokens), tokens);
    sequences.push(tokens);
  }
  const insertSec = (performance.now() - start) / 1000;
  rows.push(
    row(
      'requests inserted per second, up to 1 M nodes',
      sequences.length / insertSec,
      NaN,
      'requests/s',
      NaN,
      `lookup, plan and insert of ${SEQUENCE_TOKENS} tokens`,
    ),
  );
  const { allocatedBytes, numTokens, numNodes } = cache.tree;
  rows.push(
    row(
      'memory at 1 M nodes, tokens apart',
      (allocatedBytes - cache.tree.arena.byteLength) / numNodes,
      150,
      'B/node',
      150 / ((allocatedBytes - cache.tree.arena.byteLength) / numNodes),
      'with the hash table; the peer column is the target',
    ),
  );
  rows.push(
    row(
      'token arena',
      cache.tree.arena.byteLength / numTokens,
      4,
      'B/token',
      4 / (cache.tree.arena.byteLength / numTokens),
      'grown capacity included; the peer column is the target',
    ),
  );
  const lookupMs = medianMs(() => {
    let reused = 0;
    for (let i = 0; i < LOOKUPS; i++) reused += cache.lookup(sequences[(i * 7919) % sequences.length]!).reusedTokens;
    return reused;
  });
  rows.push(
    row(
      'lookups per second at 1 M nodes',
      LOOKUPS / (lookupMs / 1000),
      NaN,
      'lookups/s',
      NaN,
      `${SEQUENCE_TOKENS} tokens each`,
    ),
  );

  const long = Int32Array.from({ length: LONG_TOKENS }, () => rng.integer(50_000));
  cache.commit(cache.begin(long), long);
  const longUs = medianMs(() => cache.lookup(long).reusedTokens) * 1000;
  rows.push(row('lookup of 10,000 tokens', longUs, 30, 'µs', 30 / longUs, 'the peer column is the target'));

  const features = {
    count: CANDIDATES,
    nodes: cache.tree.candidates.slice(0, CANDIDATES),
    recency: new Float64Array(CANDIDATES),
    flops: new Float64Array(CANDIDATES),
    replayTokens: new Float64Array(CANDIDATES),
    freedBytes: new Float64Array(CANDIDATES),
  };
  const scores = new Float64Array(CANDIDATES);
  const history = new NodeHistory();
  const scorer = scorerOf(policyFromName('marconi:0.5'));
  const scoreMs = medianMs(() => {
    fillFeatures(cache.tree, profile, cache.counters.requests, features);
    scorer(features, cache.tree, history, scores);
    return scores[0]!;
  });
  rows.push(row('scoring 100,000 candidates', scoreMs, 2, 'ms', 2 / scoreMs, 'the peer column is the target'));
  return rows;
}

function row(name: string, ours: number, peer: number, unit: string, ratio: number, note: string): BenchRow {
  return { name, ours, peer, unit, ratio, note };
}

/** Median milliseconds of repeated calls; the results are kept from being optimised away. */
function medianMs(call: () => number): number {
  const times: number[] = [];
  let kept = 0;
  for (let i = 0; i < WARM_UP; i++) kept += call();
  for (let i = 0; i < REPEATS; i++) {
    const start = performance.now();
    kept += call();
    times.push(performance.now() - start);
  }
  if (Number.isNaN(kept)) throw new Error('a bench computed no number');
  return median(times);
}
