/** What a training starts from: swept depths, and views that stand upright. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { runExperiment } from '../src/bench/experiment.ts';
import { levelCamera } from '../src/camera.ts';
import { leaveOutLeaning } from '../src/pose-check.ts';
import { addDensePoints } from '../src/train/dense-start.ts';
import { exposedColors, exposureAt } from '../src/train/exposure.ts';
import { meanColor } from '../src/train/mean-color.ts';
import { sweepDepth } from '../src/train/sweep-depth.ts';
import type { Frame, PinholeCamera, Scene } from '../src/types.ts';

const INTRINSICS = { widthPx: 64, heightPx: 48, fx: 60, fy: 60, cx: 31, cy: 25 };
const WALL_M = 5;

/** A wall at y = 5 with waves of several lengths. */
function wallFrame(x: number, y = 0): Frame {
  const camera = levelCamera(INTRINSICS, [x, y, 0], Math.PI / 2);
  const data = new Float32Array(3 * 64 * 48);
  for (let p = 0; p < 64 * 48; p++) {
    const right = x + (((p % 64) + 0.5 - 31) / 60) * (WALL_M - y);
    const down = ((Math.floor(p / 64) + 0.5 - 25) / 60) * (WALL_M - y);
    const value =
      0.5 + 0.2 * Math.sin(9 * right + 4 * down) + 0.2 * Math.sin(13 * down - 5 * right) * Math.cos(3 * right);
    for (let k = 0; k < 3; k++) data[3 * p + k] = value;
  }
  return { name: `${x} ${y}`, camera, image: { widthPx: 64, heightPx: 48, data } };
}

test('a plane sweep finds the depth of a wall to 2 % from views beside and behind', () => {
  const swept = sweepDepth(wallFrame(0), [wallFrame(0.4), wallFrame(-0.4), wallFrame(0.1, -0.5)], {
    nearM: 2,
    numDepths: 48,
  });
  const inner = Array.from({ length: 64 * 48 }, (_, p) => p).filter(
    (p) => p % 64 > 8 && p % 64 < 55 && p > 64 * 8 && p < 64 * 40,
  );
  const good = inner.filter((p) => swept.score[p] > 0.9 && Math.abs(swept.depthM[p] / WALL_M - 1) < 0.02);
  assert.ok(good.length > 0.95 * inner.length, `${good.length} of ${inner.length}`);
});

test('dense points lie on the surface that views agree about, and the given points stay', async () => {
  const frames = [-0.8, -0.4, 0, 0.4, 0.8].map((x) => wallFrame(x));
  const given = { positions: Float64Array.of(0, WALL_M, 0, 1, WALL_M, 0.5), colors: new Uint8Array(6) };
  const { positions, colors } = await addDensePoints(given, frames, { widthPx: 64, numDepths: 48, spacingPx: 4 });
  assert.ok(positions.length > 180 && colors.length === positions.length);
  assert.deepEqual([...positions.subarray(0, 6)], [...given.positions]);
  const depths = positions.filter((_, k) => k % 3 === 1).toSorted();
  assert.ok(Math.abs(depths[depths.length >> 1] - WALL_M) < 0.05);
  assert.ok(depths[Math.floor(0.05 * depths.length)] > 0.94 * WALL_M);
});

test('a view that leans against the others leaves the splits, and no other does', () => {
  const rng = createRng(1);
  const cameras = Array.from({ length: 9 }, (_, k) => levelCamera(INTRINSICS, [0, k, 0], 1 + 0.2 * rng.normal()));
  const { rotation } = cameras[4]!;
  const leaning: PinholeCamera = {
    ...cameras[4]!,
    rotation: Float64Array.from(
      rotation,
      (_, k) => [rotation[k], -rotation[6 + (k % 3)], rotation[3 + (k % 3)]][Math.floor(k / 3)]!,
    ),
  };
  cameras[4] = leaning;
  const frames = cameras.map((camera, k) => ({ ...wallFrame(0), name: `${k}`, camera }));
  const scene: Scene = {
    name: 'street',
    frames,
    points: { positions: new Float64Array(3), colors: new Uint8Array(3) },
    train: ['0', '2', '4', '5'],
    test: ['1', '3'],
  };
  const left = leaveOutLeaning(scene, 25);
  assert.deepEqual(
    left.leaning.map(({ name }) => name),
    ['4'],
  );
  assert.ok(Math.abs(left.leaning[0]!.leanDeg - 90) < 1e-6);
  assert.deepEqual(
    [left.scene.train, left.scene.test],
    [
      ['0', '2', '5'],
      ['1', '3'],
    ],
  );
  assert.deepEqual(leaveOutLeaning(scene, 180), { scene, leaning: [] });
});

