/** Networks and random changes on MNIST with 40 % symmetric wrong labels: test accuracy after the last epoch and AUROC of
 *  p(label) for the wrong training labels.  node scripts/backbones.ts --seeds 3 --samples 5000 --epochs 8 */
import { parseArgs } from 'node:util';
import { createRng } from '@tenfold/core/base';
import { loadMnist } from '@tenfold/core/data';
import type { Mnist } from '@tenfold/core/data';
import { auroc, symmetricNoise, trainClassifier } from '../src/index.ts';
import { accuracyOf } from '../src/pemm/train.ts';
import type { LabelledData, TrainOptions } from '../src/pemm/train.ts';

const CLASSES = 10;
const VARIANTS: readonly Partial<TrainOptions>[] = [
  { backbone: 'mlp' },
  { backbone: 'cnn' },
  { backbone: 'cnn', augmentation: 'crop' },
  { backbone: 'resnet-8', augmentation: 'crop' },
];
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3' },
    samples: { type: 'string', default: '5000' },
    epochs: { type: 'string', default: '8' },
    variants: { type: 'string', default: '0,1,2,3' },
  },
});

const train = digits(await loadMnist({ split: 'train', maxItems: Number(values.samples) }));
const test = digits(await loadMnist({ split: 'test' }));
for (const index of values.variants.split(',').map(Number)) {
  for (let seed = 1; seed <= Number(values.seeds); seed++) {
    const labels = symmetricNoise(train.labels, CLASSES, 0.4, createRng(seed, 'backbones'));
    const options = { numClasses: CLASSES, epochs: Number(values.epochs), batchSize: 128, learningRate: 0.05, seed };
    const start = process.cpuUsage();
    await using model = await trainClassifier({ x: train.x, labels }, { ...options, ...VARIANTS[index] });
    const { user, system } = process.cpuUsage(start);
    const accuracy = accuracyOf((await model.predict(test.x)).probabilities, test.labels);
    const { data } = (await model.predict(train.x)).probabilities;
    const own = Float64Array.from(labels, (label, i) => data[i * CLASSES + label]!);
    const isWrong = Uint8Array.from(labels, (label, i) => Number(label !== train.labels[i]));
    const figures = { accuracy, auroc: auroc(own, isWrong), cpuSeconds: Number(((user + system) / 1e6).toFixed(1)) };
    console.log(JSON.stringify({ ...VARIANTS[index], seed, ...figures }));
  }
}

function digits({ images, labels }: Mnist): LabelledData {
  const [count, height, width] = images.shape;
  const data = Float32Array.from(images.data, (ink) => ink / 255);
  return {
    x: { dtype: 'float32', shape: [count!, 1, height!, width!], data },
    labels: Int32Array.from(labels.data),
  };
}
