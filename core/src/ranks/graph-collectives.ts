/** Issues the collective nodes of a graph on a rank: ops of `tenfold.dist` → calls of the context. */
import { nearestNameHints } from '../base/index.ts';
import type { CollectiveOp, GraphNode } from '../graph/index.ts';
import type { Dtype, Shape, Tensor } from '../tensor/index.ts';
import { ALGORITHM_CODES } from './calls.ts';
import type { RankSessionOptions } from './rank-session.ts';
import { ranksError } from './ranks-errors.ts';
import type { ReduceAlgorithm, Reduction } from './reduction.ts';
import type { Group, Handle, RankContext } from './types.ts';

type IssueOptions = Pick<RankSessionOptions, 'groups' | 'algorithm' | 'wire'>;

interface NodeCall {
  readonly context: RankContext;
  readonly node: GraphNode;
  readonly group: Group;
  readonly label: string;
  readonly reduce: { readonly reduction: Reduction; readonly algorithm: ReduceAlgorithm };
  readonly options: IssueOptions;
}

/** `input` is there for every op but Recv. */
type Issuer = (call: NodeCall, input: Tensor) => Handle<Tensor | void>;

const ISSUERS: Readonly<Record<CollectiveOp, Issuer>> = {
  AllReduce: ({ context, group, label, reduce, options }, input) =>
    context.allReduce(input, { group, label, ...reduce, ...wireFor(input, options) }),
  ReduceScatter: ({ context, node, group, label, reduce, options }, input) =>
    context.reduceScatter(input, { group, label, ...reduce, ...wireFor(input, options), axis: axisOf(node, 'axis') }),
  AllGather: ({ context, node, group, label }, input) =>
    context.allGather(input, { group, label, axis: axisOf(node, 'axis') }),
  AllToAll: ({ context, node, group, label }, input) =>
    context.allToAll(input, {
      group,
      label,
      splitAxis: axisOf(node, 'split_axis'),
      concatAxis: axisOf(node, 'concat_axis'),
      sendSplits: node.attributes['send_splits'] as readonly number[] | undefined,
      receiveSplits: node.attributes['recv_splits'] as readonly number[] | undefined,
    }),
  Broadcast: ({ context, node, group, label }, input) =>
    context.broadcast(input, { group, label, root: axisOf(node, 'root') }),
  Send: ({ context, node, group, label }, input) =>
    context.send(input, group.ranks[axisOf(node, 'peer')]!, { label, tag: axisOf(node, 'tag') }),
  Recv: ({ context, node, group, label }) =>
    context.recv(
      group.ranks[axisOf(node, 'peer')]!,
      { dtype: node.attributes['dtype'] as Dtype, shape: node.attributes['shape'] as Shape },
      { label, tag: axisOf(node, 'tag') },
    ),
};

/** @throws TF-RANKS-007 if the node's group is unknown or does not have group_size members */
export function issueNode(
  context: RankContext,
  node: GraphNode,
  input: Tensor | undefined,
  options: IssueOptions,
): Handle<Tensor | void> {
  const group = groupOfNode(context, node, options);
  const algorithm = node.notes.algorithm ?? options.algorithm ?? 'ring';
  const isKnown = (ALGORITHM_CODES as readonly string[]).includes(algorithm);
  if (!isKnown) throw nodeError(node, `algorithm ${ALGORITHM_CODES.join(', ')}`, algorithm);
  const reduction = (node.attributes['reduction'] ?? 'sum') as Reduction;
  const reduce = { reduction, algorithm: algorithm as ReduceAlgorithm };
  const call = { context, node, group, label: node.name, reduce, options };
  return ISSUERS[node.op as CollectiveOp](call, input as Tensor);
}

/** A group note is empty (all ranks), a name in `groups`, mesh axes joined by `-`, or a list such as `0, 2`. */
function groupOfNode(context: RankContext, node: GraphNode, { groups = {} }: IssueOptions): Group {
  const name = node.notes.group ?? '';
  const size = axisOf(node, 'group_size');
  const group = findGroup(context, name, groups);
  if (!group) {
    const known = [...Object.keys(groups), ...context.mesh.axes.map((axis) => axis.name)];
    throw nodeError(node, `a group of rank ${context.rank}`, `"${name}"`, nearestNameHints(name, known));
  }
  if (group.size !== size) throw nodeError(node, `a group "${name}" of ${size} ranks`, String(group.size));
  return group;
}

function findGroup(context: RankContext, name: string, groups: NonNullable<IssueOptions['groups']>): Group | undefined {
  const listed = groups[name]?.find((ranks) => ranks.includes(context.rank));
  if (listed) return context.groupOfRanks(listed, name);
  if (name === '') return context.group();
  const axes = name.split('-');
  if (axes.every((axis) => context.mesh.axes.some((each) => each.name === axis))) return context.group(axes);
  if (!/^\[?\s*\d+(\s*,\s*\d+)*\s*\]?$/.test(name)) return undefined;
  const ranks = name.replace(/[[\]]/g, '').split(',').map(Number);
  return ranks.includes(context.rank) ? context.groupOfRanks(ranks) : undefined;
}

function wireFor(input: Tensor, { wire }: IssueOptions): { wire?: 'bfloat16' } {
  return wire === 'bfloat16' && input.dtype === 'float32' ? { wire } : {};
}

function axisOf(node: GraphNode, name: string): number {
  return Number(node.attributes[name] ?? 0);
}

function nodeError(node: GraphNode, expected: string, actual: string, hints: readonly string[] = []): Error {
  return ranksError('TF-RANKS-007', {
    subject: node.op,
    expected,
    actual,
    location: `node "${node.name}"`,
    hints,
  });
}
