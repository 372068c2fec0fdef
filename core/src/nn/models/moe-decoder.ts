/** A GPT-style decoder in which every second block (or every one) has a mixture of experts instead of its hidden layer. */
import { attention, causalMask } from '../layers/attention.ts';
import { applyLinear, linear } from '../layers/linear.ts';
import { moe } from '../layers/moe.ts';
import type { MoeOptions } from '../layers/moe.ts';
import { layerNorm } from '../layers/norm.ts';
import { normal } from '../initialisers.ts';
import { pick } from '../net.ts';
import type { Model } from '../net.ts';
import type { GptConfig } from './gpt.ts';

export interface MoeDecoderConfig
  extends GptConfig, Pick<MoeOptions, 'experts' | 'topK' | 'capacityFactor' | 'balanceWeight'> {
  /** A block has experts if (index + 1) is a multiple of it; default 2. */
  readonly moeEvery?: number;
}

const WEIGHT_SIGMA = 0.02;

/** Input `tokens` [B, T]; outputs `hidden`, `logits` [B·T, V] and per MoE block `load.<i>` [E]. */
export function moeDecoder(config: MoeDecoderConfig): Model {
  const { vocabulary, width, layers, heads, context, hidden = 4 * width, moeEvery = 2 } = config;
  const init = normal(WEIGHT_SIGMA);
  return {
    name: 'moeDecoder',
    forward(net, inputs) {
      const { g } = net;
      const tokens = pick(inputs, 'tokens', 'moeDecoder');
      const [batch, length] = tokens.shape as [number, number];
      const table = net.in('wte', () => net.parameter('weight', [vocabulary, width], init));
      const position = net.in('wpe', () => net.parameter('weight', [context, width], init));
      let x = g.reshape(g.add(g.gather(table, tokens), g.sliceAxis(position, 0, 0, length)), [batch * length, width]);
      const mask = causalMask(net, length);
      const outputs: Record<string, typeof x> = {};
      for (let layer = 0; layer < layers; layer++) {
        const into = x;
        x = net.segment(`layers.${layer}`, () => {
          const { y } = net.in('attn', () =>
            attention(net, layerNorm(net, 'ln_1', into), { batch, heads, mask, init, names: ['q', 'k', 'v', 'proj'] }),
          );
          const middle = g.add(into, y);
          const normed = layerNorm(net, 'ln_2', middle);
          if ((layer + 1) % moeEvery === 0) {
            const mixed = net.in('moe', () => moe(net, normed, { ...config, hidden, init }));
            outputs[`load.${layer}`] = mixed.load;
            return g.add(middle, mixed.y);
          }
          return g.add(
            middle,
            net.in('mlp', () =>
              linear(net, 'proj', g.gelu(linear(net, 'fc', normed, hidden, { init }), 'tanh'), width, { init }),
            ),
          );
        });
      }
      outputs['hidden'] = layerNorm(net, 'ln_f', x);
      outputs['logits'] = applyLinear(net, outputs['hidden'], table);
      return outputs;
    },
  };
}
