/** The buffers and tasks of a training run on the GPU: runs batches of steps, moves rows, gives the cloud back. */
import { resolveRenderOptions } from '../splat/options.ts';
import type { TrainOptions } from '../train/trainer.ts';
import type { Frame, GaussianCloud } from '../types.ts';
import { createBands, firstRoom, mostPairs, roomFor, roomierRoom, type Room } from './bands.ts';
import { GEOM_STRIDE } from './common-wgsl.ts';
import { createCanvas, createLossView, createMatrices, type Canvas, type LossView } from './image-loss.ts';
import { createStorage, readBuffer, runTasks, USAGE, withAllocationCheck, type Task } from './kernels.ts';
import { MATRIX_STRIDE } from './loss-wgsl.ts';
import { FRAME_BYTES, packFrame, packGeometry, tileGrid, unpackCloud } from './packing.ts';
import { backwardTasks, createGradientBuffers, createPairBuffers, forwardTasks, tileBits } from './splat-passes.ts';
import { packStep, type StepContext, type StepOrder } from './step-order.ts';
import { RECORD_HEAD, STEP_BYTES } from './step-wgsl.ts';
import { createTrainingState, moveRows } from './training-state.ts';
import { gateTask, resetTask, updateTasks } from './update-tasks.ts';

export interface GpuTrainOptions extends TrainOptions {
  /** Room for pairs at the start; grows as needed, up to what a buffer holds, then in bands. Default six a Gaussian. */
  readonly pairCapacity?: number;
}

/** Most steps of a batch. */
export const MAX_BATCH = 20;
const SUBJECT = 'trainOnGpu';

export interface Workbench extends Disposable {
  readonly count: number;
  /** Bands of tile rows that the tallest image is worked in now. */
  readonly numBands: number;
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
  readonly room: Room;
  readonly numBands: number;
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

  const tileRows = Math.max(...frames.map(({ camera }) => tileGrid(camera)[1]));
  const most = mostPairs(device, true);
  const createSetting = (room: Room) =>
    withAllocationCheck(device, SUBJECT, (): Setting => {
      const { rows } = state;
      const { capacity, bandRows } = room;
      const pairs = createPairBuffers(device, rows, capacity, numBits);
      const bandsOf = new Map(
        [...canvases.values()].map((canvas) => [canvas, createBands(device, tileGrid(canvas.image)[1], bandRows)]),
      );
      const numBands = Math.max(...[...bandsOf.values()].map(({ list }) => list.length));
      const needs = { numPairs: capacity, hasBands: numBands > 1, hasHarmonics: false };
      const gradients = createGradientBuffers(device, rows, needs);
      const update = updateTasks(device, stepBuffers, state, gradients, isNoisy);
      const gate = gateTask(device, stepBuffers, state);
      return {
        room,
        numBands,
        tasksOf: new Map(
          [...bandsOf].map(([canvas, bands]) => {
            const scene = { frame, rows, pairs, image: canvas.image, bands };
            return [
              canvas,
              {
                before: forwardTasks(device, scene, () => [gate]),
                after: [...backwardTasks(device, scene, gradients, true), ...update],
              },
            ];
          }),
        ),
        reset: resetTask(device, frame, state),
        [Symbol.dispose]() {
          for (const value of [pairs, gradients, ...bandsOf.values()]) value[Symbol.dispose]();
        },
      };
    });
  const { pairCapacity } = options;
  let setting = await createSetting(
    pairCapacity === undefined
      ? firstRoom(first.count, most)
      : { capacity: Math.min(most, pairCapacity), bandRows: Infinity },
  );
  /** Most pairs of a band in a step of the last batch. */
  let fullest = 0;

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
    device.queue.writeBuffer(frame, 0, packFrame(camera, render, count, numStored, setting.room.capacity));
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
    get numBands() {
      return setting.numBands;
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
        fullest = numPairs;
        if (haltedStep === 0) return new Float32Array(words, 4 * RECORD_HEAD);
        // From this step on nothing was changed: the same steps run again with room for all pairs, or in more bands.
        start = orders.findIndex((order) => order.step === haltedStep);
        const room = roomFor(setting.room, numPairs, tileRows, most);
        setting[Symbol.dispose]();
        setting = await createSetting(room);
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
      const room = roomierRoom(setting.room, (fullest * cloud.count) / before.rows.count, most);
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
      setting = await createSetting(room);
    },
    resetOpacity() {
      // The frame still holds the count of before a move.
      const { count, numStored } = state.rows;
      const { camera } = frames[0]!;
      const render = resolveRenderOptions({}, shDegree);
      device.queue.writeBuffer(frame, 0, packFrame(camera, render, count, numStored, setting.room.capacity));
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
