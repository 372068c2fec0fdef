/** Backbone, linear head, and in training the block that extracts the bases. */
import { linear } from '@tenfold/core/nn';
import type { Model, Net } from '@tenfold/core/nn';
import { filledTensor } from '@tenfold/core/graph';
import type { GraphValue } from '@tenfold/core/graph';
import type { Values } from '@tenfold/core/nn';
import type { Backbone, Drop } from './backbone.ts';
import { basisBlock } from './basis-block.ts';

export interface ClassifierOptions {
  readonly backbone: Backbone;
  readonly numClasses: number;
  readonly dropout: number;
  /** Learn one basis per class beside the head. */
  readonly hasBases: boolean;
}

/** Name of the masks of a place of dropout: an input of passes with dropout, [P, width], 0 or 1/(1−rate).
 *  Each of the P passes is one thinned network, the same for all samples. */
export const maskName = (place: number): string => `mask${place}`;

/** Input `x` [N, …], and masks in passes with dropout; outputs `features` [tokens, d], `logits` [tokens, C], where P
 *  passes stand below each other; in training with bases also `bases` [C, d], `reconstruction` [tokens, d],
 *  `assignment` [tokens, C], `basisLogits` [tokens, C]. */
export function classifier({ backbone, numClasses, dropout, hasBases }: ClassifierOptions): Model {
  return {
    name: 'self-train',
    forward(net, inputs) {
      const { features, dropped } = backbone.build(net, inputs['x'], dropWith(net, inputs, dropout));
      const logits = linear(net, 'head', dropped, numClasses);
      if (!hasBases || !net.isTraining) return { features, logits };
      const block = basisBlock(net, features, numClasses);
      return { features, logits, ...block, basisLogits: linear(net, 'head', block.reconstruction, numClasses) };
    },
  };
}

/** Training draws its masks itself, passes with dropout bring theirs, evaluation has none. */
function dropWith(net: Net, inputs: Values, rate: number): Drop {
  const { g } = net;
  return (place, value) => {
    const mask = inputs[maskName(place)];
    if (net.isTraining) return value.shape.length === 4 ? dropChannels(net, value, rate) : net.dropout(value, rate);
    if (mask === undefined) return value;
    const [numPasses, width] = mask.shape as [number, number];
    if (value.shape.length === 4) return g.mul(value, g.reshape(mask, [1, width, 1, 1]));
    // At the first place the passes part: [N, w] → [P, N, w] → [P·N, w].
    const rows = place === 0 ? value.shape[0] : value.shape[0] / numPasses;
    const parted = g.reshape(value, [place === 0 ? 1 : numPasses, rows, width]);
    return g.reshape(g.mul(parted, g.reshape(mask, [numPasses, 1, width])), [numPasses * rows, width]);
  };
}

function dropChannels(net: Net, value: GraphValue, rate: number): GraphValue {
  const [batch, channels] = value.shape as [number, number];
  const ones = net.g.constant(filledTensor('float32', [batch, channels, 1, 1], 1));
  return net.g.mul(value, net.dropout(ones, rate));
}
