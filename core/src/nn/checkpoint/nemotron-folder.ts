/** Nemotron-H models in Hugging Face's layout. */
import type { StateValues } from '../../runtime/index.ts';
import { nemotronH } from '../models/nemotron-h.ts';
import type { NemotronHConfig } from '../models/nemotron-h.ts';
import { nnError } from '../nn-errors.ts';
import { parametersOf, readConfig, readParameters } from './hf-folder.ts';

const NUMBERS = [
  'vocab_size',
  'hidden_size',
  'mamba_num_heads',
  'mamba_head_dim',
  'ssm_state_size',
  'conv_kernel',
  'num_attention_heads',
  'num_key_value_heads',
  'head_dim',
  'intermediate_size',
] as const;
/** Values that fields must have where they are given: ours computes nothing else. */
const FIXED = { model_type: 'nemotron_h', n_groups: 1, mlp_hidden_act: 'relu2', use_conv_bias: true } as const;
const DEFAULT_CHUNK = 64;
const DEFAULT_EPSILON = 1e-5;

/** Reads and checks config.json. @throws TF-NN-006 naming the field */
export function nemotronHConfigFromJson(json: unknown, location = 'config.json'): NemotronHConfig {
  const fields = (typeof json === 'object' && json !== null ? json : {}) as Readonly<Record<string, unknown>>;
  const refuse = (expected: string, actual: unknown) =>
    nnError('TF-NN-006', {
      subject: 'nemotronHConfigFromJson',
      expected,
      actual: JSON.stringify(actual) ?? 'nothing',
      location,
    });
  for (const [name, value] of Object.entries(FIXED)) {
    const given = fields[name] ?? value;
    if (given !== value) throw refuse(`${name} to be ${JSON.stringify(value)}`, given);
  }
  for (const name of ['attention_bias', 'mlp_bias', 'mamba_proj_bias']) {
    if (fields[name] === true) throw refuse(`${name} to be false`, true);
  }
  const pattern = fields['hybrid_override_pattern'];
  if (typeof pattern !== 'string' || !/^[M*-]+$/.test(pattern)) {
    throw refuse('hybrid_override_pattern of M, * and -', pattern);
  }
  const numbers = Object.fromEntries(
    NUMBERS.map((name) => {
      const value = fields[name] ?? (name === 'head_dim' ? fields['attention_head_dim'] : undefined);
      if (typeof value !== 'number' || !(value > 0)) throw refuse(`${name} to be a positive number`, value);
      return [name, value];
    }),
  ) as Record<(typeof NUMBERS)[number], number>;
  const epsilon = fields['rms_norm_eps'] ?? fields['layer_norm_epsilon'];
  return {
    ...numbers,
    hybrid_override_pattern: pattern,
    chunk_size: typeof fields['chunk_size'] === 'number' ? fields['chunk_size'] : DEFAULT_CHUNK,
    rms_norm_eps: typeof epsilon === 'number' ? epsilon : DEFAULT_EPSILON,
    tie_word_embeddings: fields['tie_word_embeddings'] === true,
  };
}

/** Opens a folder as Hugging Face writes it. Weights come as f32.
 *  @throws TF-NN-006 on the configuration, TF-NN-003 on missing or misshapen weights */
export async function loadNemotronHFolder(
  folder: string,
): Promise<{ config: NemotronHConfig; parameters: StateValues }> {
  const { json, path } = await readConfig(folder);
  const config = nemotronHConfigFromJson(json, path);
  return { config, parameters: await readParameters(folder, parametersOf(nemotronH(config))) };
}
