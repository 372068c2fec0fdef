/** Packed clouds, annotated boxes and Argoverse 2 logs. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { compressionRegistry, CompressionType, tableFromArrays, tableToIPC, type Table } from 'apache-arrow';
import { compress } from 'lz4js';
import { createRng } from '@tenfold/core/base';
import { createMemorySink, readPly, sourceFromBytes, writeImage } from '@tenfold/core/data';
import { createCloud } from '../src/cloud.ts';
import { rotationFromQuaternion } from '../src/camera.ts';
import { maskFromBoxes } from '../src/io/box-mask.ts';
import { readCloudPly } from '../src/io/cloud-ply.ts';
import { loadScene } from '../src/io/load-scene.ts';
import { writePackedPly } from '../src/io/packed-ply.ts';
import { rigidFromQuaternion } from '../src/io/rigid.ts';
import { cameraCenter } from '../src/splat/project.ts';

let folder: string;
before(() => void (folder = mkdtempSync(join(tmpdir(), 'view-recordings-'))));
after(() => rmSync(folder, { recursive: true, force: true }));

const READ = { maxWidthPx: 64, holdEvery: 2 };

async function writePhotograph(path: string): Promise<void> {
  mkdirSync(join(path, '..'), { recursive: true });
  const data = Uint8Array.from({ length: 3 * 32 * 20 }, (_, k) => (k * 7) % 256);
  await writeImage(path, { widthPx: 32, heightPx: 20, channels: 3, data });
}

test('packed PLY holds 16 bytes a Gaussian and comes back within its steps', async () => {
  const rng = createRng(3);
  const cloud = createCloud(600, 2);
  for (const [array, scale] of [
    [cloud.means, 4],
    [cloud.quats, 1],
    [cloud.logScales, 1],
    [cloud.opacityLogits, 1.5],
    [cloud.sh, 0.4],
  ] as const)
    for (let k = 0; k < array.length; k++) array[k] = scale * rng.normal();
  const sink = createMemorySink();
  await writePackedPly(sink, cloud);
  const { elements } = await readPly(sourceFromBytes(sink.bytes()));
  assert.deepEqual(
    elements.map(({ name, count }) => [name, count]),
    [
      ['chunk', 3],
      ['vertex', 600],
      ['sh', 600],
    ],
  );
  const { cloud: read } = await readCloudPly(sourceFromBytes(sink.bytes()));
  assert.equal(read.count, 600);
  const taken = new Set<number>();
  for (let r = 0; r < 600; r++) {
    const gaps = Array.from({ length: 600 }, (_, i) =>
      Math.hypot(...[0, 1, 2].map((k) => read.means[3 * r + k] - cloud.means[3 * i + k])),
    );
    const i = gaps.indexOf(Math.min(...gaps));
    taken.add(i);
    assert.ok(gaps[i]! < 0.03, `${gaps[i]}`);
    for (let k = 0; k < 3; k++) assert.ok(Math.abs(read.logScales[3 * r + k] - cloud.logScales[3 * i + k]) < 0.01);
    for (let k = 3; k < 27; k++) assert.ok(Math.abs(read.sh[27 * r + k] - cloud.sh[27 * i + k]) <= 1 / 64 + 1e-6);
    for (let k = 0; k < 3; k++) assert.ok(Math.abs(read.sh[27 * r + k] - cloud.sh[27 * i + k]) < 0.01);
    const [a, b] = [read.quats.subarray(4 * r, 4 * r + 4), cloud.quats.subarray(4 * i, 4 * i + 4)].map((q) =>
      rotationFromQuaternion([...q]),
    );
    a!.forEach((value, k) => assert.ok(Math.abs(value - b![k]) < 0.01));
    const opacity = (logit: number) => 1 / (1 + Math.exp(-logit));
    assert.ok(Math.abs(opacity(read.opacityLogits[r]) - opacity(cloud.opacityLogits[i])) < 0.003);
  }
  assert.equal(taken.size, 600);
});

const CAMERA = {
  widthPx: 40,
  heightPx: 30,
  fx: 30,
  fy: 30,
  cx: 20,
  cy: 15,
  rotation: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
  translation: new Float64Array(3),
};

test('a box becomes the hull of its corners, grown by 5 %, and a box behind the camera nothing', () => {
  const box = (z: number) => ({
    worldFromBox: rigidFromQuaternion([1, 0, 0, 0], [0, 0, z]),
    lengthM: 2,
    widthM: 1,
    heightM: 1e-6,
  });
  const mask = maskFromBoxes(CAMERA, [box(3)]);
  // 2 m at 3 m are 20 px, grown 21: pixel centres from 9.5 to 30.5.
  for (let y = 0; y < 30; y++) {
    for (let x = 0; x < 40; x++) {
      const isIn = Math.abs(x + 0.5 - 20) <= 10.5 && Math.abs(y + 0.5 - 15) <= 5.25;
      assert.equal(mask[y * 40 + x], isIn ? 0 : 1, `${x}, ${y}`);
    }
  }
  assert.ok(maskFromBoxes(CAMERA, [box(-3)]).every((value) => value === 1));
});

test('nuScenes annotations of vehicles mask their samples, those of cones do not', async () => {
  const path = join(folder, 'nuscenes');
  for (const name of ['a', 'b']) await writePhotograph(join(path, `samples/${name}.jpg`));
  const pose = { translation: [0, 0, 0], rotation: [1, 0, 0, 0] };
  const K = [
    [30, 0, 16],
    [0, 30, 10],
    [0, 0, 1],
  ];
  const annotation = (sample: string, instance: string) => ({
    sample_token: sample,
    instance_token: instance,
    translation: [0, 0, 5],
    size: [1, 2, 1],
    rotation: [1, 0, 0, 0],
  });
  const tables = {
    scene: [{ token: 's', name: 'scene-1' }],
    sample: ['m', 'n'].map((token) => ({ token, scene_token: 's' })),
    sensor: [{ token: 'f', channel: 'CAM_FRONT', modality: 'camera' }],
    calibrated_sensor: [{ token: 'c', sensor_token: 'f', ...pose, camera_intrinsic: K }],
    ego_pose: [{ token: 'e', ...pose }],
    sample_data: ['a', 'b'].map((name, k) => ({
      token: name,
      sample_token: ['m', 'n'][k],
      ego_pose_token: 'e',
      calibrated_sensor_token: 'c',
      filename: `samples/${name}.jpg`,
      width: 32,
      height: 20,
    })),
    sample_annotation: [annotation('m', 'car'), annotation('n', 'cone')],
    instance: [
      { token: 'car', category_token: 'v' },
      { token: 'cone', category_token: 'o' },
    ],
    category: [
      { token: 'v', name: 'vehicle.car' },
      { token: 'o', name: 'movable_object.trafficcone' },
    ],
  };
  mkdirSync(join(path, 'v1.1'), { recursive: true });
  for (const [name, rows] of Object.entries(tables))
    writeFileSync(join(path, 'v1.1', `${name}.json`), JSON.stringify(rows));
  const { frames } = await loadScene(path, 'auto', READ);
  const [car, cone] = ['samples/a.jpg', 'samples/b.jpg'].map(
    (name) => frames.find((frame) => frame.name === name)!.staticMask!,
  );
  assert.equal(car![10 * 32 + 16], 0);
  assert.equal(car![0], 1);
  assert.ok(cone!.every((value) => value === 1));
});

test('an Argoverse 2 log gives poses at photographs’ times, undistorted cameras and masks, from packed feather files', async () => {
  const log = join(folder, 'log-1');
  compressionRegistry.set(CompressionType.LZ4_FRAME, { encode: (data) => compress(data) });
  const write = (path: string, table: Table, isPacked: boolean) => {
    mkdirSync(join(log, path, '..'), { recursive: true });
    writeFileSync(join(log, path), tableToIPC(table, 'file', isPacked ? CompressionType.LZ4_FRAME : null));
  };
  const one = (value: number, count = 1) => new Float64Array(count).fill(value);
  const times = BigInt64Array.of(1_000_000_000n, 2_000_000_000n);
  const still = { qw: one(1, 2), qx: one(0, 2), qy: one(0, 2), qz: one(0, 2) };
  write(
    'city_SE3_egovehicle.feather',
    tableFromArrays({ timestamp_ns: times, ...still, tx_m: Float64Array.of(10, 20), ty_m: one(0, 2), tz_m: one(0, 2) }),
    true,
  );
  const mount = { qw: one(1), qx: one(0), qy: one(0), qz: one(0), tx_m: one(1), ty_m: one(0), tz_m: one(1.5) };
  write(
    'calibration/egovehicle_SE3_sensor.feather',
    tableFromArrays({ sensor_name: ['ring_front_center'], ...mount }),
    false,
  );
  write(
    'calibration/intrinsics.feather',
    tableFromArrays({
      sensor_name: ['ring_front_center'],
      fx_px: one(30),
      fy_px: one(30),
      cx_px: one(16),
      cy_px: one(10),
      k1: one(0),
      k2: one(0),
      k3: one(0),
      width_px: one(32),
      height_px: one(20),
    }),
    false,
  );
  const boxes = { length_m: one(1, 2), width_m: one(1, 2), height_m: one(1, 2), ...still };
  write(
    'annotations.feather',
    tableFromArrays({
      timestamp_ns: times,
      category: ['REGULAR_VEHICLE', 'BOLLARD'],
      ...boxes,
      tx_m: one(1, 2),
      ty_m: one(0, 2),
      tz_m: one(6.5, 2),
    }),
    true,
  );
  for (const name of ['1000000005', '2000000000'])
    await writePhotograph(join(log, 'sensors/cameras/ring_front_center', `${name}.jpg`));
  const { frames, name } = await loadScene(log, 'auto', READ);
  assert.equal(name, 'log-1');
  assert.deepEqual(
    frames.map(({ camera }) => [...cameraCenter(camera)].map((value) => Math.round(1e9 * value) / 1e9)),
    [
      [11, 0, 1.5],
      [21, 0, 1.5],
    ],
  );
  assert.equal(frames[0]!.staticMask![10 * 32 + 16], 0);
  assert.ok(frames[1]!.staticMask!.every((value) => value === 1));
  await writePhotograph(join(log, 'sensors/cameras/ring_front_center', '1500000000.jpg'));
  await assert.rejects(
    loadScene(log, 'argoverse', READ),
    /a pose within 60 ms of every photograph, got none.*TF-VIEW-004/,
  );
  writeFileSync(join(log, 'city_SE3_egovehicle.feather'), new Uint8Array(40));
  await assert.rejects(loadScene(log, 'argoverse', READ), /an Arrow IPC file, got 40 bytes.*TF-VIEW-004/);
});
