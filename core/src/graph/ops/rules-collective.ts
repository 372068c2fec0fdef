/** Shapes of collectives, seen from one rank. */
import { formatShape } from '../../tensor/index.ts';
import type { CollectiveOp } from './op-names.ts';
import { describeInput, failRule, type RuleContext, type TypeRule } from './rule-context.ts';

function expectGroup(context: RuleContext<CollectiveOp>): number {
  const size = context.attributes.group_size;
  if (size < 1) failRule(context, 'TF-GRAPH-004', 'group_size must be 1 or more', `${size}`);
  return size;
}

function expectMember(context: RuleContext<'Broadcast' | 'Send' | 'Recv'>, name: string, member: number): void {
  const size = expectGroup(context);
  if (member < 0 || member >= size)
    failRule(context, 'TF-GRAPH-004', `${name} must lie in 0..${size - 1}`, `${member}`);
}

function dividedShape(context: RuleContext<CollectiveOp>, axis: number): readonly number[] {
  const size = expectGroup(context);
  const x = context.inputs[0]!;
  if (x.shape.length === 0 || x.shape[axis]! % size !== 0)
    failRule(context, 'TF-GRAPH-002', `axis ${axis} must be divisible by group_size ${size}`, describeInput(x));
  return x.shape.map((each, i) => (i === axis ? each / size : each));
}

export const COLLECTIVE_RULES: { readonly [Op in CollectiveOp]: TypeRule<Op> } = {
  AllReduce(context) {
    expectGroup(context);
    return [context.inputs[0]!];
  },
  AllGather(context) {
    const size = expectGroup(context);
    const x = context.inputs[0]!;
    if (x.shape.length === 0) failRule(context, 'TF-GRAPH-002', 'X must have rank 1 or more', describeInput(x));
    return [{ dtype: x.dtype, shape: x.shape.map((each, i) => (i === context.attributes.axis ? each * size : each)) }];
  },
  ReduceScatter(context) {
    return [{ dtype: context.inputs[0]!.dtype, shape: dividedShape(context, context.attributes.axis) }];
  },
  AllToAll(context) {
    const size = expectGroup(context);
    const x = context.inputs[0]!;
    const {
      split_axis: splitAxis,
      concat_axis: concatAxis,
      send_splits: sends,
      recv_splits: recvs,
    } = context.attributes;
    if (sends === undefined && recvs === undefined) {
      const part = dividedShape(context, splitAxis);
      return [{ dtype: x.dtype, shape: part.map((each, i) => (i === concatAxis ? each * size : each)) }];
    }
    const total = (sends ?? []).reduce((sum, each) => sum + each, 0);
    const isFitting =
      sends?.length === size && recvs?.length === size && splitAxis === concatAxis && total === x.shape[splitAxis];
    if (!isFitting)
      failRule(
        context,
        'TF-GRAPH-004',
        `send_splits and recv_splits must both have ${size} parts, send_splits adding up to axis ${splitAxis} of ${describeInput(x)}`,
        `${formatShape(sends ?? [])} and ${formatShape(recvs ?? [])}`,
      );
    const received = recvs.reduce((sum, each) => sum + each, 0);
    return [{ dtype: x.dtype, shape: x.shape.map((each, i) => (i === splitAxis ? received : each)) }];
  },
  Broadcast(context) {
    expectMember(context, 'root', context.attributes.root);
    return [context.inputs[0]!];
  },
  Send(context) {
    expectMember(context, 'peer', context.attributes.peer);
    return [];
  },
  Recv(context) {
    expectMember(context, 'peer', context.attributes.peer);
    return [{ dtype: context.attributes.dtype, shape: context.attributes.shape }];
  },
};
