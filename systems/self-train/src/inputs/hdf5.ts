/** Numeric datasets of HDF5 files through the package h5wasm. Node only. */
import { selfTrainError } from '../self-train-errors.ts';
import type { Features } from '../types.ts';

/** One dataset as rows of 32-bit floats. @param path  inside the file, `train/data`
 *  @throws TF-SELF-006 without the package, TF-SELF-005 if there is no such dataset of numbers */
export async function readHdf5(file: string, path: string): Promise<Features> {
  const { default: h5wasm } = await import('h5wasm/node').catch((cause: unknown) => {
    throw selfTrainError('TF-SELF-006', {
      subject: 'readHdf5',
      expected: 'the package "h5wasm"',
      actual: 'none',
      cause,
    });
  });
  await h5wasm.ready;
  const opened = new h5wasm.File(file, 'r');
  try {
    const entry = opened.get(path);
    const values = entry instanceof h5wasm.Dataset ? entry.value : undefined;
    const shape = entry instanceof h5wasm.Dataset ? entry.shape : undefined;
    if (!shape?.length || !ArrayBuffer.isView(values) || values instanceof DataView) {
      throw selfTrainError('TF-SELF-005', {
        subject: 'readHdf5',
        expected: `a dataset of numbers "${path}"`,
        actual: entry === null ? 'no such name' : 'something else',
        location: file,
      });
    }
    const data = Float32Array.from(values as unknown as ArrayLike<number | bigint>, Number);
    return { numRows: shape[0], width: data.length / Math.max(1, shape[0]), data };
  } finally {
    opened.close();
  }
}
