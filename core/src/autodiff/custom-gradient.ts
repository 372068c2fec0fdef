/** Ready-made custom gradients. */
import type { GraphBuilder, GraphValue } from '../graph/index.ts';
import { customGradient } from './marks.ts';

/** Forward f(x), backward the identity (straight-through estimator).
 *  @param forward  must keep shape and dtype, e.g. rounding, masking, quantising
 *  Source: Bengio et al. 2013 (arXiv 1308.3432), section 2.3. */
export function straightThrough(
  builder: GraphBuilder,
  x: GraphValue,
  forward: (x: GraphValue) => GraphValue,
): GraphValue {
  const [y] = customGradient(
    builder,
    [x],
    ([value]) => [forward(value!)],
    ({ outputGradients: [dy] }) => [dy],
  );
  return y!;
}

interface GroupOptions {
  readonly groupSize: number;
  readonly group?: string;
}

/** Tensor parallelism, entering a sharded block: identity forward, sum over the group backward. For a loss that all
 *  ranks of the group compute alike.   Source: Shoeybi et al. 2019 (arXiv 1909.08053), operator f. */
export function copyToGroup(builder: GraphBuilder, x: GraphValue, options: GroupOptions): GraphValue {
  const { group = '', groupSize } = options;
  const [y] = customGradient(
    builder,
    [x],
    ([value]) => [builder.identity(value!)],
    ({ outputGradients: [dy] }) => [
      builder.op('AllReduce', [dy], { group_size: groupSize, reduction: 'sum' }, { notes: { group } }),
    ],
  );
  return y!;
}

/** Tensor parallelism, leaving a sharded block: sum over the group forward, identity backward (operator g). */
export function reduceFromGroup(builder: GraphBuilder, x: GraphValue, options: GroupOptions): GraphValue {
  const { group = '', groupSize } = options;
  const [y] = customGradient(
    builder,
    [x],
    ([value]) => [builder.op('AllReduce', [value], { group_size: groupSize, reduction: 'sum' }, { notes: { group } })],
    ({ outputGradients: [dy] }) => [dy],
  );
  return y!;
}
