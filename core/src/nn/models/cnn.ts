/** Convolutional classifiers: a small plain one and a residual one. */
import type { GraphValue } from '../../graph/index.ts';
import { heNormal } from '../initialisers.ts';
import { conv, maxPool } from '../layers/conv.ts';
import { linear } from '../layers/linear.ts';
import { batchNorm, groupNorm } from '../layers/norm.ts';
import { pick } from '../net.ts';
import type { Model, Net } from '../net.ts';

export interface CnnOptions {
  /** Of each block; default 16, 32. */
  readonly channels?: readonly number[];
  /** Default 128. */
  readonly hidden?: number;
  readonly kernel?: number;
}

export interface ResNetOptions {
  /** Channels of each stage; every stage after the first halves the size. Default 16, 32, 64. */
  readonly stages?: readonly number[];
  /** Of every stage, or of each. Default 1. */
  readonly blocksPerStage?: number | readonly number[];
  readonly norm?: 'batch' | 'group';
}

/** Blocks of convolution, ReLU and 2×2 max pooling, then one hidden layer.
 *  Input `x` [N, C, H, W]; outputs `features` [N, hidden] and `logits` [N, classes]. */
export function smallCnn(options: CnnOptions & { readonly classes: number }): Model {
  return {
    name: 'smallCnn',
    forward(net, inputs) {
      const features = cnnFeatures(net, net.cast(pick(inputs, 'x', 'smallCnn')), options);
      return { features, logits: linear(net, 'head', features, options.classes) };
    },
  };
}

/** The network of `smallCnn` below its head. @param x  [N, C, H, W] @returns [N, hidden], non-negative */
export function cnnFeatures(net: Net, x: GraphValue, options: CnnOptions = {}): GraphValue {
  const { channels = [16, 32], hidden = 128, kernel = 3 } = options;
  let h = x;
  channels.forEach((out, i) => {
    h = maxPool(net, net.g.relu(conv(net, `conv${i + 1}`, h, { out, kernel })));
  });
  return net.g.relu(linear(net, 'fc', net.g.flatten(h), hidden, { init: heNormal() }));
}

/** ResNet with basic blocks (conv, norm, ReLU, conv, norm, skip).  Source: He et al. 2016 (arXiv 1512.03385), §3.
 *  Input `x` [N, C, H, W]; outputs `features` [N, width of the last stage] and `logits`. */
export function resNet(options: ResNetOptions & { readonly classes: number }): Model {
  return {
    name: 'resNet',
    forward(net, inputs) {
      const features = resNetFeatures(net, net.cast(pick(inputs, 'x', 'resNet')), options);
      return { features, logits: linear(net, 'head', features, options.classes) };
    },
  };
}

/** The network of `resNet` below its head. @param x  [N, C, H, W] @returns [N, width of the last stage], non-negative */
export function resNetFeatures(net: Net, x: GraphValue, options: ResNetOptions = {}): GraphValue {
  const { stages = [16, 32, 64], blocksPerStage = 1, norm = 'batch' } = options;
  let h = net.g.relu(normalise(net, 'stem_norm', conv(net, 'stem', x, { out: stages[0], bias: false }), norm));
  stages.forEach((out, stage) => {
    const numBlocks = typeof blocksPerStage === 'number' ? blocksPerStage : blocksPerStage[stage];
    for (let block = 0; block < numBlocks; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      h = net.in(`stages.${stage}.${block}`, () => basicBlock(net, h, { out, stride, norm }));
    }
  });
  return net.g.reduceMean(h, { axes: [2, 3] });
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
