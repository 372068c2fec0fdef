/** U-Nets of the Stable Diffusion family as lists of layers with their skips.
 *  Layout: two residual blocks a level on the way down and three on the way up, a spatial transformer behind each of
 *  them at the levels that have attention, a middle of residual, transformer, residual. */
import { conv, groupNorm, linear, type Net } from '@tenfold/core/nn';
import type { GraphValue } from '@tenfold/core/graph';
import type { Skip } from '../types.ts';
import { residual, spatialTransformer, upsampleConv } from './blocks.ts';
import { layerFromGraph, type GraphLayer } from './graph-layer.ts';

export interface UnetShape {
  readonly inChannels: number;
  readonly outChannels: number;
  /** Height and width of the input. */
  readonly size: number;
  /** Channels by level, finest first. */
  readonly channels: readonly number[];
  readonly blocksPerLevel: number;
  /** Levels with a spatial transformer. */
  readonly hasAttention: readonly boolean[];
  readonly heads: readonly number[];
  /** Width and number of the text states; absent without cross-attention. */
  readonly text?: { readonly width: number; readonly tokens: number };
}

export const SD21_UNET: UnetShape = {
  inChannels: 4,
  outChannels: 4,
  size: 64,
  channels: [320, 640, 1280, 1280],
  blocksPerLevel: 2,
  hasAttention: [true, true, true, false],
  heads: [5, 10, 20, 20],
  text: { width: 1024, tokens: 77 },
};

export const SD15_UNET: UnetShape = { ...SD21_UNET, heads: [8, 8, 8, 8], text: { width: 768, tokens: 77 } };

export interface UnetLayers {
  readonly layers: readonly GraphLayer[];
  readonly skips: readonly Skip[];
}

const TIME_FACTOR = 4;

/** The way down and the middle: what a ControlNet copies. */
export function unetEncoder(shape: UnetShape): GraphLayer[] {
  const { channels, blocksPerLevel } = shape;
  const layers: GraphLayer[] = [];
  const time = TIME_FACTOR * channels[0]!;
  let size = shape.size;
  let width = channels[0]!;
  layers.push(
    layerFromGraph('conv_in+time', { x: [1, shape.inChannels, size, size], waves: [1, width] }, (net, { x, waves }) => {
      const embedded = linear(net, 'time.fc2', net.g.silu(linear(net, 'time.fc1', waves!, time)), time);
      net.g.output(embedded, 'time');
      return conv(net, 'conv_in', x!, { out: width });
    }),
  );
  channels.forEach((out, level) => {
    for (let block = 0; block < blocksPerLevel; block++) {
      layers.push(blockLayer(shape, `down${level}.${block}`, level, width, size));
      width = out;
    }
    if (level === channels.length - 1) return;
    layers.push(
      layerFromGraph(`down${level}.ds`, { x: [1, out, size, size] }, (net, { x }) =>
        conv(net, 'conv', x!, { out, stride: 2 }),
      ),
    );
    size /= 2;
  });
  const lowest = channels.length - 1;
  layers.push(
    layerFromGraph('mid', blockInputs(shape, width, size), (net, values) => {
      let h = net.in('res1', () => residual(net, values['x']!, width, values['time']));
      h = net.in('attn', () => spatialTransformer(net, h, values['text'], shape.heads[lowest]!));
      return net.in('res2', () => residual(net, h, width, values['time']));
    }),
  );
  return layers;
}

/** The whole U-Net; skips run from every output of the way down to the block on the way up that reads it. */
export function unetLayers(shape: UnetShape): UnetLayers {
  const { channels, blocksPerLevel } = shape;
  const layers = unetEncoder(shape);
  const numDown = layers.length - 1; // outputs that are kept for the way up
  const skips: Skip[] = [];
  let next = numDown - 1;
  let width = channels.at(-1)!;
  let size = layers[numDown]!.outputShape[2]!;
  for (let level = channels.length - 1; level >= 0; level--) {
    const out = channels[level]!;
    for (let block = 0; block <= blocksPerLevel; block++) {
      const skipped = layers[next]!;
      skips.push({ from: next, to: layers.length, bytesPerSample: skipped.outputBytesPerSample });
      next--;
      layers.push(blockLayer(shape, `up${level}.${block}`, level, width + skipped.outputShape[1]!, size));
      width = out;
    }
    if (level === 0) continue;
    layers.push(
      layerFromGraph(`up${level}.us`, { x: [1, out, size, size] }, (net, { x }) => upsampleConv(net, 'conv', x!, out)),
    );
    size *= 2;
  }
  layers.push(
    layerFromGraph('out', { x: [1, width, size, size] }, (net, { x }) =>
      conv(net, 'conv_out', net.g.silu(groupNorm(net, 'norm', x!, { groups: 32 })), { out: shape.outChannels }),
    ),
  );
  return { layers, skips };
}

function blockInputs(shape: UnetShape, width: number, size: number): Record<string, number[]> {
  return {
    x: [1, width, size, size],
    time: [1, TIME_FACTOR * shape.channels[0]!],
    ...(shape.text ? { text: [1, shape.text.tokens, shape.text.width] } : {}),
  };
}

function blockLayer(shape: UnetShape, name: string, level: number, width: number, size: number): GraphLayer {
  const out = shape.channels[level]!;
  const build = (net: Net, values: Readonly<Record<string, GraphValue>>): GraphValue => {
    const h = net.in('res', () => residual(net, values['x']!, out, values['time']));
    if (!shape.hasAttention[level]) return h;
    return net.in('attn', () => spatialTransformer(net, h, values['text'], shape.heads[level]!));
  };
  return layerFromGraph(name, blockInputs(shape, width, size), build);
}