test('a view that was not trained on gets the colours of its neighbours, by distance', () => {
  const frames = [0, 1, 9].map((x) => wallFrame(x));
  const matrices = new Float64Array(36);
  [1, 2, 9].forEach((gain, f) => [0, 5, 10].forEach((k) => (matrices[12 * f + k] = gain)));
  const { camera } = wallFrame(0.25);
  const matrix = exposureAt('other', camera, frames, matrices);
  assert.ok(Math.abs(matrix[0] - 1.25) < 1e-12);
  assert.equal(exposureAt('1 0', camera, frames, matrices)[0], 2);
  assert.ok(Math.abs(exposedColors(Float32Array.of(0.2, 0.4, 0.5), matrix)[1] - 0.5) < 1e-6);
});

test('where no Gaussian is, a view shows black or, if that is asked for, the mean colour of the training photographs', async () => {
  const [first, second] = [wallFrame(0), wallFrame(0.5)];
  first.image.data.fill(0.8, 0, 3 * 64 * 24);
  const masked = { ...first, staticMask: new Uint8Array(64 * 48).fill(1, 0, 64 * 24) };
  assert.ok(Math.abs(meanColor([masked])[1] - 0.8) < 1e-6);
  const away: Frame = { ...wallFrame(0), name: 'away', camera: levelCamera(INTRINSICS, [0, 0, 0], -Math.PI / 2) };
  away.image.data.forEach((_, k) => (away.image.data[k] = meanColor([first, second])[k % 3]));
  const scene: Scene = {
    name: 'wall',
    frames: [first, second, away],
    points: { positions: Float64Array.of(0, WALL_M, 0, 0.2, WALL_M, 0.1), colors: new Uint8Array(6).fill(128) },
    train: [first.name, second.name],
    test: ['away'],
  };
  const awayDb = async (background: 'black' | 'mean') => {
    const options = { training: { numSteps: 2 }, shDegree: 0, profile: 'correct', background } as const;
    const { evaluation } = await runExperiment(scene, options, createRng(1));
    return evaluation.views.find(({ name }) => name === 'away')!.psnr;
  };
  assert.ok((await awayDb('black')) < 6);
  assert.ok((await awayDb('mean')) > 50);
});

test('the mean picture of members is judged, never worse than they are on average, with how far they agree', async () => {
  const frames = [0, 0.4, 0.8].map((x) => wallFrame(x));
  const pointsAt = (shift: number) => ({
    positions: Float64Array.from([-1, 0, 1, 2].flatMap((x) => [x + shift, WALL_M, 0])),
    colors: new Uint8Array(12).fill(140),
  });
  const scene: Scene = {
    name: 'wall',
    frames,
    points: pointsAt(0),
    train: [frames[0]!.name, frames[2]!.name],
    test: [frames[1]!.name],
  };
  const judge = async (starts: Scene['points'][]) => {
    const options = { training: { numSteps: 4 }, shDegree: 0, profile: 'correct', starts } as const;
    const { evaluation, members } = await runExperiment(scene, options, createRng(1));
    assert.equal(members.length, starts.length);
    return evaluation.views.at(-1)!;
  };
  const [first, second, both] = [
    await judge([pointsAt(0)]),
    await judge([pointsAt(0.5)]),
    await judge([pointsAt(0), pointsAt(0.5)]),
  ];
  assert.equal(first.agreement, null);
  assert.ok(both.agreement! > 10 && both.agreement! < 60, `${both.agreement}`);
  // The second member's views come in another order, four steps of them: its picture is nearly that of the second alone.
  const meanError = (first.squaredError.all + second.squaredError.all) / 2;
  assert.ok(both.squaredError.all < meanError * 1.01, `${both.squaredError.all} ${meanError}`);
});
