import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { serve } from '@hono/node-server';
import { createRng } from '@tenfold/core/base';
import OpenAI, { APIError } from 'openai';
import { assertInvariants } from '../src/cache/invariants.ts';
import { PrefixCache } from '../src/cache/prefix-cache.ts';
import { GenerationService } from '../src/engine/generation.ts';
import { createApp } from '../src/server/app.ts';
import { assertGuarded, listen } from '../src/server/listen.ts';
import { replayTrace } from '../src/sim/replay.ts';
import { ShadowTuner } from '../src/sim/shadow-tuner.ts';
import type { TraceRequest } from '../src/types.ts';
import { createFakeEngine, FAKE_TOKENIZER } from './fake-engine.ts';

/** Fields that the official client's types do not know. */
const UNCACHED: object = { cache_prompt: false };
const TENANT: object = { cache_salt: 'tenant' };
const engine = createFakeEngine();
const seen: TraceRequest[] = [];
const service = serviceOf(1e6, engine);
const app = createApp(service, {
  tokenizer: FAKE_TOKENIZER,
  model: 'fake',
  now: () => 1_700_000_000,
  onRequest: (input, { tokens, numReadTokens }) => {
    const output = Int32Array.from(tokens.slice(0, numReadTokens));
    seen.push({
      session: 0,
      turn: 0,
      timeSec: seen.length,
      input,
      output,
      inputTokens: input.length,
      outputTokens: output.length,
    });
  },
});
const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 });
let client: OpenAI;

before(async () => {
  if (!server.listening) await once(server, 'listening');
  client = new OpenAI({
    baseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    apiKey: 'none',
    maxRetries: 0,
  });
});
after(() => void server.close());

test('the official client chats, and its next turn reuses everything up to the last sampled token', async () => {
  const messages: OpenAI.ChatCompletionMessageParam[] = [
    {
      role: 'system',
      content: 'a system prompt that is long enough to be worth a checkpoint, and then some more of it',
    },
    { role: 'user', content: 'first question' },
  ];
  const first = await client.chat.completions.create({ model: 'fake', messages, max_tokens: 12 });
  assert.equal(first.usage!.prompt_tokens_details!.cached_tokens, 0);
  messages.push(first.choices[0]!.message, { role: 'user', content: 'second question' });
  const second = await client.chat.completions.create({ model: 'fake', messages, max_tokens: 12 });
  assert.equal(
    second.usage!.prompt_tokens_details!.cached_tokens,
    first.usage!.prompt_tokens + first.usage!.completion_tokens - 1,
  );
  const fresh = await client.chat.completions.create({
    model: 'fake',
    messages,
    max_tokens: 12,
    ...UNCACHED,
  });
  assert.equal(fresh.choices[0]!.message.content, second.choices[0]!.message.content);
  assert.equal(fresh.usage!.prompt_tokens_details!.cached_tokens, 0);
});

test('a stream gives the text of the answer in pieces, then the usage', async () => {
  const body = { model: 'fake', messages: [{ role: 'user' as const, content: 'stream please' }], max_tokens: 10 };
  const whole = await client.chat.completions.create({ ...body, ...UNCACHED });
  const stream = await client.chat.completions.create({
    ...body,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = '';
  let usage: OpenAI.CompletionUsage | null | undefined;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? '';
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0]!.message.content);
  assert.equal(usage!.completion_tokens, 10);
});

