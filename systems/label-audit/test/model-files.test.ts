import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { readSafetensors } from '@tenfold/core/data';
import { readOnnx } from '@tenfold/core/graph';
import { openBackend } from '@tenfold/core/runtime';
import { trainClassifier } from '../src/index.ts';
import { modelFiles } from '../src/outputs/model-files.ts';
import type { TrainOptions } from '../src/pemm/train.ts';

const COUNT = 48;

function randomImages(seed: number) {
  const rng = createRng(seed, 'export');
  return {
    x: {
      dtype: 'float32' as const,
      shape: [COUNT, 3, 8, 8],
      data: Float32Array.from({ length: COUNT * 192 }, () => rng.uniform()),
    },
    labels: Int32Array.from({ length: COUNT }, (_, i) => i % 3),
  };
}

test('the ONNX file gives the probabilities of the trained model, for every backbone, head, scale and prior', async () => {
  const data = randomImages(1);
  const variants: Partial<TrainOptions>[] = [
    { backbone: 'mlp' },
    { backbone: 'embed', headScale: 'sqrtd' },
    { backbone: 'linear-embed', headScale: 'learned', prior: [0.6, 0.3, 0.1] },
    { backbone: 'sce-mini' },
    { backbone: 'cnn' },
    { backbone: 'resnet-8', augmentation: 'crop+flip' },
    { backbone: 'mlp', head: 'linear' },
  ];
  for (const variant of variants) {
    const options: TrainOptions = { numClasses: 3, epochs: 2, batchSize: 16, learningRate: 0.05, seed: 3, ...variant };
    await using model = await trainClassifier(data, options);
    const expected = (await model.predict(data.x)).probabilities.data;
    const files = await modelFiles({ model, options, inputShape: [3, 8, 8], classNames: ['a', 'b', 'c'] }, 'm');
    const bytes = (name: string) => files.find(({ path }) => path === `m/${name}`)!.bytes as Uint8Array;
    const { graph, stateValues } = readOnnx(bytes('model.onnx'), { sizes: { batch: COUNT } });
    await using session = await (await openBackend('cpu')).createSession(graph, stateValues ?? {});
    const { probabilities } = await session.run({ x: data.x });
    assert.deepEqual(probabilities!.shape, [COUNT, 3]);
    for (let at = 0; at < expected.length; at++) {
      assert.ok(Math.abs(Number(probabilities!.data[at]) - expected[at]!) < 2e-5, `${JSON.stringify(variant)} ${at}`);
    }
    const tensors = await readSafetensors(bytes('model.safetensors'));
    assert.ok(tensors.has(variant.head === 'linear' ? 'head.weight' : 'head.centres'));
  }
});

test('the published evaluation drops features, so its predictions change from one training step to the next', async () => {
  const data = randomImages(2);
  const spread = async (hasEvaluationDropout: boolean) => {
    const options = { numClasses: 3, epochs: 1, batchSize: 16, hasEvaluationDropout } as const;
    await using model = await trainClassifier(data, options);
    const { features, featureWidth } = await model.predict(data.x);
    return features.filter((value) => value === 0).length / (COUNT * featureWidth);
  };
  const [without, with_] = [await spread(false), await spread(true)];
  // A fifth of the features that were not zero become zero.
  assert.ok(Math.abs((with_ - without) / (1 - without) - 0.2) < 0.05, `${without} ${with_}`);
});

test('warm-up epochs have the loss of cross entropy, later ones their own', async () => {
  const data = randomImages(3);
  const lossesOf = async (options: Partial<TrainOptions>) => {
    await using model = await trainClassifier(data, { numClasses: 3, epochs: 3, batchSize: 16, seed: 5, ...options });
    return model.log.map(({ terms }) => terms['labelLoss']!);
  };
  const plain = await lossesOf({ loss: 'ce' });
  const warm = await lossesOf({ loss: 'mae', warmupEpochs: 2 });
  const cold = await lossesOf({ loss: 'mae' });
  assert.ok(Math.abs(warm[0]! - plain[0]!) < 1e-6);
  assert.ok(Math.abs(warm[1]! - plain[1]!) < 1e-6);
  assert.ok(Math.abs(warm[2]! - plain[2]!) > 1e-3);
  assert.ok(Math.abs(warm[0]! - cold[0]!) > 1e-3);
});
