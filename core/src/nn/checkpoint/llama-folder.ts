/** Llama-style models in Hugging Face's layout: a folder with config.json and model.safetensors (or shards). */
import { openSafetensors, writeSafetensors } from '../../data/index.ts';
import type { StateValues } from '../../runtime/index.ts';
import { castTensor, equalShapes, formatShape } from '../../tensor/index.ts';
import type { Dtype, Tensor } from '../../tensor/index.ts';
import { createGraphBuilder } from '../../graph/index.ts';
import { createNet } from '../net.ts';
import type { StateSpec } from '../net.ts';
import { nnError } from '../nn-errors.ts';
import { llama } from '../models/llama.ts';
import type { LlamaConfig } from '../models/llama.ts';

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
  const g = createGraphBuilder('llama.parameters');
  const net = createNet(g);
  llama(config).forward(net, { tokens: g.input('tokens', 'int64', [1, 1]) });
  return net.states;
}

/** Opens a folder as Hugging Face writes it. Weights come as f32.
 *  @throws TF-NN-006 on the configuration, TF-NN-003 on missing or misshapen weights */
export async function loadLlamaFolder(folder: string): Promise<{ config: LlamaConfig; parameters: StateValues }> {
  const { readFile } = await import('node:fs/promises');
  const { join } = await import('node:path');
  const path = join(folder, 'config.json');
  const config = llamaConfigFromJson(parseJson(await readFile(path, 'utf8'), path), path);
  const reader = await openSafetensors(folder);
  try {
    const parameters: Record<string, Tensor> = {};
    for (const [name, { shape }] of llamaParameters(config)) {
      const entry = reader.entries.get(name);
      if (entry === undefined || !equalShapes(entry.shape, shape)) {
        throw nnError('TF-NN-003', {
          subject: 'loadLlamaFolder',
          expected: `"${name}" ${formatShape(shape)}`,
          actual: entry === undefined ? 'no such tensor' : formatShape(entry.shape),
          location: folder,
          hints: ['Check that config.json belongs to these weights.'],
        });
      }
      const tensor = await reader.read(name);
      parameters[name] = tensor.dtype === 'float32' ? tensor : castTensor(tensor, 'float32');
    }
    return { config, parameters };
  } finally {
    await reader.close();
  }
}

/** Writes config.json and model.safetensors.
 *  @param options.dtype  of the stored weights; default float32 @param options.force  replace files */
export async function saveLlamaFolder(
  folder: string,
  model: { readonly config: LlamaConfig; readonly parameters: StateValues },
  { dtype = 'float32', force = false }: { dtype?: Dtype; force?: boolean } = {},
): Promise<void> {
  const { mkdir, rename, writeFile } = await import('node:fs/promises');
  const { join } = await import('node:path');
  await mkdir(folder, { recursive: true });
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

function parseJson(text: string, location: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw nnError('TF-NN-006', {
      subject: 'loadLlamaFolder',
      expected: 'JSON',
      actual: (cause as Error).message,
      location,
      cause,
    });
  }
}
