/** Rendering on the GPU: the same projection, lists and compositing as on the CPU, and its gradient. */
import { resolveRenderOptions, type RenderOptions, type ResolvedRenderOptions } from '../splat/options.ts';
import type { CloudGradients, GaussianCloud, PinholeCamera } from '../types.ts';
import { createBands, firstRoom, mostPairs, noteTask, roomFor, type Room } from './bands.ts';
import { GEOM_STRIDE } from './common-wgsl.ts';
import { createStorage, readBuffer, runTasks, USAGE, withAllocationCheck, type Task } from './kernels.ts';
import { FRAME_BYTES, packFrame, packGeometry, tileGrid, unpackCloud } from './packing.ts';
import {
  backwardTasks,
  createGradientBuffers,
  createImageBuffers,
  createPairBuffers,
  createRowBuffers,
  forwardTasks,
  tileBits,
  type Scene,
} from './splat-passes.ts';

export interface GpuRendering {
  /** Pairs of tiles and Gaussians. */
  readonly numPairs: number;
  /** Bands of tile rows that the image was drawn in: one, if all pairs fit a buffer. */
  readonly numBands: number;
}

export interface GpuRenderer extends Disposable {
  /** Renders; the image stays on the GPU until the next call. @throws TF-VIEW-012 if buffers do not fit */
  render(camera: PinholeCamera, options?: RenderOptions): Promise<GpuRendering>;
  /** Colours and transmittance of the last rendering on the host. */
  readImage(): Promise<{ readonly rgb: Float32Array; readonly transmittance: Float32Array }>;
  /** The last rendering as 8-bit RGBA rows from the top, for a canvas. */
  readPixels(): Promise<Uint8ClampedArray<ArrayBuffer>>;
  /** Gradient by the cloud of the last rendering. @param rgb  [H, W, 3] @param alpha  [H, W] by the coverage */
  gradient(rgb: Float32Array, alpha?: Float32Array): Promise<CloudGradients>;
}

/** What was drawn last. */
interface Drawing {
  readonly camera: PinholeCamera;
  readonly options: ResolvedRenderOptions;
  /** Pairs of every band. */
  readonly noted: Uint32Array;
  /** Most of them. */
  readonly fullest: number;
}

/** What depends on the image's size and the room. */
interface Setting extends Scene, Disposable {
  readonly room: Room;
  readonly noted: GPUBuffer;
  readonly tasks: readonly Task[];
}

