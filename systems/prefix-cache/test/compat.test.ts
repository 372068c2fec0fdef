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
