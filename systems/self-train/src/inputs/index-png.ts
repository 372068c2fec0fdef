/** Class masks: 8-bit (or smaller) PNG of grey or palette pixels whose numbers are classes. A palette is not applied: its
 *  index is the class. Node only. */
import { inflateSync } from 'node:zlib';
import { selfTrainError } from '../self-train-errors.ts';

export interface IndexImage {
  readonly widthPx: number;
  readonly heightPx: number;
  /** Rows from the top. */
  readonly data: Uint8Array;
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const GREY = 0;
const PALETTE = 3;
const MAX_PIXELS = 1e8;

/** @param name  of the file, for messages @throws TF-SELF-005 if it is no such PNG */
export function decodeIndexPng(bytes: Uint8Array, name: string): IndexImage {
  const fail = (expected: string, actual: string, hints?: readonly string[]) =>
    selfTrainError('TF-SELF-005', {
      subject: 'decodeIndexPng',
      expected,
      actual,
      location: name,
      ...(hints && { hints }),
    });
  if (SIGNATURE.some((byte, i) => bytes[i] !== byte)) throw fail('a PNG file', 'another kind of file');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header: { width: number; height: number; bits: number } | undefined;
  const parts: Uint8Array[] = [];
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = view.getUint32(at);
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (body.length < length) throw fail(`${length} bytes in its part ${kind}`, `${body.length}: the file is cut`);
    if (kind === 'IHDR') {
      const [bits, colours, interlace] = [body[8], body[9], body[12]];
      if (colours !== GREY && colours !== PALETTE) {
        const hints = ['A mask holds class numbers, not colours; export it as a label or index image.'];
        throw fail(
          'grey or palette pixels whose numbers are classes',
          colours === 2 ? 'RGB pixels' : 'pixels with alpha',
          hints,
        );
      }
      if (bits > 8 || interlace !== 0)
        throw fail('at most 8 bits a pixel, not interlaced', bits > 8 ? `${bits} bits` : 'interlaced');
      header = { width: view.getUint32(at + 8), height: view.getUint32(at + 12), bits };
      if (header.width * header.height > MAX_PIXELS)
        throw fail('at most 10^8 pixels', `${header.width} × ${header.height}`);
    }
    if (kind === 'IDAT') parts.push(body);
    if (kind === 'IEND') break;
    at += 12 + length;
  }
  if (header === undefined || parts.length === 0) throw fail('a whole PNG', 'one without pixels');
  const stride = Math.ceil((header.width * header.bits) / 8);
  let raw: Uint8Array;
  try {
    raw = inflateSync(Buffer.concat(parts), { maxOutputLength: header.height * (stride + 1) });
  } catch {
    throw fail('pixels that unpack', 'damaged ones');
  }
  if (raw.length < header.height * (stride + 1)) throw fail(`${header.height} rows`, 'fewer: the file is cut');
  return {
    widthPx: header.width,
    heightPx: header.height,
    data: unpack(unfilter(raw, header.height, stride), header, stride),
  };
}

/** Undoes the row filters of PNG (none, left, up, mean, Paeth) with one byte a step. */
function unfilter(raw: Uint8Array, height: number, stride: number): Uint8Array {
  const rows = new Uint8Array(height * stride);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const left = x > 0 ? rows[y * stride + x - 1] : 0;
      const up = y > 0 ? rows[(y - 1) * stride + x] : 0;
      const corner = x > 0 && y > 0 ? rows[(y - 1) * stride + x - 1] : 0;
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter] ?? 0;
      rows[y * stride + x] = raw[y * (stride + 1) + 1 + x] + guess;
    }
  }
  return rows;
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const [toLeft, toUp, toCorner] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}

/** Several pixels a byte become one. */
function unpack(
  rows: Uint8Array,
  { width, height, bits }: { width: number; height: number; bits: number },
  stride: number,
): Uint8Array {
  if (bits === 8) return rows;
  const data = new Uint8Array(width * height);
  const mask = (1 << bits) - 1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const bit = x * bits;
      data[y * width + x] = (rows[y * stride + (bit >> 3)] >> (8 - bits - (bit & 7))) & mask;
    }
  }
  return data;
}
