import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { assertInvariants } from '../src/cache/invariants.ts';
import { PrefixCache } from '../src/cache/prefix-cache.ts';
import type { EvictionPolicy } from '../src/cache/eviction.ts';
import type { Lease } from '../src/cache/types.ts';
import { reuseKind, ReuseAges } from '../src/cache/reuse-ages.ts';
import type { ModelProfile } from '../src/types.ts';

type Op =
  | { readonly kind: 'begin'; readonly tokens: number[]; readonly salt: number; readonly output: number }
  | { readonly kind: 'commit'; readonly which: number; readonly output: number[] }
  | { readonly kind: 'abort'; readonly which: number; readonly output: readonly number[] }
  | { readonly kind: 'evict'; readonly bytes: number }
  | { readonly kind: 'pin'; readonly tokens: number[] }
  | { readonly kind: 'unpin'; readonly tokens: number[] };

type TestLease = Lease<string, string>;

const PROFILE: ModelProfile = { name: 'toy', stateBytes: 40, kvBytesPerToken: 1, linearFlops: 10, quadraticFlops: 1 };
const POLICIES: readonly EvictionPolicy[] = [
  { kind: 'lru' },
  { kind: 'leafLru' },
  { kind: 'marconi', alpha: 0.5 },
  { kind: 'segLen', weight: 0.85 },
  { kind: 'gdsf' },
  { kind: 'hitDensity' },
  { kind: 'superseded' },
];
const CODEC = {
  slice: (kv: string, start: number, end: number) => kv.slice(start, end),
  join: (a: string, b: string) => a + b,
};

const sequence = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 24 });
const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('begin' as const),
      tokens: sequence,
      salt: fc.integer({ min: 0, max: 1 }),
      output: fc.nat(6),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('commit' as const),
      which: fc.nat(),
      output: fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 6 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('abort' as const), which: fc.nat(), output: fc.constant<number[]>([]) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('evict' as const), bytes: fc.nat(200) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('pin' as const, 'unpin' as const), tokens: sequence }) },
);

test('over 10,000 random operations keep every invariant, the budget, locks, and agree with a map of all checkpoints', () => {
  let numOps = 0;
  fc.assert(
    fc.property(
      fc.array(op, { minLength: 30, maxLength: 80 }),
      fc.constantFrom(...POLICIES),
      fc.constantFrom(1, 4),
      fc.constantFrom(0, 1),
      (ops, policy, alignTokens, keepTokens) => {
        const cache = new PrefixCache<string, string>({
          profile: PROFILE,
          capacityBytes: 400,
          policy,
          alignTokens,
          keepTokens,
          minCheckpointTokens: 3,
          kvCodec: CODEC,
          admission: { promptEnd: alignTokens === 4, sketchGridTokens: alignTokens === 4 ? 4 : 0 },
        });
        const open: { lease: TestLease; tokens: number[]; salt: string; output: number }[] = [];
        for (const step of ops) {
          numOps++;
          apply(cache, step, open);
          assertInvariants(cache);
          for (const { lease } of open) if (lease.reusedTokens > 0) assert.ok(lease.state !== undefined);
        }
        for (const { lease } of open) cache.abort(lease);
        assertInvariants(cache);
        assert.equal(cache.reservedBytes, 0);
        assert.ok(cache.peakBytes <= cache.capacityBytes);
        cache.clear();
        assert.equal(cache.bytes, 0);
      },
    ),
    { numRuns: 300, seed: 8 },
  );
  assert.ok(numOps > 10_000, `${numOps} operations`);
});

/** States and keys are texts of the prefix they stand for, so that a wrong one shows at once. */
function apply(
  cache: PrefixCache<string, string>,
  step: Op,
  open: { lease: TestLease; tokens: number[]; salt: string; output: number }[],
): void {
  if (step.kind === 'begin') {
    const salt = step.salt === 0 ? '' : 'tenant';
    const tokens = Int32Array.from(step.tokens);
    const live = new Set<string>();
    const root = cache.rootOf(salt);
    if (root !== undefined)
      cache.tree.preorder(root, (node) => {
        if (cache.tree.hasState[node] === 1) live.add(cache.tree.sequenceOf(node).join(''));
      });
    const lease = cache.begin(tokens, { salt, maxOutputTokens: step.output });
    const prefix = step.tokens.slice(0, lease.reusedTokens).join('');
    assert.equal(lease.kv.join(''), prefix, 'keys and values are those of the reused tokens');
    assert.equal(lease.state, lease.reusedTokens === 0 ? undefined : `state of ${prefix}`);
    if (lease.reusedTokens > 0) assert.ok(live.has(prefix));
    open.push({ lease, tokens: step.tokens, salt, output: step.output });
  } else if (step.kind === 'commit' || step.kind === 'abort') {
    if (open.length === 0) return;
    const [{ lease, tokens, output }] = open.splice(step.which % open.length, 1) as [(typeof open)[0]];
    if (step.kind === 'abort') return cache.abort(lease);
    const all = [...tokens, ...step.output.slice(0, output)];
    const text = all.join('');
    const states = new Map(Array.from({ length: all.length }, (_, i) => [i + 1, `state of ${text.slice(0, i + 1)}`]));
    cache.commit(lease, Int32Array.from(all), { states, kvOf: (start, end) => text.slice(start, end) });
  } else if (step.kind === 'evict') {
    const locked = lockedNodes(cache);
    cache.evict(step.bytes);
    for (const node of locked) assert.ok(cache.tree.isLive(node) && cache.tree.hasState[node] === 1);
  } else cache[step.kind](Int32Array.from(step.tokens));
}

