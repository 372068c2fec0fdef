/** em: smooths given probabilities with given features; no network is trained. */
import { join, resolve } from 'node:path';
import { createMemorySink, readNpy, writeNpy } from '@tenfold/core/data';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { numbersFromTensor } from '@tenfold/core/tensor';
import { writeOutputFiles } from '@tenfold/core/system';
import { NOT_MEASURED } from '../not-measured.ts';
import { percent } from '../report.ts';
import { argmaxRow } from '../selection.ts';
import { selfTrainError } from '../self-train-errors.ts';
import { smoothTarget } from '../smooth-target.ts';
import type { Features } from '../types.ts';

interface EmParams {
  readonly features: string;
  readonly probs: string;
  readonly beta: number;
  readonly sharedVariance: boolean;
  readonly basesPerClass: number;
  readonly iterations: number;
  readonly out: string;
  readonly dryRun: boolean;
  readonly force: boolean;
}

const PROBABILITY_SUM_TOLERANCE = 1e-3;

export async function run(params: EmParams, context: VerbContext): Promise<VerbResult> {
  const features = await readMatrix(params.features, context);
  const probabilities = await readMatrix(params.probs, context);
  if (probabilities.numRows !== features.numRows || probabilities.width < 2) {
    throw selfTrainError('TF-SELF-002', {
      subject: 'self-train em',
      expected: `probabilities [${features.numRows}, classes ≥ 2], as ${params.features} has ${features.numRows} rows`,
      actual: `[${probabilities.numRows}, ${probabilities.width}]`,
      location: params.probs,
    });
  }
  if (features.numRows === 0 || features.width === 0) {
    throw selfTrainError('TF-SELF-001', {
      subject: 'self-train em',
      expected: 'features of at least one sample',
      actual: `[${features.numRows}, ${features.width}]`,
      location: params.features,
    });
  }
  assertProbabilities(probabilities, params.probs);
  const { numRows, width: numClasses, data } = probabilities;
  context.progress({ phase: 'smoothing' });
  const smoothed = smoothTarget(
    features,
    { numRows, numClasses, data },
    {
      beta: params.beta,
      isShared: params.sharedVariance,
      basesPerClass: params.basesPerClass,
      seed: context.seed,
      maxIterations: params.iterations,
    },
  );
  const { em, labels } = smoothed;
  let numMoved = 0;
  for (let n = 0; n < numRows; n++)
    numMoved += Number(argmaxRow(labels.data, n, numClasses) !== argmaxRow(data, n, numClasses));
  const sink = createMemorySink();
  await writeNpy(sink, { dtype: 'float32', shape: [numRows, numClasses], data: labels.data });
  const files =
    params.out === ''
      ? []
      : writeOutputFiles([{ path: join(params.out), bytes: sink.bytes() }], {
          subject: 'self-train em',
          context,
          ...params,
        });
  const perSample = em.logLikelihood.map((value) => value / smoothed.numUsed);
  return {
    ok: true,
    value: {
      numRows,
      numClasses,
      numMoved,
      logLikelihood: perSample,
      variances: [...em.variances],
      weights: [...em.weights],
      emptyBases: em.emptyBases,
      isConstant: smoothed.isConstant,
      files,
    },
    report: {
      title: `EM smoothing of ${params.probs}`,
      verdict: smoothed.isConstant
        ? {
            tone: 'warn',
            text: 'All features are equal: they carry no information, and the labels repeat the probabilities.',
          }
        : {
            tone: 'info',
            text: `${numMoved} of ${numRows} labels (${percent(numMoved / numRows)}) changed after ${perSample.length - 1} iterations. ${NOT_MEASURED}.`,
          },
      blocks: [
        {
          kind: 'plot',
          caption: 'Log-likelihood, never falling',
          mark: 'line',
          x: { label: 'iteration' },
          y: { label: 'log-likelihood', unit: 'nats a sample' },
          series: [{ name: 'EM', points: perSample.map((y, x) => ({ x, y })) }],
        },
      ],
    },
  };
}

async function readMatrix(path: string, context: VerbContext): Promise<Features> {
  const tensor = await readNpy(resolve(context.workingFolder, path));
  const { shape } = tensor;
  if (shape.length !== 2) {
    throw selfTrainError('TF-SELF-005', {
      subject: 'self-train em',
      expected: 'an array of two dimensions',
      actual: `[${shape.join(', ')}]`,
      location: path,
    });
  }
  return { numRows: shape[0], width: shape[1], data: Float32Array.from(numbersFromTensor(tensor)) };
}

function assertProbabilities({ numRows, width, data }: Features, path: string): void {
  for (let n = 0; n < numRows; n++) {
    let sum = 0;
    let isNegative = false;
    for (let i = n * width; i < (n + 1) * width; i++) {
      sum += data[i];
      isNegative ||= !(data[i] >= 0);
    }
    if (!isNegative && Math.abs(sum - 1) <= PROBABILITY_SUM_TOLERANCE) continue;
    throw selfTrainError('TF-SELF-003', {
      subject: 'self-train em',
      expected: 'rows of probabilities: not negative, sum 1',
      actual: isNegative ? 'a negative number or NaN' : `a sum of ${sum.toPrecision(4)}`,
      location: `${path}, row ${n}`,
      hints: ['Logits must go through softmax first.'],
    });
  }
}
