/** Training of a cloud on posed images: one random view a step, Adam, adaptive density or MCMC, optional exposure. */
import type { Rng } from '@tenfold/core/base';
import { logitFromProbability } from '../reals.ts';
import { cameraCenter } from '../splat/project.ts';
import { renderCloud, renderGradient } from '../splat/render.ts';
import type { Frame, GaussianCloud, PinholeCamera } from '../types.ts';
import { viewError } from '../view-errors.ts';
import { applyAdam, createAdamState, moveAdamRows, resetMoments, type GroupRates } from './adam.ts';
import { densifyCloud } from './densify.ts';
import { createExposures } from './exposure.ts';
import { computeImageLoss, type LossProfile } from './loss.ts';
import { addMcmcNoise, addMcmcRegularisers, growCloud, relocateDead } from './mcmc.ts';

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
  /** Learns a colour matrix a training image. Default false. */
  readonly hasExposure?: boolean;
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
}

const DEFAULT_RATES: GroupRates = {
  means: 1.6e-4,
  quats: 1e-3,
  logScales: 5e-3,
  opacityLogits: 0.05,
  shConstant: 2.5e-3,
  shRest: 1.25e-4,
};
const MEANS_DECAY = 0.01;
const SPLIT_SHARE_OF_EXTENT = 0.01;
const MAX_SHARE_OF_EXTENT = 0.1;
const MIN_OPACITY = 0.005;
const RESET_OPACITY = 0.01;
const MCMC_GROWTH = 1.05;

/** Trains from a first cloud. The same seed gives the same bits. @throws TF-VIEW-002 without frames, TF-VIEW-007 if the loss is not finite */
export async function trainCloud(
  first: GaussianCloud,
  frames: readonly Frame[],
  options: TrainOptions,
  rng: Rng,
): Promise<TrainResult> {
  const { numSteps, strategy = 'adaptive', refineEvery = 100, refineStart = 500, cap = 200_000 } = options;
  const { refineEnd = Math.min(15_000, numSteps / 2), opacityResetEvery = 3000, degreeEvery = 1000 } = options;
  if (frames.length === 0) {
    throw viewError('TF-VIEW-002', { subject: 'trainCloud', expected: 'at least one training frame', actual: 'none' });
  }
  const extentM = options.extentM ?? cameraExtent(frames.map(({ camera }) => camera));
  const rates: GroupRates = { ...DEFAULT_RATES, means: DEFAULT_RATES.means * extentM, ...options.rates };
  const threshold = options.gradientThreshold ?? (strategy === 'absgrad' ? 8e-4 : 2e-4);
  const exposures = options.hasExposure ? createExposures(frames.length, numSteps) : undefined;
  let cloud = first;
  const adam = createAdamState(cloud);
  let sums = new Float32Array(cloud.count);
  let views = new Uint32Array(cloud.count);
  const losses = new Float32Array(numSteps);
  let queue: number[] = [];
  let [numGrown, numPruned] = [0, 0];
  for (let step = 1; step <= numSteps; step++) {
    options.signal?.throwIfAborted();
    if (queue.length === 0) queue = rng.shuffle(frames.map((_, index) => index));
    const frameIndex = queue.pop()!;
    const frame = frames[frameIndex]!;
    const { camera } = frame;
    const rendering = renderCloud(cloud, camera, {
      shDegree: Math.min(cloud.shDegree, Math.floor(step / degreeEvery)),
      isAntialiased: options.isAntialiased ?? false,
      background: options.background ?? [0, 0, 0],
    });
    const shown = exposures ? exposures.apply(frameIndex, rendering.rgb) : rendering.rgb;
    const loss = computeImageLoss(shown, frame.image.data, camera, {
      mask: frame.staticMask,
      ssimWeight: options.ssimWeight ?? 0.2,
      profile: options.loss ?? 'correct',
    });
    if (!Number.isFinite(loss.value)) {
      throw viewError('TF-VIEW-007', {
        subject: 'trainCloud',
        expected: 'a finite loss',
        actual: `${loss.value} at step ${step}`,
        location: frame.name,
      });
    }
    losses[step - 1] = loss.value;
    const byRgb = exposures ? exposures.learn(frameIndex, rendering.rgb, loss.gradient, step) : loss.gradient;
    const gradients = renderGradient(cloud, camera, rendering, { rgb: byRgb });
    if (strategy === 'mcmc') addMcmcRegularisers(cloud, gradients);
    const positional = strategy === 'absgrad' ? gradients.projected.absoluteUv : gradients.projected.uv;
    for (let i = 0; i < cloud.count; i++) {
      if (rendering.input.projection.extents[2 * i] === 0) continue;
      sums[i] += Math.hypot((positional[2 * i] * camera.widthPx) / 2, (positional[2 * i + 1] * camera.heightPx) / 2);
      views[i]++;
    }
    const meansRate = rates.means * MEANS_DECAY ** (step / numSteps);
    applyAdam(cloud, gradients, adam, { ...rates, means: meansRate });
    if (strategy === 'mcmc') addMcmcNoise(cloud, meansRate, rng);
    const isRefined = step >= refineStart && step < refineEnd && step % refineEvery === 0;
    if (isRefined && strategy !== 'fixed') {
      const before = cloud.count;
      let sources: Int32Array;
      if (strategy === 'mcmc') {
        const relocated = relocateDead(cloud, rng);
        ({ cloud, sources } = growCloud(cloud, Math.min(cap, Math.floor(before * MCMC_GROWTH)), rng));
        for (const row of relocated) sources[row] = -1;
        numGrown += cloud.count - before;
      } else {
        const means = sums.map((sum, i) => (views[i] === 0 ? 0 : sum / views[i]));
        const refined = densifyCloud(
          cloud,
          means,
          {
            gradientThreshold: threshold,
            splitScaleM: SPLIT_SHARE_OF_EXTENT * extentM,
            minOpacity: MIN_OPACITY,
            maxScaleM: step > opacityResetEvery ? MAX_SHARE_OF_EXTENT * extentM : Infinity,
            cap,
          },
          rng,
        );
        ({ cloud, sources } = refined);
        numGrown += refined.numCloned + refined.numSplit;
        numPruned += refined.numPruned;
      }
      moveAdamRows(adam, sources, cloud.shDegree);
      sums = new Float32Array(cloud.count);
      views = new Uint32Array(cloud.count);
    }
    if (strategy !== 'mcmc' && step < refineEnd && step % opacityResetEvery === 0) {
      const limit = logitFromProbability(RESET_OPACITY);
      for (let i = 0; i < cloud.count; i++) cloud.opacityLogits[i] = Math.min(cloud.opacityLogits[i], limit);
      resetMoments(adam, 'opacityLogits');
    }
    await options.onStep?.({ step, loss: loss.value, count: cloud.count });
  }
  return { cloud, extentM, losses, numGrown, numPruned };
}

/** 1.1 × the largest distance of a camera from the mean of all, metres; 1 for a single place. */
export function cameraExtent(cameras: readonly PinholeCamera[]): number {
  const centers = cameras.map(cameraCenter);
  const mean = [0, 1, 2].map((k) => centers.reduce((sum, center) => sum + center[k]!, 0) / centers.length);
  const radius = Math.max(...centers.map((center) => Math.hypot(...center.map((value, k) => value - mean[k]!))));
  return radius > 0 ? 1.1 * radius : 1;
}