test('completions take token arrays, stop strings, seeds and give log-probabilities', async () => {
  const prompt = Array.from({ length: 80 }, (_, i) => 1 + (i % 60));
  const options = { model: 'fake', prompt, max_tokens: 16, temperature: 1, seed: 1 };
  const [a, b] = [
    await client.completions.create({ ...options, logprobs: 1 }),
    await client.completions.create(options),
  ];
  assert.equal(a.choices[0]!.text, b.choices[0]!.text);
  assert.equal(a.choices[0]!.logprobs!.token_logprobs!.length, a.usage!.completion_tokens);
  assert.ok(a.choices[0]!.logprobs!.token_logprobs!.every((value) => value <= 0));
  const streamed = await client.completions.create({ ...options, logprobs: 1, stream: true });
  const pieces: number[] = [];
  for await (const { choices } of streamed) pieces.push(...(choices[0]?.logprobs?.token_logprobs ?? []));
  assert.deepEqual(pieces, a.choices[0]!.logprobs!.token_logprobs);
  const stop = a.choices[0]!.text.slice(4, 6);
  assert.equal(stop.length, 2, 'the answer is long enough to be cut');
  const cut = await client.completions.create({ ...options, stop });
  assert.equal(cut.choices[0]!.text, a.choices[0]!.text.slice(0, a.choices[0]!.text.indexOf(stop)));
  assert.equal(cut.choices[0]!.finish_reason, 'stop');
});

test('another salt shares nothing, and explain says so', async () => {
  const prompt = Array.from({ length: 90 }, (_, i) => 1 + ((i * 7) % 60));
  await client.completions.create({ model: 'fake', prompt, max_tokens: 4 });
  const other = await client.completions.create({ model: 'fake', prompt, max_tokens: 4, ...TENANT });
  assert.equal(other.usage!.prompt_tokens_details!.cached_tokens, 0);
  const explain = async (body: object) =>
    (await post('/cache/explain', body)).json() as Promise<{ reason: string; explanation: string }>;
  assert.equal((await explain({ prompt: [...prompt, 1, 2], cache_salt: 'third' })).reason, 'salt');
  const [first] = [await explain({ prompt: [60, 59, 58] })];
  assert.deepEqual([first.reason, first.explanation], ['no_shared_prefix', 'No request so far began like this one.']);
});

test('a message with cache_control is a checkpoint that other conversations reuse at once', async () => {
  const system = { role: 'system', content: 'x'.repeat(100), cache_control: { type: 'ephemeral' } };
  const ask = (content: string) =>
    client.chat.completions.create({
      model: 'fake',
      max_tokens: 2,
      messages: [system, { role: 'user', content }] as OpenAI.ChatCompletionMessageParam[],
    });
  await ask('one');
  const second = await ask('two');
  assert.equal(second.usage!.prompt_tokens_details!.cached_tokens, 100 + '[system]\n'.length + 2);
});

test('wrong requests get OpenAI’s error objects', async () => {
  const status = async (body: object): Promise<[number, unknown]> => {
    try {
      await client.chat.completions.create(body as OpenAI.ChatCompletionCreateParamsNonStreaming);
    } catch (error) {
      if (error instanceof APIError) return [error.status as number, error.code];
    }
    return [200, null];
  };
  const messages = [{ role: 'user', content: 'x' }];
  assert.deepEqual(await status({ model: 'other', messages }), [404, 'model_not_found']);
  assert.deepEqual(await status({ model: 'fake', messages, max_tokens: 5000 }), [400, 'context_length_exceeded']);
  assert.deepEqual(await status({ model: 'fake', messages: 'text' }), [400, 'invalid_type']);
  assert.deepEqual(await status({ model: 'fake', messages, temperature: 9 }), [400, 'invalid_type']);
  for (const stop of ['', ['x', '']])
    assert.deepEqual(await status({ model: 'fake', messages, stop }), [400, 'invalid_type']);
  const malformed = await fetch(`${client.baseURL}/chat/completions`, { method: 'POST', body: '{' });
  assert.equal(malformed.status, 400);
  const token = await post('/v1/completions', { model: 'fake', prompt: [64] });
  assert.deepEqual(
    [token.status, ((await token.json()) as { error: { message: string } }).error.message],
    [400, 'Token ids go from 0 to 63, got 64.'],
  );
  // 2^32 + 5 is not token 5.
  assert.equal((await post('/v1/completions', { model: 'fake', prompt: [2 ** 32 + 5] })).status, 400);
});

