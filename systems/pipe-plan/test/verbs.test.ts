import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertManifest, runVerbInTest } from '@tenfold/core/system/test-kit';
import { manifest } from '../src/manifest.ts';
import type { PlanView } from '../src/verbs/plan-view.ts';

test('the manifest keeps the rules of rooms', () => {
  assertManifest(manifest);
});

test('plan, then simulate the same borders, give the same iteration; worse borders are slower', async () => {
  const params = { model: 'sd21', devices: 8, batch: 64 };
  const planned = (await runVerbInTest(manifest, 'plan', params)).result as unknown as PlanView;
  const own = async (ends: readonly number[]): Promise<PlanView> => {
    const replicas = planned.plan.stages.map((stage) => stage.replicas).join(',');
    const request = { ...params, ends: ends.join(','), replicas, microBatches: planned.plan.numMicroBatches };
    return (await runVerbInTest(manifest, 'simulate', request)).result as unknown as PlanView;
  };
  const ends = planned.plan.stages.map(({ end }) => end);
  assert.ok(Math.abs((await own(ends)).iterationMs - planned.iterationMs) < 1e-9 * planned.iterationMs);
  const moved = ends.map((end, stage) => (stage === 0 ? end + 3 : end));
  assert.ok((await own(moved)).iterationMs > planned.iterationMs);
  assert.equal(planned.stages.length, planned.plan.stages.length);
});

test('compare puts every rival of the list beside ours, at least as slow as caching and no faster than ours where we win', async () => {
  const { result } = await runVerbInTest(manifest, 'compare', {});
  const { rows, cache } = result as { rows: { method: string; iterationMs: number }[]; cache: { epochs: number } };
  const ms = (start: string): number => rows.find(({ method }) => method.startsWith(start))!.iterationMs;
  const ours = Math.min(ms('ours, per-device'), ms('ours, joint'));
  for (const rival of ['SPP', 'DDP', 'ZeRO-3', 'GPipe', 'zero-bubble, memory', 'zero-bubble, twice'])
    assert.ok(ms(rival) > ours, rival);
  assert.ok(ms('cached') <= ours && ms('ours without partial') > ours);
  assert.ok(cache.epochs > 0);
});

test('a missing model file, a foreign plan and an odd batch end in errors that say how to go on', async () => {
  await assert.rejects(runVerbInTest(manifest, 'plan', { model: 'sd22' }), {
    message:
      'readTextFile: a profile file or one of sd21, sd15, controlnet, dit-xl, cascaded, sd-mini, got "sd22". TF-PIPE-008',
  });
  await assert.rejects(runVerbInTest(manifest, 'run', { batch: 10, microBatches: 4 }), {
    message: 'measureMini: a batch that 4 micro-batches divide, got 10. TF-PIPE-002',
  });
});
