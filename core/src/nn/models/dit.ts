/** A diffusion transformer: patches, blocks with adaptive LayerNorm from time and class, zero-started gates.
 *  Source: Peebles and Xie 2023 (arXiv 2212.09748), §3.2, "adaLN-Zero". */
import type { GraphValue } from '../../graph/index.ts';
import { attention } from '../layers/attention.ts';
import { linear } from '../layers/linear.ts';
import { timestepEmbedding } from '../layers/timestep.ts';
import { normal, ones, xavierUniform, zeros } from '../initialisers.ts';
import { pick } from '../net.ts';
import type { Model, Net } from '../net.ts';

export interface DitConfig {
  /** Image or latent: channels and side length. */
  readonly channels: number;
  readonly size: number;
  readonly patch: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly mlpRatio?: number;
  /** Number of classes; 0: unconditional. One more row stands for "no class". */
  readonly classes?: number;
}

/** Inputs `x` [B, C, S, S], `t` [B] (diffusion times) and, with classes, `label` [B]; output `noise` [B, C, S, S]. */
export function dit(config: DitConfig): Model {
  const { channels, size, patch, width, layers, classes = 0 } = config;
  return {
    name: 'dit',
    forward(net, inputs) {
      const { g } = net;
      const x = net.cast(pick(inputs, 'x', 'dit'));
      const batch = x.shape[0];
      const side = size / patch;
      const numPatches = side * side;
      const cut = g.reshape(x, [batch, channels, side, patch, side, patch]);
      const patches = g.reshape(g.transpose(cut, [0, 2, 4, 1, 3, 5]), [batch, numPatches, channels * patch * patch]);
      const position = net.parameter('pos_embed', [numPatches, width], normal(0.02));
      let tokens = g.reshape(g.add(linear(net, 'x_embedder', patches, width, { init: xavierUniform }), position), [
        batch * numPatches,
        width,
      ]);
      let condition = net.in('t_embedder', () => timestepEmbedding(net, pick(inputs, 't', 'dit'), width));
      if (classes > 0) {
        const rows = net.in('y_embedder', () => net.parameter('weight', [classes + 1, width], normal(0.02)));
        condition = g.add(condition, g.gather(rows, pick(inputs, 'label', 'dit')));
      }
      const signal = g.silu(condition); // [B, C]
      for (let layer = 0; layer < layers; layer++) {
        const into = tokens;
        tokens = net.segment(`blocks.${layer}`, () => ditBlock(net, into, signal, config));
      }
      const [shift, scale] = modulation(net, 'final_adaLN', signal, width, 2);
      const last = modulate(net, tokens, { shift, scale, batch });
      const out = linear(net, 'final_linear', last, channels * patch * patch, { init: zeros });
      const split = g.transpose(g.reshape(out, [batch, side, side, channels, patch, patch]), [0, 3, 1, 4, 2, 5]);
      return { noise: g.reshape(split, [batch, channels, size, size]) };
    },
  };
}

/** One adaLN-Zero block.
 *  @param x  [B·T, C] @param signal  SiLU of the condition, [B, C] */
export function ditBlock(
  net: Net,
  x: GraphValue,
  signal: GraphValue,
  { heads, mlpRatio = 4 }: { heads: number; mlpRatio?: number },
): GraphValue {
  const { g } = net;
  const [rows, width] = x.shape as [number, number];
  const batch = signal.shape[0];
  const [shift1, scale1, gate1, shift2, scale2, gate2] = modulation(net, 'adaLN', signal, width, 6);
  const gated = (value: GraphValue, gate: GraphValue): GraphValue => {
    const perToken = g.reshape(value, [batch, rows / batch, width]);
    return g.reshape(g.mul(perToken, g.reshape(gate, [batch, 1, width])), [rows, width]);
  };
  const { y } = net.in('attn', () =>
    attention(net, modulate(net, x, { shift: shift1, scale: scale1, batch }), {
      batch,
      heads,
      bias: true,
      init: xavierUniform,
    }),
  );
  const middle = g.add(x, gated(y, gate1));
  const mixed = net.in('mlp', () => {
    const normed = modulate(net, middle, { shift: shift2, scale: scale2, batch });
    const inner = g.gelu(linear(net, 'fc1', normed, mlpRatio * width, { init: xavierUniform }), 'tanh');
    return linear(net, 'fc2', inner, width, { init: xavierUniform });
  });
  return g.add(middle, gated(mixed, gate2));
}

/** `parts` vectors [B, C] from the condition; they start at zero, so each block starts as the identity. */
function modulation(net: Net, name: string, signal: GraphValue, width: number, parts: number): readonly GraphValue[] {
  return net.g.split(linear(net, name, signal, parts * width, { init: zeros }), parts, 1);
}

/** LayerNorm without weights, then · (1 + scale) + shift per image. */
function modulate(
  net: Net,
  x: GraphValue,
  { shift, scale, batch }: { shift: GraphValue; scale: GraphValue; batch: number },
): GraphValue {
  const { g } = net;
  const [rows, width] = x.shape as [number, number];
  const normed = g.layerNorm(x, g.cast(g.constant(onesLike(width)), x.dtype), undefined, { epsilon: 1e-6 });
  const perToken = g.reshape(normed, [batch, rows / batch, width]);
  const scaled = g.mul(perToken, g.reshape(g.add(scale, 1), [batch, 1, width]));
  return g.reshape(g.add(scaled, g.reshape(shift, [batch, 1, width])), [rows, width]);
}

function onesLike(width: number) {
  const data = new Float32Array(width);
  ones(data, [width], 0);
  return { dtype: 'float32' as const, shape: [width], data };
}
