/** Making tensors. */
import { createDtypeArray } from './dtype.ts';
import { formatShape, numel } from './shape.ts';
import { tensorError } from './tensor-errors.ts';
import type { Dtype, DtypeArrays, Shape, Tensor } from './types.ts';

/** A zeroed tensor. */
export function createTensor<D extends Dtype>(dtype: D, shape: Shape, options: { shared?: boolean } = {}): Tensor<D> {
  return { dtype, shape, data: createDtypeArray(dtype, numel(shape), options.shared) };
}

/** Wraps an array without copying.
 *  @throws TF-TENSOR-001 if the length does not fit the shape */
export function tensorFromArray<D extends Dtype>(dtype: D, shape: Shape, data: DtypeArrays[D]): Tensor<D> {
  if (data.length !== numel(shape)) {
    throw tensorError('TF-TENSOR-001', {
      subject: 'tensorFromArray',
      expected: `${numel(shape)} elements for shape ${formatShape(shape)}`,
      actual: `${data.length}`,
    });
  }
  return { dtype, shape, data };
}
