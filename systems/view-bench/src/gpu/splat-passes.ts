/** Buffers of a cloud, its images and its pairs on the GPU, and the passes of rendering and of its gradient over them. */
import { shCoefficientCount } from '../splat/spherical-harmonics.ts';
import { compositeGradientWgsl, projectGradientWgsl, SUM_PAIRS_WGSL } from './backward-wgsl.ts';
import type { Band, Bands } from './bands.ts';
import { GEOM_STRIDE, PAIR_STRIDE, PROJ_STRIDE, ROW_THREADS } from './common-wgsl.ts';
import {
  BAND_COUNTS_WGSL,
  COMPOSITE_WGSL,
  EMIT_WGSL,
  ORDER_COUNTS_WGSL,
  PROJECT_WGSL,
  RANGES_WGSL,
} from './forward-wgsl.ts';
import { bindingLimit, compiledOnce, createKernel, createStorage, createTask, type Task } from './kernels.ts';
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
  /** [N + 1] pairs of the band before each Gaussian in order of depth; the last is their number. */
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

/** Room for the pairs of tiles and Gaussians of a band. */
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
  /** [N, 11] over the pairs of all bands so far, where there are several. */
  readonly sums: GPUBuffer | undefined;
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
  projectGradient: createKernel(device, projectGradientWgsl(true, 'pairs'), 'project gradient'),
  projectGradientByColor: createKernel(device, projectGradientWgsl(false, 'pairs'), 'project gradient'),
}));

const bandKernelsOf = compiledOnce((device) => ({
  counts: createKernel(device, BAND_COUNTS_WGSL, 'order counts'),
  sumPairs: createKernel(device, SUM_PAIRS_WGSL, 'sum pairs'),
  projectGradient: createKernel(device, projectGradientWgsl(true, 'bands'), 'project gradient'),
  projectGradientByColor: createKernel(device, projectGradientWgsl(false, 'bands'), 'project gradient'),
}));

/** Prefix sums and sorts of the device. */
export function sorterOf(device: GPUDevice): Sorter {
  return kernelsOf(device).sorter;
}

/** Most Gaussians whose largest row, the harmonics or the projection, fits one buffer. */
export function mostGaussians(device: GPUDevice, shDegree: number): number {
  const width = Math.max(3 * shCoefficientCount(shDegree), PROJ_STRIDE);
  return Math.floor(bindingLimit(device) / (4 * width)) - 1;
}

