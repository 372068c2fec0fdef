/** Frozen parts: the autoencoder's encoder and text encoders, layer by layer. */
import { conv, embedding, groupNorm, layerNorm, normal } from '@tenfold/core/nn';
import { plainAttention, residual, textLayer } from './blocks.ts';
import { layerFromGraph, type GraphLayer } from './graph-layer.ts';

export const SD_VAE_CHANNELS = [128, 256, 512, 512];
const VAE_BLOCKS = 2;
const VAE_MOMENTS = 8;

export interface VaeEncoderShape {
  /** Pixels, 512 in the paper's runs. */
  readonly size: number;
  /** By level, finest first. */
  readonly channels?: readonly number[];
}

/** Encoder of the Stable Diffusion autoencoder with its quant convolution. */
export function vaeEncoderLayers({ size, channels = SD_VAE_CHANNELS }: VaeEncoderShape): GraphLayer[] {
  const layers: GraphLayer[] = [];
  const add = (name: string, shape: readonly number[], build: Parameters<typeof layerFromGraph>[2]): void => {
    layers.push(layerFromGraph(name, { x: shape }, build, 'frozen'));
  };
  const shapeNow = (): readonly number[] => layers.at(-1)!.outputShape;
  add('conv_in', [1, 3, size, size], (net, { x }) => conv(net, 'conv', x!, { out: channels[0]! }));
  channels.forEach((out, level) => {
    for (let block = 0; block < VAE_BLOCKS; block++)
      add(`down${level}.${block}`, shapeNow(), (net, { x }) => residual(net, x!, out));
    if (level < channels.length - 1)
      add(`down${level}.ds`, shapeNow(), (net, { x }) => conv(net, 'conv', x!, { out, stride: 2 }));
  });
  add('mid', shapeNow(), (net, { x }) => {
    const width = channels.at(-1)!;
    let h = net.in('res1', () => residual(net, x!, width));
    h = net.in('attn', () => plainAttention(net, h));
    return net.in('res2', () => residual(net, h, width));
  });
  add('out', shapeNow(), (net, { x }) => {
    const h = net.g.silu(groupNorm(net, 'norm', x!, { groups: 32 }));
    return conv(net, 'quant', conv(net, 'conv', h, { out: VAE_MOMENTS }), { out: VAE_MOMENTS, kernel: 1 });
  });
  return layers;
}

export interface TextEncoderShape {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly vocabulary: number;
  readonly tokens: number;
}

export const CLIP_L: TextEncoderShape = { width: 768, layers: 12, heads: 12, vocabulary: 49_408, tokens: 77 };
/** The penultimate states are used, so the 24th layer is left out. */
export const OPEN_CLIP_H: TextEncoderShape = { ...CLIP_L, width: 1024, layers: 23, heads: 16 };

export function textEncoderLayers({ width, layers: count, heads, vocabulary, tokens }: TextEncoderShape): GraphLayer[] {
  const layers = [
    layerFromGraph(
      'embed',
      { offset: [1, tokens, width] },
      (net, { offset }) => {
        const ids = net.g.input('ids', 'int64', [1, tokens]);
        const rows = embedding(net, 'token', ids, { count: vocabulary, width });
        return net.g.add(net.g.add(rows, net.parameter('position', [1, tokens, width], normal(0.01))), offset!);
      },
      'frozen',
    ),
  ];
  for (let layer = 0; layer < count; layer++)
    layers.push(
      layerFromGraph(`layer${layer}`, { x: [1, tokens, width] }, (net, { x }) => textLayer(net, x!, heads), 'frozen'),
    );
  layers.push(layerFromGraph('norm', { x: [1, tokens, width] }, (net, { x }) => layerNorm(net, 'norm', x!), 'frozen'));
  return layers;
}
