/** Cloud files, the unpickler, distortion and importers. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { createMemorySink, sourceFromBytes, writeImage } from '@tenfold/core/data';
import { createCloud } from '../src/cloud.ts';
import { rotationFromQuaternion } from '../src/camera.ts';
import { readCloudPly, writeCloudPly } from '../src/io/cloud-ply.ts';
import { loadScene } from '../src/io/load-scene.ts';
import { decodeSplatFile, encodeSplatFile } from '../src/io/splat-file.ts';
import { decodeSpz, encodeSpz } from '../src/io/spz.ts';
import { distort, undistortImage } from '../src/io/undistort.ts';
import { unpickle } from '../src/io/unpickle.ts';
import { renderCloud } from '../src/splat/render.ts';
import { cameraCenter } from '../src/splat/project.ts';
import type { GaussianCloud } from '../src/types.ts';

let folder: string;
before(() => void (folder = mkdtempSync(join(tmpdir(), 'view-files-'))));
after(() => rmSync(folder, { recursive: true, force: true }));

function randomCloud(count: number, shDegree: number): GaussianCloud {
  const rng = createRng(7, 'files');
  const cloud = createCloud(count, shDegree);
  for (let k = 0; k < 3 * count; k++) cloud.means[k] = (k % 3 === 2 ? 4 : 0) + rng.normal();
  for (let k = 0; k < 4 * count; k++) cloud.quats[k] = rng.normal();
  for (let k = 0; k < 3 * count; k++) cloud.logScales[k] = -2 + 0.5 * rng.normal();
  for (let k = 0; k < count; k++) cloud.opacityLogits[k] = 1.5 * rng.normal();
  for (let k = 0; k < cloud.sh.length; k++) cloud.sh[k] = 0.3 * rng.normal();
  return cloud;
}

const CAMERA = {
  widthPx: 40,
  heightPx: 30,
  fx: 36,
  fy: 36,
  cx: 20,
  cy: 15,
  rotation: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
  translation: new Float64Array(3),
};

test('PLY keeps every bit and orders the harmonics by channel', async () => {
  for (const degree of [0, 1, 3]) {
    const cloud = randomCloud(20, degree);
    const sink = createMemorySink();
    await writeCloudPly(sink, cloud);
    const { cloud: read, numDropped } = await readCloudPly(sourceFromBytes(sink.bytes()));
    assert.deepEqual(read, cloud);
    assert.equal(numDropped, 0);
    const header = new TextDecoder('latin1').decode(sink.bytes()).split('end_header')[0]!;
    assert.ok(header.includes('comment SplatRenderMode: default'));
    assert.equal(header.includes('f_rest_44'), degree === 3);
  }
});

test('rows without a rotation are dropped and counted, missing columns are named', async () => {
  const cloud = randomCloud(5, 0);
  cloud.quats.fill(0, 4, 8);
  const sink = createMemorySink();
  await writeCloudPly(sink, cloud);
  const { cloud: read, numDropped } = await readCloudPly(sourceFromBytes(sink.bytes()));
  assert.deepEqual([read.count, numDropped], [4, 1]);
  const text =
    'ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\nend_header\n0 0 0\n';
  await assert.rejects(
    readCloudPly(sourceFromBytes(new TextEncoder().encode(text))),
    /a column "rot_0" of element "vertex", got columns x, y, z .*TF-VIEW-005/,
  );
});

test('SPZ and .splat come back within their quantisation, and look the same', () => {
  const cloud = randomCloud(60, 3);
  const truth = renderCloud(cloud, CAMERA).rgb;
  const spz = decodeSpz(encodeSpz(cloud));
  for (let k = 0; k < 180; k++) {
    assert.ok(Math.abs(spz.means[k] - cloud.means[k]) <= 0.5 / 4096 + 1e-6);
    assert.ok(Math.abs(spz.logScales[k] - cloud.logScales[k]) <= 1 / 32 + 1e-6);
  }
  for (let i = 0; i < 60; i++) {
    const [a, b] = [spz, cloud].map(({ quats }) => rotationFromQuaternion([...quats.subarray(4 * i, 4 * i + 4)]));
    for (let k = 0; k < 9; k++) assert.ok(Math.abs(a![k] - b![k]) < 0.01);
  }
  const splat = decodeSplatFile(encodeSplatFile(randomCloud(60, 0)));
  const pairs = [
    [truth, renderCloud(spz, CAMERA).rgb],
    [renderCloud(randomCloud(60, 0), CAMERA).rgb, renderCloud(splat, CAMERA).rgb],
  ] as const;
  for (const [one, other] of pairs) {
    let mean = 0;
    for (let k = 0; k < one.length; k++) mean += Math.abs(one[k] - other[k]) / one.length;
    assert.ok(mean < 0.01, `mean difference ${mean}`);
  }
});

test('damaged cloud files are refused with what was expected', () => {
  assert.throws(() => decodeSpz(new Uint8Array(40)), /gzip data of an SPZ file.*TF-VIEW-005/);
  assert.throws(() => decodeSplatFile(new Uint8Array(33)), /a multiple of 32 bytes, got 33 .*truncated.*TF-VIEW-005/);
});

/** Pickle protocol 2 of [[1.5, 2.0], [3, -4]] with binary floats and ints. */
const NESTED = Uint8Array.from(
  [
    [0x80, 2, 0x5d, 0x28],
    [0x5d, 0x28, 0x47, ...bigFloat(1.5), 0x47, ...bigFloat(2), 0x65],
    [0x5d, 0x28, 0x4b, 3, 0x4a, 0xfc, 0xff, 0xff, 0xff, 0x65],
    [0x65, 0x2e],
  ].flat(),
);

