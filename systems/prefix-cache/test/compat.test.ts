import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CompatCache, type CompatPolicy } from '../src/compat/compat-cache.ts';
import {
  attentionFlops,
  flopEfficiency,
  kvBytes,
  mlpFlops,
  PAPER_7B,
  profileFromPaperModel,
  ssmFlops,
  ssmStateBytes,
} from '../src/cost/paper-costs.ts';
import { replayTrace } from '../src/sim/replay.ts';
import type { Trace, TraceRequest } from '../src/types.ts';

const D = 4096;
const N = 128;
const SEQUENCES = [
  [1, 2, 3, 4, 5, 6],
  [1, 2, 3, 4, 7, 6],
  [1, 2, 3, 4, 8, 9],
  [1, 3, 4, 10],
  [11, 2, 3],
  [1, 2, 3, 4, 8, 12],
];

test('cost formulas give the golden values exactly', () => {
  assert.equal(attentionFlops(1000, D), 150_601_728_000);
  assert.equal(mlpFlops(1000, D), 268_435_456_000);
  assert.equal(ssmFlops(1000, D, N), 209_756_160_000);
  assert.equal(kvBytes(1000, D), 16_384_000);
  assert.equal(ssmStateBytes(D, N), 1_116_160);
  const profile = profileFromPaperModel(PAPER_7B);
  assert.equal(profile.stateBytes, 26_787_840);
  assert.equal(profile.kvBytesPerToken, 65_536);
  assert.equal(profile.stateBytes / profile.kvBytesPerToken, 408.75);
  assert.equal(profile.stateBytes + 10_000 * profile.kvBytesPerToken, 682_147_840);
  const efficiency = [100, 1000, 10_000, 30_000].map((L) => flopEfficiency(PAPER_7B, L).toFixed(3));
  assert.deepEqual(efficiency, ['39271.744', '142463.177', '201460.310', '226607.473']);
});

test('the toy tree has the golden reuse, branches, bytes, clock and times', () => {
  const { cache, matches } = play({ kind: 'marconi', alpha: 0 });
  assert.deepEqual(
    matches.map((m) => m.reusedTokens),
    [0, 0, 4, 0, 0, 4],
  );
  assert.deepEqual(
    matches.map((m) => m.isBranch),
    [false, true, false, true, false, true],
  );
  assert.deepEqual(
    matches.map((m) => m.prefixTokens),
    [0, 4, 4, 1, 0, 5],
  );
  assert.equal(cache.bytes, 242_204_672);
  assert.equal(cache.clock, 18);
  assert.deepEqual(nodesOf(cache), {
    '1': 12,
    '2,3,4': 18,
    '5,6': 3,
    '7,6': 6,
    '8': 18,
    '9': 9,
    '12': 18,
    '3,4,10': 12,
    '11,2,3': 15,
  });
});

test('the leaf-LRU baseline refreshes every visited node of the toy tree', () => {
  const { cache } = play({ kind: 'leafLru' });
  assert.deepEqual(nodesOf(cache), {
    '1': 18,
    '2,3,4': 18,
    '5,6': 6,
    '7,6': 6,
    '8': 18,
    '9': 18,
    '12': 18,
    '3,4,10': 12,
    '11,2,3': 15,
  });
});

test('an insertion that evicts refreshes the leaf-LRU baseline’s path with the time after the eviction', () => {
  const cache = new CompatCache(PAPER_7B, 60e6, { kind: 'leafLru' });
  for (const tokens of [
    [1, 2, 3, 4],
    [5, 6],
    [1, 2, 3, 4, 9],
  ])
    cache.insert(Int32Array.from(tokens));
  assert.equal(cache.numEvictions, 1);
  assert.deepEqual(nodesOf(cache), { '1,2,3,4': cache.clock, '9': cache.clock });
});

