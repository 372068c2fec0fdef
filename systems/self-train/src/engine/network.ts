/** A classifier in training: updates on rows, predictions without dropout, passes with dropout. */
import { createRng, throwIfCancelled, yieldToEventLoop } from '@tenfold/core/base';
import { createTrainer, sgd } from '@tenfold/core/nn';
import type { StateValues } from '@tenfold/core/runtime';
import type { Tensor } from '@tenfold/core/tensor';
import { addPass, createPassStatistics } from '../uncertainty.ts';
import type { PassStatistics } from '../uncertainty.ts';
import type { Features, Probabilities } from '../types.ts';
import { classifier, maskName } from './classifier.ts';
import { rowLoss, stepInputs } from './loss.ts';
import type { BasisWeights } from './loss.ts';

export interface NetworkOptions {
  readonly width: number;
  readonly numClasses: number;
  readonly hidden?: readonly number[];
  /** Default 0.3. */
  readonly dropout?: number;
  /** Default 128. */
  readonly batchSize?: number;
  readonly hasBases?: boolean;
  readonly basisWeights?: BasisWeights;
  readonly seed: number;
  readonly learningRate: number;
  /** Start from these parameters instead of fresh ones. */
  readonly states?: StateValues;
  readonly signal?: AbortSignal;
}

/** Rows to train on. */
export interface TrainingRows {
  readonly x: Features;
  /** [N, C] */
  readonly y: Float32Array;
  /** [N] factors of cross-entropy, uniform term and entropy term. */
  readonly weight: Float32Array;
  readonly uniform?: Float32Array;
  readonly entropy?: Float32Array;
}

export interface Prediction {
  readonly probabilities: Probabilities;
  readonly features: Features;
}

export interface Network extends AsyncDisposable {
  readonly batchSize: number;
  /** `numSteps` updates on random rows. @returns mean loss */
  train(rows: TrainingRows, numSteps: number, options?: TrainOptions): Promise<number>;
  /** Dropout off. */
  predict(x: Features): Promise<Prediction>;
  /** Dropout on, M times, masks from the seed. */
  dropoutPasses(x: Features, numPasses: number, purpose: string): Promise<PassStatistics>;
  /** Copies. */
  states(): Promise<StateValues>;
  /** Learned bases [C, d], if the network has them. */
  bases(): Promise<Float32Array | undefined>;
}

export interface TrainOptions {
  /** Names the order of the rows. */
  readonly purpose: string;
  /** Changes a batch in place before its update (augmentation). */
  readonly alter?: (x: Float32Array, rows: Uint32Array) => void;
}

const DEFAULT_HIDDEN = [256, 64];
const PREDICTION_BATCH = 500;
const MOMENTUM = 0.9;
const WEIGHT_DECAY = 5e-4;

export async function createNetwork(options: NetworkOptions): Promise<Network> {
  const { width, numClasses, hidden = DEFAULT_HIDDEN, dropout = 0.3, batchSize = 128, hasBases = false, seed } = options;
  const trainer = await createTrainer({
    model: classifier({ hidden, numClasses, dropout, hasBases }),
    inputs: stepInputs(batchSize, width, numClasses),
    loss: rowLoss(hasBases, options.basisWeights),
    optimizer: sgd({ learningRate: options.learningRate, momentum: MOMENTUM, weightDecay: WEIGHT_DECAY }),
    clipNorm: 5,
    seed,
    ...(options.states === undefined ? {} : { states: options.states }),
  });
  const tensor = (data: Float32Array, ...shape: number[]): Tensor<'float32'> => ({ dtype: 'float32', shape, data });

  const forward = async (x: Features, masks: ((rows: number) => Record<string, Tensor>) | undefined, outputs: string[]) => {
    const batch = Math.min(PREDICTION_BATCH, x.numRows);
    const results = outputs.map(() => new Float32Array());
    for (let start = 0; start < x.numRows; start += batch) {
      throwIfCancelled(options.signal, 'predict');
      const used = Math.min(batch, x.numRows - start);
      const data = new Float32Array(batch * width);
      data.set(x.data.subarray(start * width, (start + used) * width));
      const values = await trainer.predict({ x: tensor(data, batch, width), ...masks?.(batch) }, { outputs });
      outputs.forEach((name, i) => {
        const size = values[name].shape[1];
        if (results[i].length === 0) results[i] = new Float32Array(x.numRows * size);
        results[i].set((values[name].data as Float32Array).subarray(0, used * size), start * size);
      });
    }
    return results;
  };

  return {
    batchSize,
    async train(rows, numSteps, { purpose, alter }) {
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
        const x = gather(rows.x.data, chosen, width);
        alter?.(x, chosen);
        const column = (values: Float32Array | undefined) =>
          tensor(values === undefined ? new Float32Array(batchSize) : gather(values, chosen, 1), batchSize);
        const { loss } = await trainer.step({
          x: tensor(x, batchSize, width),
          y: tensor(gather(rows.y, chosen, numClasses), batchSize, numClasses),
          weight: column(rows.weight),
          uniform: column(rows.uniform),
          entropy: column(rows.entropy),
        });
        total += loss;
        if (step % 16 === 0) await yieldToEventLoop();
      }
      return numSteps === 0 ? 0 : total / numSteps;
    },
    async predict(x) {
      const [logits, features] = await forward(x, undefined, ['logits', 'features']);
      softmaxRows(logits, numClasses);
      return {
        probabilities: { numRows: x.numRows, numClasses, data: logits },
        features: { numRows: x.numRows, width: hidden.at(-1)!, data: features },
      };
    },
    async dropoutPasses(x, numPasses, purpose) {
      const statistics = createPassStatistics(x.numRows, numClasses);
      const rng = createRng(seed, `dropout/${purpose}`);
      const keep = 1 / (1 - dropout);
      for (let pass = 0; pass < numPasses; pass++) {
        const masks = (rows: number) =>
          Object.fromEntries(
            hidden.map((size, layer) => {
              const data = new Float32Array(rows * size);
              for (let i = 0; i < data.length; i++) data[i] = rng.uniform() < dropout ? 0 : keep;
              return [maskName(layer), tensor(data, rows, size)];
            }),
          );
        const [logits] = await forward(x, masks, ['logits']);
        softmaxRows(logits, numClasses);
        addPass(statistics, logits);
      }
      return statistics;
    },
    states: () => trainer.parameters(),
    async bases() {
      if (!hasBases) return undefined;
      return (await trainer.parameters())['att.bases'].data as Float32Array;
    },
    [Symbol.asyncDispose]: () => trainer.dispose(),
  };
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
