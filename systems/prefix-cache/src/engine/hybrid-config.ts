/** The config.json of a hybrid model in Nemotron-H layout, as far as the engine and the GGUF writer need it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { prefixError } from '../prefix-errors.ts';

export interface HybridConfig {
  readonly width: number;
  readonly vocabulary: number;
  readonly pattern: string;
  readonly heads: number;
  readonly headWidth: number;
  readonly inner: number;
  readonly stateWidth: number;
  readonly convTaps: number;
  readonly attentionHeads: number;
  readonly attentionWidth: number;
  readonly hidden: number;
  readonly epsilon: number;
  readonly maxTokens: number;
  readonly endToken: number;
}

/** @throws TF-PREFIX-007 if a field is missing or of another layout */
export async function readHybridConfig(folder: string): Promise<HybridConfig> {
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as Record<string, unknown>;
  } catch (cause) {
    throw unusable('a readable config.json', folder, cause);
  }
  const number = (field: string): number => {
    if (typeof json[field] === 'number') return json[field];
    throw unusable(`a number ${field} in config.json`, folder);
  };
  const pattern = String(json['hybrid_override_pattern']);
  if (json['model_type'] !== 'nemotron_h' || !/^[M*-]+$/.test(pattern))
    throw unusable('a nemotron_h model of M, * and - layers', folder);
  const [heads, headWidth] = [number('mamba_num_heads'), number('mamba_head_dim')];
  if (number('n_groups') !== 1) throw unusable('one group of B and C', folder);
  if (number('num_key_value_heads') !== number('num_attention_heads'))
    throw unusable('as many key-value heads as heads', folder);
  return {
    width: number('hidden_size'),
    vocabulary: number('vocab_size'),
    pattern,
    heads,
    headWidth,
    inner: heads * headWidth,
    stateWidth: number('ssm_state_size'),
    convTaps: number('conv_kernel'),
    attentionHeads: number('num_attention_heads'),
    attentionWidth: number('head_dim'),
    hidden: number('intermediate_size'),
    epsilon: number('rms_norm_eps'),
    maxTokens: number('max_position_embeddings'),
    endToken: number('eos_token_id'),
  };
}

export function unusable(expected: string, folder: string, cause?: unknown): Error {
  return prefixError('TF-PREFIX-007', { subject: 'readHybridWeights', expected, location: folder, cause });
}
