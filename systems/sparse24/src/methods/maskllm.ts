/** MaskLLM-style learned masks: six logits a block, a Gumbel-softmax mixture of the six patterns over frozen weights.
 *
 *  Soft mask = softmax((logits · scale + gumbel) / τ) · patterns; scale 100 → 500 and τ 4 → 0.05 linear over training;
 *  loss = LM − 10⁻⁵ (1 − t/T) Σ (w m)²; Adam 0.9/0.95 ε 1e-5, clip 1, cosine to 10 %. Final mask: the largest logit.
 *  Logits start at N(0, 0.01) plus priorStrength · σ · (overlap with the prior mask − 1).
 *  Source: Fang et al. 2024 (arXiv 2409.17481). With a ProxSparse mask as prior it is the combination of both methods.
 *  Differs: few steps and one row a step by default, and no weight decay of the logits. */
import { throwIfCancelled, yieldToEventLoop, type Rng } from '@tenfold/core/base';
import {
  adam,
  createTrainer,
  crossEntropy,
  f32,
  i64,
  llama,
  warmupCosine,
  zeros,
  type Model,
  type Net,
} from '@tenfold/core/nn';
import type { GraphValue } from '@tenfold/core/graph';
import type { Tensor } from '@tenfold/core/tensor';
import { CODE_BITS } from '../mask/mask24.ts';
import type { LoadedModel, Mask24, MaskSet, PruneOutcome } from '../types.ts';
import { prunableNames } from './prox-terms.ts';

export interface MaskLlmOptions {
  readonly steps: number;
  /** Peak rate of the logits. */
  readonly learningRate: number;
  readonly prior?: MaskSet;
  readonly priorStrength?: number;
  readonly rng: Rng;
  readonly signal?: AbortSignal;
  readonly onStep?: (point: { readonly step: number; readonly loss: number; readonly sparseShare: number }) => void;
}

const LOGIT_SIGMA = 0.01;
const SCALE = [100, 500] as const;
const TEMPERATURE = [4, 0.05] as const;
const WEIGHT_REGULARISER = 1e-5;
const NUM_PATTERNS = 6;

export async function maskLlm(
  model: LoadedModel,
  rows: readonly (readonly number[])[],
  options: MaskLlmOptions,
): Promise<PruneOutcome> {
  const { steps, learningRate, prior, priorStrength = 3, rng, signal, onStep } = options;
  const names = prunableNames(model);
  const context = rows[0]!.length;
  const blocksOf = (name: string): number => model.parameters[name]!.data.length / 4;
  const noiseInputs = Object.fromEntries(names.map((name) => [`gumbel.${name}`, f32(blocksOf(name), NUM_PATTERNS)]));
  const logits = startLogits(names, blocksOf, prior, priorStrength, rng);
  await using trainer = await createTrainer({
    model: softMaskedModel(model, names),
    inputs: {
      tokens: i64(1, context),
      labels: i64(1, context - 1),
      scale: f32(),
      temperature: f32(),
      regulariser: f32(),
      ...noiseInputs,
    },
    loss: ({ g, outputs, inputs }) => {
      const nats = crossEntropy(
        g,
        g.sliceAxis(outputs['logits']!, 0, 0, context - 1),
        g.reshape(inputs['labels']!, [context - 1]),
      );
      return g.sub(nats, g.mul(outputs['keptSquares']!, inputs['regulariser']!));
    },
    optimizer: adam({
      learningRate: warmupCosine({ peak: learningRate, totalSteps: steps, end: learningRate / 10 }),
      beta2: 0.95,
      epsilon: 1e-5,
    }),
    clipNorm: 1,
    isTrained: (name) => name.startsWith('logits.'),
    states: { ...model.parameters, ...logits },
  });
  const history: { step: number; loss: number; sparseShare: number }[] = [];
  for (let step = 0; step < steps; step++) {
    throwIfCancelled(signal, 'maskllm');
    const progress = steps === 1 ? 1 : step / (steps - 1);
    const along = ([from, to]: readonly [number, number]): Tensor<'float32'> => ({
      dtype: 'float32',
      shape: [],
      data: Float32Array.of(from + (to - from) * progress),
    });
    const tokens = BigInt64Array.from(rows[step % rows.length]!, BigInt);
    const noise: Record<string, Tensor<'float32'>> = {};
    for (const name of names) {
      // Millions of draws a step: an interrupt is heard between matrices.
      await yieldToEventLoop();
      throwIfCancelled(signal, 'maskllm');
      noise[`gumbel.${name}`] = gumbelNoise(blocksOf(name), rng);
    }
    const { loss } = await trainer.step({
      tokens: { dtype: 'int64', shape: [1, context], data: tokens },
      labels: { dtype: 'int64', shape: [1, context - 1], data: tokens.slice(1) },
      scale: along(SCALE),
      temperature: along(TEMPERATURE),
      regulariser: along([WEIGHT_REGULARISER, 0]),
      ...noise,
    });
    const point = { step: step + 1, loss, sparseShare: 1 };
    if (step === 0 || (step + 1) % Math.max(1, Math.floor(steps / 40)) === 0) history.push(point);
    onStep?.(point);
  }
  const masks = new Map<string, Mask24>();
  for (const name of names) {
    const learned = (await trainer.session.readState(`logits.${name}`)) as Tensor<'float32'>;
    masks.set(name, {
      shape: model.parameters[name]!.shape as readonly [number, number],
      codes: largestOfSix(learned.data),
    });
  }
  return { method: prior ? 'proxsparse+maskllm' : 'maskllm', masks, history, warnings: [] };
}

