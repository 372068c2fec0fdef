/** Training recovers a known scene. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { computePsnr } from '../src/metrics/image-metrics.ts';
import { renderCloud } from '../src/splat/render.ts';
import { renderView } from '../src/splat/render-view.ts';
import { createTeacherScene, TEACHER_TRAINING } from '../src/train/teacher.ts';
import { trainCloud } from '../src/train/trainer.ts';
import type { Frame, GaussianCloud } from '../src/types.ts';

function meanPsnr(cloud: GaussianCloud, frames: readonly Frame[]): number {
  const values = frames.map(({ camera, image }) =>
    computePsnr({ ...image, data: Float32Array.from(renderCloud(cloud, camera).rgb) }, image),
  );
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

test('a student of 150 Gaussians recovers its teacher in views far from the training views', async () => {
  const scene = createTeacherScene(1);
  const { cloud } = await trainCloud(scene.student, scene.train, TEACHER_TRAINING, createRng(1));
  const wanted = { train: 43, interpolated: 41, translated: 34, rotated: 43 };
  for (const key of ['train', 'interpolated', 'translated', 'rotated'] as const) {
    const reached = meanPsnr(cloud, scene[key]);
    assert.ok(reached >= wanted[key], `${key}: ${reached} dB`);
  }
});

for (const method of ['2dgs', 'pgsr'] as const) {
  test(`${method} trains with its regularisers, the same to the bit in one thread and in two, and its depths are near the truth`, async () => {
    const scene = createTeacherScene(2, 40);
    const options = { numSteps: 300, refineStart: 50, refineEvery: 50, refineEnd: 150, cap: 120, degreeEvery: 1 };
    const geometry = { distortion: 10, flattening: 1 };
    const run = (numThreads: number) =>
      trainCloud(scene.student, scene.train, { ...options, method, geometry, numThreads, numParts: 2 }, createRng(3));
    const [one, two] = [await run(1), await run(2)];
    assert.deepEqual(two.cloud, one.cloud);
    assert.ok(
      one.numGrown > 0 && one.losses.at(-1)! < 0.5 * one.losses[0]!,
      `${one.losses[0]} to ${one.losses.at(-1)}`,
    );
    const { camera } = scene.interpolated[2]!;
    const truth = renderView(scene.teacher, camera, { hasDepth: true }).depthM;
    const found = renderView(one.cloud, camera, { method, hasDepth: true }).depthM;
    const errors = truth.map((depth, p) => (depth > 0 && found[p] > 0 ? Math.abs(found[p] / depth - 1) : NaN));
    const known = errors.filter(Number.isFinite).toSorted();
    assert.ok(known[known.length >> 1] < 0.1, `median relative depth error ${known[known.length >> 1]}`);
  });
}

for (const strategy of ['adaptive', 'absgrad', 'mcmc'] as const) {
  test(`the ${strategy} strategy grows the cloud and is the same to the bit for the same seed`, async () => {
    const run = () => {
      const scene = createTeacherScene(2, 40);
      return trainCloud(
        scene.student,
        scene.train,
        { numSteps: 60, strategy, refineStart: 10, refineEvery: 10, refineEnd: 50, cap: 90, hasExposure: true },
        createRng(3),
      );
    };
    const first = await run();
    assert.ok(first.numGrown > 0 && first.cloud.count <= 90, `${first.numGrown} ${first.cloud.count}`);
    assert.deepEqual((await run()).cloud, first.cloud);
  });
}

test('worker threads give the same bits as one thread with as many parts', async () => {
  const run = (numThreads: number) => {
    const scene = createTeacherScene(4, 60);
    const options = { numSteps: 25, refineStart: 5, refineEvery: 5, refineEnd: 20, cap: 120, numThreads, numParts: 2 };
    return trainCloud(scene.student, scene.train, options, createRng(3));
  };
  const [one, two] = [await run(1), await run(2)];
  assert.ok(one.cloud.count > 60);
  assert.deepEqual(two.cloud, one.cloud);
  assert.deepEqual(two.losses, one.losses);
});
