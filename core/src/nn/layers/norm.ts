/** Normalisations. Scale starts at one, bias at zero. */
import type { GraphValue } from '../../graph/index.ts';
import { ones, zeros } from '../initialisers.ts';
import type { Net } from '../net.ts';

/** Over the last axis. Parameters `<name>.weight` and, unless bias is false, `<name>.bias` [C]. */
export function layerNorm(
  net: Net,
  name: string,
  x: GraphValue,
  { epsilon = 1e-5, bias = true }: { epsilon?: number; bias?: boolean } = {},
): GraphValue {
  return net.in(name, () => {
    const width = [x.shape.at(-1)!];
    const offset = bias ? net.parameter('bias', width, zeros) : undefined;
    return net.g.layerNorm(x, net.parameter('weight', width, ones), offset, { epsilon });
  });
}

/** x / √(mean x² + ε) · weight over the last axis.  Source: Zhang and Sennrich 2019 (arXiv 1910.07467), eq. 4. */
export function rmsNorm(net: Net, name: string, x: GraphValue, epsilon = 1e-5): GraphValue {
  return net.in(name, () => net.g.rmsNorm(x, net.parameter('weight', [x.shape.at(-1)!], ones), { epsilon }));
}

/** Over batch and space per channel; running statistics in buffers `running_mean` and `running_var`.
 *  @param x  [N, C, ...] @param options.momentum  weight of the old statistic, default 0.9 */
export function batchNorm(
  net: Net,
  name: string,
  x: GraphValue,
  { epsilon = 1e-5, momentum = 0.9 }: { epsilon?: number; momentum?: number } = {},
): GraphValue {
  return net.in(name, () => {
    const shape = [x.shape[1]];
    const values = [
      net.parameter('weight', shape, ones),
      net.parameter('bias', shape, zeros),
      net.buffer('running_mean', shape, zeros),
      net.buffer('running_var', shape, ones),
    ] as const;
    if (!net.isTraining) return net.g.batchNorm(x, values, epsilon);
    const { y, runningMean, runningVar } = net.g.batchNormTraining(x, values, { epsilon, momentum });
    net.updateBuffer('running_mean', runningMean);
    net.updateBuffer('running_var', runningVar);
    return y;
  });
}

/** Over groups of channels and space. @param x  [N, C, ...] */
export function groupNorm(
  net: Net,
  name: string,
  x: GraphValue,
  { groups, epsilon = 1e-5 }: { groups: number; epsilon?: number },
): GraphValue {
  return net.in(name, () => {
    const shape = [x.shape[1]];
    return net.g.groupNorm(x, net.parameter('weight', shape, ones), net.parameter('bias', shape, zeros), {
      num_groups: groups,
      epsilon,
    });
  });
}
