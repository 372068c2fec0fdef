/** The network before adaptation: trained on source alone, with a part held out to watch it. */
import { createRng } from '@tenfold/core/base';
import type { StateValues } from '@tenfold/core/runtime';
import { measureQuality } from '../calibration.ts';
import type { Quality } from '../calibration.ts';
import { takeRows } from '../feature-rows.ts';
import { selfTrainError } from '../self-train-errors.ts';
import type { Features } from '../types.ts';
import { backboneFrom } from './backbone.ts';
import type { BackboneDescription } from './backbone.ts';
import { openNetwork } from './ensemble.ts';
import type { NetworkOptions, TrainingRows } from './network.ts';

export interface TrainedSource {
  /** Labelled samples: those trained on and those held out. */
  readonly numSamples: number;
  readonly states: StateValues;
  readonly network: Pick<NetworkOptions, 'backbone' | 'numClasses' | 'batchSize' | 'hasBases'>;
  readonly training: TrainingRows;
  /** [tokens] of the training samples; −1 is void. */
  readonly trainingLabels: Int32Array;
  readonly heldOut: { readonly x: Features; readonly labels: Int32Array };
  readonly heldOutQuality: Quality;
  /** [C] labelled tokens of each class. */
  readonly classCounts: readonly number[];
  /** Learned bases [C, d], where asked for. */
  readonly bases?: Float32Array;
}

