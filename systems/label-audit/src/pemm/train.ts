/** Training on noisy labels, epoch by epoch. */
import { throwIfCancelled, yieldToEventLoop } from '@tenfold/core/base';
import { createBatchOrder, createTrainer, f32, gatherRows, i64, sgd, warmupCosine } from '@tenfold/core/nn';
import type { Trainer, TrainerOptions } from '@tenfold/core/nn';
import type { Feeds } from '@tenfold/core/runtime';
import type { Tensor } from '@tenfold/core/tensor';
import type { Augmentation, Probabilities } from '../types.ts';
import { augmentBatch } from './augment.ts';
import { centreEnergyOf } from './centre-energy.ts';
import { keptShare, smallLossWeights } from './co-teaching.ts';
import { pemmClassifier, pemmLoss } from './model.ts';
import type { ClassifierOptions, PemmLossOptions } from './model.ts';

/** Samples in rows along axis 0. */
export interface LabelledData {
  /** [N, …] f32 */
  readonly x: Tensor<'float32'>;
  /** [N] classes 0 … K−1. */
  readonly labels: Int32Array;
}

export interface TrainOptions extends ClassifierOptions, PemmLossOptions {
  readonly epochs?: number;
  readonly batchSize?: number;
  /** Peak of the cosine. Default 0.01. */
  readonly learningRate?: number;
  /** Default 1e-2, not on biases, norms and centres unless isOfficial. */
  readonly weightDecay?: number;
  /** Default 5. */
  readonly clipNorm?: number;
  readonly seed?: number;
  /** Default the cores of the machine; the result does not depend on it. */
  readonly numThreads?: number;
  /** Epochs at the start whose label loss is plain cross entropy. Default 0. */
  readonly warmupEpochs?: number;
  /** The published schedule: half a cosine of ten epochs that swings back, decay on every parameter. */
  readonly isOfficial?: boolean;
  /** [N] exponent of the running targets of `elr`. Default 0.7. */
  readonly elrMomentum?: number;
  /** Share of labels that `co-teaching` takes to be wrong. Default 0.2. */
  readonly forgetRate?: number;
  /** Random changes of training images. Default none. */
  readonly augmentation?: Augmentation;
  readonly signal?: AbortSignal;
  readonly onEpoch?: (epoch: EpochLog) => void;
  /** Labels of held-out rows, still noisy: chooses `best`. */
  readonly validation?: LabelledData;
  /** Clean labels for benchmarks; their best epoch is an oracle and labelled as one. */
  readonly test?: LabelledData;
}

export interface EpochLog {
  readonly epoch: number;
  readonly learningRate: number;
  /** Mean total loss of the epoch. */
  readonly loss: number;
  /** Means of the terms that the loss has. */
  readonly terms: Readonly<Record<string, number>>;
  readonly validationAccuracy?: number;
  readonly testAccuracy?: number;
  /** Only with the distance head. */
  readonly centres?: CentreLog;
}

export interface CentreLog {
  readonly energy: number;
  /** [K] */
  readonly norms: readonly number[];
  /** i < j in order. */
  readonly pairDistances: readonly number[];
}

export interface TrainedClassifier extends AsyncDisposable {
  readonly log: readonly EpochLog[];
  readonly trainer: Trainer;
  /** Class probabilities, logits and features of any rows. */
  predict(x: Tensor<'float32'>): Promise<Prediction>;
}

export interface Prediction {
  readonly probabilities: Probabilities;
  /** [N, K] */
  readonly logits: Float32Array;
  /** [N, d] */
  readonly features: Float32Array;
  readonly featureWidth: number;
}

/** Apart from the seeds of folds, which are a thousand times the user's plus the fold. */
const PEER_SEED = 500;
const OFFICIAL_HALF_PERIOD = 10;
const PREDICTION_BATCH = 500;

