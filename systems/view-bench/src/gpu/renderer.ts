/** Rendering on the GPU: the same projection, lists and compositing as on the CPU, and its gradient. */
import { createCloud, rowWidths } from '../cloud.ts';
import { resolveRenderOptions, type RenderOptions, type ResolvedRenderOptions } from '../splat/options.ts';
import { cameraCenter } from '../splat/project.ts';
import { shCoefficientCount } from '../splat/spherical-harmonics.ts';
import type { CloudGradients, GaussianCloud, PinholeCamera } from '../types.ts';
import { COMPOSITE_GRADIENT_WGSL, PROJECT_GRADIENT_WGSL } from './backward-wgsl.ts';
import { GEOM_STRIDE, PAIR_STRIDE, PROJ_STRIDE, ROW_THREADS, TILE_PX } from './common-wgsl.ts';
import { COMPOSITE_WGSL, EMIT_WGSL, ORDER_COUNTS_WGSL, PROJECT_WGSL, RANGES_WGSL } from './forward-wgsl.ts';
import { createKernel, createStorage, dispatch, readBuffer, USAGE, withAllocationCheck } from './kernels.ts';
import { createSorter, type ScanPlan, type SortPlan } from './sort.ts';

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

const FRAME_BYTES = 36 * 4;
const FIRST_PAIRS_PER_GAUSSIAN = 6;

interface ImageBuffers {
  readonly key: string;
  readonly image: GPUBuffer;
  readonly lasts: GPUBuffer;
  readonly ranges: GPUBuffer;
  readonly gradient: GPUBuffer;
}

interface PairBuffers {
  readonly capacity: number;
  readonly tileKeys: GPUBuffer;
  readonly pairs: GPUBuffer;
  readonly owners: GPUBuffer;
  readonly numBits: number;
  readonly sort: SortPlan;
}

