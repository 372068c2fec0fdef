/** Draws and trains with and without a low limit of the adapter and prints one JSON line a case: whether bands change a bit, and what is
 *  said where nothing can be split. A process of its own, like gpu-program.ts. */
import { createRng } from '@tenfold/core/base';
import { scaledIntrinsics } from '../src/camera.ts';
import { createCloud } from '../src/cloud.ts';
import { openGpuDevice } from '../src/gpu/device.ts';
import { trainOnGpu } from '../src/gpu/gpu-trainer.ts';
import { limitBindings } from '../src/gpu/kernels.ts';
import { findNodeGpu } from '../src/gpu/node-gpu.ts';
import { createGpuRenderer } from '../src/gpu/renderer.ts';
import type { GpuTrainOptions } from '../src/gpu/workbench.ts';
import { renderCloud } from '../src/splat/render.ts';
import { createTeacherScene } from '../src/train/teacher.ts';
import {
  PARAMETER_KINDS,
  type CloudGradients,
  type Frame,
  type GaussianCloud,
  type PinholeCamera,
} from '../src/types.ts';

const camera: PinholeCamera = {
  widthPx: 40,
  heightPx: 72,
  fx: 50,
  fy: 52,
  cx: 20,
  cy: 36,
  rotation: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
  translation: new Float64Array(3),
};

function randomCloud(count: number, shDegree: number, logScale: number): GaussianCloud {
  const rng = createRng(count, 'bands');
  const cloud = createCloud(count, shDegree);
  for (let i = 0; i < count; i++) {
    cloud.means.set([1.2 * rng.normal(), 2 * rng.normal(), 4 + 2 * rng.uniform()], 3 * i);
    for (let k = 0; k < 4; k++) cloud.quats[4 * i + k] = rng.normal();
    for (let k = 0; k < 3; k++) cloud.logScales[3 * i + k] = logScale + 0.6 * rng.normal();
    cloud.opacityLogits[i] = 2 * rng.normal() - 2;
  }
  for (let k = 0; k < cloud.sh.length; k++) cloud.sh[k] = 0.4 * rng.normal();
  return cloud;
}

const isSameArray = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  a.length === b.length && Array.from(a).every((value, k) => value === b[k]);
const isSameCloud = (a: CloudGradients, b: CloudGradients) =>
  PARAMETER_KINDS.every((kind) => isSameArray(a[kind], b[kind]));
const print = (line: object) => console.log(JSON.stringify(line));
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => 'nothing',
    (cause: Error) => cause.message,
  );

/** Holds the images of the drawings and the rows, and gradients of 1,117 pairs. */
const SMALL = 48 * 1024;
/** Holds 310 Gaussians of degree 1, images of 20 × 64, and gradients of 465 pairs. */
const SMALLER = 20 * 1024;
const { device } = await openGpuDevice(await findNodeGpu(), { maxBindingBytes: SMALL });
print({ kind: 'rows', text: await refusal(createGpuRenderer(device, randomCloud(300, 3, 0))) });

{
  const cloud = randomCloud(500, 1, -1.2);
  const options = { background: [0.2, 0.4, 0.6] } as const;
  const draw = async (limit: number) => {
    limitBindings(device, limit);
    using renderer = await createGpuRenderer(device, cloud);
    const first = await renderer.render(camera, options);
    const before = await renderer.readImage();
    const rng = createRng(1, 'gradients');
    const byRgb = Float32Array.from(before.rgb, () => rng.normal());
    const byAlpha = Float32Array.from(before.transmittance, () => rng.normal());
    const gradients = await renderer.gradient(byRgb, byAlpha);
    const again = await renderer.gradient(byRgb, byAlpha);
    const second = await renderer.render(camera, options);
    const after = await renderer.readImage();
    return { first, second, before, after, gradients, again };
  };
  const [a, b] = [await draw(Infinity), await draw(SMALL)];
  print({
    kind: 'drawing',
    numPairs: [a.first.numPairs, b.first.numPairs, b.second.numPairs],
    bands: [a.second.numBands, b.first.numBands, b.second.numBands],
    isSameImage: [b.before, b.after].every(
      ({ rgb, transmittance }) => isSameArray(rgb, a.before.rgb) && isSameArray(transmittance, a.before.transmittance),
    ),
    isSomething: a.gradients.means.some((value) => value !== 0) && a.before.rgb.some((value) => value > 0.7),
    isSameGradient: [b.gradients, b.again].every((found) => isSameCloud(a.gradients, found)),
  });
}

{
  // So many, so wide, and tiles so little used that even the lists take bands.
  const narrow = { ...camera, widthPx: 18, heightPx: 146, cx: 9, cy: 73 };
  const cloud = randomCloud(760, 0, 1.8);
  const draw = async (limit: number) => {
    limitBindings(device, limit);
    using renderer = await createGpuRenderer(device, cloud);
    return { ...(await renderer.render(narrow)), ...(await renderer.readImage()) };
  };
  const [a, b] = [await draw(Infinity), await draw(SMALL)];
  print({
    kind: 'lists',
    numPairs: [a.numPairs, b.numPairs],
    bands: [a.numBands, b.numBands],
    isSameImage: isSameArray(a.rgb, b.rgb) && isSameArray(a.transmittance, b.transmittance),
  });
}

const scene = createTeacherScene(5, 250);
/** Two sizes, a third of the pixels does not count. */
const frames: readonly Frame[] = scene.train.slice(0, 5).map((frame, index) => {
  const [widthPx, heightPx] = index === 2 ? [40, 32] : [20, 64];
  const view = { ...frame.camera, ...scaledIntrinsics(frame.camera, widthPx, heightPx) };
  const data = Float32Array.from(renderCloud(scene.teacher, view).rgb, (value) => Math.min(1, value));
  const staticMask = Uint8Array.from({ length: widthPx * heightPx }, (_, p) => (p % 32 < 11 ? 0 : 1));
  return { ...frame, camera: view, image: { widthPx, heightPx, data }, staticMask };
});
const options: GpuTrainOptions = {
  numSteps: 30,
  degreeEvery: 10,
  refineStart: 10,
  refineEvery: 10,
  refineEnd: 25,
  cap: 310,
  gradientThreshold: 1e-4,
  opacityResetEvery: 22,
  hasExposure: true,
};
const train = (limit: number, extra: Partial<GpuTrainOptions> = {}) => {
  limitBindings(device, limit);
  return trainOnGpu(device, scene.student, frames, { ...options, ...extra }, createRng(3));
};
const wanted = await train(Infinity);
// Steps whose pairs do not fit the largest buffer halt themselves and are repeated in bands.
const found = await train(SMALLER);
print({
  kind: 'training',
  counts: [scene.student.count, wanted.cloud.count, found.cloud.count],
  bands: [wanted.numBands, found.numBands],
  isSame:
    isSameCloud(wanted.cloud, found.cloud) &&
    isSameArray(wanted.losses, found.losses) &&
    isSameArray(wanted.exposures!, found.exposures!),
});

limitBindings(device, SMALL);
/** Four tiles in one row: there is nothing to split. */
const flat = { ...camera, widthPx: 64, heightPx: 16, cx: 32, cy: 8 };
using renderer = await createGpuRenderer(device, randomCloud(760, 0, 1.2));
await renderer.render(flat);
print({ kind: 'row', text: await refusal(renderer.gradient(new Float32Array(3 * 64 * 16))) });
print({ kind: 'image', text: await refusal(renderer.render({ ...camera, widthPx: 80 })) });
print({ kind: 'cap', text: await refusal(train(SMALL, { cap: 800 })) });
device.destroy();
