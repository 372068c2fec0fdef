/** Mini-batches from arrays: which rows an update sees depends on (seed, step) alone. */
import { createRng } from '../../base/index.ts';
import { DTYPES } from '../../tensor/index.ts';
import type { Tensor, TensorData } from '../../tensor/index.ts';
import { nnError } from '../nn-errors.ts';

/** Rows of each step: every epoch is a fresh permutation of all rows; a last incomplete batch is left out.
 *  @returns a function of the step, and the number of steps in an epoch
 *  @throws TF-NN-001 if there are fewer rows than a batch has */
export function createBatchOrder(options: { count: number; batchSize: number; seed: number }): {
  readonly stepsPerEpoch: number;
  rowsAt(step: number): Uint32Array;
} {
  const { count, batchSize, seed } = options;
  if (!(batchSize >= 1 && count >= batchSize)) {
    throw nnError('TF-NN-001', {
      subject: 'createBatchOrder',
      expected: 'rows for at least one batch',
      actual: `${count} rows and batches of ${batchSize}`,
      hints: ['Use smaller batches.'],
    });
  }
  const stepsPerEpoch = Math.floor(count / batchSize);
  const order = new Uint32Array(count);
  let epochInOrder = -1;
  return {
    stepsPerEpoch,
    rowsAt(step) {
      const epoch = Math.floor(step / stepsPerEpoch);
      if (epoch !== epochInOrder) {
        for (let i = 0; i < count; i++) order[i] = i;
        createRng(seed, `batches/${epoch}`).shuffle(order);
        epochInOrder = epoch;
      }
      const start = (step % stepsPerEpoch) * batchSize;
      return order.slice(start, start + batchSize);
    },
  };
}

/** The given rows of a tensor, in order. @param rows  indices along axis 0 @returns a new tensor
 *  @throws TF-NN-001 on a row that the tensor lacks */
export function gatherRows<T extends Tensor>(tensor: T, rows: ArrayLike<number>): T {
  const [count, ...rest] = tensor.shape;
  const width = rest.reduce((product, size) => product * size, 1);
  const data = new DTYPES[tensor.dtype].ArrayType(rows.length * width) as TensorData;
  for (let i = 0; i < rows.length; i++) {
    if (!(rows[i] >= 0 && rows[i] < count)) throw rowError(rows[i], count);
    const start = rows[i] * width;
    (data as Float32Array).set((tensor.data as Float32Array).subarray(start, start + width), i * width);
  }
  return { ...tensor, shape: [rows.length, ...rest], data };
}

function rowError(row: number, count: number): Error {
  return nnError('TF-NN-001', {
    subject: 'gatherRows',
    expected: `rows 0 to ${count - 1}`,
    actual: `row ${row}`,
    hints: ['Ask for rows that the tensor has.'],
  });
}

/** Random windows of a token stream, for language models.
 *  @returns `tokens` and `targets` [B, T], targets one place further on
 *  @throws TF-NN-001 on a stream of no more tokens than a window */
export function tokenWindows(
  stream: ArrayLike<number>,
  options: { batch: number; length: number; seed: number; step: number },
): { tokens: Tensor<'int64'>; targets: Tensor<'int64'> } {
  const { batch, length, seed, step } = options;
  if (stream.length <= length) {
    throw nnError('TF-NN-001', {
      subject: 'tokenWindows',
      expected: `more than ${length} tokens`,
      actual: String(stream.length),
      hints: ['Use shorter windows, or a longer text.'],
    });
  }
  const rng = createRng(seed, `windows/${step}`);
  const tokens = new BigInt64Array(batch * length);
  const targets = new BigInt64Array(batch * length);
  for (let row = 0; row < batch; row++) {
    const start = rng.integer(stream.length - length);
    for (let i = 0; i < length; i++) {
      tokens[row * length + i] = BigInt(stream[start + i]);
      targets[row * length + i] = BigInt(stream[start + i + 1]);
    }
  }
  const shape = [batch, length];
  return { tokens: { dtype: 'int64', shape, data: tokens }, targets: { dtype: 'int64', shape, data: targets } };
}