/** Uploads a cloud. Mutates: nothing on the host. */
export async function createGpuRenderer(device: GPUDevice, cloud: GaussianCloud): Promise<GpuRenderer> {
  const { count, shDegree } = cloud;
  const numStored = shCoefficientCount(shDegree);
  const kernels = kernelsOf(device);
  const { sorter } = kernels;
  const frame = device.createBuffer({ size: FRAME_BYTES, usage: USAGE.uniform, label: 'frame' });
  const rows = await withAllocationCheck(device, 'createGpuRenderer', () => {
    const storage = (width: number, label: string) => createStorage(device, 4 * width * (count + 1), label);
    return {
      geom: storage(GEOM_STRIDE, 'geometry'),
      sh: storage(3 * numStored, 'harmonics'),
      proj: storage(PROJ_STRIDE, 'projection'),
      tileCounts: storage(1, 'tile counts'),
      keys: storage(1, 'depth keys'),
      ids: storage(1, 'ids'),
      offsets: storage(1, 'offsets'),
      firstPairs: storage(1, 'first pairs'),
    };
  });
  device.queue.writeBuffer(rows.geom, 0, packGeometry(cloud));
  device.queue.writeBuffer(rows.sh, 0, Float32Array.from(cloud.sh));
  const depthSort = sorter.planSort(rows.keys, rows.ids, count, 32);
  const offsetScan: ScanPlan = sorter.planScan(rows.offsets, count + 1);
  let image: ImageBuffers | undefined;
  let pairs: PairBuffers | undefined;
  let last: { readonly camera: PinholeCamera; readonly numPairs: number } | undefined;

  const destroyImage = () => {
    for (const buffer of image ? [image.image, image.lasts, image.ranges, image.gradient] : []) buffer.destroy();
  };
  const destroyPairs = () => {
    for (const buffer of pairs ? [pairs.tileKeys, pairs.pairs, pairs.owners] : []) buffer.destroy();
    pairs?.sort[Symbol.dispose]();
  };
  const prepare = (camera: PinholeCamera, capacity: number) =>
    withAllocationCheck(device, 'render', () => {
      const { widthPx, heightPx } = camera;
      const key = `${widthPx}x${heightPx}`;
      const numTiles = Math.ceil(widthPx / TILE_PX) * Math.ceil(heightPx / TILE_PX);
      if (image?.key !== key) {
        destroyImage();
        const numPixels = widthPx * heightPx;
        image = {
          key,
          image: createStorage(device, 16 * numPixels, 'image'),
          lasts: createStorage(device, 4 * numPixels, 'last positions'),
          ranges: createStorage(device, 8 * numTiles, 'tile ranges'),
          gradient: createStorage(device, 16 * numPixels, 'image gradient'),
        };
      }
      const numBits = Math.max(1, Math.ceil(Math.log2(numTiles + 1)));
      if (pairs === undefined || pairs.capacity < capacity || pairs.numBits < numBits) {
        destroyPairs();
        const words = (label: string) => createStorage(device, 4 * capacity, label);
        const [tileKeys, values, owners] = [words('tile keys'), words('pairs'), words('owners')];
        const sort = sorter.planSort(tileKeys, values, capacity, numBits, { buffer: rows.offsets, index: count });
        pairs = { capacity, tileKeys, pairs: values, owners, numBits, sort };
      }
      return { image: image!, pairs };
    });

  const rowGroups: readonly [number] = [Math.ceil((count + 1) / ROW_THREADS)];
  const draw = async (camera: PinholeCamera, options: ResolvedRenderOptions, capacity: number): Promise<number> => {
    const buffers = await prepare(camera, capacity);
    const { tileKeys, pairs: values, owners } = buffers.pairs;
    device.queue.writeBuffer(frame, 0, packFrame(camera, options, count, numStored, buffers.pairs.capacity));
    const encoder = device.createCommandEncoder();
    encoder.clearBuffer(buffers.image.ranges);
    const pass = encoder.beginComputePass();
    dispatch(
      pass,
      device,
      kernels.project,
      [frame, rows.geom, rows.sh, rows.proj, rows.tileCounts, rows.keys, rows.ids],
      rowGroups,
    );
    sorter.sort(pass, depthSort);
    dispatch(pass, device, kernels.order, [frame, rows.ids, rows.tileCounts, rows.offsets], rowGroups);
    sorter.scan(pass, offsetScan);
    dispatch(
      pass,
      device,
      kernels.emit,
      [frame, rows.ids, rows.offsets, rows.proj, tileKeys, values, owners, rows.firstPairs],
      rowGroups,
    );
    sorter.sort(pass, buffers.pairs.sort);
    dispatch(
      pass,
      device,
      kernels.ranges,
      [frame, tileKeys, rows.offsets, buffers.image.ranges],
      [Math.ceil(buffers.pairs.capacity / ROW_THREADS)],
    );
    dispatch(
      pass,
      device,
      kernels.composite,
      [frame, rows.proj, values, owners, buffers.image.ranges, buffers.image.image, buffers.image.lasts],
      [Math.ceil(camera.widthPx / TILE_PX), Math.ceil(camera.heightPx / TILE_PX)],
    );
    pass.end();
    device.queue.submit([encoder.finish()]);
    return new Uint32Array(await readBuffer(device, rows.offsets, 4, 4 * count))[0];
  };

  return {
    async render(camera, options = {}) {
      const resolved = resolveRenderOptions(options, shDegree);
      let capacity = pairs?.capacity ?? Math.max(4096, FIRST_PAIRS_PER_GAUSSIAN * count);
      let numPairs = await draw(camera, resolved, capacity);
      if (numPairs > capacity) {
        // Too many pairs for the buffers: nothing is cut off, the frame is drawn again with room for all.
        capacity = Math.ceil(1.25 * numPairs);
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
      const { pairGradient, geomGradient, shGradient } = await withAllocationCheck(device, 'gradient', () => ({
        pairGradient: createStorage(device, 4 * PAIR_STRIDE * numPairs, 'pair gradients'),
        geomGradient: createStorage(device, 4 * GEOM_STRIDE * count, 'geometry gradients'),
        shGradient: createStorage(device, 12 * numStored * count, 'harmonics gradients'),
      }));
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      dispatch(
        pass,
        device,
        kernels.compositeGradient,
        [
          frame,
          rows.proj,
          pairs!.pairs,
          pairs!.owners,
          image!.ranges,
          image!.image,
          image!.lasts,
          image!.gradient,
          pairGradient,
        ],
        [Math.ceil(camera.widthPx / TILE_PX), Math.ceil(camera.heightPx / TILE_PX)],
      );
      dispatch(
        pass,
        device,
        kernels.projectGradient,
        [
          frame,
          rows.geom,
          rows.sh,
          rows.proj,
          rows.tileCounts,
          rows.firstPairs,
          pairGradient,
          geomGradient,
          shGradient,
        ],
        rowGroups,
      );
      pass.end();
      device.queue.submit([encoder.finish()]);
      const geometry = new Float32Array(await readBuffer(device, geomGradient, 4 * GEOM_STRIDE * count));
      const harmonics = new Float32Array(await readBuffer(device, shGradient, 12 * numStored * count));
      for (const buffer of [pairGradient, geomGradient, shGradient]) buffer.destroy();
      return { ...unpackGeometry(geometry, count, shDegree), sh: harmonics };
    },
    [Symbol.dispose]() {
      destroyImage();
      destroyPairs();
      depthSort[Symbol.dispose]();
      offsetScan[Symbol.dispose]();
      for (const buffer of [frame, ...Object.values(rows)]) buffer.destroy();
    },
  };
}

/** Compiled once a device. */
const KERNELS = new WeakMap<GPUDevice, ReturnType<typeof compileKernels>>();

function kernelsOf(device: GPUDevice): ReturnType<typeof compileKernels> {
  const known = KERNELS.get(device);
  if (known) return known;
  const compiled = compileKernels(device);
  KERNELS.set(device, compiled);
  return compiled;
}

function compileKernels(device: GPUDevice) {
  return {
    sorter: createSorter(device),
    project: createKernel(device, PROJECT_WGSL, 'project'),
    order: createKernel(device, ORDER_COUNTS_WGSL, 'order counts'),
    emit: createKernel(device, EMIT_WGSL, 'emit pairs'),
    ranges: createKernel(device, RANGES_WGSL, 'tile ranges'),
    composite: createKernel(device, COMPOSITE_WGSL, 'composite'),
    compositeGradient: createKernel(device, COMPOSITE_GRADIENT_WGSL, 'composite gradient'),
    projectGradient: createKernel(device, PROJECT_GRADIENT_WGSL, 'project gradient'),
  };
}

const GEOM_KINDS = ['means', 'quats', 'logScales', 'opacityLogits'] as const;

/** [N, 11] */
function packGeometry(cloud: GaussianCloud): Float32Array<ArrayBuffer> {
  const packed = new Float32Array(GEOM_STRIDE * cloud.count);
  const widths = rowWidths(cloud.shDegree);
  let column = 0;
  for (const kind of GEOM_KINDS) {
    for (let k = 0; k < widths[kind]; k++, column++) {
      for (let i = 0; i < cloud.count; i++) packed[GEOM_STRIDE * i + column] = cloud[kind][widths[kind] * i + k];
    }
  }
  return packed;
}

function unpackGeometry(packed: Float32Array, count: number, shDegree: number): CloudGradients {
  const cloud = createCloud(count, shDegree);
  const widths = rowWidths(shDegree);
  let column = 0;
  for (const kind of GEOM_KINDS) {
    for (let k = 0; k < widths[kind]; k++, column++) {
      for (let i = 0; i < count; i++) cloud[kind][widths[kind] * i + k] = packed[GEOM_STRIDE * i + column];
    }
  }
  return cloud;
}

/** The struct Frame of the kernels. */
function packFrame(
  camera: PinholeCamera,
  options: ResolvedRenderOptions,
  count: number,
  numStored: number,
  capacity: number,
): ArrayBuffer {
  const { rotation: R, translation: t, fx, fy, cx, cy, widthPx, heightPx } = camera;
  const floats = new Float32Array(FRAME_BYTES / 4);
  const words = new Uint32Array(floats.buffer);
  for (let r = 0; r < 3; r++) floats.set([R[3 * r], R[3 * r + 1], R[3 * r + 2], t[r]], 4 * r);
  floats.set([fx, fy, cx, cy], 12);
  floats.set(cameraCenter(camera), 16);
  floats.set(options.background, 20);
  floats.set([options.nearM, options.lowPassPx2, options.maxAlpha, options.isAntialiased ? 1 : 0], 24);
  words.set([widthPx, heightPx, Math.ceil(widthPx / TILE_PX), Math.ceil(heightPx / TILE_PX)], 28);
  words.set([count, shCoefficientCount(options.shDegree), numStored, capacity], 32);
  return floats.buffer;
}
