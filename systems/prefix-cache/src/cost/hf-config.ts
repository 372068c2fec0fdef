/** Cost profiles from tensor shapes: reads the config.json of a Hugging Face model.
 *  A matrix of m weights costs 2m FLOPs a token; causal attention 2·(heads·width)·(end² − start²); a recurrent update five
 *  FLOPs per element of the Mamba state (decay, outer product, sum, product with C) and seven for a gated delta rule.
 *  Differs from the paper: grouped heads, gated and expert MLPs, real state shapes and their number formats are counted. */
import { prefixError } from '../prefix-errors.ts';
import type { ModelProfile } from '../types.ts';

export type HfConfig = Readonly<Record<string, unknown>>;

/** Bytes of a number in each kind of state. */
export interface StateFormat {
  /** Keys and values, default 2 (f16, bf16). */
  readonly kvBytes?: number;
  /** Recurrent state, default 4 (f32, as engines keep it). */
  readonly recurrentBytes?: number;
  /** Convolution window, default 2. */
  readonly convBytes?: number;
}

type LayerKind = 'attention' | 'mamba2' | 'mamba1' | 'delta' | 'mlp' | 'moe';

interface LayerCost {
  readonly linear: number;
  readonly quadratic: number;
  readonly kv: number;
  readonly recurrent: number;
  readonly conv: number;
}

const NOTHING: LayerCost = { linear: 0, quadratic: 0, kv: 0, recurrent: 0, conv: 0 };

/** Layers (in order) of each model type that has a rule. */
const LAYERS_OF_TYPE: Readonly<Record<string, (config: HfConfig) => readonly LayerKind[]>> = {
  nemotron_h: nemotronLayers,
  jamba: jambaLayers,
  granitemoehybrid: (c) =>
    listOf(c, ['layer_types', 'layers_block_type']).flatMap((kind): LayerKind[] => [
      kind === 'attention' ? 'attention' : 'mamba2',
      optional(c, 'num_local_experts', 0) > 0 ? 'moe' : 'mlp',
    ]),
  falcon_h1: (c) => repeat(c, ['mamba2', 'attention', 'mlp']),
  qwen3_next: qwenNextLayers,
  qwen3_5: qwenNextLayers,
  zamba2: (c) =>
    listOf(c, ['layers_block_type']).flatMap((kind): LayerKind[] =>
      kind === 'hybrid' ? ['attention', 'mlp', 'mamba2'] : ['mamba2'],
    ),
  bamba: (c) => {
    const attention = new Set(listOf(c, ['attn_layer_indices']).map(Number));
    return Array.from({ length: need(c, 'num_hidden_layers') }, (_, i): LayerKind[] => [
      attention.has(i) ? 'attention' : 'mamba2',
      'mlp',
    ]).flat();
  },
  mamba2: (c) => repeat(c, ['mamba2']),
  llama: (c) => repeat(c, ['attention', 'mlp']),
  mistral: (c) => repeat(c, ['attention', 'mlp']),
  qwen2: (c) => repeat(c, ['attention', 'mlp']),
  qwen3: (c) => repeat(c, ['attention', 'mlp']),
};

/** Names of the model types that have a rule. */
export const PROFILED_MODEL_TYPES: readonly string[] = Object.keys(LAYERS_OF_TYPE);

/** Exact costs of a model.
 *  @param config  parsed config.json
 *  @throws TF-PREFIX-002 for an unknown model type, layer kind or a missing field */
