/** A diffusion model small enough for worker threads: a U-Net of eleven layers with four skips, a frozen image encoder
 *  and a frozen text encoder. Each layer reads the one before it; a stage is any run of layers. */
import type { GraphValue } from '@tenfold/core/graph';
import { conv, groupNorm, linear, residualBlock, upsampleConv, type Net } from '@tenfold/core/nn';

export interface MiniConfig {
  /** Channels at 16 × 16 and at 8 × 8. */
  readonly channels: readonly [number, number];
  /** Width of the conditioning vector. */
  readonly width: number;
  /** Channels inside the image encoder. */
  readonly encoderChannels: number;
  readonly seed: number;
  /** The U-Net also reads an estimate from an extra forward pass, through which no gradient flows. */
  readonly isSelfConditioned?: boolean;
}

export const MINI: MiniConfig = { channels: [32, 64], width: 32, encoderChannels: 16, seed: 1 };

export const LATENT_CHANNELS = 4;
export const LATENT_SIZE = 16;
export const IMAGE_SIZE = 64;
export const NUM_TOKENS = 16;

interface MiniLayer {
  readonly name: string;
  /** Skip that the layer reads. */
  readonly reads?: number;
  /** Skip that its output is. */
  readonly writes?: number;
  readonly build: (
    net: Net,
    x: GraphValue,
    condition: GraphValue,
    skip: GraphValue | undefined,
    config: MiniConfig,
  ) => GraphValue;
}

const down =
  (level: 0 | 1): MiniLayer['build'] =>
  (net, x, condition, _skip, { channels }) =>
    residualBlock(net, x, condition, channels[level]);
const up =
  (level: 0 | 1): MiniLayer['build'] =>
  (net, x, condition, skip, { channels }) =>
    residualBlock(net, net.g.concat([x, skip!], 1), condition, channels[level]);

export const MINI_LAYERS: readonly MiniLayer[] = [
  {
    name: 'in',
    writes: 0,
    build: (net, x, _condition, _skip, { channels }) => conv(net, 'conv', x, { out: channels[0] }),
  },
  { name: 'down0', writes: 1, build: down(0) },
  {
    name: 'shrink',
    writes: 2,
    build: (net, x, _condition, _skip, { channels }) => conv(net, 'conv', x, { out: channels[0], stride: 2 }),
  },
  { name: 'down1', writes: 3, build: down(1) },
  { name: 'mid', build: down(1) },
  { name: 'up1a', reads: 3, build: up(1) },
  { name: 'up1b', reads: 2, build: up(1) },
  { name: 'grow', build: (net, x, _condition, _skip, { channels }) => upsampleConv(net, 'conv', x, channels[0]) },
  { name: 'up0a', reads: 1, build: up(0) },
  { name: 'up0b', reads: 0, build: up(0) },
  {
    name: 'out',
    build: (net, x) =>
      conv(net, 'conv', net.g.silu(groupNorm(net, 'norm', x, { groups: 8 })), { out: LATENT_CHANNELS }),
  },
];

export const MINI_SKIPS: readonly { readonly from: number; readonly to: number }[] = [0, 1, 2, 3].map((skip) => ({
  from: MINI_LAYERS.findIndex(({ writes }) => writes === skip),
  to: MINI_LAYERS.findIndex(({ reads }) => reads === skip),
}));

/** Frozen layers by component, in order; each maps [n, …] to [n, …]. */
export const MINI_FROZEN: Readonly<
  Record<'image' | 'text', readonly ((net: Net, x: GraphValue, config: MiniConfig) => GraphValue)[]>
> = {
  image: [
    (net, x, { encoderChannels }) => net.g.silu(conv(net, 'conv', x, { out: encoderChannels, stride: 2 })),
    (net, x, { encoderChannels }) => net.g.silu(conv(net, 'conv', x, { out: 2 * encoderChannels })),
    (net, x, { encoderChannels }) => net.g.silu(conv(net, 'conv', x, { out: 2 * encoderChannels, stride: 2 })),
    (net, x) => conv(net, 'conv', x, { out: LATENT_CHANNELS }),
  ],
  text: [
    (net, x, { width }) => net.g.gelu(linear(net, 'fc', x, 4 * width)),
    (net, x, { width }) => net.g.reduceMean(linear(net, 'fc', x, width), { axes: [1] }),
  ],
};

export type FrozenName = keyof typeof MINI_FROZEN;

export function frozenInputShape(component: FrozenName, { width }: MiniConfig): number[] {
  return component === 'image' ? [3, IMAGE_SIZE, IMAGE_SIZE] : [NUM_TOKENS, width];
}
