/** Training of a cloud on posed images: one random view a step, Adam, adaptive density or MCMC, optional exposure. */
import type { Rng } from '@tenfold/core/base';
import { createSharedFloats } from '../reals.ts';
import type { CompositeTarget } from '../splat/composite.ts';
import type { SplatMethod } from '../splat/method.ts';
import { resolveRenderOptions } from '../splat/options.ts';
import type { Projection } from '../splat/project.ts';
import { createTileLists, type TileLists } from '../splat/tile-lists.ts';
import type { Frame, GaussianCloud, PinholeCamera } from '../types.ts';
import { viewError } from '../view-errors.ts';
import { createAdamState, moveAdamRows, resetMoments, type GroupRates } from './adam.ts';
import { createExposures } from './exposure.ts';
import { createGeometryLoss, FLATTENING, numGeometryChannels, type GeometryWeights } from './geometry-loss.ts';
import { countOpen, type LossProfile } from './loss.ts';
import { addMcmcNoise } from './mcmc.ts';
import { isOpacityReset, isRefined, RESET_LOGIT, ratesAt, refineCloud, resolveSchedule } from './schedule.ts';
import { createStepCrew } from './step-crew.ts';
import { createStepBuffers, sharedCloud, type StepOrder } from './step-state.ts';

export interface TrainOptions {
  readonly numSteps: number;
  readonly strategy?: 'adaptive' | 'absgrad' | 'mcmc' | 'fixed';
  readonly loss?: LossProfile;
  readonly ssimWeight?: number;
  /** Learning rates at the first step; means decay log-linearly to a hundredth. */
  readonly rates?: Partial<GroupRates>;
  /** Metres; default 1.1 × the largest distance of a camera from their mean. Scales the rate of the means. */
  readonly extentM?: number;
  readonly isAntialiased?: boolean;
  readonly background?: readonly [number, number, number];
  /** Step at which each degree of the harmonics after the first is switched on, counted from 1. Default every 1000. */
  readonly degreeEvery?: number;
  /** Default 100, from 500 to half of the steps (at most 15,000). */
  readonly refineEvery?: number;
  readonly refineStart?: number;
  readonly refineEnd?: number;
  /** Mean positional gradient above which a Gaussian grows; default 2e-4, 8e-4 for absgrad. */
  readonly gradientThreshold?: number;
  /** Default 3000; Infinity: never. */
  readonly opacityResetEvery?: number;
  /** Most Gaussians. Default 200,000. */
  readonly cap?: number;
  /** What the cloud is drawn as, and the weights of its regularisers. Default 3dgs. */
  readonly method?: SplatMethod;
  readonly geometry?: GeometryWeights;
  /** Learns a colour matrix a training image. Default false. */
  readonly hasExposure?: boolean;
  /** Worker threads; 1 works in this thread. Default 1. */
  readonly numThreads?: number;
  /** Parts that sums are made of; the same number gives the same bits whatever the threads. Default max(2, threads). */
  readonly numParts?: number;
  readonly signal?: AbortSignal;
  readonly onStep?: (state: {
    readonly step: number;
    readonly loss: number;
    readonly count: number;
  }) => void | Promise<void>;
}

export interface TrainResult {
  readonly cloud: GaussianCloud;
  readonly extentM: number;
  readonly losses: Float32Array;
  readonly numGrown: number;
  readonly numPruned: number;
  /** [F, 3, 4] colour matrices of the training images, if they were learnt. */
  readonly exposures?: Float64Array;
}

const DEFAULT_PARTS = 2;
/** Third scale of a disk, which nothing reads; as an ellipsoid it is thinner than a wafer. */
const FLAT_LOG_SCALE = -12;
const NO_LISTS: TileLists = { columns: 0, rows: 0, starts: new Uint32Array(1), ids: new Uint32Array(0) };

