import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { runVerbInTest } from '@tenfold/core/system/test-kit';
import {
  asymmetricNoise,
  instanceNoise,
  matrixNoise,
  outOfFold,
  superclassNoise,
  symmetricNoise,
  trainClassifier,
} from '../src/index.ts';
import type { LabelLoss } from '../src/index.ts';
import { manifest } from '../src/manifest.ts';
import { centreMap } from '../src/pemm/centre-map.ts';
import { keptShare, smallLossWeights } from '../src/pemm/co-teaching.ts';
import { assignFolds } from '../src/pemm/folds.ts';
import { accuracyOf } from '../src/pemm/train.ts';
import type { LabelledData, TrainOptions } from '../src/pemm/train.ts';

/** Clouds around corners of a cube in 6 dimensions. */
function clouds(count: number, numClasses: number, seed: number): LabelledData {
  const rng = createRng(seed, 'clouds');
  const labels = Int32Array.from({ length: count }, (_, i) => i % numClasses);
  const data = Float32Array.from({ length: count * 6 }, (_, at) => {
    const corner = (labels[Math.floor(at / 6)]! >> ((at % 6) % 3)) & 1;
    return (corner === 1 ? 1.5 : -1.5) + rng.normal();
  });
  return { x: { dtype: 'float32', shape: [count, 6], data }, labels };
}

const QUICK = { numClasses: 4, epochs: 12, batchSize: 32, backbone: 'linear-embed' } as const;

test('every loss and head learns through 20 % wrong labels', async () => {
  const { x, labels: truth } = clouds(480, 4, 1);
  const labels = symmetricNoise(truth, 4, 0.2, createRng(1));
  const variants: Partial<TrainOptions>[] = [
    ...(['ce', 'sce', 'gce', 'mae', 'nce+rce', 'elr', 'co-teaching'] satisfies LabelLoss[]).map((loss) => ({ loss })),
    { loss: 'forward', noiseMatrix: Array.from({ length: 16 }, (_, at) => (at % 5 === 0 ? 0.8 : 0.2 / 3)) },
    { head: 'linear' },
    { headScale: 'learned', prior: [0.25, 0.25, 0.25, 0.25] },
    { isOfficial: true, potential: { isClamped: true } },
  ];
  for (const variant of variants) {
    await using model = await trainClassifier({ x, labels }, { ...QUICK, learningRate: 0.05, ...variant });
    const accuracy = accuracyOf((await model.predict(x)).probabilities, truth);
    assert.ok(accuracy > 0.75, `${JSON.stringify(variant)}: ${accuracy}`);
  }
});

test('co-teaching keeps the samples of smallest loss, fewer as epochs go on', () => {
  const logits = Float32Array.of(3, 0, 0, 3, 1, 0, 0, 0);
  const labels = [0, 0, 0, 1];
  // Losses: 0.05, 3.05, 0.31, 0.69.
  assert.deepEqual([...smallLossWeights(logits, labels, 0.5).data], [1, 0, 1, 0]);
  assert.deepEqual([...smallLossWeights(logits, labels, 0.75).data], [1, 0, 1, 1]);
  assert.deepEqual([...smallLossWeights(logits, labels, 0).data], [1, 0, 0, 0]);
  assert.deepEqual(
    [0, 1, 5, 9].map((epoch) => keptShare(epoch, 0.5)),
    [1, 0.9, 0.5, 0.5],
  );
});

test('at 40 % wrong labels co-teaching ends better than cross entropy on all samples', async () => {
  const { x, labels: truth } = clouds(480, 4, 11);
  const labels = symmetricNoise(truth, 4, 0.4, createRng(2));
  const accuracyWith = async (options: Partial<TrainOptions>) => {
    await using model = await trainClassifier(
      { x, labels },
      { ...QUICK, epochs: 20, learningRate: 0.05, head: 'linear', ...options },
    );
    return accuracyOf((await model.predict(x)).probabilities, truth);
  };
  const [plain, taught] = [
    await accuracyWith({ loss: 'ce' }),
    await accuracyWith({ loss: 'co-teaching', forgetRate: 0.4 }),
  ];
  assert.ok(taught > plain + 0.02, `${taught} and ${plain}`);
});

test('the same seed gives the same log, another seed another', async () => {
  const data = clouds(200, 4, 2);
  const logOf = async (seed: number) => {
    await using model = await trainClassifier(data, { ...QUICK, seed });
    return model.log;
  };
  const first = await logOf(1);
  assert.deepEqual(await logOf(1), first);
  assert.notEqual((await logOf(2))[0]!.loss, first[0]!.loss);
});

