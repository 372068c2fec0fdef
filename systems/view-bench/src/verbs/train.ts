/** train: splats of a scene folder, scored in its test views. */
import { createRng } from '@tenfold/core/base';
import type { Block } from '@tenfold/core/report';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { experimentArtifacts } from '../artifacts.ts';
import { runExperiment } from '../bench/experiment.ts';
import { loadScene } from '../io/load-scene.ts';
import { openPerceptualMetric } from '../metrics/lpips.ts';
import { experimentReport, experimentValue } from '../report.ts';
import type { SceneParams, ScoringParams, TrainingParams } from '../params.ts';
import { openBackend } from './backend.ts';
import { trainingFromParams } from './train-params.ts';

interface TrainParams extends SceneParams, TrainingParams, ScoringParams {
  readonly out: string;
  readonly force: boolean;
  readonly dryRun: boolean;
}

export async function run(params: TrainParams, context: VerbContext): Promise<VerbResult> {
  const start = context.clock.nowMs();
  using backend = await openBackend(params.backend);
  const scene = await loadScene(resolve(context.workingFolder, params.scene), params.kind, {
    maxWidthPx: params.maxWidth,
    holdEvery: params.holdEvery,
    onProgress: (done, total) => context.progress({ phase: 'reading images', done, total }),
  });
  await using perceptual = await openPerceptualMetric(context.dataFolder);
  const result = await runExperiment(
    scene,
    {
      ...trainingFromParams(params),
      trainer: backend.trainer,
      profile: params.profile,
      toleranceDb: params.tolerance,
      perceptual,
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
  const artifacts = await experimentArtifacts(scene, result);
  const elapsedSec = (context.clock.nowMs() - start) / 1000;
  const value = {
    ...experimentValue(result),
    elapsedSec,
    backend: backend.name,
    adapterName: backend.adapterName,
    numTrainViews: scene.train.length,
    numTestViews: scene.test.length,
  };
  if (params.out !== '' && !params.dryRun) {
    const folder = resolve(context.workingFolder, params.out);
    for (const { name, bytes } of artifacts) {
      const path = join(folder, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, bytes, { flag: params.force ? 'w' : 'wx' });
    }
    await writeFile(join(folder, 'results.json'), JSON.stringify(value, undefined, 1), {
      flag: params.force ? 'w' : 'wx',
    });
  }
  const where: readonly Block[] = backend.adapterName
    ? [{ kind: 'text', text: `Trained in WGSL on ${backend.adapterName}; scored by the CPU renderer.` }]
    : [];
  return { ok: true, value, report: experimentReport(`Splats of ${scene.name}`, result, where), artifacts };
}
