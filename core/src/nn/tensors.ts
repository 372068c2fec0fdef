/** Small tensors for feeds. */
import type { Tensor } from '../tensor/index.ts';

export { castTensor } from '../tensor/index.ts';

/** A f32 scalar. */
export function scalarFromNumber(value: number): Tensor<'float32'> {
  return { dtype: 'float32', shape: [], data: Float32Array.of(value) };
}