function bigFloat(value: number): number[] {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return [...new Uint8Array(view.buffer)];
}

test('the unpickler reads lists of numbers and refuses foreign globals, opcodes and cut data without running anything', () => {
  assert.deepEqual(unpickle(NESTED, 'camera'), [
    [1.5, 2],
    [3, -4],
  ]);
  const evil = new TextEncoder().encode("cos\nsystem\n(S'echo'\ntR.");
  assert.throws(
    () => unpickle(evil, 'camera'),
    /plain data, got the global "os system", which is not opened \(camera: byte \d+\).*TF-VIEW-009/,
  );
  assert.throws(() => unpickle(Uint8Array.of(0x80, 2, 0x81, 0x2e), 'camera'), /opcode 0x81.*TF-VIEW-009/);
  assert.throws(() => unpickle(NESTED.subarray(0, 20), 'camera'), /the end of the data.*TF-VIEW-009/);
});

test('undistortion inverts the lens: a pattern seen through it comes back straight', () => {
  const intrinsics = { widthPx: 80, heightPx: 60, fx: 70, fy: 70, cx: 40, cy: 30 };
  for (const distortion of [
    { kind: 'radial', k: [-0.2, 0.05, 0], p: [0.002, -0.001] },
    { kind: 'fisheye', k: [0.02, -0.01, 0.003, 0] },
  ] as const) {
    const shade = (x: number, y: number) => 0.5 + 0.4 * Math.sin(6 * x) * Math.cos(7 * y);
    // The distorted image: invert the lens at every pixel by fixed-point steps.
    const data = new Float32Array(3 * 80 * 60);
    for (let p = 0; p < 80 * 60; p++) {
      const wanted = [((p % 80) + 0.5 - 40) / 70, (Math.floor(p / 80) + 0.5 - 30) / 70] as const;
      let [x, y] = wanted;
      for (let step = 0; step < 60; step++) {
        const [dx, dy] = distort(x, y, distortion);
        x += wanted[0] - dx;
        y += wanted[1] - dy;
      }
      data.fill(shade(x, y), 3 * p, 3 * p + 3);
    }
    const straight = undistortImage({ widthPx: 80, heightPx: 60, data }, intrinsics, distortion);
    for (let y = 15; y < 45; y++) {
      for (let x = 20; x < 60; x++) {
        const truth = shade((x + 0.5 - 40) / 70, (y + 0.5 - 30) / 70);
        assert.ok(Math.abs(straight.data[3 * (y * 80 + x)] - truth) < 0.01, `${distortion.kind} ${x} ${y}`);
      }
    }
  }
});

async function writePhotograph(path: string, widthPx = 32, heightPx = 20): Promise<void> {
  mkdirSync(join(path, '..'), { recursive: true });
  const data = Uint8Array.from({ length: 3 * widthPx * heightPx }, (_, k) => (k * 7) % 256);
  await writeImage(path, { widthPx, heightPx, channels: 3, data });
}

const READ = { maxWidthPx: 64, holdEvery: 2 };

function assertCenters(
  scene: { readonly frames: readonly { readonly camera: typeof CAMERA }[] },
  wanted: readonly (readonly number[])[],
): void {
  scene.frames.forEach(({ camera }, index) => {
    cameraCenter(camera).forEach((value, k) =>
      assert.ok(Math.abs(value - wanted[index]![k]!) < 1e-9, `frame ${index}: ${cameraCenter(camera).join(' ')}`),
    );
  });
}

