import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  COLMAP_CAMERA_MODELS,
  readColmapCameras,
  readColmapImages,
  readColmapModel,
  readColmapPoints,
  writeColmapModel,
} from '../../src/data/index.ts';
import type { ColmapCamera, ColmapModel, ColmapModelName } from '../../src/data/index.ts';
import { encodeColmapCameras, encodeColmapImages, encodeColmapPoints } from '../../src/data/colmap-binary.ts';
import { formatColmapCameras, formatColmapImages, formatColmapPoints } from '../../src/data/colmap-text.ts';
import { concatBytes, describeReader, utf8, withBytes, withFolder } from './reader-conformance.ts';

const CAMERAS: ColmapCamera[] = (Object.keys(COLMAP_CAMERA_MODELS) as ColmapModelName[]).map((model, i) => ({
  id: i + 1,
  model,
  widthPx: 640,
  heightPx: 480 + i,
  params: Float64Array.from(COLMAP_CAMERA_MODELS[model].paramNames, (_, p) => 100 / (p + 3)),
}));
const MODEL: ColmapModel = {
  cameras: CAMERAS,
  images: [
    {
      id: 7,
      name: 'street 1.jpg',
      cameraId: 2,
      rotationWxyz: [0.5, -0.5, 0.5, 0.1],
      translation: [1 / 3, -0, -1e-9],
      points2D: Float64Array.of(1.5, 2.5, 100.25, 7),
      point3DIds: Float64Array.of(9, -1),
    },
    {
      id: 8,
      name: 'é.png',
      cameraId: 1,
      rotationWxyz: [1, 0, 0, 0],
      translation: [0, 0, 0],
      points2D: new Float64Array(0),
      point3DIds: new Float64Array(0),
    },
  ],
  points: {
    ids: Float64Array.of(9, 12),
    positions: Float64Array.of(0.1, 0.2, 0.3, -4, 5e10, 6),
    colors: Uint8Array.of(1, 2, 3, 253, 254, 255),
    errorsPx: Float64Array.of(0.75, -1),
    trackOffsets: Uint32Array.of(0, 2, 2),
    trackImageIds: Uint32Array.of(7, 8),
    trackPoint2DIndices: Uint32Array.of(0, 5),
  },
};
const TRUNCATED = 'The file looks truncated; copy it again. TF-DATA-003';
const LEFT_OVER = 'Its counts are damaged, or it is another file of the model. TF-DATA-005';
const FIX_LINE = 'Correct the line or export the model again.';

const cameras = encodeColmapCameras(CAMERAS);
describeReader({
  name: 'readColmapCameras (binary)',
  read: (input) => readColmapCameras(input, 'binary'),
  valid: cameras,
  assertValue: (value) => assert.deepEqual(value, CAMERAS),
  corruptions: [
    {
      title: 'an absurd count',
      bytes: withBytes(cameras, 0, 0, 0, 0, 1),
      message: `readColmap: the list of 16777216 cameras needs bytes 8-805306376 but the file ends at ${cameras.length} (file). ${TRUNCATED}`,
    },
    {
      title: 'an unknown camera model',
      bytes: withBytes(cameras, 12, 77),
      message:
        'readColmap: a camera model 0-11 for camera 1, got 77 (file:12). ' +
        'Undistort the images to PINHOLE by "colmap image_undistorter". TF-DATA-006',
    },
    {
      title: 'a width beyond 2^53',
      bytes: withBytes(cameras, 16, 255, 255, 255, 255, 255, 255, 255, 255),
      message: 'readColmap: the width of camera 1 below 2^53, got 18446744073709551615 (file:16). TF-DATA-004',
    },
    {
      title: 'bytes left over',
      bytes: concatBytes(cameras, Uint8Array.of(1)),
      message: `readColmap: the file to end at byte ${cameras.length}, after its last record, got ${cameras.length + 1} bytes (file). ${LEFT_OVER}`,
    },
  ],
});

const images = encodeColmapImages(MODEL.images);
describeReader({
  name: 'readColmapImages (binary)',
  read: (input) => readColmapImages(input, 'binary'),
  valid: images,
  assertValue: (value) => assert.deepEqual(value, MODEL.images),
  corruptions: [
    {
      title: 'an absurd number of keypoints',
      bytes: withBytes(images, 8 + 4 + 56 + 4 + 13, 0, 0, 0, 1),
      message: `readColmap: the list of 16777216 keypoints of image 7 needs bytes 93-402653277 but the file ends at ${images.length} (file). ${TRUNCATED}`,
    },
    {
      title: 'a name without end',
      bytes: images.subarray(0, 80),
      message: `readColmap: the list of 2 images needs bytes 8-154 but the file ends at 80 (file). ${TRUNCATED}`,
    },
  ],
});

const points = encodeColmapPoints(MODEL.points);
describeReader({
  name: 'readColmapPoints (binary)',
  read: (input) => readColmapPoints(input, 'binary'),
  valid: points,
  assertValue: (value) => assert.deepEqual(value, MODEL.points),
  corruptions: [
    {
      title: 'an absurd track',
      bytes: withBytes(points, 8 + 43, 0, 0, 0, 0, 1),
      message: `readColmap: the list of 4294967296 track entries of point 0 needs bytes 59-34359738427 but the file ends at ${points.length} (file). ${TRUNCATED}`,
    },
  ],
});