test('two evictions of one byte take the golden nodes of the toy tree', () => {
  assert.deepEqual(evictions({ kind: 'leafLru' }), [['7,6'], ['5,6']]);
  assert.deepEqual(evictions({ kind: 'marconi', alpha: 0 }), [['5,6'], ['7,6']]);
  const { cache } = play({ kind: 'marconi', alpha: 2 });
  cache.evict(1);
  assert.ok(!('9' in nodesOf(cache)));
  cache.evict(1);
  const nodes = nodesOf(cache);
  assert.ok('8,12' in nodes && !('8' in nodes) && !('12' in nodes));
});

/** What the published simulator gave for this trace on another machine: reused tokens in all, a hash of them request by
 *  request, and its peak, which overruns the budget. */
const PUBLISHED = [
  ['vllm+', { reusedTokens: 4_063, hash: 86_991_794, peakBytes: 833_470_464 }],
  ['sglang+', { reusedTokens: 2_712, hash: 423_150_182, peakBytes: 399_998_976 }],
  ['compat:0', { reusedTokens: 3_141, hash: 432_625_573, peakBytes: 399_949_824 }],
  ['compat:1', { reusedTokens: 4_012, hash: 207_780_774, peakBytes: 406_700_032 }],
  ['compat-tuned', { reusedTokens: 3_278, hash: 304_290_749, peakBytes: 406_700_032 }],
] as const;

for (const [policy, expected] of PUBLISHED)
  test(`${policy} reuses, request by request, what the published simulator reuses under pressure`, () => {
    const capacityBytes = policy === 'vllm+' ? 8e8 : 4e8;
    const options = { profile: profileFromPaperModel(PAPER_7B), paperModel: PAPER_7B, capacityBytes, policy };
    const result = replayTrace(branchingTrace(), options);
    let hash = 0;
    for (const tokens of result.reused) hash = (hash * 31 + tokens) % 1_000_000_007;
    const reusedTokens = result.reused.reduce((sum, tokens) => sum + tokens, 0);
    assert.deepEqual({ reusedTokens, hash, peakBytes: result.peakBytes }, expected);
    assert.ok(result.evictions > 50);
    if (policy === 'compat-tuned') assert.equal(result.policy, 'compat-tuned (α 1.5)');
  });

/** 120 requests over three tokens that often go on from earlier ones or leave them in the middle. */
function branchingTrace(): Trace {
  let state = 2;
  const next = (limit: number): number => {
    state = Number((BigInt(state) * 1_103_515_245n + 12_345n) % 2_147_483_648n);
    return (state >> 8) % limit;
  };
  const random = (length: number): number[] => Array.from({ length }, () => next(3));
  const history: number[][] = [];
  const requests = Array.from({ length: 120 }, (_, index): TraceRequest => {
    const kind = next(10);
    let base: number[] = [];
    if (history.length > 0 && kind < 8) {
      const earlier = history[next(history.length)]!;
      base = kind < 4 ? earlier : earlier.slice(0, 1 + next(earlier.length));
    }
    const input = [...base, ...random(1 + next(60))];
    const output = random(next(20));
    history.push([...input, ...output]);
    return {
      session: index,
      turn: 0,
      timeSec: index,
      input: Int32Array.from(input),
      output: Int32Array.from(output),
      inputTokens: input.length,
      outputTokens: output.length,
    };
  });
  return { name: 'branching', symbolTokens: 1, hasOpaqueOutputs: false, requests };
}

function play(policy: CompatPolicy) {
  const cache = new CompatCache(PAPER_7B, 10e9, policy);
  const matches = SEQUENCES.map((sequence) => {
    const tokens = Int32Array.from(sequence);
    const match = cache.lookup(tokens);
    cache.insert(tokens);
    return match;
  });
  return { cache, matches };
}

function nodesOf({ tree }: CompatCache): Record<string, number> {
  const nodes: Record<string, number> = {};
  tree.preorder(tree.root, (node) => void (nodes[tree.edgeOf(node).join()] = tree.lastAccess[node]!));
  return nodes;
}

function evictions(policy: CompatPolicy): string[][] {
  const { cache } = play(policy);
  return [1, 2].map(() => {
    const before = Object.keys(nodesOf(cache));
    cache.evict(1);
    const after = nodesOf(cache);
    return before.filter((edge) => !(edge in after));
  });
}
