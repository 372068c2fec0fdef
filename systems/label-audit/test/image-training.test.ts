/** Networks, random changes and files of images. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { loadMnist } from '@tenfold/core/data';
import { createGraphBuilder } from '@tenfold/core/graph';
import { createNet } from '@tenfold/core/nn';
import { runVerbInTest } from '@tenfold/core/system/test-kit';
import type { Tensor } from '@tenfold/core/tensor';
import { trainClassifier } from '../src/index.ts';
import { readCifar } from '../src/inputs/cifar-binary.ts';
import { manifest } from '../src/manifest.ts';
import { augmentBatch } from '../src/pemm/augment.ts';
import { pemmClassifier } from '../src/pemm/model.ts';
import { accuracyOf } from '../src/pemm/train.ts';
import type { TrainOptions } from '../src/pemm/train.ts';
import { AUGMENTATIONS } from '../src/types.ts';
import type { Augmentation, Backbone } from '../src/types.ts';

const folder = mkdtempSync(join(tmpdir(), 'label-audit-images-'));
const run = (verb: string, params: Record<string, unknown>) =>
  runVerbInTest(manifest, verb, params, { workingFolder: folder });

/** Class 0 is bright above, class 1 below: mirroring left to right keeps the class. */
function halves(count: number, side: number): { x: Tensor<'float32'>; labels: Int32Array } {
  const rng = createRng(5, 'halves');
  const labels = Int32Array.from({ length: count }, (_, i) => i % 2);
  const size = 3 * side * side;
  const data = Float32Array.from({ length: count * size }, (_, at) => {
    const isAbove = Math.floor(((at % size) % (side * side)) / side) < side / 2;
    return ((labels[Math.floor(at / size)] === 0) === isAbove ? 0.8 : 0.1) + 0.05 * rng.normal();
  });
  return { x: { dtype: 'float32', shape: [count, 3, side, side], data }, labels };
}

test('CNN and small residual networks learn through wrong labels, with and without random changes', async () => {
  const { x, labels } = halves(64, 8);
  const noisy = labels.map((label, i) => (i % 10 === 0 ? 1 - label : label));
  const variants: readonly Partial<TrainOptions>[] = [
    { backbone: 'cnn', learningRate: 0.1 },
    { backbone: 'resnet-8', learningRate: 0.05 },
    { backbone: 'resnet-8', learningRate: 0.05, augmentation: 'crop+flip' },
  ];
  for (const variant of variants) {
    const options = { numClasses: 2, epochs: 8, batchSize: 16, ...variant };
    await using model = await trainClassifier({ x, labels: noisy }, options);
    const accuracy = accuracyOf((await model.predict(x)).probabilities, labels);
    assert.ok(accuracy >= 0.95, `${JSON.stringify(variant)}: ${accuracy}`);
    const { features } = await model.predict(x);
    assert.ok(features.every((value) => value >= 0));
  }
});

/** Weights of a network for 32 × 32 colour images with 10 centres. */
function numWeights(backbone: Backbone): number {
  const g = createGraphBuilder('weights');
  const net = createNet(g);
  pemmClassifier({ numClasses: 10, backbone }).forward(net, { x: g.input('x', 'float32', [4, 3, 32, 32]) });
  let count = 0;
  for (const { kind, shape } of net.states.values()) {
    if (kind === 'parameter') count += shape.reduce((product, length) => product * length, 1);
  }
  return count;
}

test('residual networks have as many weights as their layers say, and 34 those of the published CIFAR form', () => {
  // stem, blocks of two convolutions with their norms, a 1 × 1 skip where the width grows, ten centres
  const block = (from: number, to: number) =>
    9 * from * to + 9 * to * to + 4 * to + (from === to ? 0 : from * to + 2 * to);
  const stack = (widths: readonly number[], counts: readonly number[]) => {
    let sum = 27 * widths[0]! + 2 * widths[0]! + 10 * widths.at(-1)!;
    widths.forEach((width, stage) => {
      for (let b = 0; b < counts[stage]!; b++) sum += block(b === 0 && stage > 0 ? widths[stage - 1]! : width, width);
    });
    return sum;
  };
  assert.equal(numWeights('resnet-8'), stack([16, 32, 64], [1, 1, 1]));
  assert.equal(numWeights('resnet-20'), stack([16, 32, 64], [3, 3, 3]));
  assert.equal(numWeights('resnet-34'), stack([64, 128, 256, 512], [3, 4, 6, 3]));
  assert.equal(numWeights('resnet-34'), 21_282_112);
});

