/** A classifier in training: updates on rows, predictions without dropout, passes with dropout. */
import { createRng, throwIfCancelled, yieldToEventLoop } from '@tenfold/core/base';
import { createTrainer, sgd } from '@tenfold/core/nn';
import type { StateValues } from '@tenfold/core/runtime';
import type { Tensor } from '@tenfold/core/tensor';
import { addPass, createPassStatistics } from '../uncertainty.ts';
import type { PassStatistics } from '../uncertainty.ts';
import type { Features, Probabilities } from '../types.ts';
import { backboneFrom } from './backbone.ts';
import type { BackboneDescription } from './backbone.ts';
import { classifier, maskName } from './classifier.ts';
import { rowLoss, stepInputs } from './loss.ts';
import type { BasisWeights } from './loss.ts';

export interface NetworkOptions {
  readonly backbone: BackboneDescription;
  readonly numClasses: number;
  /** Samples. */
  readonly batchSize: number;
  readonly hasBases: boolean;
  readonly basisWeights?: BasisWeights;
  readonly seed: number;
  readonly learningRate: number;
  /** Start from these states instead of fresh ones. */
  readonly states?: StateValues;
  /** Updates made before, where states hold an optimiser's too. */
  readonly step?: number;
  readonly signal?: AbortSignal;
}

/** Samples to train on: x has one row a sample, the others one a token. */
export interface TrainingRows {
  readonly x: Features;
  /** [tokens, C] */
  readonly y: Float32Array;
  /** [tokens] factors of cross-entropy, uniform term and entropy term. */
  readonly weight: Float32Array;
  readonly uniform?: Float32Array;
  readonly entropy?: Float32Array;
}

/** Rows are tokens. */
export interface Prediction {
  readonly probabilities: Probabilities;
  readonly features: Features;
}

export interface Network extends AsyncDisposable {
  readonly batchSize: number;
  readonly numTokens: number;
  /** `numSteps` updates on random samples. @returns mean loss */
  train(rows: TrainingRows, numSteps: number, options: TrainOptions): Promise<number>;
  /** Dropout off. */
  predict(x: Features): Promise<Prediction>;
  /** Dropout on, M times, masks from the seed. @param statistics  of passes before, to which these are added */
  dropoutPasses(x: Features, numPasses: number, purpose: string, statistics?: PassStatistics): Promise<PassStatistics>;
  /** Copies of parameters and buffers. */
  states(): Promise<StateValues>;
  /** Copies of these and of the optimiser's states, and the updates made: what a checkpoint holds. */
  allStates(): Promise<{ readonly states: StateValues; readonly step: number }>;
  load(states: StateValues): Promise<void>;
  /** Learned bases [C, d], if the network has them. */
  bases(): Promise<Float32Array | undefined>;
}

export interface TrainOptions {
  /** Names the order of the rows. */
  readonly purpose: string;
  /** Changes a batch in place before its update (augmentation). */
  readonly alter?: (x: Float32Array, rows: Uint32Array) => void;
  readonly onStep?: (step: number) => void;
}

const MOMENTUM = 0.9;
const WEIGHT_DECAY = 5e-4;
const CLIP_NORM = 5;
/** Keeps folded passes of a batch within a few megabytes. */
const MAX_FOLDED_ROWS = 5000;