/** Trains one classifier. The same seed gives the same log, bit for bit. */
export async function trainClassifier(data: LabelledData, options: TrainOptions): Promise<TrainedClassifier> {
  const {
    epochs = 15,
    learningRate = 0.01,
    weightDecay = 1e-2,
    clipNorm = 5,
    seed = 0,
    isOfficial = false,
    warmupEpochs = 0,
  } = options;
  const count = data.labels.length;
  const batchSize = Math.min(options.batchSize ?? 256, count);
  const order = createBatchOrder({ count, batchSize, seed });
  const { stepsPerEpoch } = order;
  const rate = isOfficial
    ? (step: number) =>
        (learningRate * (1 + Math.cos((Math.PI * Math.floor(step / stepsPerEpoch)) / OFFICIAL_HALF_PERIOD))) / 2
    : warmupCosine({ peak: learningRate, totalSteps: epochs * stepsPerEpoch });
  const isElr = options.loss === 'elr';
  const isTaught = options.loss === 'co-teaching';
  const trainerOptions: TrainerOptions = {
    model: pemmClassifier(options),
    inputs: {
      x: f32(batchSize, ...data.x.shape.slice(1)),
      y: i64(batchSize),
      ...(options.head === 'linear' ? {} : { step: f32() }),
      ...(isElr ? { targets: f32(batchSize, options.numClasses) } : {}),
      ...(warmupEpochs > 0 ? { isWarmup: f32() } : {}),
      ...(isTaught ? { weights: f32(batchSize) } : {}),
    },
    loss: pemmLoss(options),
    optimizer: sgd({
      learningRate: rate,
      momentum: 0.9,
      nesterov: true,
      weightDecay,
      decays: (name, value) => isOfficial || (value.shape.length >= 2 && !name.endsWith('.centres')),
    }),
    clipNorm,
    seed,
    ...(options.numThreads !== undefined && { session: { numThreads: options.numThreads } }),
    ...(isElr ? { outputs: ['logits'] } : {}),
  };
  const trainer = await createTrainer(trainerOptions);
  const peer = isTaught ? await createTrainer({ ...trainerOptions, seed: seed + PEER_SEED }) : undefined;
  const labels = { dtype: 'int64' as const, shape: [count], data: BigInt64Array.from(data.labels, BigInt) };
  const memory = isElr ? createElrMemory(count, options.numClasses, options.elrMomentum) : undefined;
  const log: EpochLog[] = [];
  const predict = (x: Tensor<'float32'>) => predictRows(trainer, x, options);
  /** Each network learns from what the other one, before this step, finds easy. @returns the step of the first one */
  const teachEachOther = async (feeds: Feeds, rows: Uint32Array, epoch: number, other: Trainer) => {
    const given = Uint32Array.from(rows, (row) => data.labels[row]);
    const share = keptShare(epoch, options.forgetRate ?? 0.2);
    const easyFor = async (judge: Trainer) => {
      const { logits } = await judge.predict({ x: feeds['x'] }, { outputs: ['logits'] });
      return smallLossWeights(logits.data as Float32Array, given, share);
    };
    const [easyForFirst, easyForOther] = [await easyFor(trainer), await easyFor(other)];
    await other.step({ ...feeds, weights: easyForFirst });
    return trainer.step({ ...feeds, weights: easyForOther });
  };
  try {
    for (let epoch = 0; epoch < epochs; epoch++) {
      let loss = 0;
      const terms: Record<string, number> = {};
      for (let s = 0; s < stepsPerEpoch; s++) {
        throwIfCancelled(options.signal, 'trainClassifier');
        const step = epoch * stepsPerEpoch + s;
        const rows = order.rowsAt(step);
        const x = augmentBatch(gatherRows(data.x, rows), { kind: options.augmentation ?? 'none', seed, step });
        const feeds = {
          x,
          y: gatherRows(labels, rows),
          ...(options.head === 'linear' ? {} : { step: scalar(step) }),
          ...(memory === undefined ? {} : { targets: memory.targetsOf(rows) }),
          ...(warmupEpochs > 0 ? { isWarmup: scalar(epoch < warmupEpochs ? 1 : 0) } : {}),
        };
        const result = await (peer === undefined ? trainer.step(feeds) : teachEachOther(feeds, rows, epoch, peer));
        loss += result.loss / stepsPerEpoch;
        for (const [name, value] of Object.entries(result.outputs)) {
          if (name === 'logits') memory?.update(rows, value.data as Float32Array);
          else terms[name] = (terms[name] ?? 0) + Number(value.data[0]) / stepsPerEpoch;
        }
      }
      const entry: EpochLog = {
        epoch: epoch + 1,
        learningRate: rate(epoch * stepsPerEpoch),
        loss,
        terms,
        ...(options.validation && { validationAccuracy: await accuracy(predict, options.validation) }),
        ...(options.test && { testAccuracy: await accuracy(predict, options.test) }),
        ...(options.head === 'linear' ? {} : { centres: await centreLog(trainer, options) }),
      };
      log.push(entry);
      options.onEpoch?.(entry);
      await yieldToEventLoop();
    }
  } catch (error) {
    await trainer.dispose();
    throw error;
  } finally {
    await peer?.dispose();
  }
  return { log, trainer, predict, [Symbol.asyncDispose]: () => trainer.dispose() };
}

