/** What a training run does at which step, resolved from its options: shared by the CPU and the GPU trainer. */
import type { Rng } from '@tenfold/core/base';
import { logitFromProbability } from '../reals.ts';
import { cameraCenter } from '../splat/project.ts';
import type { Frame, GaussianCloud, PinholeCamera } from '../types.ts';
import { viewError } from '../view-errors.ts';
import type { GroupRates } from './adam.ts';
import { densifyCloud } from './densify.ts';
import { growCloud, relocateDead } from './mcmc.ts';
import type { TrainOptions } from './trainer.ts';

export interface Schedule {
  readonly numSteps: number;
  readonly strategy: NonNullable<TrainOptions['strategy']>;
  readonly extentM: number;
  /** At the first step. */
  readonly rates: GroupRates;
  readonly gradientThreshold: number;
  readonly refineEvery: number;
  readonly refineStart: number;
  readonly refineEnd: number;
  readonly opacityResetEvery: number;
  readonly degreeEvery: number;
  readonly cap: number;
}

/** Sums of positional gradients and the views in which each Gaussian was drawn, since the last refinement. */
export interface GrowthStatistics {
  readonly sums: ArrayLike<number>;
  readonly views: ArrayLike<number>;
}

export interface Refinement {
  readonly cloud: GaussianCloud;
  /** Old row whose moments new row r continues, -1 for none. */
  readonly sources: Int32Array;
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

/** Logit that opacities are cut to when they are reset. */
export const RESET_LOGIT = logitFromProbability(RESET_OPACITY);

/** @throws TF-VIEW-002 without frames */
export function resolveSchedule(frames: readonly Frame[], options: TrainOptions): Schedule {
  const { numSteps, strategy = 'adaptive', refineEvery = 100, refineStart = 500, cap = 200_000 } = options;
  const { refineEnd = Math.min(15_000, numSteps / 2), opacityResetEvery = 3000, degreeEvery = 1000 } = options;
  if (frames.length === 0) {
    throw viewError('TF-VIEW-002', { subject: 'trainCloud', expected: 'at least one training frame', actual: 'none' });
  }
  const extentM = options.extentM ?? cameraExtent(frames.map(({ camera }) => camera));
  return {
    numSteps,
    strategy,
    extentM,
    rates: { ...DEFAULT_RATES, means: DEFAULT_RATES.means * extentM, ...options.rates },
    gradientThreshold: options.gradientThreshold ?? (strategy === 'absgrad' ? 8e-4 : 2e-4),
    refineEvery,
    refineStart,
    refineEnd,
    opacityResetEvery,
    degreeEvery,
    cap,
  };
}

/** Rates of a step; that of the means decays log-linearly. */
export function ratesAt({ rates, numSteps }: Schedule, step: number): GroupRates {
  return { ...rates, means: rates.means * MEANS_DECAY ** (step / numSteps) };
}

export function isRefined({ strategy, refineStart, refineEnd, refineEvery }: Schedule, step: number): boolean {
  return strategy !== 'fixed' && step >= refineStart && step < refineEnd && step % refineEvery === 0;
}

export function isOpacityReset({ strategy, refineEnd, opacityResetEvery }: Schedule, step: number): boolean {
  return strategy !== 'mcmc' && step < refineEnd && step % opacityResetEvery === 0;
}

/** Grows and prunes by the schedule's strategy. Mutates: under mcmc the rows of `cloud` that move or share. */
export function refineCloud(
  cloud: GaussianCloud,
  growth: GrowthStatistics,
  schedule: Schedule,
  step: number,
  rng: Rng,
): Refinement {
  if (schedule.strategy === 'mcmc') {
    const relocated = relocateDead(cloud, rng);
    const grown = growCloud(cloud, Math.min(schedule.cap, Math.floor(cloud.count * MCMC_GROWTH)), rng);
    for (const row of relocated) grown.sources[row] = -1;
    return { ...grown, numGrown: grown.cloud.count - cloud.count, numPruned: 0 };
  }
  const means = Float32Array.from({ length: cloud.count }, (_, i) =>
    growth.views[i] === 0 ? 0 : growth.sums[i] / growth.views[i],
  );
  const refined = densifyCloud(
    cloud,
    means,
    {
      gradientThreshold: schedule.gradientThreshold,
      splitScaleM: SPLIT_SHARE_OF_EXTENT * schedule.extentM,
      minOpacity: MIN_OPACITY,
      maxScaleM: step > schedule.opacityResetEvery ? MAX_SHARE_OF_EXTENT * schedule.extentM : Infinity,
      cap: schedule.cap,
    },
    rng,
  );
  const { sources, numCloned, numSplit, numPruned } = refined;
  return { cloud: refined.cloud, sources, numGrown: numCloned + numSplit, numPruned };
}

/** 1.1 × the largest distance of a camera from the mean of all, metres; 1 for a single place. */
function cameraExtent(cameras: readonly PinholeCamera[]): number {
  const centers = cameras.map(cameraCenter);
  const mean = [0, 1, 2].map((k) => centers.reduce((sum, center) => sum + center[k]!, 0) / centers.length);
  const radius = Math.max(...centers.map((center) => Math.hypot(...center.map((value, k) => value - mean[k]!))));
  return radius > 0 ? 1.1 * radius : 1;
}
