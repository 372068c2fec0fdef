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
import { addDensePoints, type DenseStartOptions } from '../train/dense-start.ts';
import type { Frame, Scene } from '../types.ts';
import { sceneFromParams } from './scene-params.ts';
import { trainingFromParams } from './train-params.ts';

interface TrainParams extends SceneParams, TrainingParams, ScoringParams {
  readonly start: 'points' | 'dense';
  readonly spacing: number;
  readonly out: string;
  readonly force: boolean;
  readonly dryRun: boolean;
}

export async function run(params: TrainParams, context: VerbContext): Promise<VerbResult> {
  const startMs = context.clock.nowMs();
  using backend = await openBackend(params.backend, params.method);
  const { scene, leaning } = await sceneFromParams(params, context);
  const start =
    params.start === 'dense'
      ? { ...scene, points: await addDensePoints(scene.points, trainFrames(scene), denseOptions(params, context)) }
      : scene;
  await using perceptual = await openPerceptualMetric(context.dataFolder);
  await using features = await openFeatureMetric(params.features && resolve(context.workingFolder, params.features));
  const result = await runExperiment(
    start,
    {
      ...trainingFromParams(params),
      trainer: backend.trainer,
      profile: params.profile,
      toleranceDb: params.tolerance,
      perceptual,
      features,
      signal: context.signal,
      onStep: (step, loss, count) => {
        context.progress({ phase: 'training', done: step, total: params.steps, note: `${count} Gaussians` });
        if (step % 25 === 0) {
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
    numStartPoints: start.points.colors.length / 3,
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

const SWEEP_WIDTH_PX = 160;
const NUM_DEPTHS = 64;

function denseOptions({ maxWidth, spacing }: TrainParams, context: VerbContext): DenseStartOptions {
  return {
    widthPx: Math.min(maxWidth, SWEEP_WIDTH_PX),
    numDepths: NUM_DEPTHS,
    spacingPx: spacing,
    async onProgress(done, total) {
      context.progress({ phase: 'sweeping depths', done, total });
      await yieldToEventLoop();
      throwIfCancelled(context.signal, 'addDensePoints');
    },
  };
}

function trainFrames({ frames, train }: Scene): readonly Frame[] {
  const names = new Set(train);
  return frames.filter(({ name }) => names.has(name));
}
