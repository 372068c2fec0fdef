import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createRng } from '@tenfold/core/base';
import { PrefixCache } from '../src/cache/prefix-cache.ts';
import { assertInvariants } from '../src/cache/invariants.ts';
import { GenerationService } from '../src/engine/generation.ts';
import type { HybridEngine } from '../src/engine/hybrid-engine.ts';
import { openHybridEngine } from '../src/engine/open-engine.ts';

const MODEL = fileURLToPath(new URL('../../../models/hyb-7m', import.meta.url));
const CLOCK = { nowMs: () => performance.now() };

let engine: HybridEngine;

before(async () => {
  engine = await openHybridEngine(MODEL);
});

test('logits and states are byte-equal for 200 random prompts, cut at random and resumed from a checkpoint', () => {
  const rng = createRng(8, 'cuts');
  for (let run = 0; run < 200; run++) {
    const tokens = randomTokens(2 + rng.integer(run % 20 === 0 ? 150 : 30), rng);
    const whole = engine.open();
    whole.extend(tokens, tokens.length);
    const cut = 1 + rng.integer(tokens.length - 1);
    const first = engine.open();
    for (let at = 0; at < cut; at = first.length) first.extend(tokens, Math.min(cut, at + 1 + rng.integer(40)));
    const state = first.snapshot();
    const kv = first.kvOf(0, cut);
    first.close();
    const resumed = engine.open();
    resumed.restore(tokens.subarray(0, cut), state, [kv]);
    resumed.extend(tokens, tokens.length);
    assert.deepEqual(bytes(resumed.logits), bytes(whole.logits), `run ${run}, cut ${cut} of ${tokens.length}`);
    assert.deepEqual(bytes(resumed.snapshot()), bytes(whole.snapshot()));
    assert.deepEqual(bytes(resumed.kvOf(0, tokens.length)), bytes(whole.kvOf(0, tokens.length)));
    resumed.close();
    whole.close();
  }
});

test('one flipped bit of a stored state changes the logits', () => {
  const tokens = randomTokens(40, createRng(1, 'flip'));
  const sequence = engine.open();
  sequence.extend(tokens, 39);
  const state = sequence.snapshot();
  const kv = sequence.kvOf(0, 39);
  sequence.close();
  const logitsFrom = (from: Float32Array): Uint8Array => {
    const resumed = engine.open();
    resumed.restore(tokens.subarray(0, 39), from, [kv]);
    resumed.extend(tokens, 40);
    const logits = bytes(resumed.logits).slice();
    resumed.close();
    return logits;
  };
  const flipped = state.slice();
  new Uint32Array(flipped.buffer)[1234]! ^= 1 << 22;
  assert.deepEqual(logitsFrom(state), logitsFrom(state));
  assert.notDeepEqual(logitsFrom(flipped), logitsFrom(state));
});

test('four requests at once give the tokens that each gives alone without a cache', async () => {
  const rng = createRng(3, 'batch');
  const shared = randomTokens(90, rng);
  const prompts = Array.from({ length: 4 }, () => Int32Array.from([...shared, ...randomTokens(10, rng)]));
  const serial: number[][] = [];
  const plain = serviceWith(1e8);
  for (const prompt of prompts) {
    const { tokens } = await plain.generate(prompt, { maxTokens: 16, isCached: false });
    serial.push([...tokens]);
  }
  const cached = serviceWith(1e8);
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all(prompts.map((prompt) => cached.generate(prompt, { maxTokens: 16 })));
    assert.deepEqual(
      answers.map(({ tokens }) => tokens),
      serial,
    );
    if (round > 1) for (const { cachedTokens } of answers) assert.ok(cachedTokens >= 90);
    assertInvariants(cached.cache);
  }
  assert.equal(cached.cache.numLeases, 0);
});

test('a conversation goes on from the end of the last answer, without the last sampled token', async () => {
  const service = serviceWith(1e8);
  const prompt = randomTokens(80, createRng(5, 'chat'));
  const first = await service.generate(prompt, { maxTokens: 8 });
  const next = Int32Array.from([...prompt, ...first.tokens, 7, 8, 9]);
  const second = await service.generate(next, { maxTokens: 8 });
  assert.equal(second.cachedTokens, prompt.length + first.tokens.length - 1);
  const fresh = await service.generate(next, { maxTokens: 8, isCached: false });
  assert.deepEqual(second.tokens, fresh.tokens);
});

test('a prompt beyond the context and a token beyond the vocabulary are refused', async () => {
  const service = serviceWith(1e8);
  await assert.rejects(service.generate(new Int32Array(4090), { maxTokens: 10 }), {
    message: 'generate: a prompt and answer of 1 to 4096 tokens, got 4090 + 10. TF-PREFIX-008',
  });
  await assert.rejects(service.generate(Int32Array.from([1, 4096]), { maxTokens: 1 }), {
    message: 'HybridEngine.extend: token ids below 4096, got 4096 (position 1). TF-PREFIX-008',
  });
  assert.equal(service.cache.numLeases, 0);
  assertInvariants(service.cache);
});

function serviceWith(capacityBytes: number): GenerationService<Float32Array, Float32Array> {
  const cache = new PrefixCache<Float32Array, Float32Array>({
    profile: engine.profile,
    capacityBytes,
    keepTokens: 1,
    kvCodec: engine.kvCodec,
  });
  return new GenerationService(engine, cache, { clock: CLOCK });
}

function randomTokens(length: number, rng: ReturnType<typeof createRng>): Int32Array {
  return Int32Array.from({ length }, () => 1 + rng.integer(4095));
}

function bytes(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
