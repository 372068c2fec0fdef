/** Held-out quality of the Lund street, one JSON line a setting, and what spoils each test view.
 *  node scripts/lund-study.ts phases [width] [steps] [first,…] [members]   every 8th photograph held out, from each first one on
 *  node scripts/lund-study.ts peer [width] [steps,…]             12.jpg alone held out, as the peer of spec §10 was measured
 *  node scripts/lund-study.ts causes [width] [steps] [first]     dB that each cause costs a test view */
import { createRng } from '@tenfold/core/base';
import { join } from 'node:path';
import { evaluateClouds } from '../src/bench/evaluate.ts';
import { loadScene } from '../src/io/load-scene.ts';
import { computePsnr } from '../src/metrics/image-metrics.ts';
import { leaveOutLeaning } from '../src/pose-check.ts';
import { renderView } from '../src/splat/render-view.ts';
import { addDensePoints, memberSweep } from '../src/train/dense-start.ts';
import { exposedColors, exposureAt } from '../src/train/exposure.ts';
import { cloudFromPoints } from '../src/train/initial-cloud.ts';
import { meanColor } from '../src/train/mean-color.ts';
import { trainCloud } from '../src/train/trainer.ts';
import type { Frame, PinholeCamera, Scene } from '../src/types.ts';
import { trainingFromParams } from '../src/verbs/train-params.ts';
import { gainFit, poseFit, seenPixels } from './view-causes.ts';

const LEAN_DEG = 25;
const [mode = 'phases', width = '128', second, third, members = '1'] = process.argv.slice(2);
const SWEEP_WIDTH_PX = 256;
const NARROW_PX = 128;
const folder = join(process.env['TENFOLD_DATA'] ?? '.', 'view-bench/lund');
const rounded = (value: number) => Number(value.toFixed(2));

interface Lund extends Scene {
  /** The same photographs as wide as they are swept. */
  readonly wide: Scene;
  /** 128 px wide, as earlier figures were scored. */
  readonly narrow: Scene;
}

async function lund(holdFirst: number, hold: readonly string[] = []): Promise<Lund> {
  const at = async (maxWidthPx: number) =>
    leaveOutLeaning(await loadScene(folder, 'auto', { maxWidthPx, holdEvery: 8, holdFirst, hold }), LEAN_DEG).scene;
  const wide = await at(Math.max(SWEEP_WIDTH_PX, Number(width)));
  return { ...(await at(Number(width))), wide, narrow: await at(NARROW_PX) };
}

async function train(scene: Lund, names: readonly string[], steps: number, member = 0) {
  const frames = scene.frames.filter(({ name }) => names.includes(name));
  const wide = scene.wide.frames.filter(({ name }) => names.includes(name));
  const points = await addDensePoints(scene.points, wide, {
    ...memberSweep(member),
    widthPx: SWEEP_WIDTH_PX,
    spacingPx: (3 * SWEEP_WIDTH_PX) / Math.min(SWEEP_WIDTH_PX, Number(width)),
  });
  const { training, shDegree } = trainingFromParams({
    steps,
    strategy: 'fixed',
    cap: 100_000,
    degree: 0,
    loss: 'correct',
    ssimWeight: 0.2,
    exposure: true,
    antialiased: true,
    extent: 0,
    threads: 2,
  });
  const background = meanColor(frames);
  const start = cloudFromPoints(points, shDegree, 0.7);
  const result = await trainCloud(start, frames, { ...training, background }, createRng(member, 'training'));
  const show = (name: string, camera: PinholeCamera) =>
    exposedColors(
      renderView(result.cloud, camera, { background, isAntialiased: true }).rgb,
      exposureAt(name, camera, frames, result.exposures!),
    );
  return { ...result, background, frames, show };
}

/** Trains a split. @returns a line of scores with CPU and wall time of start and training together */
async function score(scene: Lund, steps: number): Promise<Record<string, unknown>> {
  const [before, startMs] = [process.cpuUsage(), performance.now()];
  const trained = [];
  for (let member = 0; member < Number(members); member++) {
    trained.push(await train(scene, scene.train, steps, member));
  }
  const { user, system } = process.cpuUsage(before);
  const wallSec = Math.round((performance.now() - startMs) / 1000);
  const { background, cloud } = trained[0]!;
  const shown = { background, isAntialiased: true };
  const { views } = await evaluateClouds(trained, scene, shown);
  const narrow = (await evaluateClouds(trained, scene.narrow, { ...shown, numTrainViews: 0 })).views;
  const test = new Set(scene.test);
  const mean = (kept: typeof views) => rounded(kept.reduce((sum, { psnr }) => sum + psnr, 0) / kept.length);
  return {
    width: Number(width),
    steps,
    members: trained.length,
    numGaussians: cloud.count,
    train: mean(views.filter(({ name }) => !test.has(name))),
    heldOut: mean(views.filter(({ name }) => test.has(name))),
    each: Object.fromEntries(views.filter(({ name }) => test.has(name)).map(({ name, psnr }) => [name, rounded(psnr)])),
    heldOut128px: mean(narrow),
    each128px: Object.fromEntries(narrow.map(({ name, psnr }) => [name, rounded(psnr)])),
    cpuSec: Math.round((user + system) / 1e6),
    wallSec,
  };
}

if (mode === 'phases') {
  for (const first of (third ?? '0,1,2,3,4,5,6,7').split(',').map(Number))
    console.log(JSON.stringify({ first, ...(await score(await lund(first), Number(second ?? 500))) }));
} else if (mode === 'peer') {
  for (const steps of (second ?? '500,1000,2000').split(',').map(Number))
    console.log(JSON.stringify(await score(await lund(0, ['12.jpg']), steps)));
} else {
  const scene = await lund(Number(third ?? 0));
  const steps = Number(second ?? 500);
  const all = await train(
    scene,
    scene.frames.map(({ name }) => name),
    steps,
  );
  const deep = new Map<string, Frame>(
    scene.frames.map((frame) => [
      frame.name,
      { ...frame, depthM: renderView(all.cloud, frame.camera, { hasDepth: true }).depthM },
    ]),
  );
  const held = await train(scene, scene.train, steps);
  for (const name of scene.test) {
    const frame = deep.get(name)!;
    const { camera, image } = frame;
    const psnr = (data: Float32Array, mask?: Uint8Array) => rounded(computePsnr({ ...image, data }, image, mask));
    const shown = held.show(name, camera);
    const isSeen = (views: number) =>
      seenPixels(
        frame,
        scene.train.map((other) => deep.get(other)!),
        views,
      );
    const [once, twice] = [isSeen(1), isSeen(2)];
    const share = (mask: Uint8Array) => rounded(mask.reduce((sum, value) => sum + value, 0) / mask.length);
    const pose = poseFit(camera, (moved) => computePsnr({ ...image, data: held.show(name, moved) }, image));
    console.log(
      JSON.stringify({
        name,
        psnr: psnr(shown),
        seenOnce: { share: share(once), psnr: psnr(shown, once) },
        seenTwice: { share: share(twice), psnr: psnr(shown, twice) },
        unseen: {
          psnr: psnr(
            shown,
            once.map((value) => 1 - value),
          ),
        },
        ownGains: psnr(gainFit(shown, image.data)),
        ownGainsSeenTwice: psnr(gainFit(shown, image.data, twice), twice),
        ownPose: { psnr: rounded(pose.best), turnDeg: rounded(pose.turnDeg), shift: rounded(pose.shift) },
        trainedOn: psnr(all.show(name, camera)),
      }),
    );
  }
}
