/** Convolutional classifiers: a small plain one and a residual one. */
import type { GraphValue } from '../../graph/index.ts';
import { heNormal } from '../initialisers.ts';
import { conv, maxPool } from '../layers/conv.ts';
import { linear } from '../layers/linear.ts';
import { batchNorm, groupNorm } from '../layers/norm.ts';
import { pick } from '../net.ts';
import type { Model, Net } from '../net.ts';

/** Blocks of convolution, ReLU and 2×2 max pooling, then one hidden layer.
 *  Input `x` [N, C, H, W]; outputs `features` [N, hidden] and `logits` [N, classes]. */
export function smallCnn(options: {
  channels?: readonly number[];
  hidden?: number;
  classes: number;
  kernel?: number;
}): Model {
  const { channels = [16, 32], hidden = 128, classes, kernel = 3 } = options;
  return {
    name: 'smallCnn',
    forward(net, inputs) {
      const { g } = net;
      let x = net.cast(pick(inputs, 'x', 'smallCnn'));
      channels.forEach((out, i) => {
        x = g.relu(conv(net, `conv${i + 1}`, x, { out, kernel }));
        x = maxPool(net, x);
      });
      const flat = g.reshape(x, [x.shape[0], -1]);
      const features = g.relu(linear(net, 'fc', flat, hidden, { init: heNormal() }));
      return { features, logits: linear(net, 'head', features, classes) };
    },
  };
}

/** ResNet with basic blocks (conv, norm, ReLU, conv, norm, skip).  Source: He et al. 2016 (arXiv 1512.03385), §3.
 *  Input `x` [N, C, H, W]; outputs `features` [N, width of the last stage] and `logits`. */
export function resNet(options: {
  classes: number;
  /** Channels of each stage; every stage after the first halves the size. */
  stages?: readonly number[];
  blocksPerStage?: number;
  norm?: 'batch' | 'group';
}): Model {
  const { classes, stages = [16, 32, 64], blocksPerStage = 1, norm = 'batch' } = options;
  return {
    name: 'resNet',
    forward(net, inputs) {
      const { g } = net;
      let x = net.cast(pick(inputs, 'x', 'resNet'));
      x = g.relu(normalise(net, 'stem_norm', conv(net, 'stem', x, { out: stages[0], bias: false }), norm));
      stages.forEach((out, stage) => {
        for (let block = 0; block < blocksPerStage; block++) {
          const stride = stage > 0 && block === 0 ? 2 : 1;
          x = net.in(`stages.${stage}.${block}`, () => basicBlock(net, x, { out, stride, norm }));
        }
      });
      const features = g.reduceMean(x, { axes: [2, 3] });
      return { features, logits: linear(net, 'head', features, classes) };
    },
  };
}

function basicBlock(
  net: Net,
  x: GraphValue,
  { out, stride, norm }: { out: number; stride: number; norm: 'batch' | 'group' },
): GraphValue {
  const { g } = net;
  const first = g.relu(normalise(net, 'norm1', conv(net, 'conv1', x, { out, stride, bias: false }), norm));
  const second = normalise(net, 'norm2', conv(net, 'conv2', first, { out, bias: false }), norm);
  const keeps = stride === 1 && x.shape[1] === out;
  const skip = keeps
    ? x
    : normalise(net, 'skip_norm', conv(net, 'skip', x, { out, kernel: 1, stride, bias: false }), norm);
  return g.relu(g.add(second, skip));
}

const GROUPS = 8;

function normalise(net: Net, name: string, x: GraphValue, norm: 'batch' | 'group'): GraphValue {
  return norm === 'batch' ? batchNorm(net, name, x) : groupNorm(net, name, x, { groups: Math.min(GROUPS, x.shape[1]) });
}