test('a server with a key answers 401 without it, and other hosts are refused without a key', async () => {
  const guarded = createApp(service, { tokenizer: FAKE_TOKENIZER, model: 'fake', now: () => 0, apiKey: 'secret' });
  const ask = (key: string) => guarded.request('/v1/models', { headers: { authorization: `Bearer ${key}` } });
  assert.deepEqual([(await ask('wrong')).status, (await ask('secret')).status], [401, 200]);
  assert.equal((await guarded.request('/health')).status, 200);
  assert.throws(() => assertGuarded({ host: '0.0.0.0', apiKey: '' }), {
    message: 'serve: an --api-key when others can reach the server, got host 0.0.0.0 and no key. TF-PREFIX-011',
  });
  assertGuarded({ host: '0.0.0.0', apiKey: 'x' });
  assertGuarded({ host: '127.0.0.1', apiKey: '' });
});

test('a body beyond 16 MiB is refused, and a taken port is named', async () => {
  const big = await app.request('/v1/completions', {
    method: 'POST',
    body: 'x'.repeat(17 * 2 ** 20),
    headers: { 'content-length': String(17 * 2 ** 20) },
  });
  assert.equal(big.status, 413);
  const { port } = server.address() as AddressInfo;
  await assert.rejects(listen(app.fetch, { host: '127.0.0.1', port }), { code: 'TF-PREFIX-010', exitCode: 4 });
});

test('cached tokens are those of the simulator for the same requests', async () => {
  const replayed = replayTrace(
    { name: 'served', symbolTokens: 1, hasOpaqueOutputs: false, requests: seen.slice(0, 2) },
    { profile: engine.profile, capacityBytes: 1e6, policy: 'lru', keepTokens: 1 },
  );
  assert.deepEqual(replayed.reused, [0, seen[0]!.inputTokens + seen[0]!.outputTokens]);
});

test('metrics, statistics and the tree describe the cache; pins hold and a flush empties it', async () => {
  const metrics = await (await app.request('/metrics')).text();
  assert.match(metrics, /^prefix_cache_hit_tokens_total \d+$/m);
  assert.match(metrics, /^prefix_cache_ttft_seconds_bucket\{cached="true",le="\+Inf"\} \d+$/m);
  const prompt = Array.from({ length: 100 }, (_, i) => 1 + ((i * 11) % 60));
  await client.completions.create({ model: 'fake', prompt, max_tokens: 4 });
  assert.equal(
    (
      (await (await post('/cache/pin', { prompt: [...prompt, ...(await lastOutput())] })).json()) as {
        pinned_tokens: number;
      }
    ).pinned_tokens,
    100 + seen.at(-1)!.outputTokens,
  );
  const tree = (await (await app.request('/cache/tree')).json()) as { bytes: number; nodes: { isPinned: boolean }[] };
  assert.equal(tree.nodes.filter(({ isPinned }) => isPinned).length, 1);
  const flushed = (await (await post('/cache/flush', {})).json()) as { bytes: number };
  assert.equal(flushed.bytes, 0);
});

