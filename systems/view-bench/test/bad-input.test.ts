/** Damaged recordings: each is refused by an error that names the file and what was expected. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { writeColmapModel, writeImage, type ColmapModel } from '@tenfold/core/data';
import { loadScene } from '../src/io/load-scene.ts';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'view-bad-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const READ = { maxWidthPx: 64, holdEvery: 2 };
const SIZE = { widthPx: 32, heightPx: 20 };

interface SceneChanges {
  readonly focal?: number;
  readonly translation?: readonly [number, number, number];
  readonly rotationWxyz?: readonly [number, number, number, number];
}

/** Two photographs and a binary COLMAP model, with changes to the camera or the first pose. */
async function writeScene({ focal = 30, translation = [0, 0, 0], rotationWxyz = [1, 0, 0, 0] }: SceneChanges = {}) {
  mkdirSync(join(folder, 'images'), { recursive: true });
  mkdirSync(join(folder, 'sparse/0'), { recursive: true });
  for (const name of ['a.png', 'b.png'])
    await writeImage(join(folder, 'images', name), { ...SIZE, channels: 3, data: new Uint8Array(3 * 32 * 20) });
  const image = (id: number, name: string) => ({
    id,
    name,
    cameraId: 1,
    rotationWxyz: id === 1 ? rotationWxyz : ([1, 0, 0, 0] as const),
    translation: id === 1 ? translation : ([1, 0, 0] as const),
    points2D: new Float64Array(0),
    point3DIds: new Float64Array(0),
  });
  const model: ColmapModel = {
    cameras: [{ id: 1, model: 'PINHOLE', ...SIZE, params: Float64Array.of(focal, 30, 16, 10) }],
    images: [image(1, 'a.png'), image(2, 'b.png')],
    points: {
      ids: Float64Array.of(1),
      positions: Float64Array.of(0, 0, 5),
      colors: Uint8Array.of(9, 9, 9),
      errorsPx: Float64Array.of(0.1),
      trackOffsets: Uint32Array.of(0, 0),
      trackImageIds: new Uint32Array(0),
      trackPoint2DIndices: new Uint32Array(0),
    },
  };
  await writeColmapModel(join(folder, 'sparse/0'), model, { force: true, format: 'binary' });
}

test('the scene that the others damage is read, every second photograph held out from the first or the second on', async () => {
  await writeScene();
  const { frames, points } = await loadScene(folder, 'auto', READ);
  assert.deepEqual([frames.length, points.colors.length], [2, 3]);
  const later = await loadScene(folder, 'auto', { ...READ, holdFirst: 1 });
  assert.deepEqual([later.train, later.test], [['a.png'], ['b.png']]);
});

test('photographs are held out by name; a name that is not there and a hold-out of all are refused', async () => {
  await writeScene();
  writeFileSync(join(folder, 'train_set.txt'), 'b.png\n');
  writeFileSync(join(folder, 'test_set.txt'), 'a.png\n');
  const named = await loadScene(folder, 'auto', { ...READ, hold: ['b.png'] });
  assert.deepEqual([named.train, named.test], [['a.png'], ['b.png']]);
  await assert.rejects(
    loadScene(folder, 'auto', { ...READ, hold: ['b.pgn'] }),
    /heldOutNames: names of posed photographs, got "b\.pgn"\. Did you mean "b\.png"\? TF-VIEW-002/,
  );
  await assert.rejects(
    loadScene(folder, 'auto', { ...READ, hold: ['a.png', 'b.png'] }),
    /heldOutNames: a photograph that is left to train on, got all 2 held out\. TF-VIEW-002/,
  );
});

test('a mask of another shape than its photograph is refused by name', async () => {
  await writeScene();
  mkdirSync(join(folder, 'dynamic_masks'));
  await writeImage(join(folder, 'dynamic_masks/a.png'), {
    widthPx: 20,
    heightPx: 32,
    channels: 1,
    data: new Uint8Array(640),
  });
  await assert.rejects(
    loadScene(folder, 'auto', READ),
    /readMask: a mask shaped 32 × 20, as its image, got 20 × 32 \(.*dynamic_masks\/a\.png\).*TF-VIEW-003/,
  );
});

test('a photograph of another shape than its camera is refused by name', async () => {
  await writeScene();
  await writeImage(
    join(folder, 'images/b.png'),
    { widthPx: 20, heightPx: 20, channels: 3, data: new Uint8Array(1200) },
    { force: true },
  );
  await assert.rejects(
    loadScene(folder, 'auto', READ),
    /readFrame: an image shaped 32 × 20, as its camera, got 20 × 20 \(.*images\/b\.png\).*TF-VIEW-003/,
  );
});

test('a missing photograph is refused by name', async () => {
  await writeScene();
  rmSync(join(folder, 'images/b.png'));
  await assert.rejects(
    loadScene(folder, 'auto', READ),
    /readFrame: the photograph of "b\.png", got no such file \(.*images\/b\.png\).*TF-VIEW-004/,
  );
});

for (const focal of [0, -30, NaN, Infinity]) {
  test(`a focal length of ${focal} is refused with the camera’s numbers`, async () => {
    await writeScene({ focal });
    await assert.rejects(
      loadScene(folder, 'auto', READ),
      new RegExp(
        `positive image size and focal lengths and a finite principal point, got 32 × 20, fx ${focal}, .*\\(a\\.png\\).*TF-VIEW-001`,
      ),
    );
  });
}

const BAD_POSES: readonly SceneChanges[] = [
  { translation: [NaN, 0, 0] },
  { translation: [0, Infinity, 0] },
  { rotationWxyz: [0, 0, 0, 0] },
];
for (const change of BAD_POSES) {
  test(`a pose that is not finite is refused by the photograph’s name (${JSON.stringify(change)})`, async () => {
    await writeScene(change);
    await assert.rejects(loadScene(folder, 'auto', READ), /a finite pose, got translation .*\(a\.png\).*TF-VIEW-001/);
  });
}

for (const name of ['cameras', 'images', 'points3D']) {
  test(`a cut ${name}.bin is refused with the offset`, async () => {
    await writeScene();
    const path = join(folder, `sparse/0/${name}.bin`);
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, bytes.length - 5));
    await assert.rejects(
      loadScene(folder, 'auto', READ),
      new RegExp(`needs bytes \\d+-\\d+ but the file ends at \\d+ \\(.*${name}\\.bin\\).*TF-DATA-003`),
    );
  });
}
