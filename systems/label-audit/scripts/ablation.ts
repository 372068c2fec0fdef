/** Which part of the model earns what: label losses, distance head, potential and reconstruction, under symmetric noise.
 *  node systems/label-audit/scripts/ablation.ts <folder with Fashion-MNIST idx.gz files, or "mnist"> [samples] [epochs] [seeds] [rates]
 *  Prints one line per run and the means at the end: test accuracy after the last epoch, AUROC of p_y for wrong labels. */
import { join } from 'node:path';
import { createRng } from '@tenfold/core/base';
import { loadMnist, readIdx } from '@tenfold/core/data';
import { auroc, symmetricNoise, trainClassifier } from '../src/index.ts';
import { accuracyOf } from '../src/pemm/train.ts';
import type { LabelledData, TrainOptions } from '../src/pemm/train.ts';

const METHODS: Readonly<Record<string, Partial<TrainOptions>>> = {
  'CE linear': { head: 'linear', loss: 'ce' },
  'SCE linear': { head: 'linear', loss: 'sce' },
  'GCE linear': { head: 'linear', loss: 'gce' },
  'SCE distance': { loss: 'sce', potentialWeight: 0, reconstructionWeight: 0 },
  PEMM: { loss: 'sce' },
};
const CLASSES = 10;

const [folder = 'mnist', samples = '10000', epochs = '15', seeds = '3', rates = '0.4,0.6'] = process.argv.slice(2);
const train = await load('train', Number(samples));
const test = await load('test', 10_000);
const sums = new Map<string, { accuracy: number; auroc: number; runs: number }>();
for (let seed = 1; seed <= Number(seeds); seed++) {
  for (const rate of rates.split(',').map(Number)) {
    const noisy = symmetricNoise(train.labels, CLASSES, rate, createRng(seed, 'ablation/noise'));
    const isWrong = noisy.map((label, i) => Number(label !== train.labels[i]));
    for (const [name, options] of Object.entries(METHODS)) {
      const start = performance.now();
      const data = { x: train.x, labels: noisy };
      await using model = await trainClassifier(data, {
        numClasses: CLASSES,
        epochs: Number(epochs),
        seed,
        ...options,
      });
      const accuracy = accuracyOf((await model.predict(test.x)).probabilities, test.labels);
      const { probabilities } = await model.predict(train.x);
      const selfConfidence = Float64Array.from(noisy, (label, i) => probabilities.data[i * CLASSES + label]);
      const found = auroc(selfConfidence, isWrong);
      const seconds = (performance.now() - start) / 1000;
      console.log(
        `${rate} ${name} seed ${seed}: accuracy ${accuracy.toFixed(4)} auroc ${found.toFixed(4)} (${seconds.toFixed(0)} s)`,
      );
      const key = `${rate} ${name}`;
      const sum = sums.get(key) ?? { accuracy: 0, auroc: 0, runs: 0 };
      sums.set(key, { accuracy: sum.accuracy + accuracy, auroc: sum.auroc + found, runs: sum.runs + 1 });
    }
  }
}
for (const [key, { accuracy, auroc: found, runs }] of [...sums].sort(([a], [b]) => (a < b ? -1 : 1))) {
  console.log(
    `mean ${key}: accuracy ${(accuracy / runs).toFixed(4)} auroc ${(found / runs).toFixed(4)} (${runs} runs)`,
  );
}

async function load(split: 'train' | 'test', maxItems: number): Promise<LabelledData> {
  const prefix = split === 'train' ? 'train' : 't10k';
  const { images, labels } =
    folder === 'mnist'
      ? await loadMnist({ split, maxItems })
      : {
          images: await readIdx(join(folder, `${prefix}-images-idx3-ubyte.gz`), { maxItems }),
          labels: await readIdx(join(folder, `${prefix}-labels-idx1-ubyte.gz`), { maxItems }),
        };
  const data = Float32Array.from(images.data as Uint8Array, (ink) => ink / 255);
  return {
    x: { dtype: 'float32', shape: [images.shape[0], images.shape[1] * images.shape[2]], data },
    labels: Int32Array.from(labels.data as Uint8Array),
  };
}
