/** compare: methods and loss profiles on the same street, with drops and both ways of averaging. */
import { createRng } from '@tenfold/core/base';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { resolve } from 'node:path';
import { runExperiment, type ExperimentResult } from '../bench/experiment.ts';
import { averageDrops } from '../bench/level-table.ts';
import { csvFromTable, latexFromTable, resultTable } from '../bench/result-table.ts';
import { openFeatureMetric } from '../metrics/feature-cosine.ts';
import { openPerceptualMetric } from '../metrics/lpips.ts';
import { LEVEL_TITLES } from '../report.ts';
import { createStreetScene } from '../street/street-scene.ts';
import type { ScoringParams, StreetParams, TrainingParams } from '../params.ts';
import { openBackend } from './backend.ts';
import { streetFromParams } from './street-params.ts';
import { trainingFromParams } from './train-params.ts';

type Method = '3dgs' | 'absgrad' | 'mcmc' | 'antialiased' | 'exposure' | '2dgs' | 'pgsr' | 'released-loss';

/** What each method changes of the shared training params. */
const CHANGES: Readonly<Record<Method, Partial<TrainingParams>>> = {
  '3dgs': { strategy: 'adaptive' },
  absgrad: { strategy: 'absgrad' },
  mcmc: { strategy: 'mcmc' },
  antialiased: { strategy: 'adaptive', antialiased: true },
  exposure: { strategy: 'adaptive', exposure: true },
  '2dgs': { strategy: 'adaptive', method: '2dgs' },
  pgsr: { strategy: 'adaptive', method: 'pgsr' },
  'released-loss': { strategy: 'adaptive', loss: 'euvs-released' },
};

interface CompareParams extends StreetParams, TrainingParams, ScoringParams {
  readonly methods: string;
}

export async function run(params: CompareParams, context: VerbContext): Promise<VerbResult> {
  const methods = params.methods.split(',').map((name) => name.trim()) as Method[];
  using backend = await openBackend(params.backend);
  const scene = await createStreetScene(streetFromParams(params, context.seed), {
    signal: context.signal,
    onProgress: (done, total) => context.progress({ phase: 'photographing the street', done, total }),
  });
  await using perceptual = await openPerceptualMetric(context.dataFolder);
  await using features = await openFeatureMetric(params.features && resolve(context.workingFolder, params.features));
  const results: { readonly method: Method; readonly result: ExperimentResult }[] = [];
  for (const method of methods) {
    const result = await runExperiment(
      scene,
      {
        ...trainingFromParams({ ...params, ...CHANGES[method] }),
        trainer: backend.trainer,
        profile: params.profile,
        toleranceDb: params.tolerance,
        perceptual,
        features,
        signal: context.signal,
        onStep: (step, loss, count) => {
          context.progress({
            phase: `training ${method}`,
            done: step,
            total: params.steps,
            note: `${count} Gaussians`,
          });
          if (step % 25 === 0) context.metric(`loss ${method}`, step, loss);
        },
        onView: (done, total) => context.progress({ phase: `scoring ${method}`, done, total }),
      },
      createRng(context.seed, 'training'),
    );
    results.push({ method, result });
  }
  const table = resultTable(results.map(({ method, result }) => ({ name: method, levels: result.levels })));
  const levels = [...new Set(results.flatMap(({ result }) => result.levels.map(({ level }) => level)))].filter(
    (level) => level !== 'train',
  );
  const averages = levels.map((level) => {
    const pairs = results.flatMap(({ result }) => {
      const train = result.levels.find((row) => row.level === 'train');
      const test = result.levels.find((row) => row.level === level);
      return train && test ? [{ train: train.psnr, test: test.psnr }] : [];
    });
    return { level, title: LEVEL_TITLES[level], ...averageDrops(pairs) };
  });
  const best = results.toSorted((a, b) => (b.result.trust?.radiusM ?? 0) - (a.result.trust?.radiusM ?? 0))[0]!;
  return {
    ok: true,
    value: {
      methods: results.map(({ method, result }) => ({
        method,
        numGaussians: result.training.cloud.count,
        levels: result.levels,
        trust: result.trust ?? null,
      })),
      averages,
    },
    report: {
      title: 'Methods on the same street',
      verdict: {
        tone: 'info',
        text: `${best.method} stays within ${params.tolerance} dB farthest: ${best.result.trust?.radiusM.toFixed(1) ?? '?'} m from the path.`,
      },
      blocks: [
        {
          kind: 'figures',
          figures: results.map(({ method, result }) => ({
            label: `trust radius, ${method}`,
            value: result.trust?.radiusM ?? null,
            unit: 'm',
            digits: 1,
            format: 'number',
          })),
        },
        table,
        {
          kind: 'plot',
          caption: 'Quality against distance from the training path',
          mark: 'line',
          x: { label: 'distance from the path', unit: 'm' },
          y: { label: 'PSNR', unit: 'dB' },
          series: results.flatMap(({ method, result }) =>
            result.trust
              ? [
                  {
                    name: method,
                    points: [
                      { x: 0, y: result.trust.referencePsnr },
                      ...result.trust.points.map(({ distanceM, psnr }) => ({ x: distanceM, y: psnr })),
                    ],
                  },
                ]
              : [],
          ),
        },
        {
          kind: 'table',
          caption: 'Mean PSNR drop over methods, averaged in both ways that tables use',
          columns: [
            { key: 'title', label: 'views' },
            { key: 'ratioOfMeans', label: 'drop of the means', format: 'percent', digits: 1 },
            { key: 'meanOfRatios', label: 'mean of the drops', format: 'percent', digits: 1 },
          ],
          rows: averages.map(({ title, ratioOfMeans, meanOfRatios }) => ({ title, ratioOfMeans, meanOfRatios })),
        },
      ],
    },
    artifacts: [
      { name: 'table.csv', mediaType: 'text/csv', bytes: new TextEncoder().encode(csvFromTable(table)) },
      { name: 'table.tex', mediaType: 'application/x-tex', bytes: new TextEncoder().encode(latexFromTable(table)) },
    ],
  };
}
