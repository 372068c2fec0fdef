/** The buffers and tasks of a training run on the GPU: runs batches of steps, moves rows, gives the cloud back. */
import { resolveRenderOptions } from '../splat/options.ts';
import type { TrainOptions } from '../train/trainer.ts';
import type { Frame, GaussianCloud } from '../types.ts';
import { GEOM_STRIDE } from './common-wgsl.ts';
import { createCanvas, createLossView, createMatrices, type Canvas, type LossView } from './image-loss.ts';
import { createStorage, readBuffer, runTasks, USAGE, withAllocationCheck, type Task } from './kernels.ts';
import { MATRIX_STRIDE } from './loss-wgsl.ts';
import { FRAME_BYTES, packFrame, packGeometry, unpackCloud } from './packing.ts';
import { FIRST_PAIRS_PER_GAUSSIAN, LEAST_PAIR_CAPACITY, PAIR_SLACK } from './renderer.ts';
import {
  backwardTasks,
  createGradientBuffers,
  createPairBuffers,
  forwardTasks,
  tileBits,
  type PairBuffers,
} from './splat-passes.ts';
import { packStep, type StepContext, type StepOrder } from './step-order.ts';
import { RECORD_HEAD, STEP_BYTES } from './step-wgsl.ts';
import { createTrainingState, moveRows } from './training-state.ts';
import { gateTask, resetTask, updateTasks } from './update-tasks.ts';

export interface GpuTrainOptions extends TrainOptions {
  /** Room for pairs at the start; grows as needed. Default six a Gaussian. */
  readonly pairCapacity?: number;
}

/** Most steps of a batch. */
export const MAX_BATCH = 20;
const SUBJECT = 'trainOnGpu';

export interface Workbench extends Disposable {
  readonly count: number;
  /** Runs the steps, again with more room where pairs did not fit. @returns their losses */
  run(orders: readonly StepOrder[]): Promise<Float32Array>;
  /** [N, 11] */
  readGeometry(): Promise<Float32Array>;
  readGrowth(): Promise<{ readonly sums: Float32Array; readonly views: Float32Array }>;
  readCloud(): Promise<GaussianCloud>;
  /** [F, 3, 4] colour matrices. */
  readMatrices(): Promise<Float64Array>;
  /** @param cloud  of rowCloud's making: its harmonics name the old rows */
  move(cloud: GaussianCloud, sources: Int32Array): Promise<void>;
  resetOpacity(): void;
}

/** Everything that depends on the number of Gaussians or of pairs. */
interface Setting extends Disposable {
  readonly pairs: PairBuffers;
  /** Tasks of a step before and after those of the view's loss, for each canvas. */
  readonly tasksOf: ReadonlyMap<Canvas, { readonly before: readonly Task[]; readonly after: readonly Task[] }>;
  readonly reset: Task;
}

