/** Milliseconds of every group of kernels of a training step and of a frame, on random clouds.
 *  Usage: node bench/gpu/kernel-times.ts [width height [count …]] — one JSON line a cloud size; `--dump folder` also writes the inputs and
 *  results that torch-peers.py compares itself with. `--max-binding-mib 64` binds no buffer above that size, as a small adapter would: an
 *  image whose pairs do not fit is worked in bands, and only whole frames and steps are timed. */
import { createRng } from '@tenfold/core/base';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createCloud } from '../../src/cloud.ts';
import { createBands, mostPairs, noteTask, roomFor, type Room } from '../../src/gpu/bands.ts';
import { ROW_THREADS } from '../../src/gpu/common-wgsl.ts';
import { openGpuDevice } from '../../src/gpu/device.ts';
import { createCanvas, createLossView, createMatrices } from '../../src/gpu/image-loss.ts';
import { createStorage, readBuffer, runTasks, USAGE, type Task } from '../../src/gpu/kernels.ts';
import { findNodeGpu } from '../../src/gpu/node-gpu.ts';
import { FRAME_BYTES, packFrame, packGeometry, tileGrid } from '../../src/gpu/packing.ts';
import {
  backwardTasks,
  createGradientBuffers,
  createPairBuffers,
  forwardTasks,
  tileBits,
} from '../../src/gpu/splat-passes.ts';
import { packStep } from '../../src/gpu/step-order.ts';
import { RECORD_HEAD, STEP_BYTES } from '../../src/gpu/step-wgsl.ts';
import { createTrainingState } from '../../src/gpu/training-state.ts';
import { updateTasks } from '../../src/gpu/update-tasks.ts';
import { resolveRenderOptions } from '../../src/splat/options.ts';
import { resolveSchedule } from '../../src/train/schedule.ts';
import type { Frame, GaussianCloud, PinholeCamera } from '../../src/types.ts';

const SH_DEGREE = 3;
const ROUNDS = 7;

const MIB = 2 ** 20;
const { values: flags, positionals } = parseArgs({
  options: { dump: { type: 'string' }, 'max-binding-mib': { type: 'string' } },
  allowPositionals: true,
});
const dumpFolder = flags.dump;
const maxBindingBytes = flags['max-binding-mib'] === undefined ? undefined : MIB * Number(flags['max-binding-mib']);
const [widthPx = 1280, heightPx = 720, ...counts] = positionals.map(Number);
const camera: PinholeCamera = {
  widthPx,
  heightPx,
  fx: 0.8 * widthPx,
  fy: 0.8 * widthPx,
  cx: widthPx / 2,
  cy: heightPx / 2,
  rotation: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
  translation: new Float64Array(3),
};

/** Gaussians all over the view, 2 to 12 m away; their size on the screen falls with the root of their number, as surfaces are covered. */
function randomCloud(count: number): GaussianCloud {
  const rng = createRng(7, 'gpu bench');
  const cloud = createCloud(count, SH_DEGREE);
  const size = 0.004 * Math.sqrt(100_000 / count);
  for (let i = 0; i < count; i++) {
    const z = 2 + 10 * rng.uniform();
    const span = z * 1.25;
    cloud.means.set([span * (rng.uniform() - 0.5), span * (heightPx / widthPx) * (rng.uniform() - 0.5), z], 3 * i);
    for (let k = 0; k < 4; k++) cloud.quats[4 * i + k] = rng.normal();
    for (let k = 0; k < 3; k++) cloud.logScales[3 * i + k] = Math.log(size * z) + 0.7 * rng.normal();
    cloud.opacityLogits[i] = 1.5 * rng.normal();
  }
  for (let k = 0; k < cloud.sh.length; k++) cloud.sh[k] = (k % 48 < 3 ? 0.8 : 0.1) * rng.normal();
  return cloud;
}

const { device, adapterName } = await openGpuDevice(await findNodeGpu(), { maxBindingBytes });
console.log(JSON.stringify({ adapterName, hasSubgroups: device.features.has('subgroups'), widthPx, heightPx }));