test('transforms.json turns OpenGL axes and keeps camera centres', async () => {
  const path = join(folder, 'transforms');
  const matrix = (x: number) => [
    [1, 0, 0, x],
    [0, 1, 0, 2],
    [0, 0, 1, 3],
    [0, 0, 0, 1],
  ];
  for (const name of ['a.png', 'b.png']) await writePhotograph(join(path, 'images', name));
  const frames = ['a', 'b'].map((name, k) => ({ file_path: `images/${name}.png`, transform_matrix: matrix(k) }));
  writeFileSync(join(path, 'transforms.json'), JSON.stringify({ w: 32, h: 20, fl_x: 30, frames }));
  const scene = await loadScene(path, 'auto', READ);
  assertCenters(scene as never, [
    [0, 2, 3],
    [1, 2, 3],
  ]);
  // The view goes along −z of the OpenGL camera.
  assert.deepEqual([...scene.frames[0]!.camera.rotation.subarray(6, 9)].map(Math.round), [0, 0, -1]);
  assert.equal(scene.train.length + scene.test.length, 2);
  assert.equal(scene.lengthUnit, 'scene units', 'nothing says how long its unit is');
  writeFileSync(join(path, 'transforms.json'), JSON.stringify({ w: 32, h: 20, fl_x: 'wide', frames }));
  await assert.rejects(loadScene(path, 'auto', READ), /field fl_x: .*transforms.json.*TF-VIEW-004/);
  writeFileSync(join(path, 'transforms.json'), '');
  await assert.rejects(loadScene(path, 'auto', READ), /JSON, got an empty file .*TF-VIEW-004/);
});

test('OpenSfM rotations are axis-angle of cameraFromWorld and focal lengths scale with the larger side', async () => {
  const path = join(folder, 'opensfm');
  for (const name of ['a.jpg', 'b.jpg']) await writePhotograph(join(path, 'images', name));
  const shots = {
    'a.jpg': { rotation: [0, Math.PI / 2, 0], translation: [1, 2, 3], camera: 'c' },
    'b.jpg': { rotation: [0, 0, 0], translation: [0, 0, -5], camera: 'c' },
  };
  const cameras = { c: { projection_type: 'perspective', width: 32, height: 20, focal: 0.9, k1: 0, k2: 0 } };
  writeFileSync(
    join(path, 'reconstruction.json'),
    JSON.stringify([{ cameras, shots, points: { 1: { coordinates: [0, 0, 4], color: [9, 8, 7] } } }]),
  );
  const scene = await loadScene(path, 'auto', READ);
  // C = −Rᵀ t with R a quarter turn around y.
  assertCenters(scene as never, [
    [3, -2, -1],
    [0, 0, 5],
  ]);
  assert.ok(Math.abs(scene.frames[0]!.camera.fx - 0.9 * 32) < 1e-9);
  assert.deepEqual([...scene.points.positions, ...scene.points.colors], [0, 0, 4, 9, 8, 7]);
});

test('KITTI places the second camera by its projection row and refuses rows of wrong length', async () => {
  const path = join(folder, 'kitti');
  for (const name of ['image_0/000000.png', 'image_0/000001.png', 'image_1/000000.png', 'image_1/000001.png'])
    await writePhotograph(join(path, name));
  writeFileSync(join(path, 'calib.txt'), 'P0: 30 0 16 0 0 30 10 0 0 0 1 0\nP1: 30 0 16 -15 0 30 10 0 0 0 1 0\n');
  writeFileSync(join(path, 'poses.txt'), '1 0 0 0 0 1 0 0 0 0 1 0\n1 0 0 0 0 1 0 0 0 0 1 2\n');
  const scene = await loadScene(path, 'auto', READ);
  assertCenters(scene as never, [
    [0, 0, 0],
    [0, 0, 2],
    [0.5, 0, 0],
    [0.5, 0, 2],
  ]);
  assert.ok(scene.points.positions.length > 0);
  writeFileSync(join(path, 'poses.txt'), '1 0 0\n');
  await assert.rejects(
    loadScene(path, 'auto', READ),
    /12 finite numbers a row, got "1 0 0" .*poses.txt:1.*TF-VIEW-001/,
  );
});

