/** The blocks of latent-diffusion models as graphs: residual block, transformer block with cross-attention, resampling. */
import type { GraphValue } from '@tenfold/core/graph';
import { conv, groupNorm, layerNorm, linear, upsampleConv, type Net } from '@tenfold/core/nn';

const GROUPS = 32;
const FEED_FORWARD_FACTOR = 4;

/** norm, SiLU, conv, + time, norm, SiLU, conv, + input. Without `time` as in autoencoders. */
export function residual(net: Net, x: GraphValue, out: number, time?: GraphValue): GraphValue {
  const { g } = net;
  let h = conv(net, 'conv1', g.silu(groupNorm(net, 'norm1', x, { groups: GROUPS })), { out });
  if (time) h = g.add(h, g.reshape(linear(net, 'time', g.silu(time), out), [1, out, 1, 1]));
  h = conv(net, 'conv2', g.silu(groupNorm(net, 'norm2', h, { groups: GROUPS })), { out });
  return g.add(h, x.shape[1] === out ? x : conv(net, 'skip', x, { out, kernel: 1 }));
}

/** Attention of `x` [1, T, C] over `context` [1, U, K]; queries, keys and values without bias. */
export function attend(net: Net, x: GraphValue, context: GraphValue, heads: number, bias = false): GraphValue {
  const { g } = net;
  const width = x.shape[2]!;
  const split = (name: string, of: GraphValue): GraphValue => {
    const flat = linear(net, name, of, width, { bias });
    return g.transpose(g.reshape(flat, [1, of.shape[1]!, heads, width / heads]), [0, 2, 1, 3]); // [1, H, T, D]
  };
  const query = split('q', x);
  const key = g.transpose(split('k', context), [0, 1, 3, 2]);
  const weights = g.softmax(g.matMul(query, key));
  const mixed = g.transpose(g.matMul(weights, split('v', context)), [0, 2, 1, 3]);
  return linear(net, 'out', g.reshape(mixed, x.shape), width);
}

/** Spatial transformer: self-attention, cross-attention to the text, gated feed-forward, around a pair of projections. */
export function spatialTransformer(net: Net, x: GraphValue, text: GraphValue | undefined, heads: number): GraphValue {
  const { g } = net;
  const [, channels, height, width] = x.shape as [number, number, number, number];
  let h = conv(net, 'proj_in', groupNorm(net, 'norm', x, { groups: GROUPS }), { out: channels, kernel: 1 });
  h = g.transpose(g.reshape(h, [1, channels, height * width]), [0, 2, 1]); // [1, T, C]
  const norm1 = layerNorm(net, 'norm1', h);
  h = g.add(
    h,
    net.in('attn1', () => attend(net, norm1, norm1, heads)),
  );
  if (text) {
    const norm2 = layerNorm(net, 'norm2', h);
    h = g.add(
      h,
      net.in('attn2', () => attend(net, norm2, text, heads)),
    );
  }
  const inner = FEED_FORWARD_FACTOR * channels;
  const gates = g.split(linear(net, 'gate', layerNorm(net, 'norm3', h), 2 * inner), 2, 2);
  h = g.add(h, linear(net, 'ff', g.mul(gates[0]!, g.gelu(gates[1]!)), channels));
  h = g.reshape(g.transpose(h, [0, 2, 1]), x.shape);
  return g.add(x, conv(net, 'proj_out', h, { out: channels, kernel: 1 }));
}

/** Self-attention over positions with one head and biased projections (autoencoders). */
export function plainAttention(net: Net, x: GraphValue): GraphValue {
  const { g } = net;
  const [, channels, height, width] = x.shape as [number, number, number, number];
  const normed = groupNorm(net, 'norm', x, { groups: GROUPS });
  const rows = g.transpose(g.reshape(normed, [1, channels, height * width]), [0, 2, 1]);
  const mixed = attend(net, rows, rows, 1, true);
  return g.add(x, g.reshape(g.transpose(mixed, [0, 2, 1]), x.shape));
}

/** One layer of a text transformer: attention and feed-forward, both with bias. */
export function textLayer(net: Net, x: GraphValue, heads: number): GraphValue {
  const { g } = net;
  const width = x.shape[2]!;
  const norm1 = layerNorm(net, 'norm1', x);
  const h = g.add(
    x,
    net.in('attn', () => attend(net, norm1, norm1, heads, true)),
  );
  const inner = g.gelu(linear(net, 'fc1', layerNorm(net, 'norm2', h), FEED_FORWARD_FACTOR * width));
  return g.add(h, linear(net, 'fc2', inner, width));
}

export { upsampleConv };