export interface TrainSourceOptions {
  readonly numClasses: number;
  readonly seed: number;
  /** Default: hidden layers of 256 and 64 units, dropout 0.3. */
  readonly backbone?: BackboneDescription;
  /** Passes over the source, default 8; never fewer than 200 updates, pixel networks apart. */
  readonly epochs?: number;
  /** Default 0.05. */
  readonly learningRate?: number;
  /** Share of the labelled samples held out, default 0.1. */
  readonly heldOutShare?: number;
  /** Samples, default 128. */
  readonly batchSize?: number;
  readonly hasBases?: boolean;
  readonly basisWeights?: NetworkOptions['basisWeights'];
  /** Networks trained from different starts, default 1: an ensemble, whose members' disagreement is part of the model's
   *  variance. */
  readonly numMembers?: number;
  /** Of a network that was trained before with the same data and seed: training is left out. */
  readonly states?: StateValues;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** So that a handful of labelled samples trains a network too; a picture is many samples. */
const MIN_STEPS = 200;

/** @param labels  [tokens] classes 0 … C−1, −1 for void
 *  @throws TF-SELF-001 with fewer than two classes or samples, TF-SELF-002 if sizes disagree, TF-SELF-004 naming a class
 *  without samples or a label that is no class */
export async function trainSource(
  x: Features,
  labels: Int32Array,
  options: TrainSourceOptions,
): Promise<TrainedSource> {
  const { numClasses, seed, epochs = 8, learningRate = 0.05, heldOutShare = 0.1 } = options;
  const description = options.backbone ?? { kind: 'mlp', width: x.width, hidden: [256, 64], dropout: 0.3 };
  const backbone = backboneFrom(description);
  const { numTokens } = backbone;
  assertSizes(x, labels, { numTokens, inputWidth: backbone.inputWidth });
  const classCounts = countClasses(labels, numClasses);
  const order = createRng(seed, 'held out').shuffle(Uint32Array.from({ length: x.numRows }, (_, i) => i));
  const numHeldOut = Math.min(x.numRows - 1, Math.max(1, Math.round(heldOutShare * x.numRows)));
  const { heldOutRows, trainingRows } = holdOut(
    order,
    numHeldOut,
    numTokens === 1 ? { labels, classCounts } : undefined,
  );
  const trainingLabels = takeLabels(labels, trainingRows, numTokens);
  const training: TrainingRows = { x: takeRows(x, trainingRows), ...targetsFrom(trainingLabels, numClasses) };
  const heldOut = { x: takeRows(x, heldOutRows), labels: takeLabels(labels, heldOutRows, numTokens) };
  const batchSize = Math.min(options.batchSize ?? 128, trainingRows.length);
  const network = { backbone: description, numClasses, batchSize, hasBases: options.hasBases ?? false };
  await using trained = await openNetwork({
    ...network,
    seed,
    learningRate,
    ...(options.basisWeights && { basisWeights: options.basisWeights }),
    ...(options.numMembers && { numMembers: options.numMembers }),
    ...(options.states && { states: options.states }),
    ...(options.signal && { signal: options.signal }),
  });
  const numSteps = Math.max(numTokens > 1 ? 1 : MIN_STEPS, Math.floor((epochs * trainingRows.length) / batchSize));
  if (options.states === undefined) {
    const onStep = options.onProgress && ((step: number) => options.onProgress!(step, numSteps));
    await trained.train(training, numSteps, { purpose: 'source', ...(onStep && { onStep }) });
  }
  const { probabilities } = await trained.predict(heldOut.x);
  const bases = await trained.bases();
  return {
    numSamples: x.numRows,
    states: await trained.states(),
    network,
    training,
    trainingLabels,
    heldOut,
    heldOutQuality: measureQuality(probabilities, heldOut.labels),
    classCounts,
    ...(bases && { bases }),
  };
}

/** The first rows of the order, but for the last sample of a class: it would not be learned at all.  Where every class has one
 *  sample only, the held-out one is learned too.
 *  @param classes  absent where a sample has many labels */
function holdOut(
  order: Uint32Array,
  numHeldOut: number,
  classes: { readonly labels: Int32Array; readonly classCounts: readonly number[] } | undefined,
): { readonly heldOutRows: Uint32Array; readonly trainingRows: Uint32Array } {
  if (classes === undefined) return { heldOutRows: order.slice(0, numHeldOut), trainingRows: order.slice(numHeldOut) };
  const left = [...classes.classCounts];
  const heldOut: number[] = [];
  const training: number[] = [];
  for (const row of order) {
    const label = classes.labels[row];
    if (heldOut.length < numHeldOut && (label < 0 || left[label] > 1)) {
      heldOut.push(row);
      if (label >= 0) left[label]--;
    } else training.push(row);
  }
  return {
    heldOutRows: Uint32Array.from(heldOut.length > 0 ? heldOut : [order[0]]),
    trainingRows: Uint32Array.from(training),
  };
}

function takeLabels(labels: Int32Array, rows: Uint32Array, numTokens: number): Int32Array {
  const taken = new Int32Array(rows.length * numTokens);
  rows.forEach((row, i) => taken.set(labels.subarray(row * numTokens, (row + 1) * numTokens), i * numTokens));
  return taken;
}

/** One-hot targets; void has weight 0. */
function targetsFrom(
  labels: Int32Array,
  numClasses: number,
): { readonly y: Float32Array; readonly weight: Float32Array } {
  const y = new Float32Array(labels.length * numClasses);
  const weight = new Float32Array(labels.length);
  labels.forEach((label, n) => {
    if (label < 0) return;
    y[n * numClasses + label] = 1;
    weight[n] = 1;
  });
  return { y, weight };
}

function assertSizes(
  x: Features,
  labels: Int32Array,
  { numTokens, inputWidth }: { readonly numTokens: number; readonly inputWidth: number },
): void {
  if (x.numRows < 2) {
    throw selfTrainError('TF-SELF-001', {
      subject: 'trainSource',
      expected: 'at least two labelled samples',
      actual: `${x.numRows}`,
    });
  }
  if (labels.length !== x.numRows * numTokens || x.width !== inputWidth) {
    throw selfTrainError('TF-SELF-002', {
      subject: 'trainSource',
      expected: `${x.numRows} samples of ${inputWidth} numbers with ${numTokens} labels each`,
      actual: `${x.width} numbers a sample and ${labels.length} labels`,
    });
  }
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
  labels.forEach((label, n) => {
    if (label >= numClasses) {
      throw selfTrainError('TF-SELF-004', {
        subject: 'trainSource',
        expected: `labels 0 to ${numClasses - 1}, or −1 for void`,
        actual: `${label}`,
        location: `label ${n}`,
      });
    }
    if (label >= 0) counts[label]++;
  });
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
