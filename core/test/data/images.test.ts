import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRng } from '../../src/base/index.ts';
import { createMemorySink, pixelsFromTensor, readImage, tensorFromPixels, writeImage } from '../../src/data/index.ts';
import type { PixelImage } from '../../src/data/index.ts';
import { createTensor } from '../../src/tensor/index.ts';
import { concatBytes, describeReader, utf8 } from './reader-conformance.ts';

const rng = createRng(2, 'images');
const noise = (channels: PixelImage['channels'], widthPx = 7, heightPx = 5): PixelImage => ({
  widthPx,
  heightPx,
  channels,
  data: Uint8Array.from({ length: widthPx * heightPx * channels }, () => rng.integer(256)),
});

async function encoded(image: PixelImage, format: 'png' | 'jpeg' = 'png'): Promise<Uint8Array> {
  const sink = createMemorySink();
  await writeImage(sink, image, { format, quality: 95 });
  return sink.bytes();
}

const image = noise(3);
const png = await encoded(image);
const PNG_SIGNATURE_AND_IHDR_BYTES = 33;

/** The size fields of a PNG's IHDR. Its checksum is left as it was. */
function withPngSize(bytes: Uint8Array, widthPx: number, heightPx: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const view = new DataView(copy.buffer);
  view.setUint32(16, widthPx);
  view.setUint32(20, heightPx);
  return copy;
}

describeReader({
  name: 'readImage',
  read: readImage,
  valid: png,
  assertValue: (value) => assert.deepEqual(value, image),
  // the last chunk (IEND) carries nothing
  isReadableCut: (numBytes) => numBytes >= png.length - 16,
  slackBytes: 1 << 24, // native buffers of the decoder are freed later
  corruptions: [
    {
      title: 'text instead of an image',
      bytes: utf8('hello, I am text and no image at all'),
      message: 'readImage: a PNG, JPEG or WebP image (file). Check that the right file was given. TF-DATA-002',
    },
    {
      title: 'nothing',
      bytes: new Uint8Array(0),
      message: 'readImage: a PNG, JPEG or WebP image (file). Check that the right file was given. TF-DATA-002',
    },
  ],
});

test('PNG keeps every pixel for every number of channels', async () => {
  for (const channels of [1, 2, 3, 4] as const) {
    const original = noise(channels);
    assert.deepEqual(await readImage(await encoded(original)), original);
  }
});

test('channels are converted on request', async () => {
  const grey = noise(1);
  const colour = await readImage(await encoded(grey), { channels: 3 });
  assert.deepEqual(Array.from(grey.data, (v) => [v, v, v]).flat(), [...colour.data]);
  assert.equal((await readImage(png, { channels: 1 })).data.length, 35);
  assert.deepEqual(
    (await readImage(png, { channels: 4 })).data.filter((_, i) => i % 4 === 3),
    new Uint8Array(35).fill(255),
  );
});

test('JPEG comes back close to what it was made of', async () => {
  const smooth: PixelImage = {
    ...noise(3, 32, 32),
    data: Uint8Array.from({ length: 3072 }, (_, i) => (i / 3072) * 255),
  };
  const back = await readImage(await encoded(smooth, 'jpeg'));
  const largest = Math.max(...back.data.map((value, i) => Math.abs(value - smooth.data[i])));
  assert.ok(largest <= 16 && largest >= 0, `${largest}`);
  assert.notDeepEqual(back.data, new Uint8Array(3072));
});

test('an image of absurd size or beyond the limit is refused before it is decoded', async () => {
  await assert.rejects(() => readImage(png, { maxPixels: 34 }), {
    message: 'readImage: an image within maxPixels (memory). Raise maxPixels if the file is right. TF-DATA-011',
  });
  await assert.rejects(
    () => readImage(withPngSize(png, 2 ** 30, 2 ** 30)),
    (error: Error) => {
      assert.match(error.message, /^readImage: .* TF-DATA-0(02|04|11)$/);
      return true;
    },
  );
  await assert.rejects(() => readImage(concatBytes(png.subarray(0, PNG_SIGNATURE_AND_IHDR_BYTES))), /TF-DATA-00[234]$/);
});

test('pixels become [C, H, W] in 0..1 and come back exactly; outside values are clamped', () => {
  const tensor = tensorFromPixels(image);
  assert.deepEqual(tensor.shape, [3, 5, 7]);
  assert.equal(tensor.data[35], Math.fround(image.data[1] / 255)); // green of the first pixel
  assert.deepEqual(pixelsFromTensor(tensor), image);
  const wild = createTensor('float32', [1, 1, 3]);
  wild.data.set([-1, 2, NaN]);
  assert.deepEqual([...pixelsFromTensor(wild).data], [0, 255, 0]);
});

test('data that do not fill the image, and tensors that are no image, are refused', async () => {
  await assert.rejects(() => writeImage(createMemorySink(), { ...image, widthPx: 8 }), {
    message: 'writeImage: 120 bytes for 8 × 5 × 3, got 105. TF-DATA-012',
  });
  assert.throws(() => pixelsFromTensor(createTensor('float32', [5, 2, 2])), {
    message: 'pixelsFromTensor: shape [C, H, W] with C in 1..4, got [5, 2, 2]. TF-DATA-012',
  });
});

const LUND = join(process.env['TENFOLD_DATA'] ?? '../shared/data', 'view-bench/lund/images');
const noLund = existsSync(LUND) ? false : `no folder ${LUND}: set TENFOLD_DATA to the data folder`;

test('a photograph has the size that its COLMAP camera says', { skip: noLund }, async () => {
  const { readdirSync } = await import('node:fs');
  const photo = await readImage(join(LUND, readdirSync(LUND)[0]));
  assert.deepEqual([photo.widthPx, photo.heightPx, photo.channels], [512, 373, 3]);
});
