/** Pictures of results as PNG: truth, render, error and oracle side by side. */
import { createMemorySink, writeImage } from '@tenfold/core/data';
import type { RgbImage } from './types.ts';

/** A mean error of half the range is white. */
const ERROR_GAIN = 2;

/** Images of one height next to each other. */
export function joinImages(images: readonly RgbImage[], gapPx = 2): RgbImage {
  const heightPx = Math.max(...images.map((image) => image.heightPx));
  const widthPx = images.reduce((sum, image) => sum + image.widthPx, gapPx * (images.length - 1));
  const data = new Float32Array(3 * widthPx * heightPx).fill(1);
  let left = 0;
  for (const image of images) {
    for (let y = 0; y < image.heightPx; y++) {
      data.set(image.data.subarray(3 * y * image.widthPx, 3 * (y + 1) * image.widthPx), 3 * (y * widthPx + left));
    }
    left += image.widthPx + gapPx;
  }
  return { widthPx, heightPx, data };
}

/** Mean absolute error a pixel as heat: black, red, yellow, white. */
export function errorMap(render: RgbImage, truth: RgbImage): RgbImage {
  const data = new Float32Array(truth.data.length);
  for (let p = 0; p < data.length / 3; p++) {
    let error = 0;
    for (let k = 3 * p; k < 3 * p + 3; k++) error += Math.abs(render.data[k] - truth.data[k]) / 3;
    const heat = Math.min(3, 3 * ERROR_GAIN * error);
    for (let k = 0; k < 3; k++) data[3 * p + k] = Math.min(1, Math.max(0, heat - k));
  }
  return { widthPx: truth.widthPx, heightPx: truth.heightPx, data };
}

/** The truth in grey; unseen pixels red, sky blue, moving objects violet. */
export function oracleMap(
  truth: RgbImage,
  parts: { readonly unseen: Uint8Array; readonly sky: Uint8Array; readonly isStatic?: Uint8Array | undefined },
): RgbImage {
  const data = new Float32Array(truth.data.length);
  for (let p = 0; p < data.length / 3; p++) {
    const grey = 0.3 * truth.data[3 * p] + 0.6 * truth.data[3 * p + 1] + 0.1 * truth.data[3 * p + 2];
    const tint = parts.isStatic?.[p] === 0 ? MOVING : parts.unseen[p] === 1 ? UNSEEN : parts.sky[p] === 1 ? SKY : SEEN;
    for (let k = 0; k < 3; k++) data[3 * p + k] = Math.min(1, grey * (1 - tint[3]) + tint[k]! * tint[3]);
  }
  return { widthPx: truth.widthPx, heightPx: truth.heightPx, data };
}

const SEEN = [0, 0, 0, 0] as const;
const UNSEEN = [0.9, 0.15, 0.1, 0.6] as const;
const SKY = [0.3, 0.55, 0.95, 0.5] as const;
const MOVING = [0.6, 0.2, 0.8, 0.6] as const;

export async function pngFromImage({ widthPx, heightPx, data }: RgbImage): Promise<Uint8Array> {
  const pixels = Uint8Array.from(data, (value) => Math.round(255 * Math.min(1, Math.max(0, value))));
  const sink = createMemorySink('picture');
  await writeImage(sink, { widthPx, heightPx, channels: 3, data: pixels });
  return sink.bytes();
}
