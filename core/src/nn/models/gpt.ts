/** A GPT-2-style decoder: learned positions, LayerNorm, GELU, tied head.
 *  Source: Radford et al. 2019; residual projections start at 0.02/√(2L) as there. */
import { attention, causalMask } from '../layers/attention.ts';
import { applyLinear, linear } from '../layers/linear.ts';
import { layerNorm } from '../layers/norm.ts';
import { normal } from '../initialisers.ts';
import { pick } from '../net.ts';
import type { Model } from '../net.ts';

export interface GptConfig {
  readonly vocabulary: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  /** Longest sequence. */
  readonly context: number;
  /** Width of the hidden layer; default 4 · width. */
  readonly hidden?: number;
  readonly bias?: boolean;
}

const WEIGHT_SIGMA = 0.02;

/** Input `tokens` [B, T]; outputs `hidden` [B·T, C] and `logits` [B·T, V]. */
export function gpt(config: GptConfig): Model {
  const { vocabulary, width, layers, heads, context, hidden = 4 * width, bias = true } = config;
  const init = normal(WEIGHT_SIGMA);
  const outInit = normal(WEIGHT_SIGMA / Math.sqrt(2 * layers));
  return {
    name: 'gpt',
    forward(net, inputs) {
      const { g } = net;
      const tokens = pick(inputs, 'tokens', 'gpt');
      const [batch, length] = tokens.shape as [number, number];
      const table = net.in('wte', () => net.parameter('weight', [vocabulary, width], init));
      const position = net.in('wpe', () => net.parameter('weight', [context, width], init));
      const places = length === context ? position : g.sliceAxis(position, 0, 0, length);
      let x = g.reshape(g.add(g.gather(table, tokens), places), [batch * length, width]);
      const mask = causalMask(net, length);
      for (let layer = 0; layer < layers; layer++) {
        x = net.segment(`layers.${layer}`, () => {
          const normed = layerNorm(net, 'ln_1', x, { bias });
          const attended = net.in('attn', () =>
            attention(net, normed, { batch, heads, mask, bias, init, outInit, names: ['q', 'k', 'v', 'proj'] }),
          );
          const middle = g.add(x, attended.y);
          return g.add(
            middle,
            net.in('mlp', () => {
              const inner = g.gelu(
                linear(net, 'fc', layerNorm(net, 'ln_2', middle, { bias }), hidden, { bias, init }),
                'tanh',
              );
              return linear(net, 'proj', inner, width, { bias, init: outInit });
            }),
          );
        });
      }
      const last = layerNorm(net, 'ln_f', x, { bias });
      return { hidden: last, logits: applyLinear(net, last, table) };
    },
  };
}
