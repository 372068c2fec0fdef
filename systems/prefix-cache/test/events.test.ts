import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode } from '@msgpack/msgpack';
import { PrefixCache } from '../src/cache/prefix-cache.ts';
import { BlockIndex } from '../src/router/block-index.ts';
import { followWorker } from '../src/router/follow-worker.ts';
import { createRouterApp } from '../src/router/router-app.ts';
import { decodeBatch } from '../src/server/kv-events.ts';
import { publishKvEvents } from '../src/server/kv-publisher.ts';
import { FAKE_TOKENIZER } from './fake-engine.ts';

const PROFILE = { name: 'toy', stateBytes: 40, kvBytesPerToken: 1, linearFlops: 10, quadraticFlops: 1 };
const nowMs = () => performance.now();
const tokens = Int32Array.from({ length: 96 }, (_, i) => 1 + i);

test('both encodings of events are read: maps with a type tag and positional arrays', () => {
  const stored = { block_hashes: [5, 6], parent_block_hash: null, token_ids: [1, 2, 3, 4], block_size: 2 };
  const maps = decodeBatch(
    encode({
      ts: 1,
      events: [{ type: 'BlockStored', ...stored, medium: 'GPU', group_idx: 1 }, { type: 'AllBlocksCleared' }],
    }),
  );
  const arrays = decodeBatch(
    encode([
      1,
      [['BlockStored', [5, 6], null, [1, 2, 3, 4], 2, null, 'GPU'], ['BlockRemoved', [5], 'GPU'], ['AllBlocksCleared']],
      0,
    ]),
  );
  const [map] = maps.events;
  assert.ok(map!.type === 'BlockStored' && map.group_idx === 1);
  assert.deepEqual(
    arrays.events.map(({ type }) => type),
    ['BlockStored', 'BlockRemoved', 'AllBlocksCleared'],
  );
});

test('over ZeroMQ a router knows what a hybrid engine can reuse, and forgets what was evicted', async () => {
  const cache = new PrefixCache({ profile: PROFILE, capacityBytes: 1e6, alignTokens: 16 });
  await using publisher = await publishKvEvents(cache, 'tcp://127.0.0.1:0', () => 0);
  const index = new BlockIndex(16);
  using stop = stopper();
  // Requests before the router listens: it has to ask for them.
  cache.commit(cache.begin(tokens), tokens);
  const following = followWorker(
    index,
    'a',
    { events: publisher.endpoint, replay: publisher.replayEndpoint },
    stop.signal,
  );
  await until(() => {
    const fresh = Int32Array.from(tokens, (token) => token + 1000 + cache.counters.requests);
    cache.commit(cache.begin(fresh), fresh);
    return index.rank(tokens)[0]?.reusableTokens === 96;
  });
  assert.equal(index.rank(tokens.subarray(0, 80))[0]!.attentionTokens, 80);
  assert.equal(index.rank(tokens.subarray(0, 80))[0]!.reusableTokens, 0, 'keys alone are of no use without a state');
  cache.evict(Infinity);
  await until(() => index.rank(tokens)[0]!.attentionTokens === 0);
  stop.abort();
  await following;
});

test('engines that hash in their own way stand side by side, and a restarted one has forgotten everything', () => {
  const index = new BlockIndex(16);
  const stored = (hashes: readonly (bigint | Uint8Array)[], parent: bigint | Uint8Array | null, from: number) =>
    decodeBatch(
      encode(
        {
          ts: 1,
          events: [
            {
              type: 'BlockStored',
              block_hashes: hashes,
              parent_block_hash: parent,
              token_ids: [...tokens.subarray(from, from + hashes.length * 16)],
              block_size: 16,
            },
          ],
        },
        { useBigInt64: true },
      ),
    ).events;
  const long = 0xfedc_ba98_7654_3211n;
  index.apply('numbers', 0, stored([long, long + 1n], null, 0));
  index.apply('numbers', 1, stored([long + 2n], long + 1n, 32));
  index.apply('bytes', 0, stored([Uint8Array.of(1, 2), Uint8Array.of(1, 3)], null, 0));
  index.apply('bytes', 1, stored([Uint8Array.of(9)], Uint8Array.of(7), 32));
  const held = () =>
    Object.fromEntries(index.rank(tokens).map(({ worker, reusableTokens }) => [worker, reusableTokens]));
  assert.deepEqual(held(), { numbers: 48, bytes: 32 });
  assert.equal(index.numUnplaced, 1);
  index.apply('numbers', 2, [
    { type: 'BlockRemoved', block_hashes: [long + 1n], medium: 'GPU', group_idx: 0 },
    { type: 'BlockRemoved', block_hashes: [long + 9n], medium: 'GPU', group_idx: 0 },
  ]);
  assert.deepEqual(held(), { numbers: 16, bytes: 32 });
  index.apply('bytes', 0, []);
  assert.deepEqual(held(), { numbers: 16, bytes: 0 });
});