/** Share of rows whose most likely class is the label. */
export function accuracyOf({ data, numClasses }: Probabilities, labels: ArrayLike<number>): number {
  let numRight = 0;
  for (let i = 0; i < labels.length; i++) {
    let best = 0;
    for (let k = 1; k < numClasses; k++) if (data[i * numClasses + k] > data[i * numClasses + best]) best = k;
    if (best === labels[i]) numRight++;
  }
  return numRight / labels.length;
}

async function accuracy(predict: TrainedClassifier['predict'], { x, labels }: LabelledData): Promise<number> {
  return accuracyOf((await predict(x)).probabilities, labels);
}

/** In batches of one shape, the last one filled up with its first row, so that one session serves all. */
async function predictRows(
  trainer: Trainer,
  x: Tensor<'float32'>,
  { numClasses, hasEvaluationDropout = false, head }: TrainOptions,
): Promise<Prediction> {
  const numRows = x.shape[0];
  const batch = Math.min(PREDICTION_BATCH, numRows);
  const logits = new Float32Array(numRows * numClasses);
  const probabilities = new Float32Array(numRows * numClasses);
  let features = new Float32Array();
  let featureWidth = 0;
  for (let start = 0; start < numRows; start += batch) {
    const rows = Uint32Array.from({ length: batch }, (_, i) => (start + i < numRows ? start + i : start));
    const feeds = {
      x: gatherRows(x, rows),
      ...(hasEvaluationDropout && head !== 'linear' ? { step: scalar(trainer.stepCount + start) } : {}),
    };
    const outputs = await trainer.predict(feeds, { outputs: ['logits', 'features'] });
    const used = Math.min(batch, numRows - start);
    featureWidth = outputs['features'].shape[1];
    if (features.length === 0) features = new Float32Array(numRows * featureWidth);
    features.set((outputs['features'].data as Float32Array).subarray(0, used * featureWidth), start * featureWidth);
    logits.set((outputs['logits'].data as Float32Array).subarray(0, used * numClasses), start * numClasses);
  }
  for (let i = 0; i < numRows; i++) {
    softmaxRow(logits.subarray(i * numClasses), probabilities.subarray(i * numClasses), numClasses);
  }
  return { probabilities: { numRows, numClasses, data: probabilities }, logits, features, featureWidth };
}

/** Mutates: target. */
function softmaxRow(logits: Float32Array, target: Float32Array, numClasses: number): void {
  let largest = -Infinity;
  for (let k = 0; k < numClasses; k++) largest = Math.max(largest, logits[k]);
  let sum = 0;
  for (let k = 0; k < numClasses; k++) sum += target[k] = Math.exp(logits[k] - largest);
  for (let k = 0; k < numClasses; k++) target[k] /= sum;
}

async function centreLog(trainer: Trainer, { numClasses, potential }: TrainOptions): Promise<CentreLog> {
  const { data, shape } = await trainer.session.readState('head.centres');
  const centres = data as Float32Array;
  const width = shape[1];
  const distance = (i: number, j: number) => {
    let square = 0;
    for (let a = 0; a < width; a++) square += (centres[i * width + a] - (j < 0 ? 0 : centres[j * width + a])) ** 2;
    return Math.sqrt(square);
  };
  const pairDistances: number[] = [];
  for (let i = 0; i < numClasses; i++) for (let j = i + 1; j < numClasses; j++) pairDistances.push(distance(i, j));
  return {
    energy: centreEnergyOf(centres, numClasses, potential).energy,
    norms: Array.from({ length: numClasses }, (_, k) => distance(k, -1)),
    pairDistances,
  };
}

/** Running mean of each sample's predictions.  Source: Liu et al. 2020 (arXiv 2007.00151), eq. 9. */
function createElrMemory(count: number, numClasses: number, momentum = 0.7) {
  const targets = new Float32Array(count * numClasses);
  const row = new Float32Array(numClasses);
  return {
    targetsOf: (rows: Uint32Array) =>
      gatherRows({ dtype: 'float32' as const, shape: [count, numClasses], data: targets }, rows),
    update(rows: Uint32Array, logits: Float32Array) {
      rows.forEach((sample, i) => {
        softmaxRow(logits.subarray(i * numClasses), row, numClasses);
        for (let k = 0; k < numClasses; k++) {
          const at = sample * numClasses + k;
          targets[at] = momentum * targets[at] + (1 - momentum) * row[k];
        }
      });
    },
  };
}

function scalar(value: number): Tensor<'float32'> {
  return { dtype: 'float32', shape: [], data: Float32Array.of(value) };
}