test('nuScenes tables chain ego pose and mount, and a missing token is named', async () => {
  const path = join(folder, 'nuscenes');
  for (const name of ['samples/a.jpg', 'samples/b.jpg']) await writePhotograph(join(path, name));
  const turn = [Math.SQRT1_2, 0, 0, Math.SQRT1_2];
  const tables: Record<string, unknown[]> = {
    scene: [{ token: 's', name: 'scene-1' }],
    sample: [{ token: 'm', scene_token: 's' }],
    sensor: [{ token: 'f', channel: 'CAM_FRONT', modality: 'camera' }],
    calibrated_sensor: [
      {
        token: 'c',
        sensor_token: 'f',
        translation: [1, 0, 1.5],
        rotation: [1, 0, 0, 0],
        camera_intrinsic: [
          [30, 0, 16],
          [0, 30, 10],
          [0, 0, 1],
        ],
      },
    ],
    ego_pose: [
      { token: 'e0', translation: [10, 0, 0], rotation: [1, 0, 0, 0] },
      { token: 'e1', translation: [0, 20, 0], rotation: turn },
    ],
    sample_data: ['a', 'b'].map((name, k) => ({
      token: name,
      sample_token: 'm',
      ego_pose_token: `e${k}`,
      calibrated_sensor_token: 'c',
      filename: `samples/${name}.jpg`,
      width: 32,
      height: 20,
    })),
  };
  mkdirSync(join(path, 'v1.1'), { recursive: true });
  const write = () => {
    for (const [name, rows] of Object.entries(tables))
      writeFileSync(join(path, 'v1.1', `${name}.json`), JSON.stringify(rows));
  };
  write();
  const scene = await loadScene(path, 'auto', READ);
  assertCenters(scene as never, [
    [11, 0, 1.5],
    [0, 21, 1.5],
  ]);
  assert.equal(scene.frames[0]!.traversal, 'scene-1');
  tables['ego_pose'] = [];
  write();
  await assert.rejects(loadScene(path, 'auto', READ), /token "e0" in ego_pose.json, got none.*TF-VIEW-004/);
});

test('a nuPlan log is read from SQLite with its pickled calibration, side cameras held out', async () => {
  const path = join(folder, 'nuplan');
  for (const name of ['f0.jpg', 'l1.jpg']) await writePhotograph(join(path, 'sensor_blobs', name));
  const database = new DatabaseSync(join(path, 'log.db'));
  database.exec(`CREATE TABLE camera (token BLOB, channel TEXT, width INT, height INT, translation BLOB, rotation BLOB, intrinsic BLOB, distortion BLOB);
    CREATE TABLE image (token BLOB, ego_pose_token BLOB, camera_token BLOB, filename_jpg TEXT, timestamp INT);
    CREATE TABLE ego_pose (token BLOB, x REAL, y REAL, z REAL, qw REAL, qx REAL, qy REAL, qz REAL);`);
  const camera = database.prepare('INSERT INTO camera VALUES (?, ?, 32, 20, ?, ?, ?, ?)');
  const blobs = [
    [1, 0, 1.5],
    [1, 0, 0, 0],
    [
      [30, 0, 16],
      [0, 30, 10],
      [0, 0, 1],
    ],
    [0, 0, 0, 0, 0],
  ].map(pickleNumbers);
  for (const [token, channel] of [
    [1, 'CAM_F0'],
    [2, 'CAM_L1'],
  ] as const)
    camera.run(Uint8Array.of(token), channel, ...blobs);
  database.prepare('INSERT INTO ego_pose VALUES (?, 100, 50, 2, 1, 0, 0, 0)').run(Uint8Array.of(9));
  const image = database.prepare('INSERT INTO image VALUES (?, ?, ?, ?, ?)');
  image.run(Uint8Array.of(5), Uint8Array.of(9), Uint8Array.of(1), 'f0.jpg', 1);
  image.run(Uint8Array.of(6), Uint8Array.of(9), Uint8Array.of(2), 'l1.jpg', 2);
  database.close();
  const scene = await loadScene(path, 'auto', READ);
  assertCenters(scene as never, [
    [101, 50, 3.5],
    [101, 50, 3.5],
  ]);
  assert.deepEqual([scene.train, scene.test], [['f0.jpg'], ['l1.jpg']]);
});

type Nested = readonly (number | Nested)[];

/** Protocol-2 pickle of nested lists of numbers. */
function pickleNumbers(value: Nested): Uint8Array {
  const list = (items: Nested): number[] => [
    0x5d,
    0x28,
    ...items.flatMap((item) => (typeof item === 'number' ? [0x47, ...bigFloat(item)] : list(item))),
    0x65,
  ];
  return Uint8Array.of(0x80, 2, ...list(value), 0x2e);
}
