/** Buffers of a cloud, its images and its pairs on the GPU, and the passes of rendering and of its gradient over them. */
import { shCoefficientCount } from '../splat/spherical-harmonics.ts';
import { compositeGradientWgsl, projectGradientWgsl } from './backward-wgsl.ts';
import { GEOM_STRIDE, PAIR_STRIDE, PROJ_STRIDE, ROW_THREADS } from './common-wgsl.ts';
import { COMPOSITE_WGSL, EMIT_WGSL, ORDER_COUNTS_WGSL, PROJECT_WGSL, RANGES_WGSL } from './forward-wgsl.ts';
import { compiledOnce, createKernel, createStorage, createTask, type Task } from './kernels.ts';
import { tileGrid } from './packing.ts';
import { createSorter, type Plan, type Sorter } from './sort.ts';

/** One row a Gaussian. */
export interface RowBuffers extends Disposable {
  readonly count: number;
  /** Coefficients stored a colour channel. */
  readonly numStored: number;
  readonly geom: GPUBuffer;
  readonly sh: GPUBuffer;
  readonly proj: GPUBuffer;
  readonly tileCounts: GPUBuffer;
  readonly keys: GPUBuffer;
  readonly ids: GPUBuffer;
  /** [N + 1] pairs before each Gaussian in order of depth; the last is their number. */
  readonly offsets: GPUBuffer;
  readonly firstPairs: GPUBuffer;
  readonly depthSort: Plan;
  readonly offsetScan: Plan;
}

export interface ImageBuffers extends Disposable {
  readonly widthPx: number;
  readonly heightPx: number;
  /** [H, W, 4] r g b T */ readonly image: GPUBuffer;
  readonly lasts: GPUBuffer;
  /** [tiles, 2], cleared before a frame */ readonly ranges: GPUBuffer;
  /** [H, W, 4] v_C and v_A */ readonly gradient: GPUBuffer;
}

/** Room for pairs of tiles and Gaussians. */
export interface PairBuffers extends Disposable {
  readonly capacity: number;
  readonly numBits: number;
  readonly tileKeys: GPUBuffer;
  readonly pairs: GPUBuffer;
  readonly owners: GPUBuffer;
  readonly sort: Plan;
}

export interface GradientBuffers extends Disposable {
  readonly byPair: GPUBuffer;
  readonly geom: GPUBuffer;
  /** Without it the gradient by the colour stays in the projected rows. */
  readonly sh: GPUBuffer | undefined;
}

const kernelsOf = compiledOnce((device) => ({
  sorter: createSorter(device),
  project: createKernel(device, PROJECT_WGSL, 'project'),
  order: createKernel(device, ORDER_COUNTS_WGSL, 'order counts'),
  emit: createKernel(device, EMIT_WGSL, 'emit pairs'),
  ranges: createKernel(device, RANGES_WGSL, 'tile ranges'),
  composite: createKernel(device, COMPOSITE_WGSL, 'composite'),
  compositeGradient: createKernel(
    device,
    compositeGradientWgsl(device.features.has('subgroups')),
    'composite gradient',
  ),
  projectGradient: createKernel(device, projectGradientWgsl(true), 'project gradient'),
  projectGradientByColor: createKernel(device, projectGradientWgsl(false), 'project gradient'),
}));

/** Prefix sums and sorts of the device. */
export function sorterOf(device: GPUDevice): Sorter {
  return kernelsOf(device).sorter;
}

export function createRowBuffers(device: GPUDevice, count: number, shDegree: number): RowBuffers {
  const { sorter } = kernelsOf(device);
  const numStored = shCoefficientCount(shDegree);
  const storage = (width: number, label: string) => createStorage(device, 4 * width * (count + 1), label);
  const buffers = {
    geom: storage(GEOM_STRIDE, 'geometry'),
    sh: storage(3 * numStored, 'harmonics'),
    proj: storage(PROJ_STRIDE, 'projection'),
    tileCounts: storage(1, 'tile counts'),
    keys: storage(1, 'depth keys'),
    ids: storage(1, 'ids'),
    offsets: storage(1, 'offsets'),
    firstPairs: storage(1, 'first pairs'),
  };
  const depthSort = sorter.planSort(buffers.keys, buffers.ids, count, 32);
  const offsetScan = sorter.planScan(buffers.offsets, count + 1);
  return {
    count,
    numStored,
    ...buffers,
    depthSort,
    offsetScan,
    [Symbol.dispose]() {
      depthSort[Symbol.dispose]();
      offsetScan[Symbol.dispose]();
      destroyAll(buffers);
    },
  };
}

