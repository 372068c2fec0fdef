import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { createRng } from '../../src/base/index.ts';
import { readImage } from '../../src/data/index.ts';
import type { PixelImage } from '../../src/data/index.ts';
import { plainCodec } from '../../src/data/plain-codec.ts';

/** Makes `import('sharp')` fail, as if it were not installed. */
const HIDE_SHARP = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({ resolve(name, context, next) {
    if (name === 'sharp') throw new Error('absent');
    return next(name, context);
  } });`)}`;
const MAX_PIXELS = 1e8;
const rng = createRng(5, 'plain-images');

/** Waves, edges and noise: what chroma subsampling and filters are hard on. */
function picture(channels: 1 | 2 | 3 | 4, widthPx = 61, heightPx = 43): PixelImage {
  const data = new Uint8Array(widthPx * heightPx * channels);
  for (let p = 0, at = 0; p < widthPx * heightPx; p++) {
    const [x, y] = [p % widthPx, Math.floor(p / widthPx)];
    for (let c = 0; c < channels; c++) {
      data[at++] =
        c === 0 ? 127 + 120 * Math.sin(x / 4) : c === 1 ? (((x >> 3) + (y >> 3)) % 2 ? 255 : 10) : rng.integer(256);
    }
  }
  return { widthPx, heightPx, channels, data };
}

function sharpOf({ widthPx, heightPx, channels, data }: PixelImage) {
  const image = sharp(data, { raw: { width: widthPx, height: heightPx, channels } });
  return channels <= 2 ? image.toColourspace('b-w') : image;
}

/** Largest difference of two images of one size, in levels. */
function largestDifference(a: PixelImage, b: PixelImage): number {
  assert.deepEqual([a.widthPx, a.heightPx, a.channels], [b.widthPx, b.heightPx, b.channels]);
  return a.data.reduce((largest, level, i) => Math.max(largest, Math.abs(level - b.data[i])), 0);
}

const decode = (bytes: Uint8Array, channels?: 1 | 3 | 4) =>
  plainCodec.decode(bytes, { maxPixels: MAX_PIXELS, ...(channels && { channels }) });

test('PNG of every kind gives the same pixels with sharp and without: channels, 16 bits, palette, interlaced', async () => {
  const files: Record<string, Uint8Array> = {};
  for (const channels of [1, 2, 3, 4] as const) {
    files[`${channels} channels`] = await sharpOf(picture(channels)).png().toBuffer();
    files[`${channels} channels interlaced`] = await sharpOf(picture(channels)).png({ progressive: true }).toBuffer();
  }
  files['palette'] = await sharpOf(picture(3)).png({ palette: true }).toBuffer();
  files['palette of 16'] = await sharpOf(picture(3)).png({ palette: true, colours: 16 }).toBuffer();
  files['palette of 4'] = await sharpOf(picture(3)).png({ palette: true, colours: 4 }).toBuffer();
  files['palette of 2'] = await sharpOf(picture(3)).png({ palette: true, colours: 2 }).toBuffer();
  files['palette with alpha'] = await sharpOf(picture(4)).png({ palette: true, colours: 16 }).toBuffer();
  files['16 bits'] = await sharpOf(picture(3)).toColourspace('rgb16').png().toBuffer();
  files['16 bits grey'] = await sharpOf(picture(1)).toColourspace('grey16').png().toBuffer();
  for (const [name, bytes] of Object.entries(files)) {
    for (const channels of [undefined, 1, 3, 4] as const) {
      const expected = await readImage(bytes, channels && { channels });
      const largest = largestDifference(await decode(bytes, channels), expected);
      assert.ok(largest <= (channels === 1 ? 2 : 0), `${name} as ${channels ?? 'stored'}: ${largest} levels apart`);
    }
  }
});

