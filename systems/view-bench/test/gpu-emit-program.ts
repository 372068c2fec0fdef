/** Gives the kernel that emits pairs more and fewer tiles than a Gaussian touches, as a count that was rounded otherwise would, and prints
 *  what it wrote. A process of its own, like gpu-program.ts. */
import { PROJ_STRIDE } from '../src/gpu/common-wgsl.ts';
import { openGpuDevice } from '../src/gpu/device.ts';
import { EMIT_WGSL } from '../src/gpu/forward-wgsl.ts';
import { createKernel, createStorage, createTask, createUniform, readBuffer, runTasks } from '../src/gpu/kernels.ts';
import { findNodeGpu } from '../src/gpu/node-gpu.ts';
import { packFrame, tileGrid } from '../src/gpu/packing.ts';
import { resolveRenderOptions } from '../src/splat/options.ts';

/** 5 × 5 tiles. The circle around their middle touches all but the corners. */
const camera = {
  widthPx: 80,
  heightPx: 80,
  fx: 80,
  fy: 80,
  cx: 40,
  cy: 40,
  rotation: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
  translation: new Float64Array(3),
};
const RADIUS_PX = 30;
const NUM_TILES = 25;
/** One Gaussian for every count from none to all tiles. */
const counts = Array.from({ length: NUM_TILES + 1 }, (_, count) => count);
const offsets = Uint32Array.from([...counts, 0], (_, i) => counts.slice(0, i).reduce((sum, count) => sum + count, 0));
const total = offsets.at(-1)!;
const proj = new Float32Array(PROJ_STRIDE * counts.length);
for (const i of counts) {
  const row = proj.subarray(PROJ_STRIDE * i);
  row.set([40, 40, 1, 0, 1]);
  row.set([RADIUS_PX ** 2, RADIUS_PX, RADIUS_PX, 1], 10);
}

const { device } = await openGpuDevice(await findNodeGpu());
const storage = (label: string, data: Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>) => {
  const buffer = createStorage(device, data.byteLength, label);
  device.queue.writeBuffer(buffer, 0, data);
  return buffer;
};
const FREE = 0xffffffff;
const room = () => new Uint32Array(total + 8).fill(FREE);
const options = resolveRenderOptions({}, 0);
const [tileKeys, owners] = [storage('tile keys', room()), storage('owners', room())];
const task = createTask(
  device,
  createKernel(device, EMIT_WGSL, 'emit pairs'),
  [
    createUniform(device, packFrame(camera, options, counts.length, 1, total + 8)),
    storage('ids', Uint32Array.from(counts)),
    storage('offsets', offsets),
    storage('projection', proj),
    tileKeys,
    storage('pairs', room()),
    owners,
    storage('first pairs', new Uint32Array(counts.length)),
    createUniform(device, Uint32Array.of(0, tileGrid(camera)[1], 0, 0).buffer),
  ],
  1,
);
const encoder = device.createCommandEncoder();
const pass = encoder.beginComputePass();
runTasks(pass, [task]);
pass.end();
device.queue.submit([encoder.finish()]);
const [keys, found] = [
  new Uint32Array(await readBuffer(device, tileKeys, 4 * (total + 8))),
  new Uint32Array(await readBuffer(device, owners, 4 * (total + 8))),
];
const CORNERS = [0, 4, 20, 24];
console.log(
  JSON.stringify({
    isEachInItsPlace: counts.every((i) => found.subarray(offsets[i], offsets[i + 1]).every((owner) => owner === i)),
    isEachTileOnce: counts.every((i) => new Set(keys.subarray(offsets[i], offsets[i + 1])).size === counts[i]),
    isNothingBehind: found.subarray(total).every((owner) => owner === FREE),
    /** Of counts that leave room for every touched tile. */
    missed: counts
      .filter((count) => count >= NUM_TILES - CORNERS.length)
      .map((count) => {
        const tiles = new Set(keys.subarray(offsets[count], offsets[count + 1]));
        return Array.from({ length: NUM_TILES }, (_, tile) => tile).filter(
          (tile) => !CORNERS.includes(tile) && !tiles.has(tile),
        ).length;
      }),
  }),
);
device.destroy();