test('one, two or three threads give the same log, bit for bit', async () => {
  const rng = createRng(7, 'threads');
  const x = {
    dtype: 'float32' as const,
    shape: [512, 200],
    data: Float32Array.from({ length: 512 * 200 }, () => rng.normal()),
  };
  const labels = Int32Array.from({ length: 512 }, () => rng.integer(4));
  const logs = [];
  for (const numThreads of [1, 2, 3]) {
    const options = { numClasses: 4, epochs: 2, batchSize: 256, backbone: 'mlp', numThreads } as const;
    await using model = await trainClassifier({ x, labels }, options);
    logs.push(JSON.stringify(model.log));
  }
  assert.equal(logs[1], logs[0]);
  assert.equal(logs[2], logs[0]);
});

test('evaluation drops no features, so predictions repeat; centres move and energy falls', async () => {
  const data = clouds(400, 4, 3);
  await using model = await trainClassifier(data, { ...QUICK, epochs: 10 });
  const [a, b] = [await model.predict(data.x), await model.predict(data.x)];
  assert.deepEqual(a.logits, b.logits);
  const first = model.log[0]!.centres!;
  const last = model.log.at(-1)!.centres!;
  assert.notDeepEqual(first.norms, last.norms);
  assert.ok(last.energy < 0, `${last.energy}`);
  assert.ok(a.features.every((value) => value >= 0));
});

test('convolutions train on images and pooled sizes fit', async () => {
  const rng = createRng(5, 'images');
  const labels = Int32Array.from({ length: 48 }, (_, i) => i % 2);
  const data = Float32Array.from(
    { length: 48 * 3 * 64 },
    (_, at) => (labels[Math.floor(at / 192)] === 1 ? 0.7 : 0.2) + 0.1 * rng.normal(),
  );
  const x = { dtype: 'float32' as const, shape: [48, 3, 8, 8], data };
  await using model = await trainClassifier(
    { x, labels },
    { numClasses: 2, backbone: 'sce-mini', epochs: 4, batchSize: 16, learningRate: 0.05 },
  );
  assert.equal(accuracyOf((await model.predict(x)).probabilities, labels), 1);
});

test('on labels of pure chance out-of-fold accuracy is chance: no sample is judged by a model that saw it', async () => {
  const rng = createRng(6, 'chance');
  const labels = Int32Array.from({ length: 400 }, () => rng.integer(4));
  const x = {
    dtype: 'float32' as const,
    shape: [400, 6],
    data: Float32Array.from({ length: 2400 }, () => rng.normal()),
  };
  const { probabilities } = await outOfFold({ x, labels }, { ...QUICK, epochs: 15, numFolds: 4, rng });
  const accuracy = accuracyOf(probabilities, labels);
  assert.ok(Math.abs(accuracy - 0.25) < 0.08, `${accuracy}`);
});

test('folds are stratified, keep groups whole and refuse a class of one', () => {
  const labels = Int32Array.from({ length: 100 }, (_, i) => (i < 80 ? 0 : 1));
  const { foldOfSample } = assignFolds(labels, { numFolds: 5, numClasses: 2, rng: createRng(1) });
  for (let fold = 0; fold < 5; fold++) {
    assert.equal(labels.filter((label, i) => label === 1 && foldOfSample[i] === fold).length, 4);
  }
  const groups = labels.map((_, i) => Math.floor(i / 4));
  const grouped = assignFolds(labels, { numFolds: 5, numClasses: 2, rng: createRng(1), groups }).foldOfSample;
  for (let i = 0; i < 100; i++) assert.equal(grouped[i], grouped[4 * groups[i]!]);
  const rare = assignFolds(Int32Array.of(0, 0, 0, 0, 0, 1, 1), { numFolds: 3, numClasses: 2, rng: createRng(1) });
  assert.equal(rare.warnings[0]!.actual, '2 of class "1"');
  assert.throws(
    () => assignFolds(Int32Array.of(0, 0, 1), { numFolds: 2, numClasses: 2, rng: createRng(1) }),
    /TF-LABEL-004/,
  );
});

test('whole groups are spread so that every fold has its share of every class', () => {
  const rng = createRng(3, 'groups');
  // Forty groups, half of them of one class each: chance would often leave a fold without the rare class.
  const groups = Int32Array.from({ length: 800 }, (_, i) => Math.floor(i / 20));
  const labels = Int32Array.from(groups, (group) => (group < 10 ? 1 : group < 20 ? 2 : rng.integer(3)));
  const { foldOfSample, warnings } = assignFolds(labels, { numFolds: 5, numClasses: 3, rng, groups });
  assert.equal(warnings.length, 0);
  for (let i = 1; i < 800; i++) if (groups[i] === groups[i - 1]) assert.equal(foldOfSample[i], foldOfSample[i - 1]);
  for (let fold = 0; fold < 5; fold++) {
    for (let k = 0; k < 3; k++) {
      const inFold = labels.filter((label, i) => label === k && foldOfSample[i] === fold).length;
      const share = inFold / labels.filter((label) => label === k).length;
      assert.ok(Math.abs(share - 0.2) < 0.06, `fold ${fold}, class ${k}: ${share}`);
    }
  }
  const together = labels.map((label) => (label === 1 ? 0 : 1));
  const { warnings: named } = assignFolds(labels, {
    numFolds: 2,
    numClasses: 3,
    rng,
    groups: together,
    classNames: ['a', 'b', 'c'],
  });
  assert.deepEqual(
    named.map(({ actual }) => actual?.replaceAll(/\d+/g, 'n')),
    [`${['a', 'b', 'c'].map((name) => `all n of class "${name}"`).join(', ')} in one`],
  );
});