function lockedNodes({ tree }: PrefixCache<string, string>): number[] {
  const locked: number[] = [];
  for (let node = 1; node < tree.nodeLimit; node++)
    if (tree.isLive(node) && tree.locks[node]! > 0 && tree.hasState[node] === 1) locked.push(node);
  return locked;
}

test('with room for everything the reuse is the longest checkpoint that a list of sequences predicts', () => {
  fc.assert(
    fc.property(fc.array(sequence, { minLength: 5, maxLength: 40 }), (sequences) => {
      const cache = new PrefixCache({ profile: PROFILE, capacityBytes: 1e9, minCheckpointTokens: 1 });
      const checkpoints = new Set<string>();
      const all: string[] = [];
      for (const tokens of sequences) {
        const text = tokens.join('');
        const expected = longest(text, checkpoints);
        const lease = cache.begin(Int32Array.from(tokens));
        assert.equal(lease.reusedTokens, expected);
        const shared = Math.max(0, ...all.map((other) => commonLength(other, text)));
        const isInsideEdge = shared > 0 && shared < text.length && !checkpoints.has(text.slice(0, shared));
        assert.deepEqual(lease.plan, isInsideEdge ? [{ at: shared, source: 'branch' }] : []);
        if (isInsideEdge) checkpoints.add(text.slice(0, shared));
        checkpoints.add(text);
        all.push(text);
        cache.commit(lease, Int32Array.from(tokens));
      }
      assertInvariants(cache);
      assert.equal(cache.tree.numStates, checkpoints.size);
    }),
    { numRuns: 200, seed: 8 },
  );
});

test('a shared prefix is reused from its third occurrence on, and says why before', () => {
  const cache = new PrefixCache({ profile: PROFILE, capacityBytes: 1e6 });
  const prefix = Array.from({ length: 100 }, (_, i) => i);
  const outcomes = [1000, 1001, 1002].map((last) => {
    const tokens = Int32Array.from([...prefix, last, last, last]);
    const lease = cache.begin(tokens);
    cache.commit(lease, tokens);
    return [lease.reusedTokens, lease.missReason];
  });
  assert.deepEqual(outcomes, [
    [0, 'no_shared_prefix'],
    [0, 'first_occurrence'],
    [100, 'hit'],
  ]);
});

test('a miss is explained: evicted, other tenant, below the least length, switched off', () => {
  const cache = new PrefixCache({ profile: PROFILE, capacityBytes: 1e6 });
  const tokens = Int32Array.from({ length: 100 }, (_, i) => i);
  cache.commit(cache.begin(tokens), tokens);
  assert.equal(cache.lookup(tokens).missReason, 'hit');
  assert.equal(cache.lookup(tokens, { salt: 'b' }).missReason, 'salt');
  assert.equal(cache.lookup(tokens, { isEnabled: false }).missReason, 'disabled');
  assert.equal(cache.lookup(Int32Array.from([0, 1, 2, 7])).missReason, 'below_min');
  assert.equal(cache.lookup(Int32Array.from([5])).missReason, 'no_shared_prefix');
  cache.evict(1);
  assert.equal(cache.lookup(tokens).missReason, 'state_evicted');
});

test('a pinned prefix outlives the eviction of everything else until its time is over', () => {
  let now = 0;
  const cache = new PrefixCache({ profile: PROFILE, capacityBytes: 1e6, now: () => now });
  const tokens = Int32Array.from({ length: 80 }, (_, i) => i);
  cache.commit(cache.begin(tokens), tokens);
  assert.equal(cache.pin(tokens, { until: 10 }), 80);
  assert.equal(cache.evict(Infinity), 0);
  now = 11;
  assert.equal(cache.evict(Infinity), 120);
});

test('a capacity below one checkpoint is refused with the least that works', () => {
  assert.throws(() => new PrefixCache({ profile: PROFILE, capacityBytes: 40 }), {
    message:
      'PrefixCache: a capacity of at least 41 bytes (one checkpoint and one token of toy), got 40. TF-PREFIX-001',
  });
});

test('hit density learns a loop that is too long for LRU, and keeps a part of it', () => {
  // Six conversations take turns; each turn goes on from the one before; three of them fit.
  const hits = (policy: EvictionPolicy): number => {
    const cache = new PrefixCache({ profile: PROFILE, capacityBytes: 3 * 240, policy, minCheckpointTokens: 1 });
    const histories = Array.from({ length: 6 }, (_, session) => [session]);
    for (let turn = 0; turn < 40; turn++)
      for (const [session, history] of histories.entries()) {
        history.push(1000 + session * 100 + turn, 7, 7, 7);
        const tokens = Int32Array.from(history);
        cache.commit(cache.begin(tokens), tokens);
      }
    assertInvariants(cache);
    return cache.counters.hits;
  };
  const [lru, density] = [hits({ kind: 'lru' }), hits({ kind: 'hitDensity' })];
  assert.ok(density > lru + 20, `${density} hits beside ${lru} with LRU`);
});

test('ages at which checkpoints are used turn into densities: highest just before the usual age, low after it', () => {
  const ages = new ReuseAges();
  const kind = reuseKind(false, 0);
  for (let i = 0; i < 50; i++) {
    ages.start(kind);
    ages.reuse(kind, 10);
    ages.fade();
  }
  ages.refresh();
  const [young, due, late] = [1, 10, 11].map((age) => ages.density(kind, age)) as [number, number, number];
  assert.ok(due > young && young > late, `${young} ${due} ${late}`);
  assert.ok(ages.density(reuseKind(true, 0), 1) < due, 'other kinds are not touched');
});

function longest(text: string, checkpoints: ReadonlySet<string>): number {
  for (let length = text.length; length > 0; length--) if (checkpoints.has(text.slice(0, length))) return length;
  return 0;
}

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}
