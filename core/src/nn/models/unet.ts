/** A small U-Net for denoising: residual blocks with time, attention at the lowest resolution, skips across.
 *  Source: Ho et al. 2020 (arXiv 2006.11239), appendix B. */
import type { GraphValue } from '../../graph/index.ts';
import { attention } from '../layers/attention.ts';
import { conv, upsampleConv } from '../layers/conv.ts';
import { linear } from '../layers/linear.ts';
import { groupNorm } from '../layers/norm.ts';
import { timestepEmbedding } from '../layers/timestep.ts';
import { zeros } from '../initialisers.ts';
import { pick } from '../net.ts';
import type { Model, Net } from '../net.ts';

export interface UnetConfig {
  /** Channels of the image. */
  readonly channels: number;
  /** Channels of each resolution, finest first; every one after the first halves the size. */
  readonly stages: readonly number[];
  readonly blocksPerStage?: number;
  readonly heads?: number;
}

/** Inputs `x` [B, C, H, W] and `t` [B]; output `noise` [B, C, H, W]. */
export function unet(config: UnetConfig): Model {
  const { channels, stages, blocksPerStage = 1, heads = 4 } = config;
  return {
    name: 'unet',
    forward(net, inputs) {
      const { g } = net;
      const time = net.in('time', () => timestepEmbedding(net, pick(inputs, 't', 'unet'), 4 * stages[0]));
      const signal = g.silu(time);
      let x = conv(net, 'conv_in', net.cast(pick(inputs, 'x', 'unet')), { out: stages[0] });
      const skips: GraphValue[] = [x];
      stages.forEach((out, stage) => {
        if (stage > 0) skips.push((x = conv(net, `down.${stage}.shrink`, x, { out, stride: 2 })));
        for (let block = 0; block < blocksPerStage; block++) {
          const into = x;
          x = net.segment(`down.${stage}.${block}`, () => residualBlock(net, into, signal, out));
          skips.push(x);
        }
      });
      const lowest = stages.at(-1)!;
      x = net.in('middle', () => {
        const first = net.in('block1', () => residualBlock(net, x, signal, lowest));
        const attended = net.in('attn', () => spatialAttention(net, first, heads));
        return net.in('block2', () => residualBlock(net, attended, signal, lowest));
      });
      for (let stage = stages.length - 1; stage >= 0; stage--) {
        for (let block = 0; block <= blocksPerStage; block++) {
          const joined = g.concat([x, skips.pop()!], 1);
          x = net.segment(`up.${stage}.${block}`, () => residualBlock(net, joined, signal, stages[stage]));
        }
        if (stage > 0) x = upsampleConv(net, `up.${stage}.grow`, x, stages[stage - 1]);
      }
      const last = g.silu(groupNorm(net, 'norm_out', x, { groups: groupsFor(x) }));
      return { noise: conv(net, 'conv_out', last, { out: channels, init: zeros }) };
    },
  };
}

/** norm, SiLU, conv, + time, norm, SiLU, conv, + skip. @param signal  [B, D] */
export function residualBlock(net: Net, x: GraphValue, signal: GraphValue, out: number): GraphValue {
  const { g } = net;
  const first = conv(net, 'conv1', g.silu(groupNorm(net, 'norm1', x, { groups: groupsFor(x) })), { out });
  const shift = g.reshape(linear(net, 'time', signal, out), [signal.shape[0], out, 1, 1]);
  const shifted = g.add(first, shift);
  const second = conv(net, 'conv2', g.silu(groupNorm(net, 'norm2', shifted, { groups: groupsFor(shifted) })), { out });
  const skip = x.shape[1] === out ? x : conv(net, 'skip', x, { out, kernel: 1 });
  return g.add(second, skip);
}

function spatialAttention(net: Net, x: GraphValue, heads: number): GraphValue {
  const { g } = net;
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const places = height * width;
  const normed = groupNorm(net, 'norm', x, { groups: groupsFor(x) });
  const rows = g.reshape(g.transpose(g.reshape(normed, [batch, channels, places]), [0, 2, 1]), [
    batch * places,
    channels,
  ]);
  const { y } = attention(net, rows, { batch, heads, bias: true });
  const back = g.transpose(g.reshape(y, [batch, places, channels]), [0, 2, 1]);
  return g.add(x, g.reshape(back, x.shape));
}

const MOST_GROUPS = 8;

function groupsFor(x: GraphValue): number {
  let groups = Math.min(MOST_GROUPS, x.shape[1]);
  while (x.shape[1] % groups !== 0) groups--;
  return groups;
}