/** Trains from a first cloud. The same seed gives the same bits. @throws TF-VIEW-002 without frames, TF-VIEW-007 if the loss is not finite */
export async function trainCloud(
  first: GaussianCloud,
  frames: readonly Frame[],
  options: TrainOptions,
  rng: Rng,
): Promise<TrainResult> {
  const schedule = resolveSchedule(frames, options);
  const { numSteps, strategy, extentM, degreeEvery } = schedule;
  const exposures = options.hasExposure ? createExposures(frames.length, numSteps) : undefined;
  const { method = '3dgs' } = options;
  let cloud = sharedCloud(first);
  if (method === '2dgs') for (let i = 0; i < cloud.count; i++) cloud.logScales[3 * i + 2] = FLAT_LOG_SCALE;
  const adam = createAdamState(cloud);
  const numThreads = options.numThreads ?? 1;
  await using crew = createStepCrew(numThreads, options.numParts ?? Math.max(DEFAULT_PARTS, numThreads));
  let buffers = createStepBuffers(cloud, adam, crew.numParts, method);
  crew.use(buffers);
  const views = frames.map(sharedView);
  const imageOf = createImages(exposures !== undefined, numGeometryChannels(method));
  const geometry = createGeometryLoss(method, frames, numSteps, options.geometry ?? {});
  const losses = new Float32Array(numSteps);
  let queue: number[] = [];
  let [numGrown, numPruned] = [0, 0];
  for (let step = 1; step <= numSteps; step++) {
    options.signal?.throwIfAborted();
    if (queue.length === 0) queue = rng.shuffle(frames.map((_, index) => index));
    const frameIndex = queue.pop()!;
    const { camera, name } = frames[frameIndex]!;
    const view = views[frameIndex]!;
    const rates = ratesAt(schedule, step);
    const geometryGradient = geometry?.gradientAt(step, camera.widthPx * camera.heightPx);
    const order: StepOrder = {
      step,
      camera,
      options: resolveRenderOptions(
        {
          shDegree: Math.floor(step / degreeEvery),
          isAntialiased: options.isAntialiased ?? false,
          background: options.background ?? [0, 0, 0],
        },
        cloud.shDegree,
      ),
      lists: NO_LISTS,
      image: imageOf(camera),
      shown: imageOf(camera).shown,
      target: view.target,
      loss: { mask: view.mask, ssimWeight: options.ssimWeight ?? 0.2, profile: options.loss ?? 'correct' },
      numOpen: view.numOpen,
      imageGradient: imageOf(camera).gradient,
      extraGradient: geometryGradient?.extra,
      alphaGradient: geometryGradient?.alpha,
      rates,
      isAbsolute: strategy === 'absgrad',
      isRegularised: strategy === 'mcmc',
    };
    crew.begin(order);
    await crew.run('project');
    crew.begin({
      ...order,
      lists: createTileLists(buffers.projection, camera.widthPx, camera.heightPx, true),
      ...(method === 'pgsr'
        ? {
            flattening: {
              weight: options.geometry?.flattening ?? FLATTENING,
              numDrawn: countDrawn(buffers.projection),
            },
          }
        : {}),
    });
    await crew.run('composite');
    if (exposures) imageOf(camera).shown.set(exposures.apply(frameIndex, order.image.rgb));
    let loss = await crew.run('loss');
    if (geometryGradient) loss += geometry!.write(step, frameIndex, cloud, order.image, geometryGradient);
    if (!Number.isFinite(loss)) {
      throw viewError('TF-VIEW-007', {
        subject: 'trainCloud',
        expected: 'a finite loss',
        actual: `${loss} at step ${step}`,
        location: name,
      });
    }
    losses[step - 1] = loss;
    if (exposures) order.imageGradient.set(exposures.learn(frameIndex, order.image.rgb, order.imageGradient, step));
    await crew.run('backward');
    await crew.run('update');
    adam.step = step;
    if (strategy === 'mcmc') addMcmcNoise(cloud, rates.means, rng);
    if (isRefined(schedule, step)) {
      const refined = refineCloud(cloud, buffers.growth, schedule, step, rng);
      numGrown += refined.numGrown;
      numPruned += refined.numPruned;
      cloud = sharedCloud(refined.cloud);
      moveAdamRows(adam, refined.sources, cloud.shDegree);
      buffers = createStepBuffers(cloud, adam, crew.numParts, method);
      crew.use(buffers);
    }
    if (isOpacityReset(schedule, step)) {
      for (let i = 0; i < cloud.count; i++) cloud.opacityLogits[i] = Math.min(cloud.opacityLogits[i], RESET_LOGIT);
      resetMoments(adam, 'opacityLogits');
    }
    await options.onStep?.({ step, loss, count: cloud.count });
  }
  return { cloud, extentM, losses, numGrown, numPruned, ...(exposures ? { exposures: exposures.matrices } : {}) };
}

function countDrawn({ count, extents }: Projection): number {
  let numDrawn = 0;
  for (let i = 0; i < count; i++) if (extents[2 * i] > 0) numDrawn++;
  return numDrawn;
}

interface SharedView {
  readonly target: Float32Array;
  readonly mask: Uint8Array | undefined;
  readonly numOpen: number;
}

/** Image and mask of a frame in shared memory. */
function sharedView({ image, staticMask, camera }: Frame): SharedView {
  const target = createSharedFloats(image.data.length);
  target.set(image.data);
  const numPixels = camera.widthPx * camera.heightPx;
  let mask: Uint8Array | undefined;
  if (staticMask) {
    mask = new Uint8Array(new SharedArrayBuffer(numPixels));
    mask.set(staticMask);
  }
  return { target, mask, numOpen: countOpen(mask, numPixels) };
}

interface SharedImage extends CompositeTarget {
  readonly rgb: Float32Array;
  readonly gradient: Float32Array;
  readonly shown: Float32Array;
}

/** Images for every camera size that was asked for. */
function createImages(hasExposure: boolean, numExtra: number): (camera: PinholeCamera) => SharedImage {
  const images = new Map<string, SharedImage>();
  return ({ widthPx, heightPx }) => {
    const key = `${widthPx}x${heightPx}`;
    const known = images.get(key);
    if (known) return known;
    const numPixels = widthPx * heightPx;
    const rgb = createSharedFloats(3 * numPixels);
    const image: SharedImage = {
      rgb,
      transmittance: createSharedFloats(numPixels),
      extra: createSharedFloats(numExtra * numPixels),
      lasts: new Uint32Array(new SharedArrayBuffer(4 * numPixels)),
      gradient: createSharedFloats(3 * numPixels),
      shown: hasExposure ? createSharedFloats(3 * numPixels) : rgb,
    };
    images.set(key, image);
    return image;
  };
}
