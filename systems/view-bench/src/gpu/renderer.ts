/** Rendering on the GPU: the same projection, lists and compositing as on the CPU, and its gradient. */
import { resolveRenderOptions, type RenderOptions, type ResolvedRenderOptions } from '../splat/options.ts';
import type { CloudGradients, GaussianCloud, PinholeCamera } from '../types.ts';
import { GEOM_STRIDE } from './common-wgsl.ts';
import { readBuffer, runTasks, USAGE, withAllocationCheck, type Task } from './kernels.ts';
import { FRAME_BYTES, packFrame, packGeometry, unpackCloud } from './packing.ts';
import {
  backwardTasks,
  createGradientBuffers,
  createImageBuffers,
  createPairBuffers,
  createRowBuffers,
  forwardTasks,
  tileBits,
  type ImageBuffers,
  type PairBuffers,
} from './splat-passes.ts';

export interface GpuRendering {
  /** Pairs of tiles and Gaussians. */
  readonly numPairs: number;
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

export const FIRST_PAIRS_PER_GAUSSIAN = 6;
export const LEAST_PAIR_CAPACITY = 4096;
/** Room beside the number of pairs that was found, so that the next views fit. */
export const PAIR_SLACK = 1.25;

/** Uploads a cloud. Mutates: nothing on the host. */
export async function createGpuRenderer(device: GPUDevice, cloud: GaussianCloud): Promise<GpuRenderer> {
  const { count, shDegree } = cloud;
  const frame = device.createBuffer({ size: FRAME_BYTES, usage: USAGE.uniform, label: 'frame' });
  const rows = await withAllocationCheck(device, 'createGpuRenderer', () => createRowBuffers(device, count, shDegree));
  device.queue.writeBuffer(rows.geom, 0, packGeometry(cloud));
  device.queue.writeBuffer(rows.sh, 0, Float32Array.from(cloud.sh));
  let image: ImageBuffers | undefined;
  let pairs: PairBuffers | undefined;
  let tasks: readonly Task[] = [];
  let last: { readonly camera: PinholeCamera; readonly numPairs: number } | undefined;

  const prepare = (camera: PinholeCamera, capacity: number) =>
    withAllocationCheck(device, 'render', () => {
      const { widthPx, heightPx } = camera;
      const numBits = tileBits(camera);
      const isImageKept = image?.widthPx === widthPx && image.heightPx === heightPx;
      const arePairsKept = pairs !== undefined && pairs.capacity >= capacity && pairs.numBits >= numBits;
      if (!isImageKept) {
        image?.[Symbol.dispose]();
        image = createImageBuffers(device, widthPx, heightPx);
      }
      if (!arePairsKept) {
        pairs?.[Symbol.dispose]();
        pairs = createPairBuffers(device, rows, capacity, numBits);
      }
      if (!isImageKept || !arePairsKept) tasks = forwardTasks(device, frame, rows, pairs!, image!);
      return { image: image!, pairs: pairs! };
    });

  const draw = async (camera: PinholeCamera, options: ResolvedRenderOptions, capacity: number): Promise<number> => {
    const buffers = await prepare(camera, capacity);
    device.queue.writeBuffer(frame, 0, packFrame(camera, options, count, rows.numStored, buffers.pairs.capacity));
    const encoder = device.createCommandEncoder();
    encoder.clearBuffer(buffers.image.ranges);
    const pass = encoder.beginComputePass();
    runTasks(pass, tasks);
    pass.end();
    device.queue.submit([encoder.finish()]);
    return new Uint32Array(await readBuffer(device, rows.offsets, 4, 4 * count))[0];
  };

  return {
    async render(camera, options = {}) {
      const resolved = resolveRenderOptions(options, shDegree);
      let capacity = pairs?.capacity ?? Math.max(LEAST_PAIR_CAPACITY, FIRST_PAIRS_PER_GAUSSIAN * count);
      let numPairs = await draw(camera, resolved, capacity);
      if (numPairs > capacity) {
        // Too many pairs for the buffers: nothing is cut off, the frame is drawn again with room for all.
        capacity = Math.ceil(PAIR_SLACK * numPairs);
        numPairs = await draw(camera, resolved, capacity);
      }
      last = { camera, numPairs };
      return { numPairs };
    },
    async readImage() {
      const { widthPx, heightPx } = last!.camera;
      const numPixels = widthPx * heightPx;
      const data = new Float32Array(await readBuffer(device, image!.image, 16 * numPixels));
      return {
        rgb: Float32Array.from({ length: 3 * numPixels }, (_, k) => data[4 * Math.floor(k / 3) + (k % 3)]),
        transmittance: Float32Array.from({ length: numPixels }, (_, p) => data[4 * p + 3]),
      };
    },
    async readPixels() {
      const { widthPx, heightPx } = last!.camera;
      const data = new Float32Array(await readBuffer(device, image!.image, 16 * widthPx * heightPx));
      const pixels = new Uint8ClampedArray(data.length);
      for (let k = 0; k < data.length; k++) pixels[k] = (k & 3) === 3 ? 255 : 255 * data[k];
      return pixels;
    },
    async gradient(rgb, alpha) {
      const { camera, numPairs } = last!;
      const numPixels = camera.widthPx * camera.heightPx;
      const byImage = new Float32Array(4 * numPixels);
      for (let p = 0; p < numPixels; p++) {
        byImage.set(rgb.subarray(3 * p, 3 * p + 3), 4 * p);
        byImage[4 * p + 3] = alpha?.[p] ?? 0;
      }
      device.queue.writeBuffer(image!.gradient, 0, byImage);
      using gradients = await withAllocationCheck(device, 'gradient', () =>
        createGradientBuffers(device, rows, numPairs, true),
      );
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      runTasks(pass, backwardTasks(device, frame, rows, pairs!, image!, gradients));
      pass.end();
      device.queue.submit([encoder.finish()]);
      const geometry = new Float32Array(await readBuffer(device, gradients.geom, 4 * GEOM_STRIDE * count));
      const harmonics = new Float32Array(await readBuffer(device, gradients.sh!, 12 * rows.numStored * count));
      return unpackCloud(geometry, harmonics, count, shDegree);
    },
    [Symbol.dispose]() {
      image?.[Symbol.dispose]();
      pairs?.[Symbol.dispose]();
      rows[Symbol.dispose]();
      frame.destroy();
    },
  };
}
