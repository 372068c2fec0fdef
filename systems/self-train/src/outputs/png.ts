/** 8-bit PNG files of grey, palette or RGB pixels. Node only. Palette indices are stored as they are. */
import { crc32, deflateSync } from 'node:zlib';

export interface PngImage {
  readonly widthPx: number;
  readonly heightPx: number;
  /** Rows from the top; three bytes a pixel for `rgb`. */
  readonly data: Uint8Array;
  readonly colours: 'grey' | 'rgb' | { readonly palette: readonly (readonly [number, number, number])[] };
}

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

export function encodePng({ widthPx, heightPx, data, colours }: PngImage): Uint8Array {
  const channels = colours === 'rgb' ? 3 : 1;
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, widthPx);
  view.setUint32(4, heightPx);
  header[8] = 8;
  header[9] = colours === 'grey' ? 0 : colours === 'rgb' ? 2 : 3;
  const stride = widthPx * channels;
  const filtered = new Uint8Array(heightPx * (stride + 1));
  for (let y = 0; y < heightPx; y++) filtered.set(data.subarray(y * stride, (y + 1) * stride), y * (stride + 1) + 1);
  const chunks = [
    SIGNATURE,
    chunk('IHDR', header),
    ...(typeof colours === 'string' ? [] : [chunk('PLTE', Uint8Array.from(colours.palette.flat()))]),
    chunk('IDAT', deflateSync(filtered)),
    chunk('IEND', new Uint8Array()),
  ];
  return Uint8Array.from(Buffer.concat(chunks));
}

function chunk(kind: string, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, body.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = kind.charCodeAt(i);
  bytes.set(body, 8);
  view.setUint32(8 + body.length, crc32(bytes.subarray(4, 8 + body.length)));
  return bytes;
}

/** A data URL of a PNG. */
export function pngUrl(image: PngImage): string {
  return `data:image/png;base64,${Buffer.from(encodePng(image)).toString('base64')}`;
}
