/** What an audit finds and repairs as noise grows, on images with known labels; and the same probabilities for cleanlab.
 *  node systems/label-audit/scripts/repair.ts [--folder <Fashion-MNIST idx.gz files>] [--noise 0.1,0.2,…] [--samples 6000]
 *    [--epochs 6] [--out <folder for probabilities>]
 *  Without --folder it takes the digits of MNIST. Prints one JSON line for each noise rate.  With --out, `cleanlab_peer.py`
 *  answers the same files. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createRng } from '@tenfold/core/base';
import { loadMnist, readIdx, writeNpy } from '@tenfold/core/data';
import { auditLabels, outOfFold, posteriorOfTruth, symmetricNoise } from '../src/index.ts';
import { compareWithTruth } from '../src/truth-check.ts';

const CLASSES = 10;
const { values: options } = parseArgs({
  options: {
    folder: { type: 'string', default: '' },
    noise: { type: 'string', default: '0.1,0.2,0.3,0.4,0.6,0.8' },
    samples: { type: 'string', default: '6000' },
    epochs: { type: 'string', default: '6' },
    out: { type: 'string', default: '' },
  },
});
const { x, labels: truth } = await load(Number(options.samples));
for (const rate of options.noise.split(',').map(Number)) {
  const labels = symmetricNoise(truth, CLASSES, rate, createRng(1, 'repair/noise'));
  const { probabilities } = await outOfFold(
    { x, labels },
    {
      numClasses: CLASSES,
      numFolds: 4,
      rng: createRng(1, 'repair/folds'),
      epochs: Number(options.epochs),
      batchSize: 128,
      learningRate: 0.05,
      seed: 1,
    },
  );
  const result = auditLabels(labels, probabilities);
  const plain = posteriorOfTruth(labels, probabilities, result.repairNoiseMatrix);
  const {
    reliabilityBins: _,
    precisionAt: __,
    ...check
  } = compareWithTruth(result, labels, truth, plain.givenProbability);
  const f1 = (2 * check.precision * check.recall) / (check.precision + check.recall);
  console.log(JSON.stringify({ rate, estimate: result.noise, rule: result.repairRule, f1, ...check }));
  if (options.out === '') continue;
  mkdirSync(options.out, { recursive: true });
  const file = (name: string) => join(options.out, `${rate}-${name}.npy`);
  const [shape, force] = [[labels.length], { force: true }] as const;
  await writeNpy(
    file('probs'),
    { dtype: 'float32', shape: [labels.length, CLASSES], data: probabilities.data as Float32Array },
    force,
  );
  await writeNpy(file('labels'), { dtype: 'int32', shape, data: labels }, force);
  await writeNpy(file('truth'), { dtype: 'int32', shape, data: truth }, force);
}

async function load(maxItems: number) {
  const { images, labels } =
    options.folder === ''
      ? await loadMnist({ split: 'train', maxItems })
      : {
          images: await readIdx(join(options.folder, 'train-images-idx3-ubyte.gz'), { maxItems }),
          labels: await readIdx(join(options.folder, 'train-labels-idx1-ubyte.gz'), { maxItems }),
        };
  const data = Float32Array.from(images.data as Uint8Array, (ink) => ink / 255);
  return {
    x: { dtype: 'float32' as const, shape: [images.shape[0]!, images.shape[1]! * images.shape[2]!], data },
    labels: Int32Array.from(labels.data as Uint8Array),
  };
}
