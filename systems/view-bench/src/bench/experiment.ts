/** One experiment: a start cloud, or several, is trained on a scene's training views and judged in its test views, with pictures of the worst. */
import { throwIfCancelled, yieldToEventLoop, type Rng } from '@tenfold/core/base';
import type { MetricProfile } from '../metrics/image-metrics.ts';
import type { FeatureMetric } from '../metrics/feature-cosine.ts';
import type { PerceptualMetric } from '../metrics/lpips.ts';
import { errorMap, joinImages, oracleMap, pngFromImage } from '../pictures.ts';
import { cameraCenter } from '../splat/project.ts';
import type { ViewOptions } from '../splat/render-view.ts';
import { cloudFromPoints } from '../train/initial-cloud.ts';
import { meanColor } from '../train/mean-color.ts';
import { trainCloud, type TrainOptions, type TrainResult } from '../train/trainer.ts';
import type { GaussianCloud, LengthUnit, Level, PointCloud, Scene } from '../types.ts';
import { assertScene } from '../scene.ts';
import { evaluateClouds, splitPixels, type Evaluation } from './evaluate.ts';
import { summariseLevels, type LevelRow } from './level-table.ts';
import { computeTrustRadius, type TrustRadius } from './trust-radius.ts';

export interface ExperimentOptions {
  readonly training: Omit<TrainOptions, 'signal' | 'onStep'>;
  /** Who trains. Default trainCloud, on the CPU. */
  readonly trainer?: typeof trainCloud | undefined;
  readonly shDegree: number;
  /** Points of every member's start: each is trained by itself, and the mean of their pictures is judged. Default the scene's points, one member. */
  readonly starts?: readonly PointCloud[];
  /** First size of a Gaussian by the distance of its neighbours; default 1. */
  readonly scaleShare?: number;
  /** What shows where no Gaussian is: black, or the mean colour of the training photographs. Default black. */
  readonly background?: 'black' | 'mean';
  /** How the cloud is drawn; default as it was trained. */
  readonly view?: Pick<ViewOptions, 'method' | 'isAntialiased' | 'background'>;
  readonly profile: MetricProfile;
  readonly perceptual?: PerceptualMetric | undefined;
  readonly features?: FeatureMetric | undefined;
  readonly toleranceDb?: number;
  readonly signal?: AbortSignal;
  /** Members count from 0. */
  readonly onStep?: (step: number, loss: number, count: number, member: number) => void;
  readonly onView?: (done: number, total: number) => void;
}

/** A picture strip: truth, render, error, and the oracle where depth is known. */
export interface Strip {
  readonly name: string;
  readonly level: Level;
  readonly psnr: number;
  readonly png: Uint8Array;
}

export interface CameraMark {
  readonly name: string;
  readonly level: Level;
  readonly center: readonly number[];
  readonly forward: readonly number[];
  readonly down: readonly number[];
  readonly psnr: number | null;
}

export interface ExperimentResult {
  /** Of radii and distances. */
  readonly lengthUnit: LengthUnit;
  /** Of the first member. */
  readonly training: TrainResult;
  readonly members: readonly TrainResult[];
  readonly evaluation: Evaluation;
  readonly levels: readonly LevelRow[];
  readonly trust: TrustRadius | undefined;
  readonly strips: readonly Strip[];
  readonly cameras: readonly CameraMark[];
}

const YIELD_EVERY_STEPS = 5;

/** @throws TF-VIEW-002 for unusable splits, TF-VIEW-007 if training leaves the finite numbers */
export async function runExperiment(scene: Scene, options: ExperimentOptions, rng: Rng): Promise<ExperimentResult> {
  assertScene(scene);
  const frameOf = new Map(scene.frames.map((frame) => [frame.name, frame]));
  const frames = scene.train.map((name) => frameOf.get(name)!);
  const behind = options.background === 'mean' ? { background: meanColor(frames) } : {};
  const members: TrainResult[] = [];
  for (const [member, points] of (options.starts ?? [scene.points]).entries()) {
    members.push(
      await (options.trainer ?? trainCloud)(
        cloudFromPoints(points, options.shDegree, options.scaleShare),
        frames,
        {
          ...options.training,
          ...behind,
          ...(options.signal ? { signal: options.signal } : {}),
          async onStep({ step, loss, count }) {
            options.onStep?.(step, loss, count, member);
            if (step % YIELD_EVERY_STEPS === 0) await yieldToEventLoop();
            throwIfCancelled(options.signal, 'trainCloud');
          },
        },
        member === 0 ? rng : rng.fork(`member ${member + 1}`),
      ),
    );
  }
  const { method, isAntialiased } = options.training;
  return judgeClouds(scene, members, { view: { method, isAntialiased, ...behind }, ...options });
}

/** The second half of an experiment, for clouds that are there. */
export async function judgeClouds(
  scene: Scene,
  members: readonly TrainResult[],
  options: Omit<ExperimentOptions, 'training' | 'trainer' | 'shDegree' | 'background' | 'starts' | 'scaleShare'>,
): Promise<ExperimentResult> {
  const train = new Set(scene.train);
  const trainFrames = scene.frames.filter(({ name }) => train.has(name));
  const strips: Strip[] = [];
  const numOf = new Map<Level, number>();
  const evaluation = await evaluateClouds(members, scene, {
    ...options.view,
    profile: options.profile,
    perceptual: options.perceptual,
    features: options.features,
    ...(options.signal ? { signal: options.signal } : {}),
    async onView(score, render, frame, done, total) {
      options.onView?.(done, total);
      const shown = numOf.get(score.level) ?? 0;
      numOf.set(score.level, shown + 1);
      if (shown % STRIP_EVERY === 0 && shown < STRIP_EVERY * MAX_STRIPS_PER_LEVEL) {
        const images = [frame.image, render, errorMap(render, frame.image)];
        if (frame.depthM)
          images.push(oracleMap(frame.image, { ...splitPixels(frame, trainFrames), isStatic: frame.staticMask }));
        strips.push({
          name: score.name,
          level: score.level,
          psnr: score.psnr,
          png: await pngFromImage(joinImages(images)),
        });
      }
      await yieldToEventLoop();
    },
  });
  const psnrOf = new Map(evaluation.views.map(({ name, psnr, level }) => [name, { psnr, level }]));
  const cameras = scene.frames.map(({ name, camera, level }) => ({
    name,
    level: psnrOf.get(name)?.level ?? level ?? (train.has(name) ? 'train' : 'control'),
    center: cameraCenter(camera),
    forward: [...camera.rotation.subarray(6, 9)],
    down: [...camera.rotation.subarray(3, 6)],
    psnr: psnrOf.get(name)?.psnr ?? null,
  }));
  return {
    lengthUnit: scene.lengthUnit ?? 'm',
    training: members[0]!,
    members,
    evaluation,
    levels: summariseLevels(evaluation),
    trust: computeTrustRadius(evaluation, options.toleranceDb),
    strips,
    cameras,
  };
}

const STRIP_EVERY = 3;
const MAX_STRIPS_PER_LEVEL = 4;

/** A result of training for a cloud that came from a file. */
export function givenCloud(cloud: GaussianCloud): TrainResult {
  return { cloud, extentM: 0, losses: new Float32Array(0), numGrown: 0, numPruned: 0 };
}
