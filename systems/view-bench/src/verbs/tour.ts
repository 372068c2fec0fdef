/** tour: a small street is photographed, trained on the CPU, scored at three levels, and its trust radius is drawn. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { runExperiment } from '../bench/experiment.ts';
import { experimentArtifacts } from '../artifacts.ts';
import { openPerceptualMetric } from '../metrics/lpips.ts';
import { experimentReport, experimentValue } from '../report.ts';
import { createStreetScene } from '../street/street-scene.ts';
import { DEFAULT_STREET } from '../street/street-options.ts';

interface TourParams {
  readonly width: number;
  readonly steps: number;
}

const NUM_STOPS = 10;

export async function run({ width, steps }: TourParams, context: VerbContext): Promise<VerbResult> {
  const start = context.clock.nowMs();
  const scene = await createStreetScene(
    {
      ...DEFAULT_STREET,
      seed: context.seed,
      widthPx: width,
      heightPx: Math.round((width * 10) / 16),
      numStops: NUM_STOPS,
      cameras: 'front',
      numTests: 3,
      lateralM: [0.5, 1.75, 3.5, 7],
    },
    {
      signal: context.signal,
      onProgress: (done, total) => context.progress({ phase: 'photographing the street', done, total }),
    },
  );
  await using perceptual = await openPerceptualMetric(context.dataFolder);
  const result = await runExperiment(
    scene,
    {
      training: {
        numSteps: steps,
        refineStart: steps / 6,
        refineEvery: Math.round(steps / 14),
        refineEnd: 0.7 * steps,
        degreeEvery: steps / 3,
        opacityResetEvery: Infinity,
        cap: 6000,
        extentM: TOUR_EXTENT_M,
      },
      shDegree: 2,
      profile: 'correct',
      perceptual,
      signal: context.signal,
      onStep: (step, loss, count) => {
        context.progress({ phase: 'training', done: step, total: steps, note: `${count} Gaussians` });
        if (step % 10 === 0) context.metric('loss', step, loss);
      },
      onView: (done, total) => context.progress({ phase: 'scoring', done, total }),
    },
    context.rng.fork('training'),
  );
  const psnrOf = (level: string) => result.levels.find((row) => row.level === level)?.psnr ?? NaN;
  const crossing = result.levels.find(({ level }) => level === 'level3')!;
  // What the oracle must explain: views far away lose, and pixels that no training view shows lose more than seen ones.
  const isOrdered = psnrOf('control') > psnrOf('level3');
  const isExplained = crossing.psnrSeen! > crossing.psnrUnseen!;
  const ok = isOrdered && isExplained;
  const report = experimentReport('Tour: how far from the drive can a reconstructed street be trusted?', result, [
    {
      kind: 'callout',
      tone: ok ? 'good' : 'bad',
      title: ok ? 'The oracle explains the fall' : 'The levels do not fall as the oracle says',
      text: `At level 3, ${(100 * crossing.unseenShare!).toFixed(0)} % of the pixels show what no training view shows; they carry ${(100 * crossing.unseenErrorShare!).toFixed(0)} % of the squared error.`,
    },
  ]);
  return {
    ok,
    value: {
      ...experimentValue(result),
      elapsedSec: (context.clock.nowMs() - start) / 1000,
      numTrainViews: scene.train.length,
    },
    report: { ...report, verdict: { ...report.verdict, tone: ok ? 'good' : 'bad' } },
    artifacts: await experimentArtifacts(scene, result),
  };
}

const TOUR_EXTENT_M = 24;