export function profileFromHfConfig(config: HfConfig, name: string, format: StateFormat = {}): ModelProfile {
  const { kvBytes = 2, recurrentBytes = 4, convBytes = 2 } = format;
  const type = String(config['model_type']);
  const layersOf = LAYERS_OF_TYPE[type];
  if (layersOf === undefined)
    throw prefixError('TF-PREFIX-002', {
      subject: 'profileFromHfConfig',
      expected: `a model_type among ${PROFILED_MODEL_TYPES.join(', ')}`,
      actual: JSON.stringify(config['model_type'] ?? null),
    });
  let total = NOTHING;
  for (const kind of layersOf(config)) {
    const layer = COST_OF_LAYER[kind](config);
    total = {
      linear: total.linear + layer.linear,
      quadratic: total.quadratic + layer.quadratic,
      kv: total.kv + layer.kv,
      recurrent: total.recurrent + layer.recurrent,
      conv: total.conv + layer.conv,
    };
  }
  return {
    name,
    stateBytes: total.recurrent * recurrentBytes + total.conv * convBytes,
    kvBytesPerToken: total.kv * kvBytes,
    linearFlops: total.linear,
    quadraticFlops: total.quadratic,
  };
}

const COST_OF_LAYER: Readonly<Record<LayerKind, (config: HfConfig) => LayerCost>> = {
  attention: (c) => {
    const D = need(c, 'hidden_size');
    const heads = need(c, 'num_attention_heads');
    const width = optional(c, 'attention_head_dim', optional(c, 'head_dim', D / heads));
    const kvHeads = optional(c, 'num_key_value_heads', heads);
    const inner = heads * width;
    return {
      ...NOTHING,
      linear: 2 * D * (2 * inner + 2 * kvHeads * width),
      quadratic: 2 * inner,
      kv: 2 * kvHeads * width,
    };
  },
  mamba2: (c) => {
    const D = need(c, 'hidden_size');
    const heads = first(c, ['mamba_num_heads', 'mamba_n_heads', 'n_mamba_heads', 'num_heads']);
    const width = optional(c, 'mamba_head_dim', optional(c, 'mamba_d_head', optional(c, 'mamba_headdim', NaN)));
    const expand = optional(c, 'mamba_expand', optional(c, 'expand', 2));
    const inner = Number.isNaN(width) ? optional(c, 'mamba_d_ssm', expand * D) : heads * width;
    const N = first(c, ['ssm_state_size', 'mamba_d_state', 'state_size']);
    const groups = optional(c, 'n_groups', optional(c, 'mamba_n_groups', optional(c, 'mamba_ngroups', 1)));
    const kernel = optional(c, 'conv_kernel', optional(c, 'mamba_d_conv', 4));
    const channels = inner + 2 * groups * N;
    return {
      ...NOTHING,
      linear: 2 * D * (inner + channels + heads) + 2 * inner * D + 2 * kernel * channels + 5 * inner * N,
      recurrent: inner * N,
      conv: channels * (kernel - 1),
    };
  },
  mamba1: (c) => {
    const D = need(c, 'hidden_size');
    const inner = optional(c, 'mamba_expand', 2) * D;
    const N = need(c, 'mamba_d_state');
    const rank = optional(c, 'mamba_dt_rank', Math.ceil(D / 16));
    const kernel = optional(c, 'mamba_d_conv', 4);
    const weights = 2 * D * inner + inner * (rank + 2 * N) + rank * inner + inner * D + kernel * inner;
    return { ...NOTHING, linear: 2 * weights + 5 * inner * N, recurrent: inner * N, conv: inner * (kernel - 1) };
  },
  delta: (c) => {
    const D = need(c, 'hidden_size');
    const keys = need(c, 'linear_num_key_heads') * need(c, 'linear_key_head_dim');
    const valueHeads = need(c, 'linear_num_value_heads');
    const values = valueHeads * need(c, 'linear_value_head_dim');
    const kernel = optional(c, 'linear_conv_kernel_dim', 4);
    const channels = 2 * keys + values;
    const state = values * need(c, 'linear_key_head_dim');
    const weights = D * (2 * keys + 2 * values + 2 * valueHeads) + values * D + kernel * channels;
    return { ...NOTHING, linear: 2 * weights + 7 * state, recurrent: state, conv: channels * (kernel - 1) };
  },
  mlp: (c) => {
    const hidden = optional(c, 'shared_intermediate_size', optional(c, 'intermediate_size', NaN));
    const matrices = c['mlp_hidden_act'] === 'relu2' ? 2 : 3;
    return {
      ...NOTHING,
      linear: 2 * matrices * need(c, 'hidden_size') * (Number.isNaN(hidden) ? need(c, 'intermediate_size') : hidden),
    };
  },
  moe: (c) => {
    const D = need(c, 'hidden_size');
    const hidden = optional(c, 'moe_intermediate_size', need(c, 'intermediate_size'));
    const shared =
      optional(c, 'shared_expert_intermediate_size', 0) +
      optional(c, 'shared_intermediate_size', 0) +
      optional(c, 'moe_shared_expert_intermediate_size', 0) * optional(c, 'n_shared_experts', 1);
    const experts = first(c, ['num_experts', 'num_local_experts', 'n_routed_experts']);
    const matrices = c['mlp_hidden_act'] === 'relu2' ? 2 : 3;
    return {
      ...NOTHING,
      linear: 2 * D * experts + 2 * matrices * D * (need(c, 'num_experts_per_tok') * hidden + shared),
    };
  },
};

