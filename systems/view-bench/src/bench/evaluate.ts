/** Scores of a trained cloud, or of the mean picture of several, in every test view: whole image, seen and unseen pixels, depth, and distance from the training views. */
import { throwIfCancelled } from '@tenfold/core/base';
import { countViews } from '../coverage.ts';
import { computeMeanSsim, computePsnr, type MetricProfile } from '../metrics/image-metrics.ts';
import { computeDepthScores, type DepthScores } from '../metrics/depth-metrics.ts';
import type { FeatureMetric } from '../metrics/feature-cosine.ts';
import type { PerceptualMetric } from '../metrics/lpips.ts';
import type { SplatMethod } from '../splat/method.ts';
import { renderView } from '../splat/render-view.ts';
import { exposedColors, exposureAt } from '../train/exposure.ts';
import type { Frame, GaussianCloud, Level, Reals, RgbImage, Scene } from '../types.ts';
import { levelFromDistance, measureViewDistance, trainingPath, type ViewDistance } from './geometry.ts';

export interface ViewScore extends ViewDistance {
  readonly name: string;
  readonly level: Level;
  readonly traversal: string | null;
  /** dB over static pixels */ readonly psnr: number;
  readonly ssim: number;
  /** null without the model */ readonly lpips: number | null;
  /** null without a model of features */ readonly featureCosine: number | null;
  /** dB over pixels of surfaces that training views show; null where depth is unknown or none is seen */
  readonly psnrSeen: number | null;
  readonly psnrUnseen: number | null;
  readonly psnrSky: number | null;
  /** Mean squared error over static pixels, and the parts of it from unseen pixels and sky. */
  readonly squaredError: { readonly all: number; readonly unseen: number | null; readonly sky: number | null };
  /** Share of static pixels that show surfaces no training view shows. */ readonly unseenShare: number | null;
  readonly depth: DepthScores | null;
  /** dB by which single clouds match their mean picture, over static pixels; null for one cloud. No photograph is read for it. */
  readonly agreement: number | null;
}

/** A cloud whose pictures are averaged with those of others, with the colour matrices it was trained with. */
export interface Member {
  readonly cloud: GaussianCloud;
  /** [F, 3, 4] colour matrices of the scene's training views; a test view gets that of its neighbours. */
  readonly exposures?: Float64Array;
}

export interface Evaluation {
  readonly profile: MetricProfile;
  readonly spacingM: number;
  readonly views: readonly ViewScore[];
}

export interface EvaluateOptions {
  readonly profile?: MetricProfile;
  /** Views of training frames that are scored too; default 8, spread evenly. */
  readonly numTrainViews?: number;
  readonly perceptual?: PerceptualMetric | undefined;
  readonly features?: FeatureMetric | undefined;
  readonly method?: SplatMethod | undefined;
  readonly isAntialiased?: boolean | undefined;
  readonly background?: readonly [number, number, number] | undefined;
  readonly signal?: AbortSignal;
  readonly onView?: (
    score: ViewScore,
    render: RgbImage,
    frame: Frame,
    done: number,
    total: number,
  ) => void | Promise<void>;
}

/** Training pixels that make a surface "seen". */
const MIN_VIEWS = 1;

