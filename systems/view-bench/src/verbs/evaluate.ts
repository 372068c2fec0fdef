/** evaluate: a cloud from a file, of ours or of another program, scored in the views of a scene. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { givenCloud, judgeClouds } from '../bench/experiment.ts';
import { experimentArtifacts } from '../artifacts.ts';
import { readCloudPly, type SplatMode } from '../io/cloud-ply.ts';
import { decodeSplatFile } from '../io/splat-file.ts';
import { openFeatureMetric } from '../metrics/feature-cosine.ts';
import { openPerceptualMetric } from '../metrics/lpips.ts';
import { experimentReport, experimentValue, leaningBlocks } from '../report.ts';
import { assertScene } from '../scene.ts';
import type { SplatMethod } from '../splat/method.ts';
import type { GaussianCloud } from '../types.ts';
import type { SceneParams, ScoringParams } from '../params.ts';
import { sceneFromParams } from './scene-params.ts';

interface EvaluateParams extends SceneParams, ScoringParams {
  readonly cloud: string;
  readonly method: SplatMethod;
}

export async function run(params: EvaluateParams, context: VerbContext): Promise<VerbResult> {
  const path = resolve(context.workingFolder, params.cloud);
  const { cloud, mode } = await readCloud(path);
  const { scene, leaning } = await sceneFromParams(params, context);
  assertScene(scene);
  await using perceptual = await openPerceptualMetric(context.dataFolder);
  await using features = await openFeatureMetric(params.features && resolve(context.workingFolder, params.features));
  const result = await judgeClouds(scene, [givenCloud(cloud)], {
    // A file that says how it is drawn is drawn so.
    view: { method: mode === '2dgs' ? mode : params.method, isAntialiased: mode === 'mip' },
    profile: params.profile,
    toleranceDb: params.tolerance,
    perceptual,
    features,
    signal: context.signal,
    onView: (done, total) => context.progress({ phase: 'scoring', done, total }),
  });
  return {
    ok: true,
    value: { ...experimentValue(result), leftOut: leaning },
    report: experimentReport(`${params.cloud} in ${scene.name}`, result, leaningBlocks(leaning)),
    artifacts: await experimentArtifacts(scene, result),
  };
}

async function readCloud(path: string): Promise<{ readonly cloud: GaussianCloud; readonly mode: SplatMode }> {
  if (path.endsWith('.splat')) return { cloud: decodeSplatFile(await readFile(path), path), mode: 'default' };
  return readCloudPly(path);
}