test('asymmetric noise decides on clean labels; the published order lets some return', () => {
  const clean = Int32Array.from({ length: 2000 }, (_, i) => i % 4);
  const pairs = new Map([
    [0, 1],
    [1, 0],
  ]);
  const ours = asymmetricNoise(clean, pairs, 0.4, createRng(1));
  assert.equal(ours.filter((label, i) => clean[i] === 0 && label === 1).length, 200);
  assert.equal(ours.filter((label, i) => clean[i] === 1 && label === 0).length, 200);
  const sequential = asymmetricNoise(clean, pairs, 0.4, createRng(1), { isSequential: true });
  assert.ok(sequential.filter((label, i) => clean[i] === 0 && label === 1).length < 200);
});

test('superclass noise moves labels to the next class of their group only', () => {
  const clean = Int32Array.from({ length: 10_000 }, (_, i) => i % 10);
  const noisy = superclassNoise(clean, { numClasses: 10, groupSize: 5 }, 0.3, createRng(4));
  const changed = [...noisy.keys()].filter((i) => noisy[i] !== clean[i]);
  assert.ok(Math.abs(changed.length / 10_000 - 0.3) < 0.02);
  const next = [1, 2, 3, 4, 0, 6, 7, 8, 9, 5];
  for (const i of changed) assert.equal(noisy[i], next[clean[i]!]);
  assert.throws(() => superclassNoise(clean, { numClasses: 10, groupSize: 3 }, 0.3, createRng(4)), {
    message: 'superclassNoise: groups of at least two that divide the 10 classes, got 3. TF-LABEL-007',
  });
});

test('instance noise gives the second choice to the samples that the model doubts most', () => {
  const clean = Int32Array.of(0, 0, 1, 1);
  const probabilities = [0.9, 0.06, 0.04, 0.4, 0.25, 0.35, 0.3, 0.5, 0.2, 0.01, 0.98, 0.01];
  assert.deepEqual([...instanceNoise(clean, probabilities, 0.5)], [0, 2, 0, 1]);
});

test('matrix noise follows its columns and refuses columns that do not sum to one', () => {
  const clean = new Int32Array(20_000);
  const noisy = matrixNoise(clean, [0.7, 0, 0.3, 1], createRng(4));
  assert.ok(Math.abs(noisy.filter((label) => label === 1).length / 20_000 - 0.3) < 0.01);
  assert.throws(() => matrixNoise(clean, [0.7, 0, 0.2, 1], createRng(4)), {
    message: 'matrixNoise: p(given | true) whose columns sum to 1, got 0.900000 in column 0. TF-LABEL-007',
  });
});

test('the map of a simplex keeps its distances in proportion and its origin apart', () => {
  const map = centreMap({ norms: [1.5, 1.5], pairDistances: [1.5] });
  const [a, b, origin] = map.points;
  for (const [p, q] of [
    [a, b],
    [a, origin],
    [b, origin],
  ] as const) {
    assert.ok(Math.abs(Math.hypot(p!.x - q!.x, p!.y - q!.y) - 1.5) < 1e-6);
  }
  assert.ok(Math.abs(map.explained - 1) < 1e-9);
});

test('a short tour on real digits finds the injected errors, repairs them and shows eight real test digits', async () => {
  const outcome = await runVerbInTest(manifest, 'tour', { train: 1500, test: 1500, epochs: 4 });
  assert.equal(outcome.status, 'done');
  const { truth, realTest } = outcome.result as {
    truth: { accuracyGiven: number; accuracyRepaired: number; accuracyArgmax: number; recall: number };
    realTest: { suspicious: unknown[] };
  };
  assert.equal(truth.accuracyGiven, 0.8);
  assert.ok(truth.accuracyRepaired > 0.88, `${truth.accuracyRepaired}`);
  assert.ok(truth.recall > 0.85);
  assert.equal(realTest.suspicious.length, 8);
  const images = outcome.report!.blocks.flatMap((block) => (block.kind === 'group' ? block.blocks : []));
  assert.ok(images.filter((block) => block.kind === 'image').length >= 8);
});
