import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { findDataFolder } from '@tenfold/core/system';
import { assertManifest, runVerbInTest } from '@tenfold/core/system/test-kit';
import {
  createEvaluator,
  maskedParameters,
  openModel,
  pruneWith,
  sampleRows,
  type LearnSettings,
} from '../src/index.ts';
import { manifest } from '../src/manifest.ts';
import { cholesky, inverseFromCholesky } from '../src/methods/cholesky.ts';
import { admmPrune } from '../src/methods/admm.ts';
import { createPace, type Pace } from '../src/methods/pace.ts';
import { wandaMask } from '../src/methods/scores.ts';
import { sparseGpt } from '../src/methods/sparse-gpt.ts';

const pace = createPace(undefined, 'test');

test('the manifest keeps the rules of the house', () => {
  assertManifest(manifest);
});

test('Wanda with equal input norms is magnitude; a loud input saves its small weights', () => {
  const w = Float32Array.of(1, 2, 3, 4);
  assert.equal(wandaMask(w, [1, 4], Float64Array.of(1, 1, 1, 1)).codes[0], 5);
  assert.equal(wandaMask(w, [1, 4], Float64Array.of(10, 1, 1, 1)).codes[0], 2);
});

test('the inverse from the Cholesky factor times the matrix is the identity', async () => {
  const n = 6;
  const rng = createRng(3);
  const b = Float64Array.from({ length: n * n }, () => rng.normal());
  const a = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++)
      for (let k = 0; k < n; k++)
        a[i * n + j] = a[i * n + j]! + b[i * n + k]! * b[j * n + k]! + (i === j ? 0.1 / n : 0);
  const inverse = await inverseFromCholesky((await cholesky(a, n, pace))!, n, pace);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let k = 0; k < n; k++) sum += a[i * n + k]! * inverse[k * n + j]!;
      assert.ok(Math.abs(sum - (i === j ? 1 : 0)) < 1e-8);
    }
  }
});

test('SparseGPT and ADMM with update leave less output error than their masks over the original weights', async () => {
  const [rows, n, tokens] = [8, 16, 64];
  const rng = createRng(11);
  const mix = Float64Array.from({ length: n * n }, () => rng.normal());
  const x = Array.from({ length: tokens }, () => {
    const z = Float64Array.from({ length: n }, () => rng.normal());
    return Float64Array.from({ length: n }, (_, j) => z.reduce((sum, value, k) => sum + value * mix[k * n + j]!, 0));
  });
  const gram = new Float64Array(n * n);
  for (const row of x)
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) gram[i * n + j] = gram[i * n + j]! + row[i]! * row[j]!;
  const w = Float32Array.from({ length: rows * n }, () => rng.normal());
  const errorOf = (v: Float32Array): number =>
    x.reduce((sum, row) => {
      for (let r = 0; r < rows; r++) {
        let dot = 0;
        for (let j = 0; j < n; j++) dot += (v[r * n + j]! - w[r * n + j]!) * row[j]!;
        sum += dot * dot;
      }
      return sum;
    }, 0);
  for (const { mask, updated } of [
    await sparseGpt(w, [rows, n], { gram, numTokens: tokens }, pace),
    await admmPrune(w, [rows, n], gram, pace),
  ]) {
    const masked = w.map((value, i) => (updated[i] === 0 ? 0 : value));
    assert.equal(mask.codes.length, (rows * n) / 4);
    assert.ok(errorOf(updated) < 0.8 * errorOf(masked), `${errorOf(updated)} against ${errorOf(masked)}`);
  }
});

test('an interrupt is heard in the middle of a large matrix', async () => {
  const n = 512;
  const gram = new Float64Array(n * n);
  for (let i = 0; i < n; i++) gram[i * n + i] = 1 + i;
  const w = Float32Array.from({ length: n * n }, (_, i) => Math.sin(i));
  for (const prune of [
    (turns: Pace) => admmPrune(w, [n, n], gram, turns),
    (turns: Pace) => sparseGpt(w, [n, n], { gram, numTokens: n }, turns),
  ]) {
    const controller = new AbortController();
    setImmediate(() => controller.abort());
    await assert.rejects(prune(createPace(controller.signal, 'prune')), /got a cancel request.*TF-BASE-001/);
  }
});

const data = findDataFolder();
const stories = data === undefined ? undefined : join(data, 'sparse24/stories260K.bin');
const skip = stories !== undefined && existsSync(stories) ? false : 'the data folder has no sparse24/stories260K.bin';

test('stories260K writes its well-known sentence and prefers it to noise', { skip }, async () => {
  const model = await openModel(stories!);
  const [row] = await sampleRows(model, { numRows: 1, length: 60, rng: createRng(1), temperature: 0 });
  assert.match(
    model.tokenizer.decode(row!),
    /^Once upon a time, there was a little girl named Lily\. She loved to play outside in the park\./,
  );
  assert.deepEqual(model.tokenizer.encode('Once upon a time'), [403, 407, 261, 378]);
  const evaluator = await createEvaluator(model, [row!]);
  const dense = await evaluator.perplexity({});
  const { masks } = await pruneWith('magnitude', {
    model,
    calibration: [],
    settings: SETTINGS,
    rng: createRng(1),
    clock: { nowMs: () => 0 },
  });
  const magnitude = await evaluator.perplexity(maskedParameters(model, masks));
  await evaluator.dispose();
  assert.ok(dense < 3 && magnitude > 5 * dense, `${dense}, ${magnitude}`);
});

const SETTINGS: LearnSettings = {
  steps: 60,
  learningRate: 3e-3,
  lambda1: 0.1,
  lambda2: 0.1,
  epsilon: 0.1,
  maskLearningRate: 5e-4,
};

test(
  '60 steps of ProxSparse already give a better mask than magnitude, the same one for the same seed',
  { skip },
  async () => {
    const model = await openModel(stories!);
    const calibration = await sampleRows(model, { numRows: 16, length: 96, rng: createRng(2, 'calibration') });
    const held = await sampleRows(model, { numRows: 8, length: 96, rng: createRng(2, 'held') });
    const inputs = { model, calibration, settings: SETTINGS, rng: createRng(2), clock: { nowMs: () => 0 } };
    const evaluator = await createEvaluator(model, held);
    const perplexityOf = async (masks: Parameters<typeof maskedParameters>[1]) =>
      evaluator.perplexity(maskedParameters(model, masks));
    const magnitude = await perplexityOf((await pruneWith('magnitude', inputs)).masks);
    const prox = await pruneWith('proxsparse', inputs);
    const again = await pruneWith('proxsparse', inputs);
    for (const [name, mask] of prox.masks) assert.deepEqual(again.masks.get(name)!.codes, mask.codes, name);
    assert.ok((await perplexityOf(prox.masks)) < 0.8 * magnitude);
    await evaluator.dispose();
  },
);

test('prune writes the shipped model masked, dry-run writes nothing, and calibration that is too short is refused', async () => {
  const model = fileURLToPath(new URL('../../../models/scrimshaw-11m', import.meta.url));
  const workingFolder = fileURLToPath(new URL('.', import.meta.url));
  const dry = await runVerbInTest(
    manifest,
    'prune',
    { model, output: 'never-written', dryRun: true },
    { workingFolder },
  );
  assert.match(dry.report!.verdict.text, /^Would write/);
  assert.ok(!existsSync(join(workingFolder, 'never-written')));
  const short = runVerbInTest(
    manifest,
    'prune',
    { model, output: 'never-written', method: 'wanda', text: 'mask.test.ts', context: 100_000 },
    { workingFolder },
  );
  await assert.rejects(short, /TF-SPARSE-005/);
});
