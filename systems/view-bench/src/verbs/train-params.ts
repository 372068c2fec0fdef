/** Params of training and scoring that several verbs share. */
import { z } from 'zod';
import type { ExperimentOptions } from '../bench/experiment.ts';
import type { MetricProfile } from '../metrics/image-metrics.ts';
import { SCENE_KINDS, type SceneKind } from '../io/scene-kinds.ts';
import type { LossProfile } from '../train/loss.ts';

export const sceneShape = {
  scene: z
    .string()
    .meta({ positional: true, kind: 'folder' })
    .describe('scene folder: COLMAP or EUVS layout, or another that is known'),
  kind: z
    .enum(['auto', ...SCENE_KINDS])
    .default('auto')
    .describe('layout of the folder'),
  maxWidth: z.int().min(16).max(4096).default(512).describe('wider images are scaled down to this, pixels'),
  holdEvery: z.int().min(2).max(1000).default(8).describe('without split lists every so many-th image is a test'),
};

export interface SceneParams {
  readonly scene: string;
  readonly kind: SceneKind | 'auto';
  readonly maxWidth: number;
  readonly holdEvery: number;
}

export const trainingShape = {
  steps: z.int().min(1).max(100000).default(2000).describe('training steps'),
  strategy: z
    .enum(['adaptive', 'absgrad', 'mcmc', 'fixed'])
    .default('adaptive')
    .describe('how the number of Gaussians changes'),
  cap: z.int().min(1).max(5_000_000).default(100_000).describe('most Gaussians'),
  degree: z.int().min(0).max(3).default(3).describe('degree of the spherical harmonics'),
  loss: z
    .enum(['correct', 'euvs-released'])
    .default('correct')
    .describe('image loss; euvs-released repeats the detached L1 of the released code'),
  ssimWeight: z.number().min(0).max(1).default(0.2).describe('weight of 1 − SSIM in the loss, unitless'),
  exposure: z.boolean().default(false).describe('learn a colour matrix for every training image'),
  antialiased: z.boolean().default(false).describe('fade Gaussians that the low-pass widens'),
  extent: z
    .number()
    .min(0)
    .default(0)
    .describe('scene extent for rates and growth, metres; 0 takes 1.1 × the camera radius'),
  threads: z.int().min(1).max(64).default(2).describe('worker threads; the same number gives the same bits'),
};

export interface TrainingParams {
  readonly steps: number;
  readonly strategy: 'adaptive' | 'absgrad' | 'mcmc' | 'fixed';
  readonly cap: number;
  readonly degree: number;
  readonly loss: LossProfile;
  readonly ssimWeight: number;
  readonly exposure: boolean;
  readonly antialiased: boolean;
  readonly extent: number;
  readonly threads: number;
}

export const scoringShape = {
  profile: z.enum(['correct', 'euvs-released']).default('correct').describe('how masked metrics are computed'),
  tolerance: z.number().positive().default(3).describe('loss that the trust radius allows, dB'),
};

export interface ScoringParams {
  readonly profile: MetricProfile;
  readonly tolerance: number;
}

/** Short runs compress the schedule of 30,000 steps: growth from a tenth to 70 %, a degree every sixth of the steps. */
export function trainingFromParams(params: TrainingParams): Pick<ExperimentOptions, 'training' | 'shDegree'> {
  const { steps, strategy, cap, degree, loss, ssimWeight, exposure, antialiased, extent, threads } = params;
  const isShort = steps < 15_000;
  return {
    shDegree: degree,
    training: {
      numSteps: steps,
      strategy,
      cap,
      loss,
      ssimWeight,
      hasExposure: exposure,
      isAntialiased: antialiased,
      numThreads: threads,
      ...(extent > 0 ? { extentM: extent } : {}),
      ...(isShort
        ? {
            refineStart: Math.min(500, Math.round(steps / 10)),
            refineEvery: Math.max(20, Math.min(100, Math.round(steps / 30))),
            refineEnd: Math.round(0.7 * steps),
            degreeEvery: Math.min(1000, Math.round(steps / 6)),
            opacityResetEvery: steps < 6000 ? Infinity : 3000,
          }
        : {}),
    },
  };
}
