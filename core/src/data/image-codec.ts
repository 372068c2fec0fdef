/** What reads and writes image files. */
import type { PixelImage } from './pixel-image.ts';

export interface ImageCodec {
  /** @throws ImageProblem @throws TF-DATA-009 for a format that this codec lacks */
  decode(bytes: Uint8Array, options: DecodeOptions): Promise<PixelImage>;
  encode(image: PixelImage, options: EncodeOptions): Promise<Uint8Array>;
}

export interface DecodeOptions {
  readonly channels?: 1 | 3 | 4;
  readonly maxPixels: number;
}

export interface EncodeOptions {
  readonly format: 'png' | 'jpeg';
  /** 1..100, jpeg only. */
  readonly quality: number;
}

/** What is wrong with the bytes; the reader makes a TF-DATA error of it, which names the file. */
export class ImageProblem extends Error {
  readonly kind: 'format' | 'cut' | 'damaged' | 'size';

  constructor(kind: ImageProblem['kind'], text: string, cause?: unknown) {
    super(text, { cause });
    this.kind = kind;
  }
}
