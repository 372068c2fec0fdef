/** train: splats of a scene folder, scored in its test views. */
import { createRng, makeFolder, throwIfCancelled, yieldToEventLoop } from '@tenfold/core/base';
import type { Block } from '@tenfold/core/report';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { experimentArtifacts } from '../artifacts.ts';
import { runExperiment } from '../bench/experiment.ts';
import type { SplatMode } from '../io/cloud-ply.ts';
import { openFeatureMetric } from '../metrics/feature-cosine.ts';
import { openPerceptualMetric } from '../metrics/lpips.ts';
import { experimentReport, experimentValue, leaningBlocks } from '../report.ts';
import type { SceneParams, ScoringParams, TrainingParams } from '../params.ts';
import { openBackend } from './backend.ts';
import { addDensePoints, memberSweep } from '../train/dense-start.ts';
import type { PointCloud, Scene } from '../types.ts';
import { sceneFromParams } from './scene-params.ts';
import { trainingFromParams } from './train-params.ts';

interface TrainParams extends SceneParams, TrainingParams, ScoringParams {
  readonly start: 'points' | 'dense';
  readonly spacing: number;
  readonly members: number;
  readonly out: string;
  readonly force: boolean;
  readonly dryRun: boolean;
}

export async function run(params: TrainParams, context: VerbContext): Promise<VerbResult> {
  const startMs = context.clock.nowMs();
  using backend = await openBackend(params.backend, params.method);
  const { scene, leaning } = await sceneFromParams(params, context);
  const starts = params.start === 'dense' ? await sweptStarts(params, scene, context) : [scene.points];
  await using perceptual = await openPerceptualMetric(context.dataFolder);
  await using features = await openFeatureMetric(params.features && resolve(context.workingFolder, params.features));
  const result = await runExperiment(
    scene,
    {
      ...trainingFromParams(params),
      starts,
      ...(params.start === 'dense' ? { scaleShare: SWEPT_SCALE_SHARE } : {}),
      trainer: backend.trainer,
      profile: params.profile,
      toleranceDb: params.tolerance,
      perceptual,
      features,
      signal: context.signal,
      onStep: (step, loss, count, member) => {
        const done = member * params.steps + step;
        context.progress({
          phase: 'training',
          done,
          total: starts.length * params.steps,
          note: `${count} Gaussians${starts.length > 1 ? `, member ${member + 1} of ${starts.length}` : ''}`,
        });
        if (step % 25 === 0 && member === 0) {
          context.metric('loss', step, loss);
          context.metric('Gaussians', step, count);
        }
      },
      onView: (done, total) => context.progress({ phase: 'scoring', done, total }),
    },
    createRng(context.seed, 'training'),
  );
  const artifacts = await experimentArtifacts(scene, result, modeOf(params));
  const elapsedSec = (context.clock.nowMs() - startMs) / 1000;
  const value = {
    ...experimentValue(result),
    elapsedSec,
    backend: backend.name,
    adapterName: backend.adapterName,
    numTrainViews: scene.train.length,
    numTestViews: scene.test.length,
    numStartPoints: starts[0]!.colors.length / 3,
    leftOut: leaning,
  };
  if (params.out !== '' && !params.dryRun) {
    const folder = resolve(context.workingFolder, params.out);
    for (const { name, bytes } of artifacts) {
      const path = join(folder, name);
      makeFolder(dirname(path));
      await writeFile(path, bytes, { flag: params.force ? 'w' : 'wx' });
    }
    await writeFile(join(folder, 'results.json'), JSON.stringify(value, undefined, 1), {
      flag: params.force ? 'w' : 'wx',
    });
  }
  const where: readonly Block[] = backend.adapterName
    ? [{ kind: 'text', text: `Trained in WGSL on ${backend.adapterName}; scored by the CPU renderer.` }]
    : [];
  return {
    ok: true,
    value,
    report: experimentReport(`Splats of ${scene.name}`, result, [...leaningBlocks(leaning), ...where]),
    artifacts,
  };
}

/** What a viewer has to know of the cloud. */
function modeOf({ method, antialiased }: TrainParams): SplatMode {
  if (method === '2dgs') return '2dgs';
  return antialiased ? 'mip' : 'default';
}

/** Photographs are swept at this width, also where training sees smaller ones. */
const SWEEP_WIDTH_PX = 256;
/** Swept points lie evenly: Gaussians as wide as their neighbours are far would blur them. */
const SWEPT_SCALE_SHARE = 0.7;

/** Points of every member's start. */
async function sweptStarts(params: TrainParams, scene: Scene, context: VerbContext): Promise<PointCloud[]> {
  const isSmall = params.maxWidth < SWEEP_WIDTH_PX;
  const swept = isSmall ? (await sceneFromParams({ ...params, maxWidth: SWEEP_WIDTH_PX }, context)).scene : scene;
  const names = new Set(scene.train);
  const frames = swept.frames.filter(({ name }) => names.has(name));
  const starts: PointCloud[] = [];
  for (let member = 0; member < params.members; member++) {
    starts.push(
      await addDensePoints(scene.points, frames, {
        ...memberSweep(member),
        widthPx: SWEEP_WIDTH_PX,
        spacingPx: (params.spacing * SWEEP_WIDTH_PX) / Math.min(params.maxWidth, SWEEP_WIDTH_PX),
        async onProgress(done, total) {
          const before = member * total;
          context.progress({ phase: 'sweeping depths', done: before + done, total: params.members * total });
          await yieldToEventLoop();
          throwIfCancelled(context.signal, 'addDensePoints');
        },
      }),
    );
  }
  return starts;
}
