/** Training on the GPU: the CPU trainer's step in WGSL. Parameters, moments, gradients and photographs stay in GPU buffers; the host sees
 *  losses and the number of pairs once a batch of steps, and the geometry where the cloud grows. */
import type { Rng } from '@tenfold/core/base';
import { isOpacityReset, isRefined, refineCloud, resolveSchedule } from '../train/schedule.ts';
import type { TrainResult } from '../train/trainer.ts';
import type { Frame, GaussianCloud } from '../types.ts';
import { viewError } from '../view-errors.ts';
import { unpackCloud } from './packing.ts';
import { mostGaussians } from './splat-passes.ts';
import type { StepOrder } from './step-order.ts';
import { createWorkbench, MAX_BATCH, type GpuTrainOptions } from './workbench.ts';

export interface GpuTrainResult extends TrainResult {
  /** Bands of tile rows that the tallest image was worked in at the end: one, if the pairs of every step fit a buffer. */
  readonly numBands: number;
}

/** Trains from a first cloud as trainCloud does: the same views in the same order, the same steps up to rounding (noise of mcmc is
 *  another stream). @throws TF-VIEW-002 without frames, TF-VIEW-007 if the loss is not finite, TF-VIEW-012 if the buffers do not fit or would not hold a cloud grown to its cap,
 *  TF-VIEW-013 for disks and planes */
export async function trainOnGpu(
  device: GPUDevice,
  first: GaussianCloud,
  frames: readonly Frame[],
  options: GpuTrainOptions,
  rng: Rng,
): Promise<GpuTrainResult> {
  const schedule = resolveSchedule(frames, options);
  const { method = '3dgs' } = options;
  if (method !== '3dgs') {
    throw viewError('TF-VIEW-013', { subject: 'trainOnGpu', expected: 'method 3dgs', actual: method });
  }
  const { numSteps, strategy, extentM, cap } = schedule;
  const most = mostGaussians(device, first.shDegree);
  if (strategy !== 'fixed' && cap > most) {
    // Better now than after the steps in which the cloud grows.
    throw viewError('TF-VIEW-012', {
      subject: 'trainOnGpu',
      expected: `at most ${most} Gaussians of degree ${first.shDegree}, whose rows fit one buffer of the adapter`,
      actual: `a cap of ${cap}`,
      hints: ['Lower --cap, or --degree for smaller rows; the CPU trains without such a limit.'],
    });
  }
  const noiseSeed = strategy === 'mcmc' ? Math.floor(rng.uniform() * 2 ** 32) : 0;
  using bench = await createWorkbench(device, first, frames, options, { schedule, options, noiseSeed });
  const losses = new Float32Array(numSteps);
  const visits = new Uint32Array(frames.length);
  let queue: number[] = [];
  let orders: StepOrder[] = [];
  let [numGrown, numPruned] = [0, 0];
  for (let step = 1; step <= numSteps; step++) {
    options.signal?.throwIfAborted();
    if (queue.length === 0) queue = rng.shuffle(frames.map((_, index) => index));
    const frameIndex = queue.pop()!;
    orders.push({ step, frameIndex, visit: ++visits[frameIndex] });
    const isGrowing = isRefined(schedule, step);
    const isReset = isOpacityReset(schedule, step);
    if (orders.length < MAX_BATCH && !isGrowing && !isReset && step < numSteps) continue;
    const batchLosses = await bench.run(orders);
    const { count } = bench;
    if (isGrowing) {
      const geometry = await bench.readGeometry();
      const growth = await bench.readGrowth();
      const refined = refineCloud(rowCloud(geometry, count), growth, schedule, step, rng);
      numGrown += refined.numGrown;
      numPruned += refined.numPruned;
      await bench.move(refined.cloud, refined.sources);
    }
    if (isReset) bench.resetOpacity();
    for (const [place, order] of orders.entries()) {
      const loss = batchLosses[place];
      if (!Number.isFinite(loss)) {
        throw viewError('TF-VIEW-007', {
          subject: 'trainOnGpu',
          expected: 'a finite loss',
          actual: `${loss} at step ${order.step}`,
          location: frames[order.frameIndex]!.name,
        });
      }
      losses[order.step - 1] = loss;
      await options.onStep?.({ step: order.step, loss, count: place === orders.length - 1 ? bench.count : count });
    }
    orders = [];
  }
  return {
    cloud: await bench.readCloud(),
    extentM,
    losses,
    numGrown,
    numPruned,
    numBands: bench.numBands,
    ...(options.hasExposure ? { exposures: await bench.readMatrices() } : {}),
  };
}

/** A cloud of the geometry whose harmonics carry the number of their row, so that growth on the host says which row every new row came
 *  from, and the harmonics themselves stay where they are. Row numbers are exact in f32 up to 2^24. */
function rowCloud(geometry: Float32Array, count: number): GaussianCloud {
  const rows = new Float32Array(3 * count);
  for (let i = 0; i < count; i++) rows[3 * i] = i;
  return unpackCloud(geometry, rows, count, 0);
}
