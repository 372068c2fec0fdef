import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadTokenizer } from '@tenfold/core/nn';
import { assertInvariants } from '../src/cache/invariants.ts';
import { PrefixCache } from '../src/cache/prefix-cache.ts';
import { GenerationService } from '../src/engine/generation.ts';
import { openLlamaEngine } from '../src/engine/llama-engine.ts';
import { openHybridEngine } from '../src/engine/open-engine.ts';
import { hybridGguf } from '../src/gguf/hybrid-gguf.ts';

const MODEL = fileURLToPath(new URL('../../../models/hyb-7m', import.meta.url));
const TEXT = 'Call me Ishmael. Some years ago, never mind how long precisely, having little money in my purse';
/** Logits lie between −15 and 15; llama.cpp multiplies f16 weights by activations rounded to f16. */
const TOLERANCE = 0.03;
const folder = mkdtempSync(join(tmpdir(), 'tenfold-gguf-'));
after(() => rmSync(folder, { recursive: true }));

const isInstalled = await import('node-llama-cpp' as string).then(
  () => true,
  () => false,
);
const skip = isInstalled ? false : 'the optional package node-llama-cpp is not installed';

test('a model folder becomes a GGUF file that names every tensor and token', async () => {
  const bytes = Buffer.from(await hybridGguf(MODEL, 'hyb-7m'));
  assert.equal(bytes.subarray(0, 4).toString(), 'GGUF');
  assert.equal(bytes.readUInt32LE(4), 3);
  // Embeddings and final norm; 6 Mamba layers of 9 tensors, 2 attention layers of 5, 6 MLP layers of 3.
  assert.equal(Number(bytes.readBigUInt64LE(8)), 2 + 6 * 9 + 2 * 5 + 6 * 3);
  assert.ok(bytes.length > 15_000_000 && bytes.length < 15_500_000);
});

test('without the package the error says what to install', { skip: isInstalled && 'it is installed' }, async () => {
  await assert.rejects(openLlamaEngine('none.gguf'), { code: 'TF-PREFIX-009', exitCode: 4 });
});

test(
  'llama.cpp gives the logits of the room’s engine, and resumes from checkpoints of the same cache',
  { skip },
  async () => {
    const path = join(folder, 'hyb-7m.gguf');
    writeFileSync(path, await hybridGguf(MODEL, 'hyb-7m'));
    await using llama = await openLlamaEngine(path);
    const own = await openHybridEngine(MODEL);
    const tokenizer = await loadTokenizer(MODEL);
    const ids = tokenizer.encode(TEXT, { specialTokens: false });
    assert.deepEqual(llama.tokenizer.encode(TEXT), ids);
    const tokens = Int32Array.from(ids);

    const [theirs, ours] = [llama.open(), own.open()];
    await theirs.extend(tokens, tokens.length);
    ours.extend(tokens, tokens.length);
    const worst = Math.max(...ours.logits.map((logit, token) => Math.abs(logit - theirs.logits[token]!)));
    assert.ok(worst < TOLERANCE, `logits differ by ${worst}`);
    theirs.close();
    ours.close();

    // The measured size of a state covers the real ones.
    const { stateBytes, stateBytesPerToken } = llama.profile;
    const probe = llama.open();
    await probe.extend(tokens, tokens.length);
    const state = await probe.snapshot();
    assert.ok(state.length <= stateBytes + stateBytesPerToken! * tokens.length);
    const straight = await continued(probe);
    probe.close();
    const resumed = llama.open();
    await resumed.restore(tokens, state, []);
    assert.equal(resumed.length, tokens.length);
    assert.deepEqual(await continued(resumed), straight);
    resumed.close();

    const cache = new PrefixCache<Uint8Array, undefined>({
      profile: llama.profile,
      capacityBytes: 1e8,
      keepTokens: 1,
      minCheckpointTokens: 8,
      kvCodec: llama.kvCodec,
    });
    const service = new GenerationService(llama, cache, { clock: { nowMs: () => performance.now() } });
    const first = await service.generate(tokens, { maxTokens: 8 });
    const second = await service.generate(Int32Array.from([...ids, ...first.tokens, 7, 8]), { maxTokens: 4 });
    assert.equal(second.cachedTokens, ids.length + first.tokens.length - 1);
    assert.ok(cache.bytes >= state.length);
    assertInvariants(cache);
  },
);

async function continued(
  sequence: Awaited<ReturnType<typeof openLlamaEngine>> extends { open(): infer S } ? S : never,
) {
  const more = new Int32Array(sequence.length + 2).fill(9);
  await sequence.extend(more, more.length);
  return [...sequence.logits];
}