/** Uploads a cloud. Mutates: nothing on the host. */
export async function createGpuRenderer(device: GPUDevice, cloud: GaussianCloud): Promise<GpuRenderer> {
  const { count, shDegree } = cloud;
  const frame = device.createBuffer({ size: FRAME_BYTES, usage: USAGE.uniform, label: 'frame' });
  const rows = await withAllocationCheck(device, 'createGpuRenderer', () => createRowBuffers(device, count, shDegree));
  device.queue.writeBuffer(rows.geom, 0, packGeometry(cloud));
  device.queue.writeBuffer(rows.sh, 0, Float32Array.from(cloud.sh));
  let setting: Setting | undefined;
  let room: Room = firstRoom(count, mostPairs(device, false));
  let last: Drawing | undefined;

  const prepare = async ({ widthPx, heightPx }: PinholeCamera): Promise<Setting> => {
    const isKept = setting?.room === room && setting.image.widthPx === widthPx && setting.image.heightPx === heightPx;
    if (setting && isKept) return setting;
    setting?.[Symbol.dispose]();
    setting = undefined;
    return withAllocationCheck(device, 'render', () => {
      const image = createImageBuffers(device, widthPx, heightPx);
      const pairs = createPairBuffers(device, rows, room.capacity, tileBits({ widthPx, heightPx }));
      const bands = createBands(device, tileGrid({ widthPx, heightPx })[1], room.bandRows);
      const noted = createStorage(device, 4 * bands.list.length, 'pairs of bands');
      const scene: Scene = { frame, rows, pairs, image, bands };
      return {
        ...scene,
        room,
        noted,
        tasks: forwardTasks(device, scene, (band) => [noteTask(device, scene, noted, band)]),
        [Symbol.dispose]() {
          for (const value of [image, pairs, bands]) value[Symbol.dispose]();
          noted.destroy();
        },
      };
    });
  };

  const run = (tasks: readonly Task[], cleared?: GPUBuffer) => {
    const encoder = device.createCommandEncoder();
    if (cleared) encoder.clearBuffer(cleared);
    const pass = encoder.beginComputePass();
    runTasks(pass, tasks);
    pass.end();
    device.queue.submit([encoder.finish()]);
  };

  /** Too many pairs for the buffers: nothing is cut off, the frame is drawn again with room for all, in bands where they fit no other way.
   *  @param most  pairs that a band may hold */
  const draw = async (camera: PinholeCamera, options: ResolvedRenderOptions, most: number): Promise<Drawing> => {
    for (;;) {
      const current = (setting = await prepare(camera));
      const { pairs, bands, image, tasks } = current;
      device.queue.writeBuffer(frame, 0, packFrame(camera, options, count, rows.numStored, pairs.capacity));
      run(tasks, image.ranges);
      const noted = new Uint32Array(await readBuffer(device, current.noted, 4 * bands.list.length));
      const fullest = noted.reduce((a, b) => Math.max(a, b), 0);
      if (fullest <= Math.min(pairs.capacity, most)) return { camera, options, noted, fullest };
      room = roomFor(room, fullest, bands.list.at(-1)!.end, most);
    }
  };

  return {
    async render(camera, options = {}) {
      last = await draw(camera, resolveRenderOptions(options, shDegree), mostPairs(device, false));
      const { noted } = last;
      return { numPairs: noted.reduce((sum, value) => sum + value, 0), numBands: noted.length };
    },
    async readImage() {
      const { widthPx, heightPx } = last!.camera;
      const numPixels = widthPx * heightPx;
      const data = new Float32Array(await readBuffer(device, setting!.image.image, 16 * numPixels));
      return {
        rgb: Float32Array.from({ length: 3 * numPixels }, (_, k) => data[4 * Math.floor(k / 3) + (k % 3)]),
        transmittance: Float32Array.from({ length: numPixels }, (_, p) => data[4 * p + 3]),
      };
    },
    async readPixels() {
      const { widthPx, heightPx } = last!.camera;
      const data = new Float32Array(await readBuffer(device, setting!.image.image, 16 * widthPx * heightPx));
      const pixels = new Uint8ClampedArray(data.length);
      for (let k = 0; k < data.length; k++) pixels[k] = (k & 3) === 3 ? 255 : 255 * data[k];
      return pixels;
    },
    async gradient(rgb, alpha) {
      // Gradients take more room than lists: what was drawn in one piece may have to be drawn in bands, which gives the same image.
      const most = mostPairs(device, true);
      if (last!.fullest > most) last = await draw(last!.camera, last!.options, most);
      const { camera, noted, fullest } = last!;
      const { image } = setting!;
      const numPixels = camera.widthPx * camera.heightPx;
      const byImage = new Float32Array(4 * numPixels);
      for (let p = 0; p < numPixels; p++) {
        byImage.set(rgb.subarray(3 * p, 3 * p + 3), 4 * p);
        byImage[4 * p + 3] = alpha?.[p] ?? 0;
      }
      device.queue.writeBuffer(image.gradient, 0, byImage);
      const needs = { numPairs: fullest, hasBands: noted.length > 1, hasHarmonics: true };
      using gradients = await withAllocationCheck(device, 'gradient', () => createGradientBuffers(device, rows, needs));
      run(backwardTasks(device, setting!, gradients, false));
      const geometry = new Float32Array(await readBuffer(device, gradients.geom, 4 * GEOM_STRIDE * count));
      const harmonics = new Float32Array(await readBuffer(device, gradients.sh!, 12 * rows.numStored * count));
      return unpackCloud(geometry, harmonics, count, shDegree);
    },
    [Symbol.dispose]() {
      setting?.[Symbol.dispose]();
      rows[Symbol.dispose]();
      frame.destroy();
    },
  };
}
