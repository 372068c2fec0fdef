/** PNG and JPEG without native parts. Slower than sharp, and other formats are refused. */
import { missingPackageError } from './data-errors.ts';
import { ImageProblem } from './image-codec.ts';
import type { ImageCodec } from './image-codec.ts';
import { withChannels } from './pixel-image.ts';
import { decodeJpeg, encodeJpeg, isJpeg } from './plain-jpeg.ts';
import { decodePng, encodePng, isPng } from './plain-png.ts';

export const plainCodec: ImageCodec = {
  async decode(bytes, { channels, maxPixels }) {
    if (isPng(bytes)) {
      const image = await decodePng(bytes, maxPixels);
      return withChannels(image, channels ?? image.channels);
    }
    if (isJpeg(bytes)) {
      const image = await decodeJpeg(bytes, maxPixels);
      return withChannels(image, channels ?? image.channels);
    }
    const text = new TextDecoder('latin1').decode(bytes.subarray(0, 12));
    if (/^RIFF[^]{4}WEBP$/.test(text)) throw missingPackageError('readImage', 'sharp', 'WebP');
    throw new ImageProblem('format', 'neither PNG nor JPEG');
  },
  encode: async (image, { format, quality }) => (format === 'png' ? encodePng(image) : encodeJpeg(image, quality)),
};