export function createImageBuffers(device: GPUDevice, widthPx: number, heightPx: number): ImageBuffers {
  const numPixels = widthPx * heightPx;
  const [columns, rows] = tileGrid({ widthPx, heightPx });
  const buffers = {
    image: createStorage(device, 16 * numPixels, 'image'),
    lasts: createStorage(device, 4 * numPixels, 'last positions'),
    ranges: createStorage(device, 8 * columns * rows, 'tile ranges'),
    gradient: createStorage(device, 16 * numPixels, 'image gradient'),
  };
  return { widthPx, heightPx, ...buffers, [Symbol.dispose]: () => destroyAll(buffers) };
}

/** Bits of the tile numbers of an image. */
export function tileBits(size: { readonly widthPx: number; readonly heightPx: number }): number {
  const [columns, rows] = tileGrid(size);
  return Math.max(1, Math.ceil(Math.log2(columns * rows + 1)));
}

export function createPairBuffers(
  device: GPUDevice,
  { offsets, count }: RowBuffers,
  capacity: number,
  numBits: number,
): PairBuffers {
  const words = (label: string) => createStorage(device, 4 * capacity, label);
  const buffers = { tileKeys: words('tile keys'), pairs: words('pairs'), owners: words('owners') };
  const sort = sorterOf(device).planSort(buffers.tileKeys, buffers.pairs, capacity, numBits, {
    buffer: offsets,
    index: count,
  });
  return {
    capacity,
    numBits,
    ...buffers,
    sort,
    [Symbol.dispose]() {
      sort[Symbol.dispose]();
      destroyAll(buffers);
    },
  };
}

export function createGradientBuffers(
  device: GPUDevice,
  { count, numStored }: RowBuffers,
  numPairs: number,
  hasHarmonics: boolean,
): GradientBuffers {
  const byPair = createStorage(device, 4 * PAIR_STRIDE * numPairs, 'pair gradients');
  const geom = createStorage(device, 4 * GEOM_STRIDE * count, 'geometry gradients');
  const sh = hasHarmonics ? createStorage(device, 12 * numStored * count, 'harmonics gradients') : undefined;
  return {
    byPair,
    geom,
    sh,
    [Symbol.dispose]() {
      for (const buffer of [byPair, geom, sh]) buffer?.destroy();
    },
  };
}

/** Projection, order by depth, pairs, order by tile, compositing. `image.ranges` must be clear.
 *  The number of pairs stays on the GPU (`rows.offsets[count]`); pairs above the capacity are left out, which the caller must look at. */
export function forwardTasks(
  device: GPUDevice,
  frame: GPUBuffer,
  rows: RowBuffers,
  pairs: PairBuffers,
  image: ImageBuffers,
): readonly Task[] {
  const kernels = kernelsOf(device);
  const { geom, sh, proj, tileCounts, keys, ids, offsets, firstPairs } = rows;
  const { tileKeys, pairs: values, owners } = pairs;
  const rowGroups = Math.ceil((rows.count + 1) / ROW_THREADS);
  return [
    createTask(device, kernels.project, [frame, geom, sh, proj, tileCounts, keys, ids], rowGroups),
    ...rows.depthSort.tasks,
    createTask(device, kernels.order, [frame, ids, tileCounts, offsets], rowGroups),
    ...rows.offsetScan.tasks,
    createTask(device, kernels.emit, [frame, ids, offsets, proj, tileKeys, values, owners, firstPairs], rowGroups),
    ...pairs.sort.tasks,
    createTask(
      device,
      kernels.ranges,
      [frame, tileKeys, offsets, image.ranges],
      Math.ceil(pairs.capacity / ROW_THREADS),
    ),
    createTask(
      device,
      kernels.composite,
      [frame, proj, values, owners, image.ranges, image.image, image.lasts],
      tileGrid(image),
    ),
  ];
}

/** Gradient by pairs, then by the cloud, of the frame that the forward tasks left. */
export function backwardTasks(
  device: GPUDevice,
  frame: GPUBuffer,
  rows: RowBuffers,
  pairs: PairBuffers,
  image: ImageBuffers,
  gradients: GradientBuffers,
): readonly Task[] {
  const kernels = kernelsOf(device);
  const { geom, sh, proj, tileCounts, firstPairs } = rows;
  const [columns, numRows] = tileGrid(image);
  return [
    createTask(
      device,
      kernels.compositeGradient,
      [
        frame,
        proj,
        pairs.pairs,
        pairs.owners,
        image.ranges,
        image.image,
        image.lasts,
        image.gradient,
        gradients.byPair,
      ],
      [columns, numRows],
    ),
    createTask(
      device,
      gradients.sh ? kernels.projectGradient : kernels.projectGradientByColor,
      [
        frame,
        geom,
        sh,
        proj,
        tileCounts,
        firstPairs,
        gradients.byPair,
        gradients.geom,
        ...(gradients.sh ? [gradients.sh] : []),
      ],
      Math.ceil(rows.count / ROW_THREADS),
    ),
  ];
}

function destroyAll(buffers: Readonly<Record<string, GPUBuffer>>): void {
  for (const buffer of Object.values(buffers)) buffer.destroy();
}