test('gateways ask as they ask Conductor: by tokens, and by an engine’s own block hashes', async () => {
  const index = new BlockIndex(16);
  const app = createRouterApp(
    index,
    ['plain', 'hybrid'].map((name) => ({ name, url: `http://${name}` })),
    { tokenizer: FAKE_TOKENIZER, nowMs },
  );
  const stored = (hashes: readonly (bigint | number | Uint8Array)[], group: number) => ({
    type: 'BlockStored' as const,
    block_hashes: hashes,
    parent_block_hash: null,
    token_ids: [...tokens.subarray(0, hashes.length * 16)],
    block_size: 16,
    lora_id: null,
    medium: 'GPU',
    group_idx: group,
    kv_cache_spec_kind: group === 1 ? 'mamba' : 'full_attention',
  });
  index.apply('plain', 0, [stored([7, 0xfedc_ba98_7654_3211n, Uint8Array.of(0xab, 1)], 0)]);
  index.apply('hybrid', 0, [stored([7, 8, 9], 0), { ...stored([8], 1), token_ids: [...tokens.subarray(0, 16)] }]);
  const ask = async (path: string, body: object): Promise<unknown> =>
    ((await (await app.request(path, { method: 'POST', body: JSON.stringify(body) })).json()) as { data: unknown })
      .data;
  const held = (matched: number, attention = matched) => ({
    matched_tokens: matched,
    L1: { dp0: attention },
    L2: 0,
    L3: 0,
  });
  assert.deepEqual(await ask('/query_by_hash', { model: 'm', block_hash: [7, '18364758544493064721', 'AB01', 5] }), {
    plain: held(48),
    hybrid: held(0, 16),
  });
  assert.deepEqual(await ask('/query_by_hash', { block_hash: ['7', '0x8', 9] }), {
    plain: held(16),
    hybrid: held(32, 48),
  });
  const byTokens = (await ask('/query', { token_ids: [...tokens] })) as Record<string, { matched_tokens: number }>;
  assert.equal(byTokens['plain']!.matched_tokens, 48);
  assert.equal((await app.request('/query_by_hash', { method: 'POST', body: '{}' })).status, 400);
});

test('a gap in the sequence is noticed and the blocks are rebuilt', () => {
  const index = new BlockIndex(16);
  assert.equal(index.apply('a', 0, []), undefined);
  assert.equal(index.apply('a', 3, []), 1);
  index.reset('a', 3);
  assert.equal(index.apply('a', 3, []), undefined);
});

test('the router sends a request to the engine that holds its prefix, whole body and answer unchanged', async () => {
  const index = new BlockIndex(16);
  const prompt = 'the quick brown fox jumps over the lazy dog again and again';
  const ids = Int32Array.from(FAKE_TOKENIZER.encode(prompt));
  const cache = new PrefixCache({ profile: PROFILE, capacityBytes: 1e6, alignTokens: 16, minCheckpointTokens: 16 });
  await using publisher = await publishKvEvents(cache, 'tcp://127.0.0.1:0', () => 0);
  using stop = stopper();
  const following = followWorker(
    index,
    'b',
    { events: publisher.endpoint, replay: publisher.replayEndpoint },
    stop.signal,
  );
  cache.commit(cache.begin(ids), ids);
  await until(() => {
    const fresh = Int32Array.from(ids, (token) => token + 1000 + cache.counters.requests);
    cache.commit(cache.begin(fresh), fresh);
    return (index.rank(ids)[0]?.reusableTokens ?? 0) > 0;
  });
  const asked: string[] = [];
  const app = createRouterApp(
    index,
    [
      { name: 'a', url: 'http://a' },
      { name: 'b', url: 'http://b' },
    ],
    {
      tokenizer: FAKE_TOKENIZER,
      nowMs,
      fetch: async (url, init) => {
        asked.push(`${String(url)} ${String(init!.body)}`);
        return new Response('{"ok":true}');
      },
    },
  );
  const body = JSON.stringify({ model: 'x', prompt });
  const answer = await app.request('/v1/completions', { method: 'POST', body });
  assert.equal(answer.headers.get('x-tenfold-worker'), 'b');
  assert.deepEqual(asked, [`http://b/v1/completions ${body}`]);
  assert.deepEqual(await answer.json(), { ok: true });
  stop.abort();
  await following;
});

/** Stops what follows its signal, also when the test fails. */
function stopper(): AbortController & Disposable {
  const controller = new AbortController();
  return Object.assign(controller, { [Symbol.dispose]: () => controller.abort() });
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail('the events did not arrive');
}

test('the router goes on to the next engine when one does not answer, and says so when none does', async () => {
  const down = new Set(['http://a']);
  const workers = ['a', 'b'].map((name) => ({ name, url: `http://${name}` }));
  const index = new BlockIndex(16);
  const app = createRouterApp(index, workers, {
    tokenizer: FAKE_TOKENIZER,
    nowMs,
    fetch: async (url) => {
      for (const address of down) if (String(url).startsWith(address)) throw new Error('connection refused');
      return new Response('{"ok":true}');
    },
  });
  const ask = (body: string) => app.request('/v1/completions', { method: 'POST', body });
  const answer = await ask('{"prompt":"hello"}');
  assert.equal(answer.headers.get('x-tenfold-worker'), 'b');
  assert.deepEqual(await answer.json(), { ok: true });
  assert.deepEqual(
    index.rank(tokens).map(({ load }) => load),
    [0, 0],
    'no load is left behind',
  );
  down.add('http://b');
  assert.equal((await ask('{"prompt":"hello"}')).status, 502);
  for (const body of ['{', '{"model":"x"}', 'null']) assert.equal((await ask(body)).status, 400, body);
});

test('shadow mode counts what passes the router and answers with the standings', async () => {
  const seen: Int32Array[] = [];
  const shadow = {
    observe: (prompt: Int32Array) => void seen.push(prompt),
    standings: () => [{ policy: 'lru', savedFlops: 1, tokenHitRate: 0.5 }],
  };
  const app = createRouterApp(new BlockIndex(16), [{ name: 'a', url: 'http://a' }], {
    tokenizer: FAKE_TOKENIZER,
    nowMs,
    shadow,
    fetch: async () => new Response('{}'),
  });
  await app.request('/v1/completions', { method: 'POST', body: '{"prompt":[3,1,2]}' });
  assert.deepEqual(seen, [Int32Array.of(3, 1, 2)]);
  const { policies } = (await (await app.request('/shadow')).json()) as { policies: { policy: string }[] };
  assert.deepEqual(policies, shadow.standings());
});
