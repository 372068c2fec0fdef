/** Llama-style models in Hugging Face's layout: a folder with config.json and model.safetensors (or shards). */
import { makeFolder } from '../../base/index.ts';
import { writeSafetensors } from '../../data/index.ts';
import type { StateValues } from '../../runtime/index.ts';
import { castTensor } from '../../tensor/index.ts';
import type { Dtype, Tensor } from '../../tensor/index.ts';
import type { StateSpec } from '../net.ts';
import { nnError } from '../nn-errors.ts';
import { llama } from '../models/llama.ts';
import type { LlamaConfig } from '../models/llama.ts';
import { parametersOf, readConfig, readParameters } from './hf-folder.ts';

/** Model types whose computation is ours. */
const SUPPORTED_TYPES: ReadonlySet<string> = new Set(['llama', 'mistral']);
const DEFAULT_ROPE_THETA = 10_000;

/** Reads and checks config.json. @throws TF-NN-006 naming the field */
export function llamaConfigFromJson(json: unknown, location = 'config.json'): LlamaConfig {
  const fields = (typeof json === 'object' && json !== null ? json : {}) as Readonly<Record<string, unknown>>;
  const refuse = (expected: string, actual: unknown) =>
    nnError('TF-NN-006', {
      subject: 'llamaConfigFromJson',
      expected,
      actual: JSON.stringify(actual) ?? 'nothing',
      location,
    });
  const number = (name: string, fallback?: number): number => {
    const value = fields[name] ?? fallback;
    if (typeof value !== 'number' || !(value > 0)) throw refuse(`${name} to be a positive number`, value);
    return value;
  };
  const type = fields['model_type'] ?? 'llama';
  if (!SUPPORTED_TYPES.has(String(type))) throw refuse(`model_type to be ${[...SUPPORTED_TYPES].join(' or ')}`, type);
  const activation = fields['hidden_act'] ?? 'silu';
  if (activation !== 'silu') throw refuse('hidden_act to be "silu"', activation);
  const scaling = fields['rope_scaling'] ?? null;
  if (scaling !== null) throw refuse('no rope_scaling', scaling);
  const heads = number('num_attention_heads');
  const theta = (fields['rope_parameters'] as { rope_theta?: number } | undefined)?.rope_theta;
  return {
    vocab_size: number('vocab_size'),
    hidden_size: number('hidden_size'),
    intermediate_size: number('intermediate_size'),
    num_hidden_layers: number('num_hidden_layers'),
    num_attention_heads: heads,
    num_key_value_heads: number('num_key_value_heads', heads),
    ...(fields['head_dim'] === undefined || fields['head_dim'] === null ? {} : { head_dim: number('head_dim') }),
    max_position_embeddings: number('max_position_embeddings', 2048),
    rms_norm_eps: number('rms_norm_eps', 1e-6),
    rope_theta: number('rope_theta', theta ?? DEFAULT_ROPE_THETA),
    tie_word_embeddings: fields['tie_word_embeddings'] === true,
    attention_bias: fields['attention_bias'] === true,
  };
}

/** The parameters that a configuration has, by name. */
export function llamaParameters(config: LlamaConfig): ReadonlyMap<string, StateSpec> {
  return parametersOf(llama(config));
}

/** Opens a folder as Hugging Face writes it. Weights come as f32.
 *  @throws TF-NN-006 on the configuration, TF-NN-003 on missing or misshapen weights */
export async function loadLlamaFolder(folder: string): Promise<{ config: LlamaConfig; parameters: StateValues }> {
  const { json, path } = await readConfig(folder);
  const config = llamaConfigFromJson(json, path);
  return { config, parameters: await readParameters(folder, llamaParameters(config)) };
}

/** Writes config.json and model.safetensors.
 *  @param options.dtype  of the stored weights; default float32 @param options.force  replace files */
export async function saveLlamaFolder(
  folder: string,
  model: { readonly config: LlamaConfig; readonly parameters: StateValues },
  { dtype = 'float32', force = false }: { dtype?: Dtype; force?: boolean } = {},
): Promise<void> {
  const { rename, writeFile } = await import('node:fs/promises');
  const { join } = await import('node:path');
  makeFolder(folder);
  const stored = Object.entries(model.parameters).map(([name, tensor]): [string, Tensor] => [
    name,
    tensor.dtype === dtype ? tensor : castTensor(tensor, dtype),
  ]);
  await writeSafetensors(join(folder, 'model.safetensors'), stored, { force, metadata: { format: 'pt' } });
  const config = { architectures: ['LlamaForCausalLM'], model_type: 'llama', hidden_act: 'silu', torch_dtype: dtype };
  const path = join(folder, 'config.json');
  await writeFile(`${path}.part`, `${JSON.stringify({ ...config, ...model.config }, undefined, 2)}\n`);
  await rename(`${path}.part`, path);
}