/** Renders every test view (and some training views) by every member and scores the mean picture. Mutates: nothing. */
export async function evaluateClouds(
  members: readonly Member[],
  scene: Scene,
  {
    profile = 'correct',
    numTrainViews = 8,
    perceptual,
    features,
    method,
    isAntialiased,
    background,
    signal,
    onView,
  }: EvaluateOptions = {},
): Promise<Evaluation> {
  const frameOf = new Map(scene.frames.map((frame) => [frame.name, frame]));
  const train = scene.train.map((name) => frameOf.get(name)!);
  const path = trainingPath(train.map(({ camera }) => camera));
  const { spacingM } = path;
  const step = Math.max(1, Math.ceil(train.length / Math.max(1, numTrainViews)));
  const shown = numTrainViews === 0 ? [] : train.filter((_, index) => index % step === 0);
  const frames = [...shown, ...scene.test.map((name) => frameOf.get(name)!)];
  const trainNames = new Set(scene.train);
  const views: ViewScore[] = [];
  for (const [index, frame] of frames.entries()) {
    throwIfCancelled(signal, 'evaluateClouds');
    const isTrain = trainNames.has(frame.name);
    const hasDepth = frame.depthM !== undefined;
    const pictures = members.map(({ cloud, exposures }) => {
      const { rgb, depthM } = renderView(cloud, frame.camera, { method, isAntialiased, background, hasDepth });
      return {
        rgb: exposures ? exposedColors(rgb, exposureAt(frame.name, frame.camera, train, exposures)) : rgb,
        depthM,
      };
    });
    const mean = meanOf(pictures.map(({ rgb }) => rgb));
    const render = quantise(mean, frame);
    const distance = measureViewDistance(frame.camera, path);
    const level = isTrain ? 'train' : (frame.level ?? levelFromDistance(distance, spacingM));
    const split = frame.depthM ? splitPixels(frame, train) : undefined;
    const score: ViewScore = {
      ...distance,
      name: frame.name,
      level,
      traversal: frame.traversal ?? null,
      psnr: computePsnr(render, frame.image, frame.staticMask),
      ssim: computeMeanSsim(render, frame.image, { mask: frame.staticMask, profile }),
      lpips: perceptual ? await perceptual.compare(render, frame.image, { mask: frame.staticMask, profile }) : null,
      featureCosine: features ? await features.compare(render, frame.image, { mask: frame.staticMask, profile }) : null,
      psnrSeen: split ? finiteOrNull(computePsnr(render, frame.image, split.seen)) : null,
      psnrUnseen: split ? finiteOrNull(computePsnr(render, frame.image, split.unseen)) : null,
      psnrSky: split ? finiteOrNull(computePsnr(render, frame.image, split.sky)) : null,
      squaredError: squaredErrors(render, frame, split),
      unseenShare: split ? split.unseenShare : null,
      depth: frame.depthM
        ? computeDepthScores(meanOf(pictures.map(({ depthM }) => depthM)), frame.depthM, frame.staticMask)
        : null,
      agreement:
        pictures.length > 1
          ? agreementOf(
              pictures.map(({ rgb }) => quantise(rgb, frame)),
              render,
              frame,
            )
          : null,
    };
    views.push(score);
    await onView?.(score, render, frame, index + 1, frames.length);
  }
  return { profile, spacingM, views };
}

interface PixelSplit {
  /** [H, W] 1 = counts */ readonly seen: Uint8Array;
  readonly unseen: Uint8Array;
  readonly sky: Uint8Array;
  readonly unseenShare: number;
}

/** Static pixels by what the training views know of them: seen surface, seen sky, or neither. */
export function splitPixels(frame: Frame, train: readonly Frame[]): PixelSplit {
  const views = countViews(frame, train);
  const [seen, unseen, sky] = [
    new Uint8Array(views.length),
    new Uint8Array(views.length),
    new Uint8Array(views.length),
  ];
  let [numStatic, numUnseen] = [0, 0];
  for (let p = 0; p < views.length; p++) {
    if (frame.staticMask?.[p] === 0) continue;
    numStatic++;
    if (views[p] >= MIN_VIEWS) (frame.groundMask?.[p] === 0 ? sky : seen)[p] = 1;
    else {
      unseen[p] = 1;
      numUnseen++;
    }
  }
  return { seen, unseen, sky, unseenShare: numUnseen / Math.max(1, numStatic) };
}

/** Of images of the same size. */
function meanOf<Pixels extends Reals>(images: readonly Pixels[]): Pixels | Float32Array {
  if (images.length === 1) return images[0]!;
  const mean = new Float32Array(images[0]!.length);
  for (const image of images) for (let k = 0; k < mean.length; k++) mean[k] += image[k] / images.length;
  return mean;
}

/** dB of all members' squared differences from their mean picture together. */
function agreementOf(images: readonly RgbImage[], mean: RgbImage, { staticMask }: Frame): number {
  const errors = images.map((image) => 10 ** (-computePsnr(image, mean, staticMask) / 10));
  return -10 * Math.log10(Math.max(1e-10, errors.reduce((sum, error) => sum + error, 0) / errors.length));
}

/** 8-bit, as images are stored and compared. */
function quantise(rgb: ArrayLike<number>, { camera }: Frame): RgbImage {
  const data = Float32Array.from(rgb, (value) => Math.round(255 * Math.min(1, Math.max(0, value))) / 255);
  return { widthPx: camera.widthPx, heightPx: camera.heightPx, data };
}

function squaredErrors(render: RgbImage, frame: Frame, split: PixelSplit | undefined): ViewScore['squaredError'] {
  let [all, unseen, sky, count] = [0, 0, 0, 0];
  for (let p = 0; p < render.data.length / 3; p++) {
    if (frame.staticMask?.[p] === 0) continue;
    let error = 0;
    for (let k = 3 * p; k < 3 * p + 3; k++) error += (render.data[k] - frame.image.data[k]) ** 2;
    count += 3;
    all += error;
    if (split?.unseen[p] === 1) unseen += error;
    if (split?.sky[p] === 1) sky += error;
  }
  const share = Math.max(1, count);
  return { all: all / share, unseen: split ? unseen / share : null, sky: split ? sky / share : null };
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