export async function createWorkbench(
  device: GPUDevice,
  first: GaussianCloud,
  frames: readonly Frame[],
  options: GpuTrainOptions,
  context: StepContext,
): Promise<Workbench> {
  const { schedule } = context;
  const { shDegree } = first;
  const isNoisy = schedule.strategy === 'mcmc';
  const frame = device.createBuffer({ size: FRAME_BYTES, usage: USAGE.uniform, label: 'frame' });
  const step = device.createBuffer({ size: STEP_BYTES, usage: USAGE.uniform, label: 'step' });
  const numBits = Math.max(...frames.map(({ camera }) => tileBits(camera)));
  const owned: Disposable[] = [];
  const canvases = new Map<string, Canvas>();
  const own = <T extends Disposable>(value: T): T => {
    owned.push(value);
    return value;
  };
  const { records, views, canvasOf, matrices } = await withAllocationCheck(device, SUBJECT, () => {
    const recordBuffer = createStorage(device, 4 * (RECORD_HEAD + MAX_BATCH), 'records');
    const matrixBuffers = own(createMatrices(device, frames.length));
    const hasExposure = options.hasExposure ?? false;
    const canvasList = frames.map(({ camera: { widthPx, heightPx } }) => {
      const key = `${widthPx}x${heightPx}`;
      const canvas = canvases.get(key) ?? own(createCanvas(device, widthPx, heightPx));
      canvases.set(key, canvas);
      return canvas;
    });
    const shared = { frame, step, records: recordBuffer, matrices: matrixBuffers, hasExposure };
    const viewList: LossView[] = frames.map((each, index) =>
      own(createLossView(device, each, canvasList[index]!, shared)),
    );
    return { records: recordBuffer, views: viewList, canvasOf: canvasList, matrices: matrixBuffers };
  });
  const stepBuffers = { frame, step, records };
  let state = await withAllocationCheck(device, SUBJECT, () => createTrainingState(device, first.count, shDegree));
  device.queue.writeBuffer(state.rows.geom, 0, packGeometry(first));
  device.queue.writeBuffer(state.rows.sh, 0, Float32Array.from(first.sh));

  const createSetting = (capacity: number) =>
    withAllocationCheck(device, SUBJECT, (): Setting => {
      const { rows } = state;
      const pairs = createPairBuffers(device, rows, capacity, numBits);
      const gradients = createGradientBuffers(device, rows, capacity, false);
      const update = updateTasks(device, stepBuffers, state, gradients, isNoisy);
      const gate = gateTask(device, stepBuffers, state);
      return {
        pairs,
        tasksOf: new Map(
          [...canvases.values()].map((canvas) => [
            canvas,
            {
              before: [...forwardTasks(device, frame, rows, pairs, canvas.image), gate],
              after: [...backwardTasks(device, frame, rows, pairs, canvas.image, gradients), ...update],
            },
          ]),
        ),
        reset: resetTask(device, frame, state),
        [Symbol.dispose]() {
          pairs[Symbol.dispose]();
          gradients[Symbol.dispose]();
        },
      };
    });
  let setting = await createSetting(
    options.pairCapacity ?? Math.max(LEAST_PAIR_CAPACITY, FIRST_PAIRS_PER_GAUSSIAN * first.count),
  );
  /** Most pairs of a step of the last batch. */
  let mostPairs = 0;

  const submit = (order: StepOrder, place: number) => {
    const canvas = canvasOf[order.frameIndex]!;
    const view = views[order.frameIndex]!;
    const { camera } = frames[order.frameIndex]!;
    const { before, after } = setting.tasksOf.get(canvas)!;
    const render = resolveRenderOptions(
      {
        shDegree: Math.floor(order.step / schedule.degreeEvery),
        isAntialiased: options.isAntialiased ?? false,
        background: options.background ?? [0, 0, 0],
      },
      shDegree,
    );
    const { count, numStored } = state.rows;
    device.queue.writeBuffer(frame, 0, packFrame(camera, render, count, numStored, setting.pairs.capacity));
    const numPixels = camera.widthPx * camera.heightPx;
    device.queue.writeBuffer(step, 0, packStep(order, context, place, view.numOpen, numPixels));
    const encoder = device.createCommandEncoder();
    encoder.clearBuffer(canvas.image.ranges);
    const pass = encoder.beginComputePass();
    for (const tasks of [before, view.tasks, after]) runTasks(pass, tasks);
    pass.end();
    device.queue.submit([encoder.finish()]);
  };

  const readGeometry = async () =>
    new Float32Array(await readBuffer(device, state.rows.geom, 4 * GEOM_STRIDE * state.rows.count));

  return {
    get count() {
      return state.rows.count;
    },
    async run(orders) {
      let start = 0;
      for (;;) {
        device.queue.writeBuffer(records, 0, new Uint32Array(RECORD_HEAD));
        const from = start;
        await withAllocationCheck(device, SUBJECT, () => {
          for (let place = from; place < orders.length; place++) submit(orders[place]!, place);
        });
        const words = await readBuffer(device, records, 4 * (RECORD_HEAD + orders.length));
        const [haltedStep, numPairs] = new Uint32Array(words, 0, 2);
        mostPairs = numPairs;
        if (haltedStep === 0) return new Float32Array(words, 4 * RECORD_HEAD);
        // From this step on nothing was changed: the same steps run again with room for all pairs.
        start = orders.findIndex((order) => order.step === haltedStep);
        setting[Symbol.dispose]();
        setting = await createSetting(Math.ceil(PAIR_SLACK * numPairs));
      }
    },
    readGeometry,
    async readGrowth() {
      const { count } = state.rows;
      const both = new Float32Array(await readBuffer(device, state.growth, 8 * count));
      return {
        sums: Float32Array.from({ length: count }, (_, i) => both[2 * i]),
        views: Float32Array.from({ length: count }, (_, i) => both[2 * i + 1]),
      };
    },
    async readCloud() {
      const { count, numStored } = state.rows;
      const geometry = await readGeometry();
      const sh = new Float32Array(await readBuffer(device, state.rows.sh, 12 * numStored * count));
      return unpackCloud(geometry, sh, count, shDegree);
    },
    async readMatrices() {
      const numBytes = 4 * MATRIX_STRIDE * frames.length;
      return Float64Array.from(new Float32Array(await readBuffer(device, matrices.values, numBytes)));
    },
    async move(cloud, sources) {
      const before = state;
      const capacity = Math.max(
        setting.pairs.capacity,
        Math.ceil((PAIR_SLACK * mostPairs * cloud.count) / before.rows.count),
      );
      setting[Symbol.dispose]();
      state = await withAllocationCheck(device, SUBJECT, () => {
        const after = createTrainingState(device, cloud.count, shDegree);
        moveRows(device, before, after, {
          geometry: packGeometry(cloud),
          parents: Int32Array.from({ length: cloud.count }, (_, r) => cloud.sh[3 * r]),
          sources: Int32Array.from(sources),
        });
        return after;
      });
      before[Symbol.dispose]();
      setting = await createSetting(capacity);
    },
    resetOpacity() {
      // The frame still holds the count of before a move.
      const { count, numStored } = state.rows;
      const { camera } = frames[0]!;
      const render = resolveRenderOptions({}, shDegree);
      device.queue.writeBuffer(frame, 0, packFrame(camera, render, count, numStored, setting.pairs.capacity));
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      runTasks(pass, [setting.reset]);
      pass.end();
      device.queue.submit([encoder.finish()]);
    },
    [Symbol.dispose]() {
      setting[Symbol.dispose]();
      state[Symbol.dispose]();
      for (const value of owned) value[Symbol.dispose]();
      for (const buffer of [frame, step, records]) buffer.destroy();
    },
  };
}
