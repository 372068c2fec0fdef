/** The known-answer scene trained on the GPU and on the CPU: 150 Gaussians, 1,200 steps. One JSON line a seed. */
import { createRng } from '@tenfold/core/base';
import { openGpuDevice } from '../../src/gpu/device.ts';
import { trainOnGpu } from '../../src/gpu/gpu-trainer.ts';
import { findNodeGpu } from '../../src/gpu/node-gpu.ts';
import { computePsnr } from '../../src/metrics/image-metrics.ts';
import { renderCloud } from '../../src/splat/render.ts';
import { createTeacherScene } from '../../src/train/teacher.ts';
import { trainCloud, type TrainOptions } from '../../src/train/trainer.ts';
import type { Frame, GaussianCloud } from '../../src/types.ts';

const [steps = '1200', ...seeds] = process.argv.slice(2);
const numSteps = Number(steps);
const options: TrainOptions = {
  numSteps,
  strategy: 'fixed',
  ssimWeight: 0,
  rates: { means: 1.44e-3, quats: 2e-3, logScales: 1e-2, shConstant: 5e-3, shRest: 2.5e-4, opacityLogits: 0.05 },
  degreeEvery: numSteps / 2,
  opacityResetEvery: Infinity,
};
const { device, adapterName } = await openGpuDevice(await findNodeGpu());
console.log(JSON.stringify({ adapterName, numSteps }));

function meanPsnr(cloud: GaussianCloud, frames: readonly Frame[]): number {
  const values = frames.map(({ camera, image }) =>
    computePsnr({ ...image, data: Float32Array.from(renderCloud(cloud, camera).rgb) }, image),
  );
  return Number((values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(2));
}

for (const seed of seeds.length > 0 ? seeds.map(Number) : [3]) {
  const scene = createTeacherScene(seed);
  const measure = async (train: () => ReturnType<typeof trainCloud>) => {
    const start = performance.now();
    const { cloud } = await train();
    const sec = Number(((performance.now() - start) / 1000).toFixed(2));
    const { train: own, interpolated, translated, rotated } = scene;
    const scores = { train: own, interpolated, translated, rotated };
    return {
      sec,
      ...Object.fromEntries(Object.entries(scores).map(([name, frames]) => [name, meanPsnr(cloud, frames)])),
    };
  };
  console.log(
    JSON.stringify({
      seed,
      gpu: await measure(() => trainOnGpu(device, scene.student, scene.train, options, createRng(1))),
      cpu: await measure(() => trainCloud(scene.student, scene.train, options, createRng(1))),
    }),
  );
}
device.destroy();
