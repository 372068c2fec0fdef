/** A decoder of Mamba-2 and attention layers in any order, each followed by SwiGLU (as in Jamba, Zamba, Nemotron-H).
 *  One definition serves training (whole sequences from nothing) and serving (chunks of any length behind explicit state). */
import type { GraphValue } from '../../graph/index.ts';
import { attention, causalMask } from '../layers/attention.ts';
import { applyLinear, linear } from '../layers/linear.ts';
import { mamba2, mamba2Sizes } from '../layers/mamba2.ts';
import { rmsNorm } from '../layers/norm.ts';
import { rotaryTables } from '../layers/rotary.ts';
import type { RotaryTables } from '../layers/rotary.ts';
import { normal } from '../initialisers.ts';
import { f32, i64, pick } from '../net.ts';
import type { InputSpec, Model, Net, Values } from '../net.ts';
import { swiGlu } from './llama.ts';

export interface HybridConfig {
  readonly vocabulary: number;
  readonly width: number;
  /** Mixer of each layer, e.g. ['mamba', 'mamba', 'attention']. */
  readonly layers: readonly ('mamba' | 'attention')[];
  /** Hidden width of SwiGLU; 0 leaves it out. */
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads?: number;
  readonly context: number;
  readonly ropeBase?: number;
  readonly headWidth?: number;
  readonly stateWidth?: number;
  readonly convWidth?: number;
  readonly expand?: number;
  readonly chunk?: number;
  readonly tiedHead?: boolean;
}

const WEIGHT_SIGMA = 0.02;

/** Input `tokens` [B, T]; outputs `hidden` [B·T, C] and `logits` [B·T, V].
 *
 *  With the inputs of `hybridStateInputs` it continues behind a state: attention layers take `past.<i>.k`, `past.<i>.v`
 *  [B, Hk, P, D] and give `present.<i>.k`, `present.<i>.v` [B, Hk, T, D] to append; Mamba layers take `conv.<i>`, `ssm.<i>`
 *  and give `next.conv.<i>`, `next.ssm.<i>` of the same shapes. T = 1 is a decoding step, T > 1 a prefill chunk. */
export function hybrid(config: HybridConfig): Model {
  return { name: 'hybrid', forward: (net, inputs) => forward(net, config, inputs) };
}

/** Graph inputs of a serving step.
 *  @param options.capacity  P, positions that the attention cache can hold */
export function hybridStateInputs(
  config: HybridConfig,
  { batch = 1, length, capacity }: { batch?: number; length: number; capacity: number },
): Record<string, InputSpec> {
  const { heads, kvHeads = heads, width } = config;
  const sizes = mamba2Sizes(width, config);
  const inputs: Record<string, InputSpec> = {
    tokens: i64(batch, length),
    positions: i64(length),
    mask: f32(length, capacity + length),
  };
  config.layers.forEach((kind, layer) => {
    if (kind === 'attention') {
      inputs[`past.${layer}.k`] = f32(batch, kvHeads, capacity, width / heads);
      inputs[`past.${layer}.v`] = f32(batch, kvHeads, capacity, width / heads);
    } else {
      inputs[`conv.${layer}`] = f32(batch, sizes.convWidth - 1, sizes.convChannels);
      inputs[`ssm.${layer}`] = f32(batch, sizes.heads, sizes.headWidth, sizes.stateWidth);
    }
  });
  return inputs;
}

function forward(net: Net, config: HybridConfig, inputs: Values): Values {
  const { g } = net;
  const { width, heads, hidden, context, ropeBase = 10_000 } = config;
  const tokens = pick(inputs, 'tokens', 'hybrid');
  const [batch, length] = tokens.shape as [number, number];
  const positions = inputs['positions'];
  const init = normal(WEIGHT_SIGMA);
  const outInit = normal(WEIGHT_SIGMA / Math.sqrt(2 * config.layers.length));
  const hasAttention = config.layers.includes('attention');
  const rotary = hasAttention
    ? rotaryTables(net, {
        headWidth: width / heads,
        base: ropeBase,
        length,
        ...(positions === undefined ? {} : { positions, maxPositions: context }),
      })
    : undefined;
  const causal = hasAttention && positions === undefined ? causalMask(net, length) : undefined;
  const mask = causal ?? (hasAttention ? net.cast(pick(inputs, 'mask', 'hybrid')) : undefined);
  const outputs: Record<string, GraphValue> = {};
  const table = net.in('embed_tokens', () => net.parameter('weight', [config.vocabulary, width], init));
  let x = g.reshape(g.gather(table, tokens), [batch * length, width]);
  config.layers.forEach((kind, layer) => {
    const into = x;
    x = net.segment(`layers.${layer}`, () => {
      const normed = rmsNorm(net, 'norm1', into);
      const mixed =
        kind === 'mamba'
          ? mambaLayer(net, normed, { config, batch, layer, inputs, outputs, init, outInit })
          : attentionLayer(net, normed, { config, batch, layer, inputs, outputs, init, outInit, rotary, mask });
      const middle = g.add(into, mixed);
      if (hidden === 0) return middle;
      return g.add(middle, swiGlu(net, rmsNorm(net, 'norm2', middle), hidden, { init, outInit }));
    });
  });
  outputs['hidden'] = rmsNorm(net, 'norm', x);
  outputs['logits'] =
    config.tiedHead === false
      ? linear(net, 'lm_head', outputs['hidden'], config.vocabulary, { bias: false, init })
      : applyLinear(net, outputs['hidden'], table);
  return outputs;
}

interface LayerContext {
  readonly config: HybridConfig;
  readonly batch: number;
  readonly layer: number;
  readonly inputs: Values;
  readonly outputs: Record<string, GraphValue>;
  readonly init: ReturnType<typeof normal>;
  readonly outInit: ReturnType<typeof normal>;
  readonly rotary?: RotaryTables | undefined;
  readonly mask?: GraphValue | undefined;
}

function mambaLayer(net: Net, x: GraphValue, context: LayerContext): GraphValue {
  const { config, batch, layer, inputs, outputs, init, outInit } = context;
  const conv = inputs[`conv.${layer}`];
  const ssm = inputs[`ssm.${layer}`];
  const { headWidth, stateWidth, convWidth, expand, chunk } = config;
  const { y, next } = net.in('mamba', () =>
    mamba2(net, x, {
      batch,
      init,
      outInit,
      ...dropUndefined({ headWidth, stateWidth, convWidth, expand, chunk }),
      ...(conv === undefined || ssm === undefined ? {} : { past: { conv, ssm } }),
    }),
  );
  if (conv !== undefined) {
    outputs[`next.conv.${layer}`] = next.conv;
    outputs[`next.ssm.${layer}`] = next.ssm;
  }
  return y;
}

function attentionLayer(net: Net, x: GraphValue, context: LayerContext): GraphValue {
  const { config, batch, layer, inputs, outputs, init, outInit, rotary, mask } = context;
  const k = inputs[`past.${layer}.k`];
  const v = inputs[`past.${layer}.v`];
  const { y, present } = net.in('self_attn', () =>
    attention(net, x, {
      batch,
      heads: config.heads,
      init,
      outInit,
      ...dropUndefined({ kvHeads: config.kvHeads, rotary, mask }),
      ...(k === undefined || v === undefined ? {} : { past: { k, v } }),
    }),
  );
  if (k !== undefined) {
    outputs[`present.${layer}.k`] = present.k;
    outputs[`present.${layer}.v`] = present.v;
  }
  return y;
}

function dropUndefined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}