export function createRowBuffers(device: GPUDevice, count: number, shDegree: number): RowBuffers {
  const { sorter } = kernelsOf(device);
  const numStored = shCoefficientCount(shDegree);
  const most = mostGaussians(device, shDegree);
  const hint = `At most ${most} Gaussians of degree ${shDegree} fit here (--cap, --degree)`;
  const storage = (width: number, label: string) => createStorage(device, 4 * width * (count + 1), label, hint);
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
  const hint = `At most ${Math.floor(bindingLimit(device) / 16)} pixels fit here (--max-width)`;
  const buffers = {
    image: createStorage(device, 16 * numPixels, 'image', hint),
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

export interface GradientNeeds {
  /** Of the fullest band. */
  readonly numPairs: number;
  /** Some image has several bands. */
  readonly hasBands: boolean;
  readonly hasHarmonics: boolean;
}

export function createGradientBuffers(
  device: GPUDevice,
  { count, numStored }: RowBuffers,
  { numPairs, hasBands, hasHarmonics }: GradientNeeds,
): GradientBuffers {
  const byPair = createStorage(device, 4 * PAIR_STRIDE * numPairs, 'pair gradients');
  const sums = hasBands ? createStorage(device, 4 * PAIR_STRIDE * count, 'sums over pairs') : undefined;
  const geom = createStorage(device, 4 * GEOM_STRIDE * count, 'geometry gradients');
  const sh = hasHarmonics ? createStorage(device, 12 * numStored * count, 'harmonics gradients') : undefined;
  return {
    byPair,
    sums,
    geom,
    sh,
    [Symbol.dispose]() {
      for (const buffer of [byPair, sums, geom, sh]) buffer?.destroy();
    },
  };
}

/** What a frame is drawn with. */
export interface Scene {
  readonly frame: GPUBuffer;
  readonly rows: RowBuffers;
  readonly pairs: PairBuffers;
  readonly image: ImageBuffers;
  readonly bands: Bands;
}

/** Projection, order by depth, then for every band its pairs, their order by tile, compositing. `image.ranges` must be clear. Bands are
 *  drawn from the last to the first, so that the gradient finds the first one's pairs in place.
 *  The number of pairs stays on the GPU (`rows.offsets[count]`) until the next band; pairs above the capacity are left out, which the
 *  caller must look at. @param afterCount  what looks at the number of pairs of a band */
export function forwardTasks(
  device: GPUDevice,
  scene: Scene,
  afterCount: (band: Band) => readonly Task[] = () => [],
): readonly Task[] {
  const kernels = kernelsOf(device);
  const { frame, rows, pairs, image, bands } = scene;
  const { geom, sh, proj, tileCounts, keys, ids } = rows;
  const [columns] = tileGrid(image);
  return [
    createTask(device, kernels.project, [frame, geom, sh, proj, tileCounts, keys, ids], rowGroups(rows)),
    ...rows.depthSort.tasks,
    ...bands.list
      .toReversed()
      .flatMap((band) => [
        ...binTasks(device, scene, band, afterCount),
        createTask(
          device,
          kernels.composite,
          [frame, proj, pairs.pairs, pairs.owners, image.ranges, image.image, image.lasts, band.uniform],
          [columns, band.end - band.start],
        ),
      ]),
  ];
}

/** Pairs of a band in the order of tiles. */
function binTasks(
  device: GPUDevice,
  { frame, rows, pairs, image, bands }: Scene,
  band: Band,
  afterCount: (band: Band) => readonly Task[],
): readonly Task[] {
  const kernels = kernelsOf(device);
  const { proj, tileCounts, ids, offsets, firstPairs } = rows;
  const { tileKeys, pairs: values, owners } = pairs;
  return [
    bands.list.length === 1
      ? createTask(device, kernels.order, [frame, ids, tileCounts, offsets], rowGroups(rows))
      : createTask(device, bandKernelsOf(device).counts, [frame, ids, proj, offsets, band.uniform], rowGroups(rows)),
    ...rows.offsetScan.tasks,
    ...afterCount(band),
    createTask(
      device,
      kernels.emit,
      [frame, ids, offsets, proj, tileKeys, values, owners, firstPairs, band.uniform],
      rowGroups(rows),
    ),
    ...pairs.sort.tasks,
    createTask(
      device,
      kernels.ranges,
      [frame, tileKeys, offsets, image.ranges],
      Math.ceil(pairs.capacity / ROW_THREADS),
    ),
  ];
}

/** Gradient by pairs, then by the cloud, of the frame that the forward tasks left. The bands' sums are added from the top, as without
 *  bands. @param isFirstInPlace  the pairs are still those of the first band, as after forwardTasks */
export function backwardTasks(
  device: GPUDevice,
  scene: Scene,
  gradients: GradientBuffers,
  isFirstInPlace: boolean,
): readonly Task[] {
  const kernels = kernelsOf(device);
  const { frame, rows, pairs, image, bands } = scene;
  const { geom, sh, proj, tileCounts, ids, offsets, firstPairs } = rows;
  const [columns] = tileGrid(image);
  const { byPair, sums } = gradients;
  const { list } = bands;
  const hasBands = list.length > 1;
  const drawn = [frame, proj, pairs.pairs, pairs.owners, image.ranges, image.image, image.lasts, image.gradient];
  const gradientOf = (band: Band) =>
    createTask(device, kernels.compositeGradient, [...drawn, byPair, band.uniform], [columns, band.end - band.start]);
  const sumOf = (band: Band) =>
    createTask(
      device,
      bandKernelsOf(device).sumPairs,
      [frame, ids, offsets, byPair, sums!, band.uniform],
      rowGroups(rows),
    );
  const { projectGradient, projectGradientByColor } = hasBands ? bandKernelsOf(device) : kernels;
  return [
    ...list.flatMap((band, index) => [
      ...(hasBands && !(index === 0 && isFirstInPlace) ? binTasks(device, scene, band, () => []) : []),
      gradientOf(band),
      ...(hasBands ? [sumOf(band)] : []),
    ]),
    createTask(
      device,
      gradients.sh ? projectGradient : projectGradientByColor,
      [
        frame,
        geom,
        sh,
        proj,
        ...(hasBands ? [sums!] : [tileCounts, firstPairs, byPair]),
        gradients.geom,
        ...(gradients.sh ? [gradients.sh] : []),
      ],
      Math.ceil(rows.count / ROW_THREADS),
    ),
  ];
}

function rowGroups({ count }: RowBuffers): number {
  return Math.ceil((count + 1) / ROW_THREADS);
}

function destroyAll(buffers: Readonly<Record<string, GPUBuffer>>): void {
  for (const buffer of Object.values(buffers)) buffer.destroy();
}
