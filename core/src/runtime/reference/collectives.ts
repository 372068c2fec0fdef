/** Collectives as functions of the values of all members, in group order. The reduction order is the group's order. */
import type { CollectiveOp, GraphNode } from '../../graph/index.ts';
import { splitAtAxis } from './kernel-call.ts';
import type { RefValue } from './ref-value.ts';

/** The data of every member's output, from every member's node and input. */
type GroupKernel = (nodes: readonly GraphNode[], inputs: readonly RefValue[]) => Float64Array[];

export type GroupOp = Exclude<CollectiveOp, 'Send' | 'Recv'>;

const COMBINES: Readonly<Record<string, (a: number, b: number) => number>> = {
  sum: (a, b) => a + b,
  mean: (a, b) => a + b,
  max: Math.max,
  min: Math.min,
};

function reduceRanks(node: GraphNode, inputs: readonly RefValue[]): Float64Array {
  const kind = String(node.attributes['reduction'] ?? 'sum');
  const combine = COMBINES[kind]!;
  const total = Float64Array.from(inputs[0]!.data);
  for (const { data } of inputs.slice(1))
    for (let i = 0; i < total.length; i++) total[i] = combine(total[i]!, data[i]!);
  if (kind === 'mean') for (let i = 0; i < total.length; i++) total[i]! /= inputs.length;
  return total;
}

/** Part [start, start + length) of an axis. */
function sliceAxis(
  value: { data: Float64Array; shape: readonly number[] },
  axis: number,
  start: number,
  length: number,
) {
  const { outer, size, inner } = splitAtAxis(value.shape, axis);
  const data = new Float64Array(outer * length * inner);
  for (let o = 0; o < outer; o++) {
    const from = (o * size + start) * inner;
    data.set(value.data.subarray(from, from + length * inner), o * length * inner);
  }
  return { data, shape: value.shape.map((each, i) => (i === axis ? length : each)) };
}

function concatAxis(parts: readonly { data: Float64Array; shape: readonly number[] }[], axis: number): Float64Array {
  const { outer, inner } = splitAtAxis(parts[0]!.shape, axis);
  const total = parts.reduce((size, part) => size + part.shape[axis]!, 0);
  const data = new Float64Array(outer * total * inner);
  let start = 0;
  for (const part of parts) {
    const width = part.shape[axis]! * inner;
    for (let o = 0; o < outer; o++) {
      data.set(part.data.subarray(o * width, (o + 1) * width), o * total * inner + start);
    }
    start += width;
  }
  return data;
}

const axisOf = (node: GraphNode, name = 'axis'): number => Number(node.attributes[name] ?? 0);

export const GROUP_KERNELS: Readonly<Record<GroupOp, GroupKernel>> = {
  AllReduce: (nodes, inputs) => nodes.map((node) => reduceRanks(node, inputs)),
  AllGather: (nodes, inputs) => nodes.map((node) => concatAxis(inputs, axisOf(node))),
  ReduceScatter: (nodes, inputs) =>
    nodes.map((node, rank) => {
      const axis = axisOf(node);
      const { shape } = inputs[0]!;
      const length = shape[axis]! / nodes.length;
      return sliceAxis({ data: reduceRanks(node, inputs), shape }, axis, rank * length, length).data;
    }),
  AllToAll: (nodes, inputs) =>
    nodes.map((receiver, rank) => {
      const parts = inputs.map((value, sender) => {
        const axis = axisOf(nodes[sender]!, 'split_axis');
        const equal = value.shape[axis]! / nodes.length;
        const splits = nodes[sender]!.attributes['send_splits'] as readonly number[] | undefined;
        const start = splits ? splits.slice(0, rank).reduce((sum, each) => sum + each, 0) : rank * equal;
        return sliceAxis(value, axis, start, splits?.[rank] ?? equal);
      });
      return concatAxis(parts, axisOf(receiver, 'concat_axis'));
    }),
  Broadcast: (nodes, inputs) => nodes.map((node) => Float64Array.from(inputs[axisOf(node, 'root')]!.data)),
};
