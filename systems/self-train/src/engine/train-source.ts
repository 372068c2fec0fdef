/** The network before adaptation: trained on source alone, with a tenth held out to watch it. */
import { createRng } from '@tenfold/core/base';
import type { StateValues } from '@tenfold/core/runtime';
import { measureQuality } from '../calibration.ts';
import type { Quality } from '../calibration.ts';
import { oneHot } from '../selection.ts';
import { selfTrainError } from '../self-train-errors.ts';
import type { Features } from '../types.ts';
import { createNetwork } from './network.ts';
import type { NetworkOptions, TrainingRows } from './network.ts';

export interface TrainedSource {
  readonly states: StateValues;
  readonly networkOptions: Pick<
    NetworkOptions,
    'width' | 'numClasses' | 'hidden' | 'dropout' | 'batchSize' | 'hasBases'
  > & { readonly numClasses: number };
  readonly training: TrainingRows;
  readonly heldOut: { readonly x: Features; readonly labels: Int32Array };
  readonly heldOutQuality: Quality;
  /** [C] labelled samples of each class. */
  readonly classCounts: readonly number[];
  /** Learned bases [C, d], where asked for. */
  readonly bases?: Float32Array;
}

export interface TrainSourceOptions {
  readonly numClasses: number;
  readonly seed: number;
  /** Default 8. */
  readonly epochs?: number;
  /** Default 0.05. */
  readonly learningRate?: number;
  /** Share of the labelled samples held out, default 0.1. */
  readonly heldOutShare?: number;
  readonly hidden?: readonly number[];
  readonly dropout?: number;
  readonly batchSize?: number;
  readonly hasBases?: boolean;
  readonly basisWeights?: NetworkOptions['basisWeights'];
  readonly signal?: AbortSignal;
}

/** @throws TF-SELF-001 with fewer than two classes, TF-SELF-004 naming a class without samples */
export async function trainSource(x: Features, labels: Int32Array, options: TrainSourceOptions): Promise<TrainedSource> {
  const { numClasses, seed, epochs = 8, learningRate = 0.05, heldOutShare = 0.1 } = options;
  const classCounts = countClasses(labels, numClasses);
  const order = createRng(seed, 'held out').shuffle(Uint32Array.from({ length: x.numRows }, (_, i) => i));
  const numHeldOut = Math.max(1, Math.round(heldOutShare * x.numRows));
  const heldOutRows = order.slice(0, numHeldOut);
  const trainingRows = order.slice(numHeldOut);
  const trainingLabels = Int32Array.from(trainingRows, (n) => labels[n]);
  const training: TrainingRows = {
    x: takeRows(x, trainingRows),
    y: oneHot(trainingLabels, numClasses),
    weight: new Float32Array(trainingRows.length).fill(1),
  };
  const heldOut = { x: takeRows(x, heldOutRows), labels: Int32Array.from(heldOutRows, (n) => labels[n]) };
  const networkOptions = {
    width: x.width,
    numClasses,
    batchSize: Math.min(options.batchSize ?? 128, trainingRows.length),
    hasBases: options.hasBases ?? false,
    ...(options.hidden && { hidden: options.hidden }),
    ...(options.dropout !== undefined && { dropout: options.dropout }),
  };
  await using network = await createNetwork({
    ...networkOptions,
    seed,
    learningRate,
    ...(options.basisWeights && { basisWeights: options.basisWeights }),
    ...(options.signal && { signal: options.signal }),
  });
  const numSteps = Math.max(1, Math.floor((epochs * trainingRows.length) / network.batchSize));
  await network.train(training, numSteps, { purpose: 'source' });
  const { probabilities } = await network.predict(heldOut.x);
  const bases = await network.bases();
  return {
    states: await network.states(),
    networkOptions,
    training,
    heldOut,
    heldOutQuality: measureQuality(probabilities, heldOut.labels),
    classCounts,
    ...(bases && { bases }),
  };
}

export function takeRows({ width, data }: Features, rows: ArrayLike<number>): Features {
  const taken = new Float32Array(rows.length * width);
  for (let i = 0; i < rows.length; i++) {
    taken.set(data.subarray(rows[i] * width, (rows[i] + 1) * width), i * width);
  }
  return { numRows: rows.length, width, data: taken };
}

function countClasses(labels: Int32Array, numClasses: number): number[] {
  if (numClasses < 2) {
    throw selfTrainError('TF-SELF-001', {
      subject: 'trainSource',
      expected: 'at least two classes',
      actual: `${numClasses}`,
    });
  }
  const counts = new Array<number>(numClasses).fill(0);
  for (const label of labels) counts[label]++;
  const missing = counts.indexOf(0);
  if (missing >= 0) {
    throw selfTrainError('TF-SELF-004', {
      subject: 'trainSource',
      expected: 'labelled samples of every class',
      actual: `none of class ${missing}`,
    });
  }
  return counts;
}
