/** ControlNet: a trainable copy of the way down and the middle, with a stem for the hint and a zero convolution behind
 *  every output; the locked way up passes gradients without having any of its own.
 *  Source: Zhang et al. 2023 (arXiv 2302.05543). */
import { conv } from '@tenfold/core/nn';
import { layerFromGraph, type GraphLayer } from './graph-layer.ts';
import { unetEncoder, type UnetShape } from './unet.ts';

const HINT_CHANNELS = [16, 32, 96, 256];
/** Pixels per latent position. */
const PIXEL_FACTOR = 8;

export function controlNetLayers(shape: UnetShape): GraphLayer[] {
  const encoder = unetEncoder(shape).map(withZeroConv);
  const first = encoder[0]!;
  const stem = hintStem(shape);
  return [
    {
      ...first,
      name: 'conv_in+time+hint',
      numParams: first.numParams + stem.numParams,
      flops: first.flops + stem.flops,
      activationBytesPerSample: first.activationBytesPerSample + stem.activationBytesPerSample,
    },
    ...encoder.slice(1),
  ];
}

function withZeroConv(layer: GraphLayer): GraphLayer {
  const channels = layer.outputShape[1]!;
  const zero = layerFromGraph('zero', { x: layer.outputShape }, (net, { x }) =>
    conv(net, 'zero', x!, { out: channels, kernel: 1 }),
  );
  return {
    ...layer,
    numParams: layer.numParams + zero.numParams,
    flops: layer.flops + zero.flops,
    activationBytesPerSample: layer.activationBytesPerSample + zero.activationBytesPerSample,
  };
}

function hintStem({ size, channels }: UnetShape): GraphLayer {
  return layerFromGraph('hint', { hint: [1, 3, PIXEL_FACTOR * size, PIXEL_FACTOR * size] }, (net, { hint }) => {
    const { g } = net;
    let h = g.silu(conv(net, 'in', hint!, { out: HINT_CHANNELS[0]! }));
    for (let level = 0; level + 1 < HINT_CHANNELS.length; level++) {
      h = g.silu(conv(net, `same${level}`, h, { out: HINT_CHANNELS[level]! }));
      h = g.silu(conv(net, `half${level}`, h, { out: HINT_CHANNELS[level + 1]!, stride: 2 }));
    }
    return conv(net, 'out', h, { out: channels[0]! });
  });
}
