/** PNG by the package fast-png.  Only the chunks that hold pixels reach it; they are measured before they are unpacked. */
import { ImageProblem } from './image-codec.ts';
import type { PixelImage } from './pixel-image.ts';

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Length, type and checksum of a chunk. */
const CHUNK_EXTRA_BYTES = 12;
const IHDR_END = SIGNATURE.length + CHUNK_EXTRA_BYTES + 13;
const PIXEL_CHUNKS = new Set(['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND']);
/** Channels by colour type: grey, –, RGB, palette, grey and alpha, –, RGB and alpha. */
const STORED_CHANNELS = [1, 0, 3, 1, 2, 0, 4] as const;

export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

/** @throws ImageProblem */
export async function decodePng(bytes: Uint8Array, maxPixels: number): Promise<PixelImage> {
  if (bytes.length < IHDR_END) throw new ImageProblem('cut', 'no whole header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [width, height, depth, colourType] = [view.getUint32(16), view.getUint32(20), bytes[24], bytes[25]];
  const stored = STORED_CHANNELS[colourType] ?? 0;
  if (width === 0 || height === 0 || stored === 0) throw new ImageProblem('damaged', 'a header of no image');
  if (width * height > maxPixels) throw new ImageProblem('size', `${width} × ${height} pixels`);
  const unpackedBytes = height * (1 + Math.ceil((width * stored * depth) / 8));
  const { decode } = await import('fast-png');
  const chunks = pixelChunks(bytes, view, unpackedBytes);
  try {
    const decoded = decode(chunks, { checkCrc: true });
    return pixelsFromSamples({ ...decoded, data: decoded.data as Uint8Array | Uint16Array });
  } catch (cause) {
    throw new ImageProblem('damaged', String((cause as Error).message), cause);
  }
}

/** A PNG of the chunks that matter for pixels. */
function pixelChunks(bytes: Uint8Array, view: DataView, unpackedBytes: number): Uint8Array<ArrayBuffer> {
  const kept = new Uint8Array(bytes.length);
  kept.set(bytes.subarray(0, SIGNATURE.length));
  let numKept = SIGNATURE.length;
  let packedBytes = 0;
  for (let at = SIGNATURE.length; ;) {
    if (at + CHUNK_EXTRA_BYTES > bytes.length) throw new ImageProblem('cut', 'no end chunk');
    const end = at + CHUNK_EXTRA_BYTES + view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (end > bytes.length) throw new ImageProblem('cut', `${type} ends beyond the file`);
    if (type === 'IDAT') packedBytes += end - at - CHUNK_EXTRA_BYTES;
    if (PIXEL_CHUNKS.has(type)) {
      kept.set(bytes.subarray(at, end), numKept);
      numKept += end - at;
    }
    if (type === 'IEND') break;
    at = end;
  }
  // Deflate adds next to nothing to what it cannot pack, so more than this is no image, but could unpack to anything.
  if (packedBytes > 2 * unpackedBytes + 1024) throw new ImageProblem('damaged', 'more packed than unpacked bytes');
  return kept.subarray(0, numKept);
}

interface Samples {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly depth: number;
  /** Below 8 bits packed, each row from a new byte. */
  readonly data: Uint8Array | Uint16Array;
  /** [r, g, b] or [r, g, b, alpha] of each index. */
  readonly palette?: readonly (readonly number[])[];
  /** The one grey level or colour that is transparent. */
  readonly transparency?: ArrayLike<number>;
}

function pixelsFromSamples(samples: Samples): PixelImage {
  const { width: widthPx, height: heightPx, channels: stored, depth, palette, transparency } = samples;
  const isPalette = palette !== undefined;
  const alpha = transparency === undefined ? 0 : 1;
  const channels = (isPalette ? (palette[0]?.length ?? 3) : stored + alpha) as PixelImage['channels'];
  const levels = unpackedSamples(samples);
  const data = new Uint8Array(widthPx * heightPx * channels);
  for (let from = 0, to = 0; from < levels.length; from += stored, to += channels) {
    if (isPalette) {
      const colour = palette[levels[from]];
      if (colour === undefined) throw new Error(`palette without colour ${levels[from]}`);
      for (let c = 0; c < channels; c++) data[to + c] = colour[c];
      continue;
    }
    let isTransparent = transparency !== undefined;
    for (let c = 0; c < stored; c++) {
      const level = levels[from + c];
      data[to + c] = depth === 16 ? level >>> 8 : depth === 8 ? level : (level * 255) / ((1 << depth) - 1);
      if (transparency !== undefined && transparency[c] !== level) isTransparent = false;
    }
    if (transparency !== undefined) data[to + stored] = isTransparent ? 0 : 255;
  }
  return { widthPx, heightPx, channels, data };
}

/** One number a sample. */
function unpackedSamples({ width, height, channels, depth, data }: Samples): Uint8Array | Uint16Array {
  if (depth >= 8) return data;
  const samplesPerRow = width * channels;
  const bytesPerRow = Math.ceil((samplesPerRow * depth) / 8);
  const unpacked = new Uint8Array(samplesPerRow * height);
  const mask = (1 << depth) - 1;
  for (let y = 0, to = 0; y < height; y++) {
    for (let s = 0; s < samplesPerRow; s++) {
      const bit = s * depth;
      unpacked[to++] = (data[y * bytesPerRow + (bit >>> 3)] >>> (8 - depth - (bit & 7))) & mask;
    }
  }
  return unpacked;
}

export async function encodePng({ widthPx, heightPx, channels, data }: PixelImage): Promise<Uint8Array> {
  const { encode } = await import('fast-png');
  return encode({ width: widthPx, height: heightPx, channels, depth: 8, data });
}
