import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { after, test } from 'node:test';
import { runVerbInTest } from '@tenfold/core/system/test-kit';
import { decodeIndexPng } from '../src/inputs/index-png.ts';
import { manifest } from '../src/manifest.ts';
import { encodePng } from '../src/outputs/png.ts';
import type { PictureJson, SegmentJson } from '../src/outputs/segment-json.ts';
import { measurePixels } from '../src/segmentation/quality.ts';
import { lightScene } from '../src/streets/light.ts';
import { drawScene, STREET_CLASSES } from '../src/streets/scene.ts';
import { createNetwork } from '../src/engine/network.ts';

const folder = mkdtempSync(join(tmpdir(), 'self-train-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('mean IoU counts classes of truth or prediction, leaves out absent ones and void', () => {
  const truth = Int32Array.of(0, 0, 1, 1, -1, 1);
  const predicted = [0, 1, 1, 1, 3, 3];
  const { iou, meanIou, pixelAccuracy } = measurePixels(truth, predicted, 5);
  assert.deepEqual(iou, [1 / 2, 2 / 4, undefined, 0, undefined]);
  assert.ok(Math.abs(meanIou - 1 / 3) < 1e-12);
  assert.equal(pixelAccuracy, 3 / 5);
});

test('palette and grey masks keep their numbers on the way through a file', () => {
  const data = Uint8Array.from({ length: 35 }, (_, i) => (i * 7) % 12);
  const palette = Array.from({ length: 12 }, (_, c) => [250 - c, c, 3 * c] as const);
  for (const colours of ['grey' as const, { palette }]) {
    const image = decodeIndexPng(encodePng({ widthPx: 7, heightPx: 5, data, colours }), 'mask.png');
    assert.deepEqual([image.widthPx, image.heightPx], [7, 5]);
    assert.deepEqual(image.data, data);
  }
});

/** A PNG of one grey row filter a line and any bit depth. */
function handMadePng(width: number, height: number, bits: number, rows: Uint8Array): Uint8Array {
  const whole = encodePng({ widthPx: width, heightPx: height, data: new Uint8Array(width * height), colours: 'grey' });
  const at = Buffer.from(whole).indexOf('IDAT') - 4;
  const body = deflateSync(rows);
  const chunk = Buffer.alloc(12 + body.length);
  chunk.writeUInt32BE(body.length, 0);
  chunk.write('IDAT', 4);
  chunk.set(body, 8);
  const end = Buffer.from(whole).subarray(Buffer.from(whole).indexOf('IEND') - 4);
  const bytes = Buffer.concat([whole.subarray(0, at), chunk, end]);
  bytes[24] = bits;
  return bytes;
}

test('all five row filters and small bit depths are undone', () => {
  // Rows of 3 pixels: none, left, up, mean, Paeth; each must give 10 20 30.
  const lines = [
    [0, 10, 20, 30],
    [1, 10, 10, 10],
    [2, 0, 0, 0],
    [3, 5, 5, 5],
    [4, 0, 0, 0],
  ];
  const rows = Uint8Array.from(lines.flat());
  const { data } = decodeIndexPng(handMadePng(3, 5, 8, rows), 'filters.png');
  assert.deepEqual([...data], [10, 20, 30, 10, 20, 30, 10, 20, 30, 10, 20, 30, 10, 20, 30]);
  const small = decodeIndexPng(handMadePng(5, 1, 4, Uint8Array.of(0, 0x12, 0x34, 0x50)), 'small.png');
  assert.deepEqual([...small.data], [1, 2, 3, 4, 5]);
});

test('files that are no class masks are refused by name', () => {
  const rgb = encodePng({ widthPx: 2, heightPx: 2, data: new Uint8Array(12), colours: 'rgb' });
  assert.throws(() => decodeIndexPng(rgb, 'a.png'), {
    message:
      'decodeIndexPng: grey or palette pixels whose numbers are classes, got RGB pixels (a.png). ' +
      'A mask holds class numbers, not colours; export it as a label or index image. TF-SELF-005',
  });
  assert.throws(() => decodeIndexPng(Uint8Array.of(1, 2, 3), 'b.png'), {
    message: /a PNG file, got another kind of file \(b\.png\)/,
  });
  const grey = encodePng({
    widthPx: 40,
    heightPx: 40,
    data: Uint8Array.from({ length: 1600 }, (_, i) => i % 251),
    colours: 'grey',
  });
  assert.throws(() => decodeIndexPng(grey.subarray(0, 200), 'c.png'), {
    code: 'TF-SELF-005',
    message: /the file is cut|without pixels/,
  });
});

