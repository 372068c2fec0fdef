/** The synthetic street as a scene: frames with exact truth, and a start cloud as structure from motion would give it. */
import { createRng, throwIfCancelled, type Rng } from '@tenfold/core/base';
import { Worker } from 'node:worker_threads';
import { worldFromPixel } from '../camera.ts';
import { countViewsOfPixels } from '../coverage.ts';
import { cameraCenter } from '../splat/project.ts';
import type { Frame, PointCloud, Scene } from '../types.ts';
import { createPhotographer } from './photographs.ts';
import type { StreetFrame } from './shade.ts';
import type { StreetOptions } from './street-options.ts';
import { planShots, type Shot } from './traversals.ts';

export interface StreetScene extends Scene {
  readonly frames: readonly StreetFrame[];
}

export interface StreetWork {
  readonly numWorkers?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

const MIN_VIEWS_OF_POINT = 3;
const POINT_NOISE_PX = 0.5;
const OUTLIER_SHARE = 0.05;
const POINTS_PER_FRAME = 90;
/** Sky pixels start on a dome this far from the middle of the cameras, metres. */
const SKY_DOME_M = 220;
const SKY_POINTS_PER_FRAME = 8;

/** Photographs the street with two workers. The same options give the same bytes, however many workers there are. */
export async function createStreetScene(options: StreetOptions, work: StreetWork = {}): Promise<StreetScene> {
  const shots = planShots(options);
  const frames = await photographAll(options, shots, work);
  const namesOf = (isTrain: boolean) =>
    frames.filter(({ level }) => (level === 'train') === isTrain).map(({ name }) => name);
  const train = frames.filter(({ level }) => level === 'train');
  return {
    name: `street-${options.seed}`,
    frames,
    train: namesOf(true),
    test: namesOf(false),
    points: samplePoints(train, createRng(options.seed, 'points')),
  };
}

function photographAll(
  options: StreetOptions,
  shots: readonly Shot[],
  { numWorkers = 2, signal, onProgress }: StreetWork,
): Promise<StreetFrame[]> {
  throwIfCancelled(signal, 'createStreetScene');
  if (numWorkers < 2) {
    const photographer = createPhotographer(options);
    return Promise.resolve(shots.map((shot) => photographer.take(shot)));
  }
  const indexOf = new Map(shots.map(({ name }, index) => [name, index]));
  const frames = new Array<StreetFrame>(shots.length);
  let numDone = 0;
  return new Promise((resolve, reject) => {
    let numAsked = 0;
    const ask = (worker: Worker) => {
      if (numAsked < shots.length) worker.postMessage(shots[numAsked++]);
    };
    const workers = Array.from({ length: numWorkers }, () => {
      const worker = new Worker(new URL('./photograph-worker.ts', import.meta.url), { workerData: options });
      worker.on('message', (frame: StreetFrame) => {
        frames[indexOf.get(frame.name)!] = frame;
        numDone++;
        onProgress?.(numDone, shots.length);
        if (numDone === shots.length) finish(() => resolve(frames));
        else ask(worker);
      });
      worker.on('error', (cause) => finish(() => reject(cause)));
      ask(worker);
      return worker;
    });
    const onAbort = () =>
      finish(() => {
        try {
          throwIfCancelled(signal, 'createStreetScene');
        } catch (cause) {
          reject(cause as Error);
        }
      });
    const finish = (settle: () => void) => {
      signal?.removeEventListener('abort', onAbort);
      for (const worker of workers) void worker.terminate();
      settle();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** Surface points that at least three training frames see, with half a pixel of noise and 5 % outliers; and points on a sky dome. */
function samplePoints(train: readonly StreetFrame[], rng: Rng): PointCloud {
  const positions: number[] = [];
  const colors: number[] = [];
  const add = (position: readonly number[], frame: Frame, pixel: number) => {
    positions.push(...position);
    for (let k = 0; k < 3; k++) colors.push(Math.round(255 * frame.image.data[3 * pixel + k]));
  };
  const middle = [0, 1, 2].map(
    (k) => train.reduce((sum, { camera }) => sum + cameraCenter(camera)[k]!, 0) / Math.max(1, train.length),
  );
  for (const frame of train) {
    const { camera, depthM, staticMask, groundMask } = frame;
    const numPixels = depthM!.length;
    const pixels: number[] = [];
    for (let tries = 0; tries < 2 * POINTS_PER_FRAME && pixels.length < POINTS_PER_FRAME; tries++) {
      const pixel = rng.integer(numPixels);
      if (staticMask![pixel] === 1 && groundMask![pixel] === 1) pixels.push(pixel);
    }
    const views = countViewsOfPixels(frame, pixels, train);
    pixels.forEach((pixel, k) => {
      const depth = depthM![pixel];
      if (views[k] < MIN_VIEWS_OF_POINT) return;
      const noiseM = (POINT_NOISE_PX * depth) / camera.fx;
      const isOutlier = rng.uniform() < OUTLIER_SHARE;
      const at = worldFromPixel(camera, pixel, isOutlier ? depth * (0.4 + 1.2 * rng.uniform()) : depth);
      add(
        at.map((value) => value + noiseM * rng.normal()),
        frame,
        pixel,
      );
    });
    for (let tries = 0; tries < SKY_POINTS_PER_FRAME; tries++) {
      const pixel = rng.integer(numPixels);
      if (groundMask![pixel] === 1 || staticMask![pixel] === 0) continue;
      const at = worldFromPixel(camera, pixel, 1);
      const center = cameraCenter(camera);
      const ray = at.map((value, k) => value - center[k]!);
      const length = Math.hypot(...ray);
      add(
        ray.map((value, k) => middle[k]! + (SKY_DOME_M * value) / length),
        frame,
        pixel,
      );
    }
  }
  return { positions: Float64Array.from(positions), colors: Uint8Array.from(colors) };
}
