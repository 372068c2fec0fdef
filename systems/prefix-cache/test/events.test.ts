import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode } from '@msgpack/msgpack';
import { PrefixCache } from '../src/cache/prefix-cache.ts';
import { BlockIndex } from '../src/router/block-index.ts';
import { createRouterApp, followWorker } from '../src/router/router-app.ts';
import { decodeBatch } from '../src/server/kv-events.ts';
import { publishKvEvents } from '../src/server/kv-publisher.ts';
import { FAKE_TOKENIZER } from './fake-engine.ts';

const PROFILE = { name: 'toy', stateBytes: 40, kvBytesPerToken: 1, linearFlops: 10, quadraticFlops: 1 };
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
  const stop = new AbortController();
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
  const stop = new AbortController();
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

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail('the events did not arrive');
}