test('networks for images refuse rows of numbers and tiny images', async () => {
  const x = { dtype: 'float32' as const, shape: [8, 6], data: new Float32Array(48) };
  const labels = Int32Array.from({ length: 8 }, (_, i) => i % 2);
  await assert.rejects(trainClassifier({ x, labels }, { numClasses: 2, backbone: 'resnet-8' }), {
    message:
      'backbone: images of at least 8 × 8 pixels for resnet-8, got 6 numbers a sample. Use --backbone mlp or embed. TF-LABEL-008',
  });
  const tiny = { ...halves(8, 4), numClasses: 2 };
  await assert.rejects(trainClassifier(tiny, { numClasses: 2, backbone: 'cnn' }), /got 4 × 4/);
  await assert.rejects(
    trainClassifier({ x, labels }, { numClasses: 2, backbone: 'mlp', augmentation: 'flip' }),
    /images to change, got samples of shape \[6\].*--augment none.*TF-LABEL-008/,
  );
});

/** One image whose pixels are all different. */
const ramp = (side: number, count = 1): Tensor<'float32'> => ({
  dtype: 'float32',
  shape: [count, 1, side, side],
  data: Float32Array.from({ length: count * side * side }, (_, at) => 1 + (at % (side * side))),
});

test('flip mirrors about half of the images exactly and leaves the others alone', () => {
  const side = 8;
  const batch = ramp(side, 400);
  const { data } = augmentBatch(batch, { kind: 'flip', seed: 1, step: 0 });
  let numMirrored = 0;
  for (let i = 0; i < 400; i++) {
    const image = data.subarray(i * side * side, (i + 1) * side * side);
    const isMirrored = image[0] === side;
    numMirrored += Number(isMirrored);
    image.forEach((value, at) => {
      const [y, x] = [Math.floor(at / side), at % side];
      assert.equal(value, 1 + y * side + (isMirrored ? side - 1 - x : x));
    });
  }
  assert.ok(Math.abs(numMirrored - 200) < 45, `${numMirrored}`);
});

test('crop moves by at most an eighth of the side, every move occurs, and what comes in is zero', () => {
  const side = 16;
  const { data } = augmentBatch(ramp(side, 1000), { kind: 'crop', seed: 2, step: 3 });
  const moves = new Set<string>();
  for (let i = 0; i < 1000; i++) {
    const image = data.subarray(i * side * side, (i + 1) * side * side);
    const middle = image[8 * side + 8]! - 1;
    const [down, right] = [Math.floor(middle / side) - 8, (middle % side) - 8];
    moves.add(`${down},${right}`);
    image.forEach((value, at) => {
      const [y, x] = [Math.floor(at / side) + down, (at % side) + right];
      const isInside = y >= 0 && y < side && x >= 0 && x < side;
      assert.equal(value, isInside ? 1 + y * side + x : 0);
    });
  }
  assert.equal(moves.size, 25);
});

test('turning keeps the middle and most of a disc', () => {
  const side = 32;
  const disc = ramp(side, 50);
  for (let at = 0; at < disc.data.length; at++) {
    const [y, x] = [Math.floor((at % (side * side)) / side) - 15.5, (at % side) - 15.5];
    disc.data[at] = Math.hypot(x, y) < 8 ? 1 : 0;
  }
  const { data } = augmentBatch(disc, { kind: 'crop+flip+rotate', seed: 3, step: 1 });
  const sumOf = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0);
  const size = side * side;
  const before = sumOf(disc.data.subarray(0, size));
  for (let i = 0; i < 50; i++) {
    const after = sumOf(data.subarray(i * size, (i + 1) * size));
    assert.ok(Math.abs(after - before) < 0.06 * before, `${after} of ${before}`);
  }
});

test('changes depend on seed and step alone, and training with them repeats bit for bit', async () => {
  const batch = ramp(8, 20);
  const drawn = (kind: Augmentation, seed: number, step: number) => [...augmentBatch(batch, { kind, seed, step }).data];
  for (const kind of AUGMENTATIONS) {
    assert.deepEqual(drawn(kind, 1, 5), drawn(kind, 1, 5));
    if (kind === 'none') continue;
    assert.notDeepEqual(drawn(kind, 1, 5), drawn(kind, 1, 6));
    assert.notDeepEqual(drawn(kind, 1, 5), drawn(kind, 2, 5));
  }
  assert.equal(augmentBatch(batch, { kind: 'none', seed: 1, step: 5 }), batch);
  const logs: string[] = [];
  for (const numThreads of [1, 2]) {
    const options = { numClasses: 2, epochs: 2, batchSize: 16, backbone: 'cnn', augmentation: 'crop+flip' } as const;
    await using model = await trainClassifier(halves(48, 8), { ...options, numThreads });
    logs.push(JSON.stringify(model.log));
  }
  assert.equal(logs[0], logs[1]);
});

/** Records of the binary version: MNIST digits in the middle of 32 × 32, in three inks. */
async function cifarBytes(count: number, labelBytes: 1 | 2): Promise<{ bytes: Uint8Array; digits: Uint8Array }> {
  const { images, labels } = await loadMnist({ split: 'test', maxItems: count });
  const record = labelBytes + 3072;
  const bytes = new Uint8Array(count * record);
  for (let i = 0; i < count; i++) {
    bytes[i * record + labelBytes - 1] = labels.data[i]!;
    if (labelBytes === 2) bytes[i * record] = 3;
    for (let c = 0; c < 3; c++) {
      for (let y = 0; y < 28; y++) {
        for (let x = 0; x < 28; x++) {
          const to = i * record + labelBytes + c * 1024 + (y + 2) * 32 + x + 2;
          bytes[to] = images.data[i * 784 + y * 28 + x]! >> c;
        }
      }
    }
  }
  return { bytes, digits: labels.data };
}

