/** Compares WGSL with the CPU on random clouds and prints one JSON line a case. Runs as a process of its own, because the drivers of
 *  a machine without a GPU are found through the environment. */
import { createRng } from '@tenfold/core/base';
import { createCloud } from '../src/cloud.ts';
import { openGpuDevice } from '../src/gpu/device.ts';
import { findNodeGpu } from '../src/gpu/node-gpu.ts';
import { createGpuRenderer } from '../src/gpu/renderer.ts';
import { renderCloud, renderGradient } from '../src/splat/render.ts';
import { PARAMETER_KINDS, type GaussianCloud } from '../src/types.ts';

const CAMERA = {
  widthPx: 56,
  heightPx: 40,
  fx: 50,
  fy: 52,
  cx: 27,
  cy: 21,
  rotation: Float64Array.of(0.96, 0, 0.28, 0, 1, 0, -0.28, 0, 0.96),
  translation: Float64Array.of(0.1, -0.2, 0.3),
};

function randomCloud(seed: number, count: number, shDegree: number): GaussianCloud {
  const rng = createRng(seed, 'gpu');
  const cloud = createCloud(count, shDegree);
  for (let i = 0; i < count; i++) {
    cloud.means.set([2 * rng.normal(), 1.5 * rng.normal(), 3 + 3 * rng.uniform()], 3 * i);
    for (let k = 0; k < 4; k++) cloud.quats[4 * i + k] = rng.normal();
    for (let k = 0; k < 3; k++) cloud.logScales[3 * i + k] = -2 + 0.8 * rng.normal();
    cloud.opacityLogits[i] = 2 * rng.normal();
  }
  for (let k = 0; k < cloud.sh.length; k++) cloud.sh[k] = 0.4 * rng.normal();
  return cloud;
}

const { device, adapterName } = await openGpuDevice(await findNodeGpu());
const { device: plainDevice } = await openGpuDevice(await findNodeGpu(), { features: [] });
console.log(JSON.stringify({ adapterName }));
for (const [count, degree, isAntialiased, isPlain] of [
  [1, 0, false, false],
  [60, 3, false, false],
  [60, 1, true, true],
  [200, 2, false, false],
] as const) {
  const cloud = randomCloud(count, count, degree);
  const options = { background: [0.2, 0.4, 0.6], isAntialiased } as const;
  const cpu = renderCloud(cloud, CAMERA, options);
  using renderer = await createGpuRenderer(isPlain ? plainDevice : device, cloud);
  const { numPairs } = await renderer.render(CAMERA, options);
  const { rgb, transmittance } = await renderer.readImage();
  let [numFlipped, worst, worstFlip] = [0, 0, 0];
  for (let p = 0; p < transmittance.length; p++) {
    const error = Math.max(...[0, 1, 2].map((k) => Math.abs(rgb[3 * p + k] - cpu.rgb[3 * p + k])));
    worstFlip = Math.max(worstFlip, error);
    if (error > 1e-4) numFlipped++;
    else worst = Math.max(worst, error);
  }
  const rng = createRng(1, 'gradients');
  const byRgb = Float32Array.from(rgb, () => rng.normal());
  const byAlpha = Float32Array.from(transmittance, () => rng.normal());
  const wanted = renderGradient(cloud, CAMERA, cpu, { rgb: byRgb, alpha: byAlpha });
  const found = await renderer.gradient(byRgb, byAlpha);
  const again = await renderer.gradient(byRgb, byAlpha);
  const errors = PARAMETER_KINDS.map((kind) => {
    let [squares, differences] = [0, 0];
    wanted[kind].forEach((value, k) => {
      squares += value * value;
      differences += (value - found[kind][k]) ** 2;
    });
    return [kind, squares === 0 ? 0 : Math.sqrt(differences / squares)] as const;
  });
  const isRepeated = PARAMETER_KINDS.every((kind) => found[kind].every((value, k) => value === again[kind][k]));
  const isSameList = numPairs === cpu.input.lists.ids.length;
  console.log(
    JSON.stringify({
      count,
      degree,
      numPairs,
      isSameList,
      worst,
      worstFlip,
      flippedShare: numFlipped / transmittance.length,
      errors: Object.fromEntries(errors),
      isRepeated,
    }),
  );
}
device.destroy();
using orphan = await createGpuRenderer(plainDevice, randomCloud(1, 3, 0));
await orphan.render(CAMERA);
plainDevice.destroy();
const text = await orphan.readImage().then(
  () => 'an image',
  (cause: Error) => cause.message,
);
console.log(JSON.stringify({ text }));