test('requests that begin alike at the same time compute their common prefix once, whoever gives up', async () => {
  const rng = createRng(8, 'flight');
  const shared = Array.from({ length: 200 }, () => 1 + rng.integer(60));
  const prompts = [0, 1, 2, 3, 4].map((own) => Int32Array.from([...shared, ...Array<number>(10).fill(1 + own)]));
  const run = async (sharesPrefill: boolean, gone = -1) => {
    const fake = createFakeEngine();
    const cache = new PrefixCache<number, number[]>({
      profile: fake.profile,
      capacityBytes: 1e6,
      kvCodec: fake.kvCodec,
      keepTokens: 1,
      minCheckpointTokens: 64,
    });
    const flight = new GenerationService(fake, cache, { clock: { nowMs: () => performance.now() }, sharesPrefill });
    const abort = new AbortController();
    const answers = prompts.map((prompt, index) =>
      flight
        .generate(prompt, { maxTokens: 4, signal: index === gone ? abort.signal : undefined })
        .then(({ tokens, cachedTokens }) => ({ tokens, cachedTokens }))
        .catch(() => undefined),
    );
    abort.abort(new Error('gone'));
    const settled = await Promise.all(answers);
    assertInvariants(cache);
    assert.equal(cache.numLeases + cache.reservedBytes + flight.numWaiting, 0);
    return { settled, computed: fake.computed };
  };
  const alone = await run(false);
  const together = await run(true);
  assert.deepEqual(
    together.settled.map((answer) => answer!.tokens),
    alone.settled.map((answer) => answer!.tokens),
  );
  assert.deepEqual(
    together.settled.map((answer) => answer!.cachedTokens),
    [0, 200, 200, 200, 200],
  );
  assert.ok(together.computed <= 200 + 5 * 14, `${together.computed} tokens computed`);
  assert.ok(alone.computed >= 4 * 200, `${alone.computed} tokens computed`);
  // Without its leader the next in the row leads.
  const { settled, computed } = await run(true, 0);
  assert.equal(settled[0], undefined);
  assert.deepEqual(
    settled.slice(1).map((answer) => answer!.tokens),
    alone.settled.slice(1).map((answer) => answer!.tokens),
  );
  assert.ok(computed <= 2 * 200 + 5 * 14, `${computed} tokens computed`);
});

test('10,000 requests with aborts leave bytes, reservations and locks exact', async () => {
  const busy = serviceOf(20_000, createFakeEngine(), 20_000);
  const rng = createRng(8, 'load');
  const waits: Promise<unknown>[] = [];
  let aborted = 0;
  for (let i = 0; i < 10_000; i++) {
    const abort = new AbortController();
    const prompt = Int32Array.from({ length: 90 + rng.integer(80) }, (_, at) =>
      at < 80 ? 1 + (at % 50) : 1 + rng.integer(60),
    );
    const willAbort = rng.integer(5) === 0;
    waits.push(
      busy
        .generate(prompt, {
          maxTokens: 1 + rng.integer(6),
          signal: abort.signal,
          onToken: () => (willAbort && abort.abort(new Error('gone')), false),
        })
        .catch((error: Error) => {
          assert.equal(error.message, 'gone');
          aborted++;
        }),
    );
    if (i % 500 === 499) {
      await Promise.all(waits);
      assertInvariants(busy.cache);
    }
  }
  await Promise.all(waits);
  assertInvariants(busy.cache);
  assert.ok(aborted > 1000, `${aborted} aborted`);
  assert.equal(busy.cache.numLeases, 0);
  assert.equal(busy.cache.reservedBytes, 0);
  assert.ok(busy.cache.counters.hitTokens > 0 && busy.cache.peakBytes <= 20_000);
});

test('the tuner’s thread sees the requests and gives the live cache a policy', async () => {
  const profile = { name: 'toy', stateBytes: 40, kvBytesPerToken: 1, linearFlops: 10, quadraticFlops: 1 };
  let policies = 0;
  using tuner = new ShadowTuner({ profile, capacityBytes: 5000, minCheckpointTokens: 4 }, () => policies++);
  for (let i = 0; i < 50; i++)
    tuner.observe(
      Int32Array.from({ length: 20 }, (_, at) => (at < 10 ? at : i * 20 + at)),
      Int32Array.of(1, 2),
    );
  while (tuner.numObserved < 50) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(policies, 50);
  assert.ok(tuner.standings.every(({ tokenHitRate }) => tokenHitRate > 0));
});

function serviceOf(capacityBytes: number, backend: ReturnType<typeof createFakeEngine>, maxQueue = 64) {
  const cache = new PrefixCache<number, number[]>({
    profile: backend.profile,
    capacityBytes,
    keepTokens: 1,
    kvCodec: backend.kvCodec,
  });
  return new GenerationService(backend, cache, { clock: { nowMs: () => performance.now() }, maxQueue });
}

function post(path: string, body: object): Promise<Response> {
  return Promise.resolve(app.request(path, { method: 'POST', body: JSON.stringify(body) }));
}

async function lastOutput(): Promise<number[]> {
  return [...seen.at(-1)!.output];
}