function nemotronLayers(config: HfConfig): readonly LayerKind[] {
  const kinds: Readonly<Record<string, LayerKind>> = { M: 'mamba2', '*': 'attention', '-': 'mlp', E: 'moe' };
  return Array.from(String(config['hybrid_override_pattern'] ?? ''), (letter, index) => {
    const kind = kinds[letter];
    if (kind === undefined)
      throw prefixError('TF-PREFIX-002', {
        subject: 'profileFromHfConfig',
        expected: 'layers M, *, - or E',
        actual: JSON.stringify(letter),
        location: `hybrid_override_pattern[${index}]`,
      });
    return kind;
  });
}

function jambaLayers(config: HfConfig): readonly LayerKind[] {
  const [attnPeriod, attnOffset] = [optional(config, 'attn_layer_period', 8), optional(config, 'attn_layer_offset', 4)];
  const [moePeriod, moeOffset] = [
    optional(config, 'expert_layer_period', 2),
    optional(config, 'expert_layer_offset', 1),
  ];
  const hasExperts = optional(config, 'num_experts', 1) > 1;
  return Array.from({ length: need(config, 'num_hidden_layers') }, (_, i): LayerKind[] => [
    i % attnPeriod === attnOffset ? 'attention' : 'mamba1',
    hasExperts && i % moePeriod === moeOffset ? 'moe' : 'mlp',
  ]).flat();
}

function qwenNextLayers(config: HfConfig): readonly LayerKind[] {
  const interval = optional(config, 'full_attention_interval', 4);
  const types = Array.isArray(config['layer_types']) ? (config['layer_types'] as string[]) : undefined;
  const mlp: LayerKind = optional(config, 'num_experts', 0) > 0 ? 'moe' : 'mlp';
  return Array.from({ length: need(config, 'num_hidden_layers') }, (_, i): LayerKind[] => [
    (types === undefined ? (i + 1) % interval === 0 : types[i] === 'full_attention') ? 'attention' : 'delta',
    mlp,
  ]).flat();
}

function repeat(config: HfConfig, kinds: readonly LayerKind[]): readonly LayerKind[] {
  return Array.from({ length: need(config, 'num_hidden_layers') }, () => kinds).flat();
}

function need(config: HfConfig, field: string): number {
  const value = config[field];
  if (typeof value === 'number') return value;
  throw missing(config, field);
}

function optional(config: HfConfig, field: string, fallback: number): number {
  const value = config[field];
  return typeof value === 'number' ? value : fallback;
}

function first(config: HfConfig, fields: readonly string[]): number {
  for (const field of fields) if (typeof config[field] === 'number') return config[field];
  throw missing(config, fields.join(' or '));
}

function listOf(config: HfConfig, fields: readonly string[]): readonly string[] {
  for (const field of fields) if (Array.isArray(config[field])) return config[field] as string[];
  throw missing(config, fields.join(' or '));
}

function missing(config: HfConfig, field: string): Error {
  return prefixError('TF-PREFIX-002', {
    subject: 'profileFromHfConfig',
    expected: `a field ${field} in the config of a ${String(config['model_type'])} model`,
  });
}