export async function createNetwork(options: NetworkOptions): Promise<Network> {
  const { numClasses, batchSize, hasBases, seed } = options;
  const backbone = backboneFrom(options.backbone);
  const { inputShape, inputWidth, numTokens, maskWidths } = backbone;
  const { dropout } = options.backbone;
  const trainer = await createTrainer({
    model: classifier({ backbone, numClasses, dropout, hasBases }),
    inputs: stepInputs(batchSize, backbone, numClasses),
    loss: rowLoss(hasBases, options.basisWeights),
    optimizer: sgd({ learningRate: options.learningRate, momentum: MOMENTUM, weightDecay: WEIGHT_DECAY }),
    clipNorm: CLIP_NORM,
    seed,
    ...(options.states && { states: options.states }),
    ...(options.step !== undefined && { step: options.step }),
  });
  const tensor = (data: Float32Array, ...shape: number[]): Tensor<'float32'> => ({ dtype: 'float32', shape, data });

  /** Calls `take` for each batch with the wanted outputs and the number of samples that are real. */
  const forward = async (
    x: Features,
    outputs: readonly string[],
    extra: { readonly batch: number; readonly masks?: Readonly<Record<string, Tensor>> },
    take: (values: Readonly<Record<string, Float32Array>>, start: number, used: number) => void,
  ): Promise<void> => {
    const batch = Math.min(extra.batch, x.numRows);
    for (let start = 0; start < x.numRows; start += batch) {
      throwIfCancelled(options.signal, 'predict');
      const used = Math.min(batch, x.numRows - start);
      const data = new Float32Array(batch * inputWidth);
      data.set(x.data.subarray(start * inputWidth, (start + used) * inputWidth));
      const values = await trainer.predict({ x: tensor(data, batch, ...inputShape), ...extra.masks }, { outputs });
      take(Object.fromEntries(outputs.map((name) => [name, values[name].data as Float32Array])), start, used);
      await yieldToEventLoop();
    }
  };

  return {
    batchSize,
    numTokens,
    async train(rows, numSteps, { purpose, alter, onStep }) {
      const rng = createRng(seed, `rows/${purpose}`);
      const order = Uint32Array.from({ length: rows.x.numRows }, (_, i) => i);
      let place = order.length;
      let total = 0;
      for (let step = 0; step < numSteps; step++) {
        throwIfCancelled(options.signal, 'train');
        const chosen = new Uint32Array(batchSize);
        for (let i = 0; i < batchSize; i++) {
          if (place >= order.length) {
            rng.shuffle(order);
            place = 0;
          }
          chosen[i] = order[place++];
        }
        const x = gather(rows.x.data, chosen, inputWidth);
        alter?.(x, chosen);
        const column = (values: Float32Array | undefined) =>
          tensor(
            values === undefined ? new Float32Array(batchSize * numTokens) : gather(values, chosen, numTokens),
            batchSize * numTokens,
          );
        const { loss } = await trainer.step({
          x: tensor(x, batchSize, ...inputShape),
          y: tensor(gather(rows.y, chosen, numTokens * numClasses), batchSize * numTokens, numClasses),
          weight: column(rows.weight),
          uniform: column(rows.uniform),
          entropy: column(rows.entropy),
        });
        total += loss;
        if (step % 16 !== 0) continue;
        onStep?.(step);
        await yieldToEventLoop();
      }
      return numSteps === 0 ? 0 : total / numSteps;
    },
    async predict(x) {
      const { featureWidth } = backbone;
      const probabilities = new Float32Array(x.numRows * numTokens * numClasses);
      const features = new Float32Array(x.numRows * numTokens * featureWidth);
      await forward(x, ['logits', 'features'], { batch: backbone.predictionBatch }, (values, start, used) => {
        const [first, count] = [start * numTokens, used * numTokens];
        probabilities.set(values['logits'].subarray(0, count * numClasses), first * numClasses);
        features.set(values['features'].subarray(0, count * featureWidth), first * featureWidth);
      });
      softmaxRows(probabilities, numClasses);
      const numRows = x.numRows * numTokens;
      return {
        probabilities: { numRows, numClasses, data: probabilities },
        features: { numRows, width: featureWidth, data: features },
      };
    },
    async dropoutPasses(x, numPasses, purpose, statistics = createPassStatistics(x.numRows * numTokens, numClasses)) {
      const rng = createRng(seed, `dropout/${purpose}`);
      const batch = Math.min(backbone.predictionBatch, x.numRows);
      const folded = backbone.foldsPasses ? Math.max(1, Math.min(numPasses, Math.floor(MAX_FOLDED_ROWS / batch))) : 1;
      for (let done = 0; done < numPasses; done += folded) {
        const passes = Math.min(folded, numPasses - done);
        const masks = Object.fromEntries(
          maskWidths.map((width, place) => [
            maskName(place),
            tensor(maskOf(rng, passes * width, dropout), passes, width),
          ]),
        );
        const probabilities = Array.from({ length: passes }, () => new Float32Array(statistics.mean.length));
        await forward(x, ['logits'], { batch, masks }, ({ logits }, start, used) => {
          const stride = batch * numTokens * numClasses;
          probabilities.forEach((all, pass) => {
            const from = pass * stride;
            all.set(logits.subarray(from, from + used * numTokens * numClasses), start * numTokens * numClasses);
          });
        });
        for (const pass of probabilities) {
          softmaxRows(pass, numClasses);
          addPass(statistics, pass);
        }
      }
      return statistics;
    },
    states: () => trainer.parameters(),
    allStates: async () => ({ states: await trainer.allStates(), step: trainer.stepCount }),
    load: (states) => trainer.load(states),
    async bases() {
      if (!hasBases) return undefined;
      return (await trainer.parameters())['att.bases'].data as Float32Array;
    },
    [Symbol.asyncDispose]: () => trainer.dispose(),
  };
}

function maskOf(rng: { uniform(): number }, length: number, rate: number): Float32Array {
  const keep = 1 / (1 - rate);
  return Float32Array.from({ length }, () => (rng.uniform() < rate ? 0 : keep));
}

function gather(data: Float32Array, rows: Uint32Array, width: number): Float32Array {
  const gathered = new Float32Array(rows.length * width);
  for (let i = 0; i < rows.length; i++) {
    gathered.set(data.subarray(rows[i] * width, (rows[i] + 1) * width), i * width);
  }
  return gathered;
}

/** Mutates: logits become probabilities. */
function softmaxRows(logits: Float32Array, numClasses: number): void {
  for (let start = 0; start < logits.length; start += numClasses) {
    let largest = -Infinity;
    for (let c = start; c < start + numClasses; c++) largest = Math.max(largest, logits[c]);
    let sum = 0;
    for (let c = start; c < start + numClasses; c++) sum += logits[c] = Math.exp(logits[c] - largest);
    for (let c = start; c < start + numClasses; c++) logits[c] /= sum;
  }
}