const camerasText = utf8(formatColmapCameras(CAMERAS));
describeReader({
  name: 'readColmapCameras (text)',
  read: (input) => readColmapCameras(input, 'text'),
  valid: camerasText,
  assertValue: (value) => assert.deepEqual(value, CAMERAS),
  isReadableCut: () => true, // text has no length: fewer rows are a valid file
  corruptions: [
    {
      title: 'an unknown camera model',
      bytes: utf8('# comment\n1 PINHOL 640 480 1 2 3 4\n'),
      message: 'readColmap: a known camera model, got "PINHOL" (file:2). Did you mean "PINHOLE"? TF-DATA-006',
    },
    {
      title: 'too few params',
      bytes: utf8('1 PINHOLE 640 480 1 2 3\n'),
      message: `readColmap: 4 params for PINHOLE (fx, fy, cx, cy), got 3 (file:1). ${FIX_LINE} TF-DATA-010`,
    },
    {
      title: 'a param that is not a number',
      bytes: utf8('1 PINHOLE 640 480 1 2 3 x\n'),
      message: `readColmap: a number, got "x" (file:1). ${FIX_LINE} TF-DATA-010`,
    },
  ],
});

describeReader({
  name: 'readColmapImages (text)',
  read: (input) => readColmapImages(input, 'text'),
  valid: utf8(formatColmapImages(MODEL.images)),
  assertValue: (value) => assert.deepEqual(value, MODEL.images),
  isReadableCut: () => true,
  corruptions: [
    {
      title: 'no keypoint line',
      bytes: utf8('1 1 0 0 0 0 0 0 1 a.jpg'),
      message: `readColmap: a line of keypoints after image 1, got the end of the file (file:1). ${FIX_LINE} TF-DATA-010`,
    },
    {
      title: 'half a keypoint',
      bytes: utf8('1 1 0 0 0 0 0 0 1 a.jpg\n1 2 3 4\n'),
      message: `readColmap: keypoints as x, y, point id, got 4 numbers (file:2). ${FIX_LINE} TF-DATA-010`,
    },
    {
      title: 'a short pose',
      bytes: utf8('1 1 0 0\n\n'),
      message: `readColmap: an image: id, quaternion, translation, camera, name, got 1 1 0 0 (file:1). ${FIX_LINE} TF-DATA-010`,
    },
  ],
});

describeReader({
  name: 'readColmapPoints (text)',
  read: (input) => readColmapPoints(input, 'text'),
  valid: utf8(formatColmapPoints(MODEL.points)),
  assertValue: (value) => assert.deepEqual(value, MODEL.points),
  isReadableCut: () => true,
  corruptions: [
    {
      title: 'half a track pair',
      bytes: utf8('1 0 0 0 1 2 3 0.5 7\n'),
      message: `readColmap: a track of (image, keypoint) pairs, got half a pair at the end (file:1). ${FIX_LINE} TF-DATA-010`,
    },
  ],
});

test('a model folder survives both formats without loss', async () => {
  await withFolder(async (folder) => {
    for (const format of ['binary', 'text'] as const) {
      await writeColmapModel(join(folder, format), MODEL, { format });
      assert.deepEqual(await readColmapModel(join(folder, format)), MODEL);
    }
  });
});

test('an image whose camera is not there is refused, as is an incomplete folder', async () => {
  await withFolder(async (folder) => {
    await writeColmapModel(folder, { ...MODEL, cameras: CAMERAS.slice(0, 1) });
    await assert.rejects(() => readColmapModel(folder), {
      message: `readColmap: camera 2 of image "street 1.jpg" in cameras.bin, got cameras 1 (${folder}). TF-DATA-007`,
    });
    mkdirSync(join(folder, 'half'));
    writeFileSync(join(folder, 'half', 'cameras.bin'), cameras);
    const missing = join(folder, 'half', 'images.bin');
    await assert.rejects(() => readColmapModel(join(folder, 'half')), {
      message: `openFile: a readable file, got no such file (${missing}). Check the path. TF-DATA-001`,
    });
  });
});

const LUND = join(process.env['TENFOLD_DATA'] ?? '../shared/data', 'view-bench/lund/sparse/0');
const noLund = existsSync(LUND) ? false : `no folder ${LUND}: set TENFOLD_DATA to the data folder`;

test(
  'a model that COLMAP 3.8 wrote is read, consistent, and the same after a round trip through text',
  { skip: noLund },
  async () => {
    const model = await readColmapModel(LUND);
    assert.equal(model.images.length, 27);
    assert.equal(model.cameras[0].model, 'PINHOLE');
    for (const { rotationWxyz } of model.images) assert.ok(Math.abs(Math.hypot(...rotationWxyz) - 1) < 1e-9);
    const imageFromId = new Map(model.images.map((image) => [image.id, image]));
    let numEntries = 0;
    for (const [p, pointId] of model.points.ids.entries()) {
      for (let t = model.points.trackOffsets[p]; t < model.points.trackOffsets[p + 1]; t++, numEntries++) {
        const image = imageFromId.get(model.points.trackImageIds[t])!;
        assert.equal(image.point3DIds[model.points.trackPoint2DIndices[t]], pointId);
      }
    }
    assert.ok(numEntries > 1000);
    await withFolder(async (folder) => {
      await writeColmapModel(folder, model, { format: 'text' });
      assert.deepEqual(await readColmapModel(folder), model);
    });
  },
);
