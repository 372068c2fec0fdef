/** Images through the optional package sharp (libvips): all formats, native speed. */
import type Sharp from 'sharp';
import { ImageProblem } from './image-codec.ts';
import type { ImageCodec } from './image-codec.ts';
import type { PixelImage } from './pixel-image.ts';

export function createSharpCodec(sharp: typeof Sharp): ImageCodec {
  return {
    async decode(bytes, { channels, maxPixels }) {
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
        throw problemOf(cause);
      }
    },
    async encode({ widthPx: width, heightPx: height, channels, data }, { format, quality }) {
      const pipeline = sharp(data, { raw: { width, height, channels } });
      const encoded = format === 'png' ? pipeline.png() : pipeline.jpeg({ quality, chromaSubsampling: '4:4:4' });
      return (channels <= 2 ? encoded.toColourspace('b-w') : encoded).toBuffer();
    },
  };
}

function greyAlphaFromRgba(rgba: Uint8Array): Uint8Array {
  const pixels = new Uint8Array(rgba.length / 2);
  for (let p = 0; 4 * p < rgba.length; p++) {
    pixels[2 * p] = rgba[4 * p];
    pixels[2 * p + 1] = rgba[4 * p + 3];
  }
  return pixels;
}

function problemOf(cause: unknown): ImageProblem {
  const text = String((cause as Error).message ?? cause).split('\n')[0];
  if (/unsupported image format|Input Buffer is empty|empty/i.test(text))
    return new ImageProblem('format', text, cause);
  if (/pixel limit/i.test(text)) return new ImageProblem('size', text, cause);
  if (/premature|truncat|end of (stream|file|input)|Read Error/i.test(text))
    return new ImageProblem('cut', text, cause);
  return new ImageProblem('damaged', text, cause);
}
