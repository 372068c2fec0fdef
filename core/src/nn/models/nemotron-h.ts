/** A hybrid decoder in the layout of Nemotron-H: a pattern of blocks, `M` Mamba-2, `*` attention without positions, `-` a
 *  hidden layer with squared ReLU; each is RMSNorm, mixer, residual. Names and configuration are Hugging Face's.
 *  Source: NVIDIA 2025, Nemotron-H (arXiv 2504.03624), §2. */
import type { GraphValue } from '../../graph/index.ts';
import { attention, causalMask } from '../layers/attention.ts';
import { applyLinear, linear } from '../layers/linear.ts';
import { mamba2 } from '../layers/mamba2.ts';
import { rmsNorm } from '../layers/norm.ts';
import { normal } from '../initialisers.ts';
import { f32, i64, pick } from '../net.ts';
import type { InputSpec, Model, Net, Values } from '../net.ts';

/** The fields of config.json that decide the computation. One group of B and C (n_groups 1). */
export interface NemotronHConfig {
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly hybrid_override_pattern: string;
  readonly mamba_num_heads: number;
  readonly mamba_head_dim: number;
  readonly ssm_state_size: number;
  readonly conv_kernel: number;
  readonly chunk_size: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
  readonly intermediate_size: number;
  readonly rms_norm_eps: number;
  readonly tie_word_embeddings: boolean;
}

const WEIGHT_SIGMA = 0.02;

/** Input `tokens` [B, T]; outputs `hidden` [B·T, C] and `logits` [B·T, V].
 *
 *  With the inputs of `nemotronHStateInputs` it continues behind a state, named by block as in `hybrid`: `past.<i>.k/v`
 *  gives `present.<i>.k/v`, `conv.<i>` and `ssm.<i>` give `next.conv.<i>` and `next.ssm.<i>`. */
export function nemotronH(config: NemotronHConfig): Model {
  return { name: 'nemotronH', forward: (net, inputs) => forward(net, config, inputs) };
}

/** Graph inputs of a serving step. @param options.capacity  positions that the attention cache can hold */
export function nemotronHStateInputs(
  config: NemotronHConfig,
  { batch = 1, length, capacity }: { batch?: number; length: number; capacity: number },
): Record<string, InputSpec> {
  const inputs: Record<string, InputSpec> = { tokens: i64(batch, length), mask: f32(length, capacity + length) };
  const inner = config.mamba_num_heads * config.mamba_head_dim;
  [...config.hybrid_override_pattern].forEach((kind, layer) => {
    if (kind === '*') {
      for (const part of ['k', 'v']) {
        inputs[`past.${layer}.${part}`] = f32(batch, config.num_key_value_heads, capacity, config.head_dim);
      }
    } else if (kind === 'M') {
      inputs[`conv.${layer}`] = f32(batch, config.conv_kernel - 1, inner + 2 * config.ssm_state_size);
      inputs[`ssm.${layer}`] = f32(batch, config.mamba_num_heads, config.mamba_head_dim, config.ssm_state_size);
    }
  });
  return inputs;
}

function forward(net: Net, config: NemotronHConfig, inputs: Values): Values {
  const { g } = net;
  const width = config.hidden_size;
  const tokens = pick(inputs, 'tokens', 'nemotronH');
  const [batch, length] = tokens.shape as [number, number];
  const init = normal(WEIGHT_SIGMA);
  const fed = inputs['mask'];
  const mask = fed === undefined ? causalMask(net, length) : net.cast(fed);
  const outputs: Record<string, GraphValue> = {};
  const logits = net.in('backbone', () => {
    const table = net.in('embeddings', () => net.parameter('weight', [config.vocab_size, width], init));
    let x = g.reshape(g.gather(table, tokens), [batch * length, width]);
    [...config.hybrid_override_pattern].forEach((kind, layer) => {
      const into = x;
      x = net.segment(`layers.${layer}`, () => {
        const normed = rmsNorm(net, 'norm', into, config.rms_norm_eps);
        const mixed = net.in('mixer', () => mixer(net, normed, { kind, layer, batch, mask, config, inputs, outputs }));
        return g.add(into, mixed);
      });
    });
    outputs['hidden'] = rmsNorm(net, 'norm_f', x, config.rms_norm_eps);
    return config.tie_word_embeddings ? applyLinear(net, outputs['hidden'], table) : undefined;
  });
  outputs['logits'] = logits ?? linear(net, 'lm_head', outputs['hidden'], config.vocab_size, { bias: false, init });
  return outputs;
}

interface Block {
  readonly kind: string;
  readonly layer: number;
  readonly batch: number;
  readonly mask: GraphValue;
  readonly config: NemotronHConfig;
  readonly inputs: Values;
  readonly outputs: Record<string, GraphValue>;
}

function mixer(net: Net, x: GraphValue, { kind, layer, batch, mask, config, inputs, outputs }: Block): GraphValue {
  const { g } = net;
  const init = normal(WEIGHT_SIGMA);
  if (kind === '-') {
    const inner = g.relu(linear(net, 'up_proj', x, config.intermediate_size, { bias: false, init }));
    return linear(net, 'down_proj', g.square(inner), config.hidden_size, { bias: false, init });
  }
  if (kind === '*') {
    const [k, v] = [inputs[`past.${layer}.k`], inputs[`past.${layer}.v`]];
    const { y, present } = attention(net, x, {
      batch,
      heads: config.num_attention_heads,
      kvHeads: config.num_key_value_heads,
      headWidth: config.head_dim,
      mask,
      init,
      ...(k === undefined || v === undefined ? {} : { past: { k, v } }),
    });
    if (k !== undefined) {
      outputs[`present.${layer}.k`] = present.k;
      outputs[`present.${layer}.v`] = present.v;
    }
    return y;
  }
  const [conv, ssm] = [inputs[`conv.${layer}`], inputs[`ssm.${layer}`]];
  const { y, next } = mamba2(net, x, {
    batch,
    expand: (config.mamba_num_heads * config.mamba_head_dim) / config.hidden_size,
    headWidth: config.mamba_head_dim,
    stateWidth: config.ssm_state_size,
    convWidth: config.conv_kernel,
    chunk: config.chunk_size,
    init,
    ...(conv === undefined || ssm === undefined ? {} : { past: { conv, ssm } }),
  });
  if (conv !== undefined) {
    outputs[`next.conv.${layer}`] = next.conv;
    outputs[`next.ssm.${layer}`] = next.ssm;
  }
  return y;
}
