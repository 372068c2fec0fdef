/** Convolutions over [N, C, ...space]. */
import type { GraphValue } from '../../graph/index.ts';
import { heNormal, zeros } from '../initialisers.ts';
import type { Initialiser } from '../initialisers.ts';
import type { Net } from '../net.ts';

export interface ConvLayerOptions {
  /** Output channels. */
  readonly out: number;
  /** Kernel size, the same on every axis; default 3. */
  readonly kernel?: number;
  readonly stride?: number;
  /** Zeros on each side; default keeps the size at stride 1. */
  readonly padding?: number;
  readonly dilation?: number;
  readonly groups?: number;
  readonly bias?: boolean;
  readonly init?: Initialiser;
}

/** Parameters `<name>.weight` [out, C/groups, ...kernel] and `<name>.bias` [out]. */
export function conv(net: Net, name: string, x: GraphValue, options: ConvLayerOptions): GraphValue {
  const { out, kernel = 3, stride = 1, dilation = 1, groups = 1, bias = true, init = heNormal() } = options;
  const { padding = Math.floor((dilation * (kernel - 1)) / 2) } = options;
  const space = x.shape.slice(2);
  return net.in(name, () => {
    const weight = net.parameter('weight', [out, x.shape[1] / groups, ...space.map(() => kernel)], init);
    return net.g.conv(x, weight, {
      ...(bias ? { bias: net.parameter('bias', [out], zeros) } : {}),
      strides: space.map(() => stride),
      dilations: space.map(() => dilation),
      pads: [...space, ...space].map(() => padding),
      group: groups,
    });
  });
}

/** Largest of each block of size × size. In training the places of the maxima are kept: the gradient then writes there
 *  instead of comparing every input with its block's maximum. */
export function maxPool(net: Net, x: GraphValue, size = 2): GraphValue {
  const kernel = x.shape.slice(2).map(() => size);
  const attributes = { kernel_shape: kernel, strides: kernel };
  return net.isTraining ? net.g.maxPoolWithIndices(x, attributes).y : net.g.maxPool(x, attributes);
}

/** Twice the size on every axis of space, nearest neighbour, then a convolution. */
export function upsampleConv(net: Net, name: string, x: GraphValue, out: number): GraphValue {
  const [batch, channels, ...space] = x.shape;
  const larger = net.g.resize(x, [batch, channels, ...space.map((size) => 2 * size)], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  });
  return conv(net, name, larger, { out });
}
