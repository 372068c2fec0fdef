/** Samples of an image tensor as PNG data URLs. */
import { createMemorySink, pixelsFromTensor, writeImage } from '@tenfold/core/data';
import type { PixelImage } from '@tenfold/core/data';
import type { Tensor } from '@tenfold/core/tensor';

/** Small images are enlarged, each pixel to a square, so that reports show them at a readable size. */
const SHOWN_PX = 112;

/** @param x  [N, C, H, W] f32 in 0..1, C 1 or 3 @param row  along axis 0 */
export async function thumbnailOf(x: Tensor<'float32'>, row: number): Promise<string> {
  const shape = x.shape.slice(1);
  const size = shape.reduce((product, length) => product * length, 1);
  const sink = createMemorySink();
  const image = pixelsFromTensor({ dtype: 'float32', shape, data: x.data.slice(row * size, (row + 1) * size) });
  await writeImage(sink, enlarged(image, Math.max(1, Math.round(SHOWN_PX / image.widthPx))));
  return `data:image/png;base64,${Buffer.from(sink.bytes()).toString('base64')}`;
}

function enlarged({ widthPx, heightPx, channels, data }: PixelImage, factor: number): PixelImage {
  const [width, height] = [widthPx * factor, heightPx * factor];
  const target = new Uint8Array(width * height * channels);
  let at = 0;
  for (let y = 0; y < height; y++) {
    const row = Math.floor(y / factor) * widthPx;
    for (let x = 0; x < width; x++) {
      const from = (row + Math.floor(x / factor)) * channels;
      for (let c = 0; c < channels; c++) target[at++] = data[from + c];
    }
  }
  return { widthPx: width, heightPx: height, channels, data: target };
}