/** The decoder with every prunable weight replaced by weight ∘ soft mask; output `keptSquares` = Σ (w m)². */
function softMaskedModel(model: LoadedModel, names: readonly string[]): Model {
  const maskable = new Set(names);
  return {
    name: 'masked-llama',
    forward(net, inputs) {
      const { g } = net;
      const patterns = g.constant({
        dtype: 'float32',
        shape: [NUM_PATTERNS, 4],
        data: Float32Array.from({ length: NUM_PATTERNS * 4 }, (_, i) => (CODE_BITS[i >> 2]! >> (i & 3)) & 1),
      });
      const soft = new Map<string, GraphValue>();
      for (const name of names) {
        const { shape, data } = model.parameters[name]!;
        const logits = net.parameter(`logits.${name}`, [data.length / 4, NUM_PATTERNS], zeros);
        const shifted = g.div(
          g.add(g.mul(logits, inputs['scale']!), inputs[`gumbel.${name}`]!),
          inputs['temperature']!,
        );
        soft.set(name, g.reshape(g.matMul(g.softmax(shifted, 1), patterns), shape));
      }
      let keptSquares: GraphValue = g.scalar(0);
      const masked = new Map<string, GraphValue>();
      const wrapped: Net = Object.create(net, {
        parameter: {
          value: (local: string, shape: readonly number[], init: Parameters<Net['parameter']>[2]): GraphValue => {
            const stored = net.parameter(local, shape, init);
            const name = g.notes.module === '' ? local : `${g.notes.module}.${local}`;
            if (!maskable.has(name)) return stored;
            let product = masked.get(name);
            if (product === undefined) {
              product = g.mul(stored, soft.get(name)!);
              masked.set(name, product);
              keptSquares = g.add(keptSquares, g.reshape(g.reduceSumSquare(product), []));
            }
            return product;
          },
        },
      }) as Net;
      const outputs = llama(model.config).forward(wrapped, inputs);
      return { ...outputs, keptSquares };
    },
  };
}

function startLogits(
  names: readonly string[],
  blocksOf: (name: string) => number,
  prior: MaskSet | undefined,
  strength: number,
  rng: Rng,
): Record<string, Tensor<'float32'>> {
  const logits: Record<string, Tensor<'float32'>> = {};
  for (const name of names) {
    const data = new Float32Array(blocksOf(name) * NUM_PATTERNS);
    const codes = prior?.get(name)?.codes;
    for (let i = 0; i < data.length; i++) {
      data[i] = LOGIT_SIGMA * rng.normal();
      if (codes)
        data[i] =
          data[i]! + strength * LOGIT_SIGMA * (overlap(i % NUM_PATTERNS, codes[Math.floor(i / NUM_PATTERNS)]!) - 1);
    }
    logits[`logits.${name}`] = { dtype: 'float32', shape: [blocksOf(name), NUM_PATTERNS], data };
  }
  return logits;
}

/** Places that two patterns both keep: 0, 1 or 2. */
function overlap(a: number, b: number): number {
  const both = CODE_BITS[a]! & CODE_BITS[b]!;
  return (both & 1) + ((both >> 1) & 1) + ((both >> 2) & 1) + ((both >> 3) & 1);
}

function gumbelNoise(numBlocks: number, rng: Rng): Tensor<'float32'> {
  const data = new Float32Array(numBlocks * NUM_PATTERNS);
  for (let i = 0; i < data.length; i++) data[i] = -Math.log(-Math.log(Math.max(1e-12, rng.uniform())) + 1e-12);
  return { dtype: 'float32', shape: [numBlocks, NUM_PATTERNS], data };
}

function largestOfSix(logits: Float32Array): Uint8Array {
  const codes = new Uint8Array(logits.length / NUM_PATTERNS);
  for (let block = 0; block < codes.length; block++) {
    let best = 0;
    for (let i = 1; i < NUM_PATTERNS; i++)
      if (logits[block * NUM_PATTERNS + i]! > logits[block * NUM_PATTERNS + best]!) best = i;
    codes[block] = best;
  }
  return codes;
}
