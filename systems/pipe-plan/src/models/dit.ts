/** Diffusion transformers: patches, blocks with adaptive layer norm (adaLN-Zero), a linear head.
 *  Source: Peebles and Xie 2023 (arXiv 2212.09748). */
import { conv, embedding, linear } from '@tenfold/core/nn';
import { attend } from './blocks.ts';
import { layerFromGraph, type GraphLayer } from './graph-layer.ts';

export interface DitShape {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly patch: number;
  /** Latent height and width. */
  readonly size: number;
}

export const DIT_XL_2: DitShape = { width: 1152, layers: 28, heads: 16, patch: 2, size: 32 };
const LATENT_CHANNELS = 4;
const FREQUENCIES = 256;
const CLASSES = 1001;
const MODULATIONS = 6;
const MLP_FACTOR = 4;

export function ditLayers({ width, layers: count, heads, patch, size }: DitShape): GraphLayer[] {
  const tokens = (size / patch) ** 2;
  const layers = [
    layerFromGraph('embed', { x: [1, LATENT_CHANNELS, size, size], waves: [1, FREQUENCIES] }, (net, { x, waves }) => {
      const { g } = net;
      const time = linear(net, 'time.fc2', g.silu(linear(net, 'time.fc1', waves!, width)), width);
      const label = embedding(net, 'label', g.input('label', 'int64', [1]), { count: CLASSES, width });
      g.output(g.add(time, g.reshape(label, [1, width])), 'condition');
      const patches = conv(net, 'patch', x!, { out: width, kernel: patch, stride: patch, padding: 0 });
      return g.transpose(g.reshape(patches, [1, width, tokens]), [0, 2, 1]);
    }),
  ];
  const inputs = { x: [1, tokens, width], condition: [1, width] };
  for (let block = 0; block < count; block++)
    layers.push(
      layerFromGraph(`block${block}`, inputs, (net, { x, condition }) => {
        const { g } = net;
        const change = g.reshape(linear(net, 'modulation', g.silu(condition!), MODULATIONS * width), [
          1,
          MODULATIONS,
          width,
        ]);
        const [shift1, scale1, gate1, shift2, scale2, gate2] = g.split(change, MODULATIONS, 1);
        const first = g.add(g.mul(x!, scale1!), shift1!);
        const h = g.add(
          x!,
          g.mul(
            net.in('attn', () => attend(net, first, first, heads, true)),
            gate1!,
          ),
        );
        const second = g.add(g.mul(h, scale2!), shift2!);
        const inner = g.gelu(linear(net, 'fc1', second, MLP_FACTOR * width), 'tanh');
        return g.add(h, g.mul(linear(net, 'fc2', inner, width), gate2!));
      }),
    );
  layers.push(
    layerFromGraph('head', inputs, (net, { x, condition }) => {
      const { g } = net;
      const change = g.reshape(linear(net, 'modulation', g.silu(condition!), 2 * width), [1, 2, width]);
      const [shift, scale] = g.split(change, 2, 1);
      return linear(net, 'out', g.add(g.mul(x!, scale!), shift!), patch * patch * 2 * LATENT_CHANNELS);
    }),
  );
  return layers;
}