test('a street scene is the same by day and at dusk but for its light, and repeats with its seed', () => {
  const [scene, again, other] = [drawScene(3, 8), drawScene(3, 8), drawScene(3, 9)];
  assert.deepEqual(scene.classes, again.classes);
  assert.notDeepEqual(scene.classes, other.classes);
  const brightness = (darkness: number) => lightScene(scene, darkness, 3, 8).reduce((sum, value) => sum + value, 0);
  assert.ok(brightness(0.8) < 0.75 * brightness(0));
  const seen = new Set(Array.from({ length: 60 }, (_, number) => [...drawScene(1, number).classes]).flat());
  assert.deepEqual(
    [...seen].toSorted((a, b) => a - b),
    [-1, ...STREET_CLASSES.keys()],
  );
});

test('dropout of the pixel network leaves out whole channels, and void pixels teach nothing', async () => {
  const backbone = { kind: 'unet' as const, heightPx: 8, widthPx: 8, channels: 3, stages: [4, 8], dropout: 0.4 };
  const network = { backbone, numClasses: 2, batchSize: 2, hasBases: false, seed: 1, learningRate: 0.1 };
  const x = { numRows: 2, width: 192, data: Float32Array.from({ length: 384 }, (_, i) => (i % 13) / 13) };
  await using trained = await createNetwork(network);
  const first = await trained.predict(x);
  assert.equal(first.probabilities.numRows, 128);
  const passes = await trained.dropoutPasses(x, 4, 'a');
  assert.ok(passes.squares.some((value) => value > 1e-6));
  const y = new Float32Array(256).fill(0.5);
  const loss = await trained.train({ x, y, weight: new Float32Array(128) }, 1, { purpose: 'void' });
  assert.equal(loss, 0);
});

test('streets adapt from folders: masks come back with the names of the pictures, and truth only measures', async () => {
  const workingFolder = folder;
  const options = { workingFolder };
  await runVerbInTest(manifest, 'draw-streets', { folder: 'streets', day: 16, dusk: 10 }, options);
  const params = {
    pictures: 'streets/day/pictures',
    masks: 'streets/day/masks',
    unlabeled: 'streets/dusk/pictures',
    classes: 'streets/classes.txt',
    rounds: 1,
    epochs: 1,
  };
  const measured = await runVerbInTest(
    manifest,
    'segment',
    { ...params, truth: 'streets/dusk/masks', out: 'out' },
    options,
  );
  const value = measured.result as unknown as SegmentJson & { files: number };
  assert.equal(value.files, 20);
  assert.deepEqual(value.classNames, [...STREET_CLASSES]);
  assert.ok(value.methods[0].meanIou! > 0.01);
  const pictures = JSON.parse(new TextDecoder().decode(measured.artifacts![0].bytes)) as PictureJson[];
  assert.equal(pictures.length, 6);
  assert.equal(pictures[0].rounds.length, value.methods[0].rounds.length);
  assert.match(pictures[0].truth!, /^data:image\/png/);
  const blind = await runVerbInTest(manifest, 'segment', params, options);
  const [known, unknown] = [value.methods[0].rounds, (blind.result as unknown as SegmentJson).methods[0].rounds];
  assert.deepEqual(
    known.map(({ score }) => score),
    unknown.map(({ score }) => score),
  );
  assert.equal(unknown[0].truthMeanIou, undefined);
  const { tone, text } = blind.report!.verdict;
  assert.notEqual(tone, 'good', 'nothing was measured');
  assert.match(text, /EM and network agree on .* Whether the labels are right was not measured\.$/);
});

test('pictures without a mask, masks of another size, unknown numbers and odd sizes are refused by name', async () => {
  const { mkdirSync } = await import('node:fs');
  for (const name of ['p', 'm', 'q']) mkdirSync(join(folder, name), { recursive: true });
  const grey = (widthPx: number, value: number) =>
    encodePng({ widthPx, heightPx: 8, data: new Uint8Array(8 * widthPx).fill(value), colours: 'grey' });
  writeFileSync(join(folder, 'p', 'one.png'), grey(8, 100));
  writeFileSync(join(folder, 'q', 'two.png'), grey(8, 100));
  writeFileSync(join(folder, 'names.txt'), 'a\nb\n');
  const params = { pictures: 'p', masks: 'm', unlabeled: 'q', classes: 'names.txt', height: 8, width: 8 };
  const run = (extra: object = {}) =>
    runVerbInTest(manifest, 'segment', { ...params, ...extra }, { workingFolder: folder });
  await assert.rejects(run(), {
    message: 'readPictures: a mask "one.png" for the picture "one.png", got none (m). TF-SELF-005',
  });
  writeFileSync(join(folder, 'm', 'one.png'), grey(4, 0));
  await assert.rejects(run(), {
    message: 'readPictures: 8 × 8 pixels, as the picture has, got 4 × 8 (one.png). TF-SELF-005',
  });
  writeFileSync(join(folder, 'm', 'one.png'), grey(8, 9));
  await assert.rejects(run(), {
    message: 'readPictures: numbers 0 to 1, or 255 for void, got 9 at x 0, y 0 (one.png). TF-SELF-005',
  });
  await assert.rejects(run({ height: 10 }), {
    message: 'self-train segment: --height and --width that divide by 4, got 10 and 8. TF-SELF-002',
  });
});
