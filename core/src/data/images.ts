/** PNG and JPEG files, and WebP with the optional package sharp (Node only), and pixels as tensors. */
import { TenfoldError } from '../base/index.ts';
import { createTensor } from '../tensor/index.ts';
import type { Tensor } from '../tensor/index.ts';
import { dataError, TRUNCATED_HINT } from './data-errors.ts';
import { withSink } from './file-sink.ts';
import { withSource } from './file-source.ts';
import { findImageCodec } from './find-image-codec.ts';
import { ImageProblem } from './image-codec.ts';
import type { PixelImage } from './pixel-image.ts';
import type { SinkOutput, SourceInput, WriteOptions } from './types.ts';

export interface ImageReadOptions {
  /** Convert to this many channels; default as stored. */
  readonly channels?: 1 | 3 | 4;
  /** Largest image accepted. Default 10^8. */
  readonly maxPixels?: number;
}

const SUBJECT = 'readImage';
const DEFAULT_MAX_PIXELS = 1e8;

/** Decodes an image; EXIF rotation is not applied, 16-bit samples are reduced to 8.  Without sharp slower decoders do the
 *  same for PNG and for grey and colour JPEG; colour profiles are then not applied.
 *  @throws TF-DATA-002 if it is no image, TF-DATA-003 if it is cut, TF-DATA-004 if damaged, TF-DATA-009 for WebP without sharp, TF-DATA-011 above maxPixels */
export async function readImage(input: SourceInput, options: ImageReadOptions = {}): Promise<PixelImage> {
  const { maxPixels = DEFAULT_MAX_PIXELS } = options;
  const codec = await findImageCodec();
  return withSource(input, async (source) => {
    const bytes = await source.read(0, source.byteLength);
    try {
      return await codec.decode(bytes, { ...options, maxPixels });
    } catch (cause) {
      throw imageError(source.name, cause);
    }
  });
}

export interface ImageWriteOptions extends WriteOptions {
  /** Default png. */
  readonly format?: 'png' | 'jpeg';
  /** 1..100, jpeg only. Default 90. */
  readonly quality?: number;
}

/** Encodes an image. @throws TF-DATA-012 if data and size disagree */
export async function writeImage(
  output: SinkOutput,
  image: PixelImage,
  options: ImageWriteOptions = {},
): Promise<void> {
  const { format = 'png', quality = 90, ...writeOptions } = options;
  const { widthPx: width, heightPx: height, channels, data } = image;
  if (data.length !== width * height * channels) {
    throw dataError('TF-DATA-012', {
      subject: 'writeImage',
      expected: `${width * height * channels} bytes for ${width} × ${height} × ${channels}`,
      actual: `${data.length}`,
    });
  }
  const bytes = await (await findImageCodec()).encode(image, { format, quality });
  await withSink(output, writeOptions, (sink) => sink.write(bytes));
}

/** @returns [C, H, W] f32 in 0..1 */
export function tensorFromPixels({ widthPx, heightPx, channels, data }: PixelImage): Tensor<'float32'> {
  const tensor = createTensor('float32', [channels, heightPx, widthPx]);
  const numPixels = widthPx * heightPx;
  for (let c = 0; c < channels; c++) {
    for (let p = 0; p < numPixels; p++) tensor.data[c * numPixels + p] = data[p * channels + c] / 255;
  }
  return tensor;
}

/** Rounds to 8 bits, values outside 0..1 clamped, NaN black. @param tensor  [C, H, W] f32 in 0..1, C in 1..4
 *  @throws TF-DATA-012 for another shape */
export function pixelsFromTensor(tensor: Tensor<'float32'>): PixelImage {
  const [channels, heightPx, widthPx] = tensor.shape;
  if (tensor.shape.length !== 3 || channels < 1 || channels > 4) {
    throw dataError('TF-DATA-012', {
      subject: 'pixelsFromTensor',
      expected: 'shape [C, H, W] with C in 1..4',
      actual: `[${tensor.shape.join(', ')}]`,
    });
  }
  const numPixels = widthPx * heightPx;
  const data = new Uint8ClampedArray(numPixels * channels);
  for (let c = 0; c < channels; c++) {
    for (let p = 0; p < numPixels; p++) data[p * channels + c] = Math.round(tensor.data[c * numPixels + p] * 255);
  }
  return { widthPx, heightPx, channels: channels as PixelImage['channels'], data: new Uint8Array(data.buffer) };
}

function imageError(fileName: string, cause: unknown): unknown {
  if (cause instanceof TenfoldError || !(cause instanceof ImageProblem)) return cause;
  const fail = (code: 'TF-DATA-002' | 'TF-DATA-003' | 'TF-DATA-004' | 'TF-DATA-011', expected: string, hint: string) =>
    dataError(code, { subject: SUBJECT, expected, location: fileName, hints: [hint], cause });
  switch (cause.kind) {
    case 'format':
      return fail('TF-DATA-002', 'a PNG, JPEG or WebP image', 'Check that the right file was given.');
    case 'size':
      return fail('TF-DATA-011', 'an image within maxPixels', 'Raise maxPixels if the file is right.');
    case 'cut':
      return fail('TF-DATA-003', 'an image up to its end, but it ends early', TRUNCATED_HINT);
    case 'damaged':
      return fail('TF-DATA-004', `an undamaged image (${cause.message})`, 'The file is damaged; copy it again.');
  }
}
