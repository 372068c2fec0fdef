/** One small training problem for every model: shared by the tests of this folder. */
import { streamFromId, uniformAt, integerAt } from '../../src/base/index.ts';
import {
  crossEntropy,
  dit,
  f32,
  gpt,
  hybrid,
  i64,
  llama,
  meanSquaredError,
  mlp,
  moeDecoder,
  resNet,
  smallCnn,
  unet,
} from '../../src/nn/index.ts';
import type { InputSpec, LossFunction, Model } from '../../src/nn/index.ts';
import { numel } from '../../src/tensor/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';

export interface ModelCase {
  readonly name: string;
  readonly model: Model;
  readonly inputs: Readonly<Record<string, InputSpec>>;
  readonly loss: LossFunction;
  /** Largest integer of int64 inputs, exclusive. */
  readonly classes: number;
}

const nextToken: LossFunction = ({ g, outputs, inputs }) => crossEntropy(g, outputs['logits'], inputs['targets']);
const label: LossFunction = ({ g, outputs, inputs }) => crossEntropy(g, outputs['logits'], inputs['y']);
const denoise: LossFunction = ({ g, outputs, inputs }) => meanSquaredError(g, outputs['noise'], inputs['target']);

const text = { tokens: i64(2, 8), targets: i64(2, 8) };
const image = { x: f32(2, 3, 8, 8), y: i64(2) };

export const LLAMA_CONFIG = {
  vocab_size: 23,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 32,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  tie_word_embeddings: true,
};

export const HYBRID_CONFIG = {
  vocabulary: 23,
  width: 16,
  layers: ['mamba', 'attention', 'mamba'],
  hidden: 24,
  heads: 2,
  kvHeads: 1,
  context: 32,
  headWidth: 8,
  stateWidth: 4,
  chunk: 4,
} as const;

export const MODEL_CASES: readonly ModelCase[] = [
  { name: 'mlp', model: mlp({ hidden: [16], classes: 4, activation: 'gelu' }), inputs: image, loss: label, classes: 4 },
  {
    name: 'smallCnn',
    model: smallCnn({ channels: [4, 6], hidden: 8, classes: 4 }),
    inputs: image,
    loss: label,
    classes: 4,
  },
  { name: 'resNet', model: resNet({ classes: 4, stages: [4, 6] }), inputs: image, loss: label, classes: 4 },
  {
    name: 'gpt',
    model: gpt({ vocabulary: 23, width: 16, layers: 2, heads: 2, context: 8 }),
    inputs: text,
    loss: nextToken,
    classes: 23,
  },
  { name: 'llama', model: llama(LLAMA_CONFIG), inputs: text, loss: nextToken, classes: 23 },
  { name: 'hybrid', model: hybrid(HYBRID_CONFIG), inputs: text, loss: nextToken, classes: 23 },
  {
    name: 'moeDecoder',
    model: moeDecoder({ vocabulary: 23, width: 16, layers: 2, heads: 2, context: 8, hidden: 16, experts: 4, topK: 2 }),
    inputs: text,
    loss: nextToken,
    classes: 23,
  },
  {
    name: 'dit',
    model: dit({ channels: 2, size: 8, patch: 4, width: 16, layers: 2, heads: 2, classes: 3 }),
    inputs: { x: f32(2, 2, 8, 8), t: f32(2), label: i64(2), target: f32(2, 2, 8, 8) },
    loss: denoise,
    classes: 3,
  },
  {
    name: 'unet',
    model: unet({ channels: 2, stages: [8, 12], heads: 2 }),
    inputs: { x: f32(2, 2, 8, 8), t: f32(2), target: f32(2, 2, 8, 8) },
    loss: denoise,
    classes: 1,
  },
];

/** Feeds that depend on the names and the seed alone. */
export function feedsFor(modelCase: ModelCase, seed = 1): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(modelCase.inputs).map(([name, { dtype, shape }]): [string, Tensor] => {
      const stream = streamFromId(`${modelCase.name}/${name}`, seed);
      const count = numel(shape);
      if (dtype === 'int64') {
        const data = BigInt64Array.from({ length: count }, (_, i) => BigInt(integerAt(stream, i, modelCase.classes)));
        return [name, { dtype, shape, data }];
      }
      const data = Float32Array.from({ length: count }, (_, i) => 2 * uniformAt(stream, i) - 1);
      return [name, { dtype: 'float32', shape, data }];
    }),
  );
}
