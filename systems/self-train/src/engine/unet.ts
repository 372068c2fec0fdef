/** A small U-Net: two convolutions a resolution on the way down, one on the way up, skips across. Every pixel is a token.
 *  Source: Ronneberger et al. 2015 (arXiv 1505.04597), with batch norm and far fewer channels. */
import { batchNorm, conv, maxPool } from '@tenfold/core/nn';
import type { Net } from '@tenfold/core/nn';
import type { GraphValue } from '@tenfold/core/graph';
import type { BackboneValues, Drop } from './backbone.ts';

/** @param x  [N, channels, H, W]; H and W divisible by 2^(stages − 1)
 *  @returns [N·H·W, stages[0]], pixels in rows */
export function buildUnet(net: Net, x: GraphValue, stages: readonly number[], drop: Drop): BackboneValues {
  const { g } = net;
  const skips: GraphValue[] = [];
  let value = x;
  stages.forEach((out, stage) => {
    if (stage > 0) {
      skips.push(value);
      value = maxPool(net, value);
    }
    value = block(net, `down${stage}.a`, value, out);
    value = block(net, `down${stage}.b`, value, out);
  });
  value = drop(0, value);
  for (let stage = stages.length - 2; stage >= 0; stage--) {
    const skip = skips.pop()!;
    const larger = g.resize(value, [value.shape[0], value.shape[1], skip.shape[2], skip.shape[3]], {
      mode: 'nearest',
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    });
    value = block(net, `up${stage}`, g.concat([larger, skip], 1), stages[stage]);
  }
  return { features: tokensFrom(net, value), dropped: tokensFrom(net, drop(1, value)) };
}

function block(net: Net, name: string, x: GraphValue, out: number): GraphValue {
  return net.in(name, () => net.g.relu(batchNorm(net, 'bn', conv(net, 'conv', x, { out, bias: false }))));
}

/** [N, d, H, W] → [N·H·W, d] */
function tokensFrom({ g }: Net, value: GraphValue): GraphValue {
  const [batch, width, height, columns] = value.shape as [number, number, number, number];
  return g.reshape(g.transpose(value, [0, 2, 3, 1]), [batch * height * columns, width]);
}
