/** A Nemotron-H model folder (config.json, model.safetensors, tokenizer.json) as GGUF, so that llama.cpp runs it.
 *  Matrices stay as they are stored (f16); vectors and the convolution become f32, as llama.cpp wants them. A layer counts as
 *  recurrent there if it has neither key-value heads nor an MLP width. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensors } from '@tenfold/core/data';
import { numbersFromTensor, type Tensor } from '@tenfold/core/tensor';
import { readHybridConfig, unusable, type HybridConfig } from '../engine/hybrid-config.ts';
import { writeGguf, type GgufTensor, type GgufValue } from './gguf-writer.ts';

interface BytePairTokenizer {
  readonly model: { readonly vocab: Readonly<Record<string, number>>; readonly merges: readonly (string | string[])[] };
  readonly added_tokens: readonly { readonly id: number }[];
}

const ARCHITECTURE = 'nemotron_h';
const NORMAL_TOKEN = 1;
const CONTROL_TOKEN = 3;
const FILE_TYPE_F16 = 1;

/** @throws TF-PREFIX-007 if the folder is no model of this layout */
export async function hybridGguf(folder: string, name: string): Promise<Uint8Array> {
  const config = await readHybridConfig(folder);
  const tensors = await readSafetensors(join(folder, 'model.safetensors'));
  const tokenizer = JSON.parse(await readFile(join(folder, 'tokenizer.json'), 'utf8')) as BytePairTokenizer;
  return writeGguf(
    [...modelMetadata(config, name), ...tokenizerMetadata(tokenizer, config)],
    tensorsOf(config, tensors, folder),
  );
}

function modelMetadata(config: HybridConfig, name: string): (readonly [string, GgufValue])[] {
  const layers = Array.from(config.pattern);
  const u32 = (key: string, value: number): readonly [string, GgufValue] => [
    `${ARCHITECTURE}.${key}`,
    { type: 'u32', value },
  ];
  const each = (key: string, valueOf: (letter: string) => number): readonly [string, GgufValue] => [
    `${ARCHITECTURE}.${key}`,
    { type: 'i32s', value: layers.map(valueOf) },
  ];
  return [
    ['general.architecture', { type: 'string', value: ARCHITECTURE }],
    ['general.name', { type: 'string', value: name }],
    ['general.file_type', { type: 'u32', value: FILE_TYPE_F16 }],
    u32('vocab_size', config.vocabulary),
    u32('context_length', config.maxTokens),
    u32('embedding_length', config.width),
    u32('block_count', layers.length),
    each('feed_forward_length', (letter) => (letter === '-' ? config.hidden : 0)),
    u32('attention.head_count', config.attentionHeads),
    each('attention.head_count_kv', (letter) => (letter === '*' ? config.attentionHeads : 0)),
    u32('attention.key_length', config.attentionWidth),
    u32('attention.value_length', config.attentionWidth),
    [`${ARCHITECTURE}.attention.layer_norm_rms_epsilon`, { type: 'f32', value: config.epsilon }],
    [`${ARCHITECTURE}.attention.layer_norm_epsilon`, { type: 'f32', value: config.epsilon }],
    u32('rope.dimension_count', config.attentionWidth),
    u32('ssm.conv_kernel', config.convTaps),
    u32('ssm.state_size', config.stateWidth),
    u32('ssm.inner_size', config.inner),
    u32('ssm.time_step_rank', config.heads),
    u32('ssm.group_count', 1),
  ];
}

function tokenizerMetadata(
  { model, added_tokens: added }: BytePairTokenizer,
  config: HybridConfig,
): (readonly [string, GgufValue])[] {
  const tokens = Array.from({ length: config.vocabulary }, (_, id) => `[unused${id}]`);
  for (const [text, id] of Object.entries(model.vocab)) tokens[id] = text;
  const special = new Set(added.map(({ id }) => id));
  const types = tokens.map((_, id) => (special.has(id) ? CONTROL_TOKEN : NORMAL_TOKEN));
  const merges = model.merges.map((merge) => (typeof merge === 'string' ? merge : merge.join(' ')));
  return [
    ['tokenizer.ggml.model', { type: 'string', value: 'gpt2' }],
    ['tokenizer.ggml.pre', { type: 'string', value: 'gpt-2' }],
    ['tokenizer.ggml.tokens', { type: 'strings', value: tokens }],
    ['tokenizer.ggml.token_type', { type: 'i32s', value: types }],
    ['tokenizer.ggml.merges', { type: 'strings', value: merges }],
    ['tokenizer.ggml.bos_token_id', { type: 'u32', value: config.endToken }],
    ['tokenizer.ggml.eos_token_id', { type: 'u32', value: config.endToken }],
    ['tokenizer.ggml.add_bos_token', { type: 'bool', value: false }],
  ];
}

function tensorsOf(config: HybridConfig, tensors: ReadonlyMap<string, Tensor>, folder: string): GgufTensor[] {
  const find = (name: string): Tensor => {
    const tensor = tensors.get(`backbone.${name}`);
    if (tensor === undefined) throw unusable(`a tensor backbone.${name}`, folder);
    return tensor;
  };
  const matrix = (name: string, from: string): GgufTensor => {
    const { shape, dtype, data } = find(from);
    if (dtype === 'float16') return { name, shape, data: data as Uint16Array };
    return { name, shape, data: Float32Array.from(numbersFromTensor(find(from))) };
  };
  const vector = (
    name: string,
    from: string,
    shape: readonly number[],
    map = (value: number) => value,
  ): GgufTensor => ({
    name,
    shape,
    data: Float32Array.from(numbersFromTensor(find(from)), map),
  });
  const { width, inner, stateWidth, heads, convTaps } = config;
  const channels = inner + 2 * stateWidth;
  return [
    matrix('token_embd.weight', 'embeddings.weight'),
    vector('output_norm.weight', 'norm_f.weight', [width]),
    ...Array.from(config.pattern).flatMap((letter, i): GgufTensor[] => {
      const [to, from] = [`blk.${i}`, `layers.${i}.mixer`];
      const norm = vector(`${to}.attn_norm.weight`, `layers.${i}.norm.weight`, [width]);
      if (letter === '-')
        return [
          norm,
          matrix(`${to}.ffn_up.weight`, `${from}.up_proj.weight`),
          matrix(`${to}.ffn_down.weight`, `${from}.down_proj.weight`),
        ];
      if (letter === '*')
        return [
          norm,
          ...(['q', 'k', 'v'] as const).map((part) =>
            matrix(`${to}.attn_${part}.weight`, `${from}.${part}_proj.weight`),
          ),
          matrix(`${to}.attn_output.weight`, `${from}.o_proj.weight`),
        ];
      return [
        norm,
        matrix(`${to}.ssm_in.weight`, `${from}.in_proj.weight`),
        vector(`${to}.ssm_conv1d.weight`, `${from}.conv1d.weight`, [channels, convTaps]),
        vector(`${to}.ssm_conv1d.bias`, `${from}.conv1d.bias`, [channels]),
        vector(`${to}.ssm_dt.bias`, `${from}.dt_bias`, [heads]),
        vector(`${to}.ssm_a`, `${from}.A_log`, [heads, 1], (value) => -Math.exp(value)),
        vector(`${to}.ssm_d`, `${from}.D`, [heads, 1]),
        vector(`${to}.ssm_norm.weight`, `${from}.norm.weight`, [1, inner]),
        matrix(`${to}.ssm_out.weight`, `${from}.out_proj.weight`),
      ];
    }),
  ];
}
