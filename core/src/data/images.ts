/** PNG, JPEG and WebP through the optional package sharp (Node only), and pixels as tensors. */
import type Sharp from 'sharp';
import { TenfoldError } from '../base/index.ts';
import { createTensor } from '../tensor/index.ts';
import type { Tensor } from '../tensor/index.ts';
import { dataError, missingPackageError, TRUNCATED_HINT } from './data-errors.ts';
import { withSink } from './file-sink.ts';
import { withSource } from './file-source.ts';
import type { SinkOutput, SourceInput, WriteOptions } from './types.ts';

/** Interleaved 8-bit sRGB pixels, rows from the top: data[(y · width + x) · channels + c]. */
export interface PixelImage {
  readonly widthPx: number;
  readonly heightPx: number;
  /** 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha. */
  readonly channels: 1 | 2 | 3 | 4;
  readonly data: Uint8Array;
}

export interface ImageReadOptions {
  /** Convert to this many channels; default as stored. */
  readonly channels?: 1 | 3 | 4;
  /** Largest image accepted. Default 10^8. */
  readonly maxPixels?: number;
}

const SUBJECT = 'readImage';
const DEFAULT_MAX_PIXELS = 1e8;

/** Decodes an image; EXIF rotation is not applied, 16-bit samples are reduced to 8.
 *  @throws TF-DATA-002 if it is no image, TF-DATA-003 if it is cut, TF-DATA-004 if damaged, TF-DATA-009 without sharp, TF-DATA-011 above maxPixels */
export async function readImage(input: SourceInput, options: ImageReadOptions = {}): Promise<PixelImage> {
  const { channels, maxPixels = DEFAULT_MAX_PIXELS } = options;
  const sharp = await loadSharp(SUBJECT);
  return withSource(input, async (source) => {
    const bytes = await source.read(0, source.byteLength);
    try {
      let pipeline = sharp(bytes, { limitInputPixels: maxPixels, failOn: 'warning' });
      const { channels: stored } = await pipeline.metadata();
      const wanted = channels ?? (stored as PixelImage['channels']);
      // Grey with alpha has no raw form in sharp: it is taken from RGB with alpha.
      pipeline = pipeline.toColourspace(wanted === 1 ? 'b-w' : 'srgb');
      pipeline = wanted === 2 || wanted === 4 ? pipeline.ensureAlpha() : pipeline.removeAlpha();
      const { data, info } = await pipeline.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
      const decoded = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      const pixels = wanted === 2 ? greyAlphaFromRgba(decoded) : decoded;
      return { widthPx: info.width, heightPx: info.height, channels: wanted, data: pixels };
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

/** Encodes an image. @throws TF-DATA-012 if data and size disagree, TF-DATA-009 without sharp */
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
  const sharp = await loadSharp('writeImage');
  const pipeline = sharp(data, { raw: { width, height, channels } });
  const encoded = format === 'png' ? pipeline.png() : pipeline.jpeg({ quality, chromaSubsampling: '4:4:4' });
  const bytes = await (channels <= 2 ? encoded.toColourspace('b-w') : encoded).toBuffer();
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

function greyAlphaFromRgba(rgba: Uint8Array): Uint8Array {
  const pixels = new Uint8Array(rgba.length / 2);
  for (let p = 0; 4 * p < rgba.length; p++) {
    pixels[2 * p] = rgba[4 * p];
    pixels[2 * p + 1] = rgba[4 * p + 3];
  }
  return pixels;
}

async function loadSharp(subject: string): Promise<typeof Sharp> {
  try {
    return (await import('sharp')).default;
  } catch (cause) {
    throw missingPackageError(subject, 'sharp', cause);
  }
}

function imageError(fileName: string, cause: unknown): unknown {
  if (cause instanceof TenfoldError) return cause;
  const text = String((cause as Error).message ?? cause).split('\n')[0];
  const fail = (code: 'TF-DATA-002' | 'TF-DATA-003' | 'TF-DATA-004' | 'TF-DATA-011', expected: string, hint: string) =>
    dataError(code, { subject: SUBJECT, expected, location: fileName, hints: [hint], cause });
  if (/unsupported image format|Input Buffer is empty|empty/i.test(text)) {
    return fail('TF-DATA-002', 'a PNG, JPEG or WebP image', 'Check that the right file was given.');
  }
  if (/pixel limit/i.test(text)) {
    return fail('TF-DATA-011', 'an image within maxPixels', 'Raise maxPixels if the file is right.');
  }
  if (/premature|truncat|end of (stream|file|input)|Read Error/i.test(text)) {
    return fail('TF-DATA-003', 'an image up to its end, but it ends early', TRUNCATED_HINT);
  }
  return fail('TF-DATA-004', `an undamaged image (${text})`, 'The file is damaged; copy it again.');
}