/** Median over rounds of the time of `repeats` runs, in one pass each. */
async function msOf(tasks: readonly Task[], repeats: number, before?: (encoder: GPUCommandEncoder) => void) {
  const times: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    await device.queue.onSubmittedWorkDone();
    const start = performance.now();
    const encoder = device.createCommandEncoder();
    for (let k = 0; k < repeats; k++) {
      before?.(encoder);
      const pass = encoder.beginComputePass();
      runTasks(pass, tasks);
      pass.end();
    }
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    if (round > 0) times.push((performance.now() - start) / repeats);
  }
  return Number(times.toSorted((a, b) => a - b)[ROUNDS >> 1]!.toFixed(4));
}

const rng = createRng(9, 'photograph');
const photograph: Frame = {
  name: 'random',
  camera,
  image: {
    widthPx,
    heightPx,
    data: Float32Array.from({ length: 3 * widthPx * heightPx }, () => Math.round(255 * rng.uniform()) / 255),
  },
};
const isSlow = adapterName.includes('SwiftShader');
for (const count of counts.length > 0 ? counts : [100_000]) {
  const cloud = randomCloud(count);
  const frame = device.createBuffer({ size: FRAME_BYTES, usage: USAGE.uniform });
  const step = device.createBuffer({ size: STEP_BYTES, usage: USAGE.uniform });
  const records = createStorage(device, 4 * (RECORD_HEAD + 1), 'records');
  using state = createTrainingState(device, count, SH_DEGREE);
  const { rows } = state;
  using canvas = createCanvas(device, widthPx, heightPx);
  using matrices = createMatrices(device, 1);
  using view = createLossView(device, photograph, canvas, { frame, step, records, matrices, hasExposure: false });
  device.queue.writeBuffer(rows.geom, 0, packGeometry(cloud));
  device.queue.writeBuffer(rows.sh, 0, Float32Array.from(cloud.sh));
  const options = resolveRenderOptions({}, SH_DEGREE);
  const schedule = resolveSchedule([photograph], { numSteps: 30_000 });
  const numPixels = widthPx * heightPx;
  // Rates so small that repeated steps leave the cloud as it is.
  const tiny = 1e-12;
  const still = {
    ...schedule,
    rates: { means: tiny, quats: tiny, logScales: tiny, opacityLogits: tiny, shConstant: tiny, shRest: tiny },
  };
  const order = { step: 5000, frameIndex: 0, visit: 100 };
  device.queue.writeBuffer(
    step,
    0,
    packStep(order, { schedule: still, options: { numSteps: 30_000 }, noiseSeed: 0 }, 0, numPixels, numPixels),
  );
  const setCapacity = (capacity: number) =>
    device.queue.writeBuffer(frame, 0, packFrame(camera, options, count, rows.numStored, capacity));
  const runOnce = (tasks: readonly Task[]) => {
    const encoder = device.createCommandEncoder();
    encoder.clearBuffer(canvas.image.ranges);
    const pass = encoder.beginComputePass();
    runTasks(pass, tasks);
    pass.end();
    device.queue.submit([encoder.finish()]);
  };
  const tileRows = tileGrid(camera)[1];
  const most = mostPairs(device, true);
  /** Pairs of every band. */
  const countPairs = async ({ capacity, bandRows }: Room): Promise<readonly number[]> => {
    using few = createPairBuffers(device, rows, capacity, tileBits(camera));
    using counted = createBands(device, tileRows, bandRows);
    const noted = createStorage(device, 4 * tileRows, 'pairs of bands');
    const scene = { frame, rows, pairs: few, image: canvas.image, bands: counted };
    setCapacity(capacity);
    runOnce(forwardTasks(device, scene, (band) => [noteTask(device, scene, noted, band)]));
    const numPairs = [...new Uint32Array(await readBuffer(device, noted, 4 * counted.list.length))];
    noted.destroy();
    return numPairs;
  };
  // The first frame only counts the pairs.
  let room: Room = { capacity: Math.min(most, 4096), bandRows: Infinity };
  let pairsOfBands = await countPairs(room);
  while (Math.max(...pairsOfBands) > room.capacity) {
    room = roomFor(room, Math.max(...pairsOfBands), tileRows, most);
    pairsOfBands = await countPairs(room);
  }
  const { capacity, bandRows } = room;
  const numPairs = pairsOfBands.reduce((sum, value) => sum + value, 0);
  const hasBands = pairsOfBands.length > 1;
  using pairs = createPairBuffers(device, rows, capacity, tileBits(camera));
  using bands = createBands(device, tileRows, bandRows);
  using gradients = createGradientBuffers(device, rows, { numPairs: capacity, hasBands, hasHarmonics: false });
  setCapacity(capacity);
  const scene = { frame, rows, pairs, image: canvas.image, bands };
  const forward = forwardTasks(device, scene);
  const backward = backwardTasks(device, scene, gradients, true);
  const update = updateTasks(device, { frame, step, records }, state, gradients, false);
  const labelled = (tasks: readonly Task[], ...labels: string[]) => tasks.filter(({ label }) => labels.includes(label));
  runOnce([...forward, ...view.tasks, ...backward, ...update]);
  const repeats = isSlow ? 1 : 10;
  const clear = (encoder: GPUCommandEncoder) => encoder.clearBuffer(canvas.image.ranges);
  // Sorted keys sort as fast as others here: every round moves every key. The parts of a banded step work on what the band before them
  // left, so that alone they are not what they are in the step.
  const parts = async () => ({
    project: await msOf(labelled(forward, 'project'), repeats),
    depthSort: await msOf(rows.depthSort.tasks, repeats),
    bin: await msOf(
      [...labelled(forward, 'order counts'), ...rows.offsetScan.tasks, ...labelled(forward, 'emit pairs')],
      repeats,
    ),
    tileSort: await msOf(pairs.sort.tasks, repeats),
    ranges: await msOf(labelled(forward, 'tile ranges'), repeats),
    composite: await msOf(labelled(forward, 'composite'), repeats),
    ssimLoss: await msOf(view.tasks, repeats),
    compositeGradient: await msOf(labelled(backward, 'composite gradient'), repeats),
    projectGradient: await msOf(labelled(backward, 'project gradient'), repeats),
    adam: await msOf(update, repeats),
  });
  const ms = {
    ...(hasBands ? {} : await parts()),
    frame: await msOf(forward, repeats, clear),
    step: await msOf([...forward, ...view.tasks, ...backward, ...update], repeats, clear),
  };
  console.log(
    JSON.stringify({ count, numPairs, bands: pairsOfBands.length, tiles: tileGrid(camera), threads: ROW_THREADS, ms }),
  );
  if (dumpFolder) await dump(dumpFolder, count);

  async function dump(folder: string, numRows: number): Promise<void> {
    mkdirSync(folder, { recursive: true });
    runOnce([...forward, ...view.tasks]);
    const write = async (name: string, buffer: GPUBuffer, numBytes: number) =>
      writeFileSync(join(folder, `${name}.bin`), new Uint8Array(await readBuffer(device, buffer, numBytes)));
    await write('geom', rows.geom, 44 * numRows);
    await write('sh', rows.sh, 192 * numRows);
    await write('proj', rows.proj, 64 * numRows);
    await write('image', canvas.image.image, 16 * numPixels);
    await write('image-gradient', canvas.image.gradient, 16 * numPixels);
    await write('loss', records, 4 * (RECORD_HEAD + 1));
    writeFileSync(join(folder, 'photograph.bin'), photograph.image.data);
    const { fx, fy, cx, cy } = camera;
    writeFileSync(
      join(folder, 'case.json'),
      JSON.stringify({ count: numRows, widthPx, heightPx, fx, fy, cx, cy, lossAt: RECORD_HEAD, ms }),
    );
  }
  for (const buffer of [frame, step, records]) buffer.destroy();
}
device.destroy();
