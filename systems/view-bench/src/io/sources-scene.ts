/** A scene from posed photographs of any importer: split lists or hold-out, and a start cloud where the recording has none. */
import { createRng } from '@tenfold/core/base';
import { worldFromPixel } from '../camera.ts';
import type { Frame, PointCloud, Scene } from '../types.ts';
import { viewError } from '../view-errors.ts';
import { heldOutNames, type HoldOutOptions } from './hold-out.ts';
import { readFrame, type FrameReadOptions, type FrameSource } from './frames.ts';

export interface SourceSceneOptions extends FrameReadOptions, HoldOutOptions {
  readonly onProgress?: (done: number, total: number) => void;
}

export interface SourceScene {
  readonly name: string;
  readonly sources: readonly FrameSource[];
  /** Absent: points are drawn along the rays of training pixels. */
  readonly points?: PointCloud;
  /** Names of test photographs; absent: hold-out. */
  readonly test?: readonly string[];
}

const RAYS_PER_FRAME = 150;
const NEAR_M = 2;
const FAR_M = 80;

export async function sceneFromSources(
  { name, sources, points, test }: SourceScene,
  options: SourceSceneOptions,
): Promise<Scene> {
  if (sources.length === 0) {
    throw viewError('TF-VIEW-004', {
      subject: 'sceneFromSources',
      expected: 'at least one posed photograph',
      actual: 'none',
      location: name,
    });
  }
  const frames: Frame[] = [];
  for (const source of sources) {
    frames.push(await readFrame(source, options));
    options.onProgress?.(frames.length, sources.length);
  }
  const names = frames.map((frame) => frame.name);
  const held = new Set(heldOutNames(names, options, test));
  const train = names.filter((frameName) => !held.has(frameName));
  const trainNames = new Set(train);
  return {
    name,
    frames,
    train,
    test: names.filter((frameName) => held.has(frameName)),
    points: points ?? pointsAlongRays(frames.filter((frame) => trainNames.has(frame.name))),
  };
}

/** Points at log-uniform depth along rays of training pixels, in the pixels' colours: a start without structure from motion. */
function pointsAlongRays(train: readonly Frame[]): PointCloud {
  const rng = createRng(0, 'rays');
  const positions: number[] = [];
  const colors: number[] = [];
  for (const { camera, image, staticMask } of train) {
    for (let k = 0; k < RAYS_PER_FRAME; k++) {
      const pixel = rng.integer(camera.widthPx * camera.heightPx);
      const depth = NEAR_M * (FAR_M / NEAR_M) ** rng.uniform();
      if (staticMask?.[pixel] === 0) continue;
      positions.push(...worldFromPixel(camera, pixel, depth));
      for (let c = 0; c < 3; c++) colors.push(Math.round(255 * image.data[3 * pixel + c]));
    }
  }
  return { positions: Float64Array.from(positions), colors: Uint8Array.from(colors) };
}