test('CIFAR files in the binary version are read: batches in order, names beside them, both sets', async () => {
  const { bytes, digits } = await cifarBytes(30, 1);
  mkdirSync(join(folder, 'cifar'));
  writeFileSync(join(folder, 'cifar/data_batch_1.bin'), bytes.subarray(0, 20 * 3073));
  writeFileSync(join(folder, 'cifar/data_batch_2.bin'), bytes.subarray(20 * 3073));
  writeFileSync(join(folder, 'cifar/test_batch.bin'), bytes.subarray(0, 5 * 3073));
  const bare = await readCifar([join(folder, 'cifar/data_batch_1.bin'), join(folder, 'cifar/data_batch_2.bin')]);
  assert.deepEqual(bare.labels, [...digits].map(String));
  assert.equal(bare.names[21], 'data_batch_2.bin/1');
  assert.deepEqual(bare.x.shape, [30, 3, 32, 32]);
  const pixel = 12 * 3073 + 1 + 1024 + 15 * 32 + 16; // green of the thirteenth digit
  assert.equal(bare.x.data[12 * 3072 + 1024 + 15 * 32 + 16], Math.fround(bytes[pixel]! / 255));
  writeFileSync(
    join(folder, 'cifar/batches.meta.txt'),
    'zero\none\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n\n',
  );
  const named = await readCifar([join(folder, 'cifar/test_batch.bin')]);
  assert.deepEqual(named.labels, ['seven', 'two', 'one', 'zero', 'four']);
  const hundred = await cifarBytes(4, 2);
  writeFileSync(join(folder, 'train.bin'), hundred.bytes);
  assert.deepEqual((await readCifar([join(folder, 'train.bin')])).labels, ['7', '2', '1', '0']);
});

test('a CIFAR folder is audited like an image folder: thumbnails, wrong labels found, a table of corrections', async () => {
  const { bytes, digits } = await cifarBytes(450, 1);
  const wrong = new Set<number>();
  for (let i = 0; i < 450; i += 9) {
    bytes[i * 3073] = (digits[i]! + 1) % 10;
    wrong.add(i);
  }
  mkdirSync(join(folder, 'digits'));
  writeFileSync(join(folder, 'digits/data_batch_1.bin'), bytes);
  await run('audit', { data: 'digits', backbone: 'mlp', folds: 2, epochs: 10, batch: 16, out: 'out-digits' });
  const json = JSON.parse(readFileSync(join(folder, 'out-digits/audit.json'), 'utf8')) as {
    issues: { id: string; thumbnail: string }[];
  };
  const numRight = json.issues.filter(({ id }) => wrong.has(Number(id.split('/')[1]))).length;
  assert.ok(numRight >= 0.7 * wrong.size, `${numRight} of ${wrong.size} among ${json.issues.length}`);
  assert.ok(numRight >= 0.4 * json.issues.length, `${numRight} of ${json.issues.length}`);
  assert.match(json.issues[0]!.thumbnail, /^data:image\/png;base64,/);
  assert.match(readFileSync(join(folder, 'out-digits/corrected.csv'), 'utf8'), /data_batch_1\.bin\/0,/);
});

test('a pickle is refused by its ending and by its first bytes; a cut .bin and a label without a name are told', async () => {
  writeFileSync(join(folder, 'data_batch_1'), Uint8Array.of(0x80, 2, 0x7d, 0x71));
  await assert.rejects(run('audit', { data: 'data_batch_1' }), {
    message:
      'readSamples: data that is only read, got a pickle, which runs code when it is loaded (data_batch_1). Use the binary version of CIFAR (.bin), or save arrays as .npy. TF-LABEL-005',
  });
  writeFileSync(join(folder, 'labels.pkl'), 'anything');
  await assert.rejects(run('audit', { data: 'labels.pkl' }), /a pickle, which runs code/);
  writeFileSync(join(folder, 'cut.bin'), new Uint8Array(3000));
  await assert.rejects(run('audit', { data: 'cut.bin' }), {
    message:
      'readCifar: records of 3073 (CIFAR-10) or 3074 bytes (CIFAR-100), got 3000 bytes (cut.bin). The file is cut, or not of the binary version. TF-LABEL-005',
  });
  mkdirSync(join(folder, 'unnamed'));
  writeFileSync(join(folder, 'unnamed/data_batch_1.bin'), new Uint8Array(3073).fill(2));
  writeFileSync(join(folder, 'unnamed/batches.meta.txt'), 'cat\ndog\n');
  await assert.rejects(run('audit', { data: 'unnamed' }), /a label below 2, got 2 \(data_batch_1\.bin, record 0\)/);
});