test('JPEG gives the same pixels within two levels: subsampled, not, progressive, grey, any quality', async () => {
  const colour = picture(3, 181, 127);
  const files: Record<string, Uint8Array> = {
    '4:2:0': await sharpOf(colour).jpeg({ quality: 90 }).toBuffer(),
    '4:4:4': await sharpOf(colour).jpeg({ quality: 90, chromaSubsampling: '4:4:4' }).toBuffer(),
    progressive: await sharpOf(colour).jpeg({ progressive: true }).toBuffer(),
    coarse: await sharpOf(colour).jpeg({ quality: 10 }).toBuffer(),
    grey: await sharpOf(picture(1)).jpeg().toBuffer(),
  };
  for (const [name, bytes] of Object.entries(files)) {
    for (const channels of [undefined, 1, 3, 4] as const) {
      const expected = await readImage(bytes, channels && { channels });
      const largest = largestDifference(await decode(bytes, channels), expected);
      assert.ok(largest <= 2, `${name} as ${channels ?? 'stored'}: ${largest} levels apart`);
    }
  }
});

test('what is written without sharp, sharp reads: PNG exactly, JPEG closely', async () => {
  for (const channels of [1, 2, 3, 4] as const) {
    const image = picture(channels);
    const png = await plainCodec.encode(image, { format: 'png', quality: 90 });
    assert.deepEqual(await readImage(png), image);
  }
  const smooth = { ...picture(3), data: Uint8Array.from({ length: 61 * 43 * 3 }, (_, i) => (i / 7869) * 255) };
  const jpeg = await plainCodec.encode(smooth, { format: 'jpeg', quality: 95 });
  assert.ok(largestDifference(await readImage(jpeg), smooth) <= 6);
  const grey = { ...picture(1), data: smooth.data.subarray(0, 61 * 43) };
  const greyJpeg = await plainCodec.encode(grey, { format: 'jpeg', quality: 95 });
  assert.ok(largestDifference(await readImage(greyJpeg), grey) <= 6);
});

test('a cut or damaged JPEG is refused, and the next one is read', async () => {
  const whole = await sharpOf(picture(3)).jpeg({ quality: 90 }).toBuffer();
  const good = await decode(whole);
  const cut = whole.subarray(0, whole.length >> 1);
  await assert.rejects(() => decode(cut), { kind: 'cut' });
  const damaged = Uint8Array.from(whole);
  for (let i = 700; i < damaged.length; i += 97) damaged[i] ^= 0x55;
  await assert.rejects(() => decode(damaged), { kind: 'damaged' });
  assert.deepEqual(await decode(whole), good);
});

test('what only sharp reads says so: WebP, and JPEG in four inks', async () => {
  const webp = await sharpOf(picture(3)).webp().toBuffer();
  await assert.rejects(() => decode(webp), {
    message: 'readImage: the optional package "sharp" to be installed. Run: npm install sharp TF-DATA-009',
  });
  const inks = await sharpOf(picture(3)).toColourspace('cmyk').jpeg().toBuffer();
  await assert.rejects(() => decode(inks), { kind: 'damaged', message: /4 components; sharp reads more/ });
});

test('a PNG that packs more than its size can hold is refused before it is unpacked', async () => {
  const png = await sharpOf(picture(3)).png({ compressionLevel: 0 }).toBuffer();
  const small = Uint8Array.from(png);
  new DataView(small.buffer).setUint32(16, 1);
  await assert.rejects(() => decode(small), { kind: 'damaged', message: 'more packed than unpacked bytes' });
});

const LUND = join(process.env['TENFOLD_DATA'] ?? '../shared/data', 'view-bench/lund/images');
const noLund = existsSync(LUND) ? false : `no folder ${LUND}: set TENFOLD_DATA to the data folder`;

test('photographs have the same pixels within two levels', { skip: noLund }, async () => {
  for (const name of readdirSync(LUND).slice(0, 3)) {
    const bytes = await readFile(join(LUND, name));
    assert.ok(largestDifference(await decode(bytes), await readImage(bytes)) <= 2, name);
  }
});

test('all that is promised of images holds with sharp hidden', () => {
  const file = fileURLToPath(new URL('images.test.ts', import.meta.url));
  const output = execFileSync(process.execPath, ['--import', HIDE_SHARP, '--test-reporter=tap', file], {
    encoding: 'utf8',
    env: { ...process.env, NODE_TEST_CONTEXT: '' },
  });
  assert.match(output, /^# fail 0$/m);
  assert.match(output, /^# pass 1\d$/m);
});
