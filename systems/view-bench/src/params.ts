/** Params that several verbs share: scene folders, the synthetic street, training, scoring. */
import { z } from 'zod';
import type { MetricProfile } from './metrics/image-metrics.ts';
import { SCENE_KINDS, type SceneKind } from './io/scene-kinds.ts';
import { SPLAT_METHODS, type SplatMethod } from './splat/method.ts';
import { DEFAULT_STREET } from './street/street-options.ts';
import type { LossProfile } from './train/loss.ts';

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
  holdFirst: z.int().min(0).max(999).default(0).describe('index of the first of these, by name'),
  hold: z
    .string()
    .default('')
    .describe('names of test images, comma-separated, in place of every so many-th and of split lists'),
  maxLean: z
    .number()
    .min(0)
    .max(180)
    .default(25)
    .describe('views whose up direction leans farther from the others are left out, degrees; 180 keeps all'),
};

export interface SceneParams {
  readonly scene: string;
  readonly kind: SceneKind | 'auto';
  readonly maxWidth: number;
  readonly holdEvery: number;
  readonly holdFirst: number;
  readonly hold: string;
  readonly maxLean: number;
}

export const methodShape = {
  method: z.enum(SPLAT_METHODS).default('3dgs').describe('ellipsoids, disks, or ellipsoids pressed to planes'),
};

export const startShape = {
  start: z
    .enum(['dense', 'points'])
    .default('dense')
    .describe("the scene's points with depths swept between training views, or these points alone"),
  members: z
    .int()
    .min(1)
    .max(8)
    .default(1)
    .describe('trainings from differently swept depths whose pictures are averaged; only with swept depths'),
  spacing: z.number().min(1).max(64).default(3).describe('a swept point for about so many pixels squared, pixels'),
};

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
  ...methodShape,
  distortion: z.number().min(0).default(0).describe('weight of the depth distortion of 2dgs, unitless'),
  exposure: z.boolean().default(false).describe('learn a colour matrix for every training image'),
  antialiased: z.boolean().default(false).describe('fade Gaussians that the low-pass widens'),
  background: z
    .enum(['black', 'mean'])
    .default('black')
    .describe('what shows where no Gaussian is: black, or the mean colour of the training images'),
  extent: z
    .number()
    .min(0)
    .default(0)
    .describe('scene extent for rates and growth, metres; 0 takes 1.1 × the camera radius'),
  threads: z.int().min(1).max(64).default(2).describe('worker threads; the same number gives the same bits'),
  backend: z
    .enum(['cpu', 'webgpu', 'auto'])
    .default('cpu')
    .describe('where training runs; auto takes a GPU if there is one'),
};

export interface TrainingParams {
  readonly steps: number;
  readonly strategy: 'adaptive' | 'absgrad' | 'mcmc' | 'fixed';
  readonly cap: number;
  readonly degree: number;
  readonly loss: LossProfile;
  readonly ssimWeight: number;
  readonly method?: SplatMethod;
  readonly distortion?: number;
  readonly exposure: boolean;
  readonly antialiased: boolean;
  readonly background?: 'black' | 'mean';
  readonly extent: number;
  readonly threads: number;
  readonly backend: 'cpu' | 'webgpu' | 'auto';
}

export const scoringShape = {
  profile: z.enum(['correct', 'euvs-released']).default('correct').describe('how masked metrics are computed'),
  tolerance: z.number().positive().default(3).describe('loss that the trust radius allows, dB'),
  features: z
    .string()
    .default('')
    .describe('ONNX model of patch features, for example DINOv2 ViT-B/14, for the feature cosine; empty leaves it out'),
};

export interface ScoringParams {
  readonly profile: MetricProfile;
  readonly tolerance: number;
  readonly features: string;
}

export const streetShape = {
  width: z.int().min(16).max(1920).default(DEFAULT_STREET.widthPx).describe('image width, pixels'),
  stops: z
    .int()
    .min(2)
    .max(200)
    .default(DEFAULT_STREET.numStops)
    .describe('stops of every training drive; six photographs each'),
  traversals: z
    .int()
    .min(1)
    .max(8)
    .default(DEFAULT_STREET.numTraversals)
    .describe('training drives over the two middle lanes'),
  cameras: z
    .enum(['front', 'rig'])
    .default('front')
    .describe('training channels: three that look ahead, or six all round'),
  lighting: z.enum(['same', 'varied']).default('same').describe('one sun for all drives, or another for each'),
  traffic: z.boolean().default(true).describe('moving cars and walkers, other ones on every drive'),
};

export interface StreetParams {
  readonly width: number;
  readonly stops: number;
  readonly traversals: number;
  readonly cameras: 'front' | 'rig';
  readonly lighting: 'same' | 'varied';
  readonly traffic: boolean;
}
