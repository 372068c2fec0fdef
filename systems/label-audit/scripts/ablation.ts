/** Which part of the model earns what: label losses, distance head, potential and reconstruction, under label noise.
 *  node systems/label-audit/scripts/ablation.ts [--folder <Fashion-MNIST idx.gz files>] [--noise 0.4,0.6,0.8,asym] [--seeds 3]
 *    [--methods ce,sce,…] [--decay 0.01] [--samples 10000] [--epochs 15]
 *  Without a folder it takes the digits of MNIST.  Prints one JSON line per run, then a table of means. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createRng } from '@tenfold/core/base';
import { loadMnist, readIdx } from '@tenfold/core/data';
import { asymmetricNoise, auroc, reliability, symmetricNoise, trainClassifier } from '../src/index.ts';
import type { LabelledData, TrainOptions } from '../src/pemm/train.ts';

const NO_TERMS = { potentialWeight: 0, reconstructionWeight: 0 } as const;
const METHODS: Readonly<Record<string, Partial<TrainOptions>>> = {
  ce: { head: 'linear', loss: 'ce' },
  sce: { head: 'linear', loss: 'sce' },
  gce: { head: 'linear', loss: 'gce' },
  'ce-distance': { loss: 'ce', ...NO_TERMS },
  'sce-distance': { loss: 'sce', ...NO_TERMS },
  'sce-potential': { loss: 'sce', reconstructionWeight: 0 },
  'sce-reconstruction': { loss: 'sce', potentialWeight: 0 },
  pemm: { loss: 'sce' },
  'pemm-ce': { loss: 'ce' },
};
const CLASSES = 10;
/** Look-alikes of Fashion-MNIST: T-shirt → shirt, pullover → coat, sandal → sneaker, sneaker → boot, dress → T-shirt. */
const LOOK_ALIKES = new Map([
  [0, 6],
  [2, 4],
  [5, 7],
  [7, 9],
  [3, 0],
]);
const ASYMMETRIC_RATE = 0.4;

const { values: options } = parseArgs({
  options: {
    folder: { type: 'string', default: '' },
    noise: { type: 'string', default: '0.4,0.6' },
    seeds: { type: 'string', default: '3' },
    methods: { type: 'string', default: Object.keys(METHODS).join() },
    decay: { type: 'string', default: '0.01' },
    samples: { type: 'string', default: '10000' },
    epochs: { type: 'string', default: '15' },
  },
});
const FIGURES = ['last', 'best', 'ece', 'auroc'] as const;
const train = await load('train', Number(options.samples));
const test = await load('test', 10_000);
const sums = new Map<string, { runs: number; figures: Record<(typeof FIGURES)[number], number> }>();
for (const noise of options.noise.split(',')) {
  for (let seed = 1; seed <= Number(options.seeds); seed++) {
    const rng = createRng(seed, 'ablation/noise');
    const noisy =
      noise === 'asym'
        ? asymmetricNoise(train.labels, LOOK_ALIKES, ASYMMETRIC_RATE, rng)
        : symmetricNoise(train.labels, CLASSES, Number(noise), rng);
    for (const method of options.methods.split(',')) {
      const start = performance.now();
      const figures = await measure(method, noisy, seed);
      const seconds = Number(((performance.now() - start) / 1000).toFixed(1));
      console.log(JSON.stringify({ noise, method, seed, decay: Number(options.decay), ...figures, seconds }));
      const key = `${noise} ${method}`;
      const sum = sums.get(key) ?? { runs: 0, figures: { last: 0, best: 0, ece: 0, auroc: 0 } };
      sum.runs++;
      for (const name of FIGURES) sum.figures[name] += figures[name];
      sums.set(key, sum);
    }
  }
}
console.log(`noise method runs ${FIGURES.join(' ')}`);
for (const [key, { runs, figures }] of sums) {
  console.log(key, runs, ...FIGURES.map((name) => (figures[name] / runs).toFixed(4)));
}

/** Accuracy on clean test labels after the last epoch and at its best epoch (an oracle), calibration error there, and how well
 *  the probability of the label tells wrong training labels from right ones. */
async function measure(method: string, noisy: Int32Array, seed: number) {
  const chosen = METHODS[method];
  if (chosen === undefined)
    throw new Error(`ablation: expected one of ${Object.keys(METHODS).join(', ')}, got ${method}`);
  await using model = await trainClassifier(
    { x: train.x, labels: noisy },
    {
      numClasses: CLASSES,
      epochs: Number(options.epochs),
      weightDecay: Number(options.decay),
      seed,
      test,
      ...chosen,
    },
  );
  const accuracies = model.log.map(({ testAccuracy }) => testAccuracy!);
  const onTest = (await model.predict(test.x)).probabilities;
  const best = Int32Array.from(test.labels, (_, i) => mostLikely(onTest.data as Float32Array, i));
  const { ece } = reliability(
    Float64Array.from(best, (k, i) => onTest.data[i * CLASSES + k]),
    Uint8Array.from(best, (k, i) => Number(k === test.labels[i])),
  );
  const onTrain = (await model.predict(train.x)).probabilities;
  const found = auroc(
    Float64Array.from(noisy, (label, i) => onTrain.data[i * CLASSES + label]),
    Uint8Array.from(noisy, (label, i) => Number(label !== train.labels[i])),
  );
  return { last: accuracies.at(-1)!, best: Math.max(...accuracies), ece, auroc: found };
}

function mostLikely(data: Float32Array, row: number): number {
  const p = data.subarray(row * CLASSES, (row + 1) * CLASSES);
  return p.indexOf(Math.max(...p));
}

async function load(split: 'train' | 'test', maxItems: number): Promise<LabelledData> {
  const prefix = split === 'train' ? 'train' : 't10k';
  const { images, labels } =
    options.folder === ''
      ? await loadMnist({ split, maxItems })
      : {
          images: await readIdx(join(options.folder, `${prefix}-images-idx3-ubyte.gz`), { maxItems }),
          labels: await readIdx(join(options.folder, `${prefix}-labels-idx1-ubyte.gz`), { maxItems }),
        };
  const data = Float32Array.from(images.data as Uint8Array, (ink) => ink / 255);
  return {
    x: { dtype: 'float32', shape: [images.shape[0], images.shape[1] * images.shape[2]], data },
    labels: Int32Array.from(labels.data as Uint8Array),
  };
}
