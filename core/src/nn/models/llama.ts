/** A Llama-style decoder: RMSNorm, rotary positions, grouped queries, SwiGLU, optionally a tied head.
 *  Parameter names and configuration are Hugging Face's (`model.layers.0.self_attn.q_proj.weight`, …), so that checkpoints
 *  go both ways.  Sources: Touvron et al. 2023 (arXiv 2302.13971); Ainslie et al. 2023 (arXiv 2305.13245). */
import type { GraphValue } from '../../graph/index.ts';
import { attention, causalMask } from '../layers/attention.ts';
import type { KeyValues } from '../layers/attention.ts';
import { applyLinear, linear } from '../layers/linear.ts';
import { rmsNorm } from '../layers/norm.ts';
import { rotaryTables } from '../layers/rotary.ts';
import type { Initialiser } from '../initialisers.ts';
import { normal } from '../initialisers.ts';
import { pick } from '../net.ts';
import type { Model, Net, Values } from '../net.ts';

/** The fields of Hugging Face's config.json that decide the computation. */
export interface LlamaConfig {
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim?: number;
  readonly max_position_embeddings: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
  readonly tie_word_embeddings: boolean;
  readonly attention_bias?: boolean;
}

const WEIGHT_SIGMA = 0.02;

/** Input `tokens` [B, T]; outputs `hidden` [B·T, C] and `logits` [B·T, V].
 *
 *  With inputs `positions` [T], `mask` [T, P + T] and per layer `past.<i>.k`, `past.<i>.v` [B, Hk, P, D] it continues
 *  behind a cache that the caller keeps, and also gives `present.<i>.k`, `present.<i>.v` [B, Hk, T, D] to append. */
export function llama(config: LlamaConfig): Model {
  return { name: 'llama', forward: (net, inputs) => forward(net, config, inputs) };
}

function forward(net: Net, config: LlamaConfig, inputs: Values): Values {
  const { g } = net;
  const width = config.hidden_size;
  const heads = config.num_attention_heads;
  const headWidth = config.head_dim ?? width / heads;
  const tokens = pick(inputs, 'tokens', 'llama');
  const [batch, length] = tokens.shape as [number, number];
  const positions = inputs['positions'];
  const init = normal(WEIGHT_SIGMA);
  const outInit = normal(WEIGHT_SIGMA / Math.sqrt(2 * config.num_hidden_layers));
  const rotary = rotaryTables(net, {
    headWidth,
    base: config.rope_theta,
    length,
    ...(positions === undefined ? {} : { positions, maxPositions: config.max_position_embeddings }),
  });
  const mask = positions === undefined ? causalMask(net, length) : net.cast(pick(inputs, 'mask', 'llama'));
  const outputs: Record<string, GraphValue> = {};

  const logits = net.in('model', () => {
    const table = net.in('embed_tokens', () => net.parameter('weight', [config.vocab_size, width], init));
    let x = g.reshape(g.gather(table, tokens), [batch * length, width]);
    for (let layer = 0; layer < config.num_hidden_layers; layer++) {
      const into = x;
      x = net.segment(`layers.${layer}`, () => {
        const attended = attendLayer(net, into, config, {
          batch,
          heads,
          headWidth,
          rotary,
          mask,
          init,
          outInit,
          ...pastOf(inputs, layer),
        });
        if (positions !== undefined) {
          outputs[`present.${layer}.k`] = attended.present.k;
          outputs[`present.${layer}.v`] = attended.present.v;
        }
        const middle = g.add(into, attended.y);
        const normed = rmsNorm(net, 'post_attention_layernorm', middle, config.rms_norm_eps);
        return g.add(middle, swiGlu(net, normed, config.intermediate_size, { init, outInit }));
      });
    }
    const last = rmsNorm(net, 'norm', x, config.rms_norm_eps);
    outputs['hidden'] = last;
    return config.tie_word_embeddings ? applyLinear(net, last, table) : undefined;
  });
  outputs['logits'] = logits ?? linear(net, 'lm_head', outputs['hidden'], config.vocab_size, { bias: false, init });
  return outputs;
}

function attendLayer(
  net: Net,
  x: GraphValue,
  config: LlamaConfig,
  options: Omit<Parameters<typeof attention>[2], 'kvHeads' | 'bias'>,
) {
  const normed = rmsNorm(net, 'input_layernorm', x, config.rms_norm_eps);
  return net.in('self_attn', () =>
    attention(net, normed, {
      ...options,
      kvHeads: config.num_key_value_heads,
      bias: config.attention_bias ?? false,
    }),
  );
}

/** down(silu(gate(x)) ∘ up(x)).  Source: Shazeer 2020 (arXiv 2002.05202), eq. 6. */
export function swiGlu(
  net: Net,
  x: GraphValue,
  hidden: number,
  { init = normal(WEIGHT_SIGMA), outInit = init }: { init?: Initialiser; outInit?: Initialiser } = {},
): GraphValue {
  const { g } = net;
  return net.in('mlp', () => {
    const gate = g.silu(linear(net, 'gate_proj', x, hidden, { bias: false, init }));
    const up = linear(net, 'up_proj', x, hidden, { bias: false, init });
    return linear(net, 'down_proj', g.mul(gate, up), x.shape.at(-1)!, { bias: false, init: outInit });
  });
}

function pastOf(inputs: Values, layer: number): { past?: KeyValues } {
  const k = inputs[`past.${layer}.k`];
  const v = inputs[`past.${layer}.v`];
  return k === undefined || v === undefined ? {} : { past: { k, v } };
}
