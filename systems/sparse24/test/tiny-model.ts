/** A two-layer Llama with random weights and letters for tokens: enough to train, too small to say anything. */
import { createRng } from '@tenfold/core/base';
import type { Tensor } from '@tenfold/core/tensor';
import type { LoadedModel } from '../src/types.ts';

const VOCABULARY = 64;
const HIDDEN = 32;
const INNER = 48;
const FIRST_LETTER = 64;

export function tinyModel(seed = 1): LoadedModel {
  const rng = createRng(seed, 'tiny model');
  const random = (...shape: number[]): Tensor<'float32'> => ({
    dtype: 'float32',
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => rng.normal() * 0.1),
  });
  const ones = (): Tensor<'float32'> => ({
    dtype: 'float32',
    shape: [HIDDEN],
    data: new Float32Array(HIDDEN).fill(1),
  });
  const parameters: Record<string, Tensor<'float32'>> = {
    'model.embed_tokens.weight': random(VOCABULARY, HIDDEN),
    'model.norm.weight': ones(),
  };
  for (const layer of [0, 1]) {
    const at = `model.layers.${layer}`;
    parameters[`${at}.input_layernorm.weight`] = ones();
    parameters[`${at}.post_attention_layernorm.weight`] = ones();
    for (const name of ['q_proj', 'k_proj', 'v_proj', 'o_proj'])
      parameters[`${at}.self_attn.${name}.weight`] = random(HIDDEN, HIDDEN);
    for (const name of ['gate_proj', 'up_proj']) parameters[`${at}.mlp.${name}.weight`] = random(INNER, HIDDEN);
    parameters[`${at}.mlp.down_proj.weight`] = random(HIDDEN, INNER);
  }
  return {
    config: {
      vocab_size: VOCABULARY,
      hidden_size: HIDDEN,
      intermediate_size: INNER,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 4,
      max_position_embeddings: 64,
      rms_norm_eps: 1e-5,
      rope_theta: 10000,
      tie_word_embeddings: true,
    },
    parameters,
    tokenizer: {
      vocabSize: VOCABULARY,
      startId: 0,
      encode: (text) => [...text].map((letter) => letter.charCodeAt(0) % VOCABULARY),
      decode: (ids) => ids.map((id) => String.fromCharCode(FIRST_LETTER + id)).join(''),
    },
    source: 'tiny',
  };
}

/** Rows of random tokens. */
export function tinyRows(numRows: number, length: number, seed = 2): number[][] {
  const rng = createRng(seed, 'tiny rows');
  return Array.from({ length: numRows }, () => Array.from({ length }, () => rng.integer(VOCABULARY)));
}
