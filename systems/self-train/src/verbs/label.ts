/** label: an adapted network on new samples, with the doubt of each label. */
import { join, resolve } from 'node:path';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { writeOutputFiles } from '@tenfold/core/system';
import { openNetwork } from '../engine/ensemble.ts';
import { emSmooth } from '../em-smoothing.ts';
import { featurise } from '../inputs/featuriser.ts';
import { readRawSamples } from '../inputs/raw-samples.ts';
import { csv, labelTable, readModel } from '../outputs/run-files.ts';
import { CONFIDENCE_OF_SOURCE, NOT_MEASURED } from '../not-measured.ts';
import { percent } from '../report.ts';
import { foldBases, repeatPrior } from '../smooth-target.ts';
import { poolLabels } from '../uncertainty.ts';

interface LabelParams {
  readonly run: string;
  readonly data: string;
  readonly id: string;
  readonly out: string;
  readonly dryRun: boolean;
  readonly force: boolean;
}

const NUM_SHOWN = 20;

export async function run(params: LabelParams, context: VerbContext): Promise<VerbResult> {
  const model = await readModel(resolve(context.workingFolder, params.run));
  const { description, states, bases, variances } = model;
  const { featuriser, classNames, basesPerClass, beta, lambda } = description;
  const raw = await readRawSamples(
    params.data,
    {
      label: '',
      id: params.id,
      imageSize: featuriser.kind === 'images' ? featuriser.sidePx : 0,
      channels: featuriser.kind === 'images' && featuriser.width > featuriser.sidePx ** 2 ? 3 : 1,
    },
    context,
  );
  for (const warning of raw.warnings) context.warn(warning);
  const x = featurise(featuriser, raw);
  context.progress({ phase: 'labelling', done: 0, total: x.numRows });
  await using network = await openNetwork({
    ...description.network,
    states,
    seed: description.seed,
    learningRate: 0,
    signal: context.signal,
  });
  const { features, probabilities } = await network.predict(x);
  const scaled = { ...features, data: features.data.map((value) => value * description.featureScale) };
  const { responsibilities } = emSmooth(scaled, {
    bases,
    numBases: variances.length,
    prior: repeatPrior(probabilities, basesPerClass),
    beta,
    variances,
    maxIterations: 0,
  });
  const q = { ...probabilities, data: foldBases(responsibilities, basesPerClass) };
  const pooled = poolLabels(q, await network.dropoutPasses(x, description.numPasses, 'label'), lambda);
  const rows = Array.from(pooled.hard.keys());
  const table = labelTable(rows, { ids: raw.ids, pooled, classNames, temperature: description.temperature });
  const files =
    params.out === ''
      ? []
      : writeOutputFiles([{ path: join(params.out), bytes: await csv(table) }], {
          subject: 'self-train label',
          context,
          ...params,
        });
  const counts = classNames.map((name, c) => ({
    name,
    count: pooled.hard.reduce((sum, label) => sum + Number(label === c), 0),
  }));
  const confidence = table.find(({ name }) => name === 'confidence')!.values as Float64Array;
  const mean = confidence.reduce((sum, value) => sum + value, 0) / Math.max(1, confidence.length);
  const shown = rows.slice(0, NUM_SHOWN);
  return {
    ok: true,
    value: {
      numSamples: rows.length,
      counts,
      meanConfidence: mean,
      labels: rows.map((n) => ({
        id: raw.ids[n],
        label: classNames[pooled.hard[n]],
        confidence: confidence[n],
        variance: pooled.varianceTotal[n],
      })),
      files,
    },
    report: {
      title: `Labels of ${raw.name}`,
      verdict: {
        tone: 'info',
        text: `${rows.length.toLocaleString('en')} samples labelled, mean confidence ${percent(mean)} after temperature. ${NOT_MEASURED}. ${CONFIDENCE_OF_SOURCE}`,
      },
      blocks: [
        {
          kind: 'table',
          caption: 'Samples per class',
          columns: [
            { key: 'name', label: 'class' },
            { key: 'count', label: 'samples', format: 'count' },
          ],
          rows: counts,
        },
        {
          kind: 'table',
          caption: shown.length < rows.length ? `The first ${shown.length}` : 'Labels',
          columns: [
            { key: 'id', label: 'sample' },
            { key: 'label', label: 'label' },
            { key: 'confidence', label: 'confidence', format: 'percent', digits: 1 },
            { key: 'variance', label: 'variance', digits: 3 },
          ],
          rows: shown.map((n) => ({
            id: raw.ids[n],
            label: classNames[pooled.hard[n]],
            confidence: confidence[n],
            variance: pooled.varianceTotal[n],
          })),
        },
      ],
    },
  };
}
