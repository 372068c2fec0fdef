/** Samples of an image tensor as PNG data URLs. */
import { createMemorySink, pixelsFromTensor, writeImage } from '@tenfold/core/data';
import type { Tensor } from '@tenfold/core/tensor';

/** @param x  [N, C, H, W] f32 in 0..1, C 1 or 3 @param row  along axis 0 */
export async function thumbnailOf(x: Tensor<'float32'>, row: number): Promise<string> {
  const shape = x.shape.slice(1);
  const size = shape.reduce((product, length) => product * length, 1);
  const sink = createMemorySink();
  const image = pixelsFromTensor({ dtype: 'float32', shape, data: x.data.slice(row * size, (row + 1) * size) });
  await writeImage(sink, image);
  return `data:image/png;base64,${Buffer.from(sink.bytes()).toString('base64')}`;
}
