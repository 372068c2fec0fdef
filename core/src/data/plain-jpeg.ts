/** JPEG by MozJPEG as WebAssembly, package @jsquash/jpeg: the same decoder family as in libvips, so the same pixels. */
import { ImageProblem } from './image-codec.ts';
import { withChannels } from './pixel-image.ts';
import type { PixelImage } from './pixel-image.ts';

/** Start-of-frame markers: all of C0 … CF but the tables C4, C8 and CC. */
const isFrame = (marker: number) => marker === 0xc0 || (marker > 0xc0 && marker <= 0xcf && marker % 4 !== 0);

export function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

interface Decoder {
  decode(data: Uint8Array, preserveOrientation: boolean): { readonly data: Uint8ClampedArray } | null;
}

interface Encoder {
  encode(data: Uint8Array, width: number, height: number, options: object): Uint8Array;
}

type Factory<Module> = (options: {
  readonly noInitialRun: boolean;
  readonly instantiateWasm: (imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void) => object;
  readonly printErr: (line: string) => void;
}) => Promise<Module>;

/** What the library says while it works: a sound file leaves it silent. */
const complaints: string[] = [];
let decoder: Promise<Decoder> | undefined;
let encoder: Promise<Encoder> | undefined;

/** @throws ImageProblem */
export async function decodeJpeg(bytes: Uint8Array, maxPixels: number): Promise<PixelImage> {
  const { widthPx, heightPx, numComponents } = frameOf(bytes);
  if (widthPx * heightPx > maxPixels) throw new ImageProblem('size', `${widthPx} × ${heightPx} pixels`);
  if (widthPx * heightPx === 0 || (numComponents !== 1 && numComponents !== 3)) {
    throw new ImageProblem(
      'damaged',
      `${widthPx} × ${heightPx} pixels of ${numComponents} components; sharp reads more`,
    );
  }
  decoder ??= import('@jsquash/jpeg/codec/dec/mozjpeg_dec.js').then(({ default: factory }) =>
    load(factory as unknown as Factory<Decoder>, '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm'),
  );
  const module = await decoder;
  complaints.length = 0;
  let decoded: ReturnType<Decoder['decode']>;
  try {
    decoded = module.decode(bytes, false);
  } catch (cause) {
    decoder = undefined; // its memory is as the failure left it
    throw new ImageProblem('damaged', complaints[0] ?? String((cause as Error).message ?? cause), cause);
  }
  if (complaints.length > 0 || decoded === null) {
    const text = complaints[0] ?? 'no pixels';
    throw new ImageProblem(/premature end of JPEG file/i.test(text) ? 'cut' : 'damaged', text);
  }
  const rgba = new Uint8Array(decoded.data.buffer, decoded.data.byteOffset, decoded.data.length);
  const image: PixelImage = { widthPx, heightPx, channels: 4, data: rgba };
  // The library repeats grey three times, so the first is the level itself.
  return withChannels(image, numComponents);
}

/** @param quality  1..100 */
export async function encodeJpeg(image: PixelImage, quality: number): Promise<Uint8Array> {
  encoder ??= import('@jsquash/jpeg/codec/enc/mozjpeg_enc.js').then(({ default: factory }) =>
    load(factory as unknown as Factory<Encoder>, '@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm'),
  );
  const [module, { defaultOptions }] = await Promise.all([encoder, import('@jsquash/jpeg/meta.js')]);
  const isGrey = image.channels <= 2;
  const options = {
    ...defaultOptions,
    quality,
    auto_subsample: false,
    chroma_subsample: 1,
    ...(isGrey && { color_space: 1 }),
  };
  return Uint8Array.from(module.encode(withChannels(image, 4).data, image.widthPx, image.heightPx, options));
}

/** Instantiates a module of the package from its file. */
async function load<Module>(factory: Factory<Module>, file: string): Promise<Module> {
  const { readFile } = await import('node:fs/promises');
  const wasm = await WebAssembly.compile(new Uint8Array(await readFile(new URL(import.meta.resolve(file)))));
  return factory({
    noInitialRun: true,
    instantiateWasm(imports, done) {
      const instance = new WebAssembly.Instance(wasm, imports);
      done(instance);
      return instance.exports;
    },
    printErr: (line) => complaints.push(line),
  });
}

/** Size and components by the frame header. */
function frameOf(bytes: Uint8Array): {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly numComponents: 1 | 3;
} {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 2;
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) throw new ImageProblem('damaged', `no marker at byte ${at}`);
    const marker = bytes[at + 1];
    if (marker === 0xff) {
      at++; // markers may be padded
      continue;
    }
    if (isFrame(marker)) {
      if (at + 10 > bytes.length) break;
      return {
        heightPx: view.getUint16(at + 5),
        widthPx: view.getUint16(at + 7),
        numComponents: bytes[at + 9] as 1 | 3,
      };
    }
    at += 2 + view.getUint16(at + 2);
  }
  throw new ImageProblem('cut', 'no frame header');
}
