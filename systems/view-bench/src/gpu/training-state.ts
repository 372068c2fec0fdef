/** The cloud in training on the GPU: parameters, moments, gradients and growth statistics, and the move to other rows. */
import { GEOM_STRIDE, ROW_THREADS } from './common-wgsl.ts';
import { compiledOnce, createKernel, createStorage, createTask, createUniform, runTasks } from './kernels.ts';
import { createRowBuffers, type RowBuffers } from './splat-passes.ts';
import { GATHER_WGSL } from './update-wgsl.ts';

export interface TrainingState extends Disposable {
  readonly rows: RowBuffers;
  /** First and second moments of geometry and harmonics. */
  readonly moments: Readonly<Record<'geomFirst' | 'geomSecond' | 'shFirst' | 'shSecond', GPUBuffer>>;
  /** [N, 2] sum of positional gradients, and views in which each was drawn. */
  readonly growth: GPUBuffer;
}

/** Zeros for `count` Gaussians. */
export function createTrainingState(device: GPUDevice, count: number, shDegree: number): TrainingState {
  const rows = createRowBuffers(device, count, shDegree);
  const storage = (width: number, label: string) => createStorage(device, 4 * width * count, label);
  const moments = {
    geomFirst: storage(GEOM_STRIDE, 'first moments of the geometry'),
    geomSecond: storage(GEOM_STRIDE, 'second moments of the geometry'),
    shFirst: storage(3 * rows.numStored, 'first moments of the harmonics'),
    shSecond: storage(3 * rows.numStored, 'second moments of the harmonics'),
  };
  const growth = storage(2, 'growth statistics');
  return {
    rows,
    moments,
    growth,
    [Symbol.dispose]() {
      rows[Symbol.dispose]();
      for (const buffer of [...Object.values(moments), growth]) buffer.destroy();
    },
  };
}

export interface RowMove {
  /** [N'] packed geometry of the new rows: [N', 11] */
  readonly geometry: Float32Array<ArrayBuffer>;
  /** [N'] old row whose harmonics a new row takes */
  readonly parents: Int32Array<ArrayBuffer>;
  /** [N'] old row whose moments a new row continues, −1 for none */
  readonly sources: Int32Array<ArrayBuffer>;
}

const gatherOf = compiledOnce((device) => createKernel(device, GATHER_WGSL, 'gather rows'));

/** Fills `after` from the rows of `before`; growth statistics start again. Moments and harmonics never leave the GPU. Mutates: after. */
export function moveRows(device: GPUDevice, before: TrainingState, after: TrainingState, move: RowMove): void {
  const gather = gatherOf(device);
  const { count, numStored, geom, sh } = after.rows;
  device.queue.writeBuffer(geom, 0, move.geometry);
  const parents = createStorage(device, 4 * count, 'parents');
  const sources = createStorage(device, 4 * count, 'sources');
  device.queue.writeBuffer(parents, 0, move.parents);
  device.queue.writeBuffer(sources, 0, move.sources);
  const [geomInfo, shInfo] = [GEOM_STRIDE, 3 * numStored].map((width) =>
    createUniform(device, Uint32Array.of(count, width, 0, 0).buffer),
  ) as [GPUBuffer, GPUBuffer];
  const task = (info: GPUBuffer, width: number, indices: GPUBuffer, from: GPUBuffer, to: GPUBuffer) =>
    createTask(device, gather, [info, indices, from, to], Math.ceil((count * width) / ROW_THREADS));
  const [a, b] = [before.moments, after.moments];
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  runTasks(pass, [
    task(shInfo, 3 * numStored, parents, before.rows.sh, sh),
    task(shInfo, 3 * numStored, sources, a.shFirst, b.shFirst),
    task(shInfo, 3 * numStored, sources, a.shSecond, b.shSecond),
    task(geomInfo, GEOM_STRIDE, sources, a.geomFirst, b.geomFirst),
    task(geomInfo, GEOM_STRIDE, sources, a.geomSecond, b.geomSecond),
  ]);
  pass.end();
  device.queue.submit([encoder.finish()]);
  for (const buffer of [parents, sources, geomInfo, shInfo]) buffer.destroy();
}
