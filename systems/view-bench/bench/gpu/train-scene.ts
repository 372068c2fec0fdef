/** Trains a scene folder on the GPU and scores training and held-out views: time, PSNR, SSIM, one JSON line a configuration.
 *  Usage: node bench/gpu/train-scene.ts folder [steps [maxWidth [configuration …]]] — configurations: adaptive, absgrad, mcmc, each with
 *  `+dense` (start points swept between training views), `+exposure` (held-out views get the colour matrix of their neighbours),
 *  `+antialiased` or `@cap`, as in `mcmc+exposure@60000`. Every 8th image is held out where no list says otherwise; views that lean
 *  more than 25° are left out, as in the verb `train`. `--degree` is that of the harmonics, 3 by default. `--max-binding-mib 4` binds no
 *  buffer above that size, as a small adapter would: the same losses and parameters, in bands. */
import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { createRng } from '@tenfold/core/base';
import { openGpuDevice } from '../../src/gpu/device.ts';
import { trainOnGpu } from '../../src/gpu/gpu-trainer.ts';
import { findNodeGpu } from '../../src/gpu/node-gpu.ts';
import { createGpuRenderer } from '../../src/gpu/renderer.ts';
import { loadScene } from '../../src/io/load-scene.ts';
import { computeMeanSsim, computePsnr } from '../../src/metrics/image-metrics.ts';
import { leaveOutLeaning } from '../../src/pose-check.ts';
import { addDensePoints } from '../../src/train/dense-start.ts';
import { exposedColors, exposureAt } from '../../src/train/exposure.ts';
import { cloudFromPoints } from '../../src/train/initial-cloud.ts';
import type { TrainResult } from '../../src/train/trainer.ts';
import type { Frame, PointCloud, Reals } from '../../src/types.ts';
import type { TrainingParams } from '../../src/params.ts';
import { trainingFromParams } from '../../src/verbs/train-params.ts';

const { values: flags, positionals } = parseArgs({
  options: { 'max-binding-mib': { type: 'string' }, degree: { type: 'string', default: '3' } },
  allowPositionals: true,
});
const [folder = '', steps = '7000', maxWidth = '4096', ...configurations] = positionals;
const limitMib = flags['max-binding-mib'];
const numSteps = Number(steps);
const { device, adapterName } = await openGpuDevice(
  await findNodeGpu(),
  limitMib === undefined ? {} : { maxBindingBytes: 2 ** 20 * Number(limitMib) },
);
const MAX_LEAN_DEG = 25;
const loaded = await loadScene(folder, 'auto', { maxWidthPx: Number(maxWidth), holdEvery: 8 });
const { scene, leaning } = leaveOutLeaning(loaded, MAX_LEAN_DEG);
const frameOf = new Map(scene.frames.map((frame) => [frame.name, frame]));
const framesOf = (names: readonly string[]) => names.map((name) => frameOf.get(name)!);
const trainFrames = framesOf(scene.train);
const { widthPx, heightPx } = scene.frames[0]!.camera;
console.log(
  JSON.stringify({
    adapterName,
    scene: scene.name,
    widthPx,
    heightPx,
    train: scene.train.length,
    heldOut: scene.test,
    leftOut: leaning,
    points: scene.points.positions.length / 3,
  }),
);

const PSNR_DIGITS = 2;
const SEED = 1;

async function scoresOf(training: TrainResult, frames: readonly Frame[], isAntialiased: boolean, hasSsim: boolean) {
  const { cloud, exposures } = training;
  using renderer = await createGpuRenderer(device, cloud);
  const views: { readonly name: string; readonly psnr: number; readonly ssim: number }[] = [];
  for (const { name, camera, image, staticMask } of frames) {
    await renderer.render(camera, { isAntialiased });
    const { rgb } = await renderer.readImage();
    const matrix = exposures && exposureAt(name, camera, trainFrames, exposures);
    const shown = matrix ? exposedColors(rgb, matrix) : rgb;
    const render = { ...image, data: shown.map((value) => Math.min(1, Math.max(0, value))) };
    views.push({
      name,
      psnr: computePsnr(render, image, staticMask),
      ssim: hasSsim ? computeMeanSsim(render, image, { mask: staticMask }) : NaN,
    });
  }
  const mean = (key: 'psnr' | 'ssim') => views.reduce((sum, view) => sum + view[key], 0) / views.length;
  return {
    psnr: Number(mean('psnr').toFixed(PSNR_DIGITS)),
    ...(hasSsim ? { ssim: Number(mean('ssim').toFixed(4)) } : {}),
    views: views.map(({ name, psnr }) => [name, Number(psnr.toFixed(PSNR_DIGITS))]),
  };
}

function hashOf(...arrays: readonly Reals[]): string {
  const hash = createHash('sha256');
  for (const values of arrays) hash.update(Float64Array.from(values));
  return hash.digest('hex').slice(0, 16);
}

let swept: PointCloud | undefined;
async function densePoints(): Promise<PointCloud> {
  const start = performance.now();
  swept ??= await addDensePoints(scene.points, trainFrames, { widthPx: 160, numDepths: 64, spacingPx: 3 });
  console.log(
    JSON.stringify({
      sweptPoints: swept.positions.length / 3,
      sec: Number(((performance.now() - start) / 1e3).toFixed(1)),
    }),
  );
  return swept;
}

for (const configuration of configurations.length > 0 ? configurations : ['adaptive']) {
  const [kind = '', cap] = configuration.split('@');
  const [strategy, ...switches] = kind.split('+');
  const params: Omit<TrainingParams, 'backend'> = {
    steps: numSteps,
    strategy: strategy as TrainingParams['strategy'],
    cap: Number(cap ?? 200_000),
    degree: Number(flags.degree),
    loss: 'correct',
    ssimWeight: 0.2,
    exposure: switches.includes('exposure'),
    antialiased: switches.includes('antialiased'),
    extent: 0,
    threads: 1,
  };
  const { training } = trainingFromParams(params);
  const points = switches.includes('dense') ? await densePoints() : scene.points;
  const start = performance.now();
  const result = await trainOnGpu(
    device,
    cloudFromPoints(points, params.degree),
    trainFrames,
    training,
    createRng(SEED, 'training'),
  );
  const trainSec = (performance.now() - start) / 1000;
  console.log(
    JSON.stringify({
      configuration,
      numSteps,
      trainSec: Number(trainSec.toFixed(1)),
      msPerStep: Number(((1000 * trainSec) / numSteps).toFixed(2)),
      gaussians: result.cloud.count,
      bands: result.numBands,
      // Equal where two runs are equal to the bit.
      hash: hashOf(result.cloud.means, result.cloud.sh, result.losses),
      lastLoss: result.losses.at(-1),
      train: await scoresOf(result, trainFrames, params.antialiased, false),
      heldOut: await scoresOf(result, framesOf(scene.test), params.antialiased, true),
    }),
  );
}
device.destroy();
