/** Small constant tensors from plain numbers, encoded in any dtype. */
import { bitsFromNumber, createTensor, isSmallFloat, type Dtype, type Shape, type Tensor } from '../../tensor/index.ts';

/** A rank-0 tensor. */
export function scalarTensor(dtype: Dtype, value: number): Tensor {
  return filledTensor(dtype, [], value);
}

/** All elements equal. */
export function filledTensor(dtype: Dtype, shape: Shape, value: number): Tensor {
  const tensor = createTensor(dtype, shape);
  tensor.data.fill(encodeNumber(dtype, value) as never);
  return tensor;
}

/** A tensor from numbers; the shape defaults to [length]. */
export function tensorFromNumbers(dtype: Dtype, numbers: readonly number[], shape: Shape = [numbers.length]): Tensor {
  const tensor = createTensor(dtype, shape);
  for (let i = 0; i < numbers.length; i++) tensor.data[i] = encodeNumber(dtype, numbers[i]!) as never;
  return tensor;
}

function encodeNumber(dtype: Dtype, value: number): number | bigint {
  if (isSmallFloat(dtype)) return bitsFromNumber(dtype, value);
  return dtype === 'int64' || dtype === 'uint64' ? BigInt(Math.trunc(value)) : value;
}
