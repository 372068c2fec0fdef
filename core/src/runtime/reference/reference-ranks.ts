/** Interprets the graphs of all ranks in lockstep: the meaning of collectives, without threads.
 *  Each rank runs until its next collective; a collective fires once every member of its group waits at one of the same
 *  op. Groups are given by name and list global ranks in group order; a name not listed means ranks 0 … group_size−1
 *  if that is all of them. */
import type { Graph, GraphNode } from '../../graph/index.ts';
import type { Dtype, Tensor } from '../../tensor/index.ts';
import { assertFeeds, resolveStates } from '../checks.ts';
import type { Feeds, StateValues } from '../types.ts';
import { GROUP_KERNELS } from './collectives.ts';
import type { GroupOp } from './collectives.ts';
import {
  constantsOf,
  createWorkspace,
  finishValue,
  inputsOf,
  lastUsesOf,
  outputTypesOf,
  runNode,
  storeOutputs,
} from './interpreter.ts';
import type { ReferencePrecision, Workspace } from './interpreter.ts';
import { REFERENCE_KERNELS } from './kernel-table.ts';
import { referenceError } from './reference-errors.ts';
import { isFloatDtype, refValueFromTensor, tensorFromRefValue } from './ref-value.ts';
import type { RefValue } from './ref-value.ts';

export interface RanksOptions {
  /** For each group name the lists of global ranks; a mesh axis has several lists, each rank is in one. */
  readonly groups?: Readonly<Record<string, readonly (readonly number[])[]>>;
  /** Initial states of each rank. */
  readonly statesPerRank?: readonly StateValues[];
  /** With `float64`, feeds and states may be float64 tensors whatever float dtype the graph declares. Default `dtype`. */
  readonly precision?: ReferencePrecision;
}

export interface RankResult {
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** Values of the states after the run. */
  readonly states: StateValues;
}

interface RankCursor {
  readonly rank: number;
  readonly workspace: Workspace;
  next: number;
}

interface Message {
  readonly value: RefValue;
  readonly key: string;
}

/** Runs one graph per rank once.
 *  @returns outputs and new states of every rank
 *  @throws TF-REFERENCE-003 if ranks wait for each other for ever, or reach different collectives */
export function runReferenceRanks(
  graphs: readonly Graph[],
  feedsPerRank: readonly Feeds[],
  options: RanksOptions = {},
): RankResult[] {
  const precision = options.precision ?? 'dtype';
  const cursors = graphs.map((graph, rank) => startRank(graph, rank, feedsPerRank[rank] ?? {}, options));
  const mailbox: Message[] = [];
  while (cursors.some((cursor) => nodeAt(cursor) !== undefined)) {
    const hasMoved = cursors.map((cursor) => runToCollective(cursor, precision)).some(Boolean);
    const hasSent = cursors.map((cursor) => runPointToPoint(cursor, mailbox, options, precision)).some(Boolean);
    const hasMet = cursors.map((cursor) => runGroup(cursor, cursors, options, precision)).some(Boolean);
    if (!hasMoved && !hasSent && !hasMet) throw deadlock(cursors);
  }
  return cursors.map((cursor) => finishRank(cursor, precision));
}

const nodeAt = (cursor: RankCursor): GraphNode | undefined => cursor.workspace.graph.nodes[cursor.next];

function startRank(graph: Graph, rank: number, feeds: Feeds, options: RanksOptions): RankCursor {
  const given = options.statesPerRank?.[rank] ?? {};
  const isWide = options.precision === 'float64';
  assertFeeds(graph, isWide ? asDeclared(graph, feeds) : feeds);
  const states = resolveStates(graph, isWide ? asDeclared(graph, given) : given);
  const workspace = createWorkspace(graph, lastUsesOf(graph), constantsOf(graph));
  const read = (tensor: Tensor, dtype: Dtype): RefValue => ({ ...refValueFromTensor(tensor), dtype });
  for (const id of graph.inputs) {
    const { name, dtype } = graph.values[id]!;
    workspace.values[id] = read(feeds[name]!, dtype);
  }
  for (const state of graph.states) {
    const tensor = given[state.name] ?? states.get(state.name)!();
    workspace.values[state.value] = read(tensor, graph.values[state.value]!.dtype);
    if (state.next === undefined) workspace.lastUses[state.value] = Infinity;
  }
  return { rank, workspace, next: 0 };
}

/** Float64 tensors relabelled with the float dtype that the graph declares, so that checks of types accept them. */
function asDeclared(graph: Graph, tensors: Feeds): Feeds {
  const dtypes = new Map(graph.values.map((value) => [value.name, value.dtype]));
  for (const state of graph.states) dtypes.set(state.name, graph.values[state.value]!.dtype);
  const relabel = ([name, tensor]: [string, Tensor]): [string, Tensor] => {
    const dtype = dtypes.get(name);
    const isWidened = tensor.dtype === 'float64' && dtype !== undefined && isFloatDtype(dtype);
    return [name, isWidened ? ({ ...tensor, dtype } as Tensor) : tensor];
  };
  return Object.fromEntries(Object.entries(tensors).map(relabel));
}

function finishRank({ workspace }: RankCursor, precision: ReferencePrecision): RankResult {
  const { graph, values } = workspace;
  const exported = (id: number): Tensor => {
    const value = values[id]!;
    return tensorFromRefValue(value, precision === 'float64' && isFloatDtype(value.dtype) ? 'float64' : value.dtype);
  };
  return {
    outputs: Object.fromEntries(graph.outputs.map((id) => [graph.values[id]!.name, exported(id)])),
    states: Object.fromEntries(graph.states.map((state) => [state.name, exported(state.next ?? state.value)])),
  };
}

/** Runs local nodes. @returns whether any ran */
function runToCollective(cursor: RankCursor, precision: ReferencePrecision): boolean {
  const start = cursor.next;
  for (let node = nodeAt(cursor); node && REFERENCE_KERNELS[node.op] !== 'collective'; node = nodeAt(cursor)) {
    const { workspace } = cursor;
    const results = runNode(node, inputsOf(workspace, node), outputTypesOf(workspace.graph, node), precision);
    storeOutputs(workspace, cursor.next++, results);
  }
  return cursor.next > start;
}

/** Sends at once; receives if the message is there. @returns whether the rank went on */
function runPointToPoint(
  cursor: RankCursor,
  mailbox: Message[],
  options: RanksOptions,
  precision: ReferencePrecision,
): boolean {
  const node = nodeAt(cursor);
  if (node?.op !== 'Send' && node?.op !== 'Recv') return false;
  const members = membersOf(cursor, node, options);
  const peer = members[Number(node.attributes['peer'])];
  const [from, to] = node.op === 'Send' ? [cursor.rank, peer] : [peer, cursor.rank];
  const key = `${from}>${to}#${String(node.attributes['tag'] ?? 0)}`;
  const inputs = inputsOf(cursor.workspace, node);
  if (node.op === 'Send') {
    mailbox.push({ key, value: inputs[0]! });
    storeOutputs(cursor.workspace, cursor.next++, []);
    return true;
  }
  const index = mailbox.findIndex((message) => message.key === key);
  if (index < 0) return false;
  const [message] = mailbox.splice(index, 1);
  complete(cursor, node, Float64Array.from(message!.value.data), precision);
  return true;
}

/** A collective of the whole group; a member at a Send or Recv is on its way to one, not at a wrong one. */
const isGroupCollective = (node: GraphNode): boolean =>
  REFERENCE_KERNELS[node.op] === 'collective' && node.op !== 'Send' && node.op !== 'Recv';

/** Fires the collective this rank waits at if all its peers wait too. @returns whether it fired */
function runGroup(
  cursor: RankCursor,
  cursors: readonly RankCursor[],
  options: RanksOptions,
  precision: ReferencePrecision,
): boolean {
  const node = nodeAt(cursor);
  if (!node || !isGroupCollective(node)) return false;
  const members = membersOf(cursor, node, options).map((rank) => cursors[rank]!);
  const nodes = members.map(nodeAt);
  if (nodes.some((each) => each === undefined || !isGroupCollective(each))) return false;
  if (nodes.some((each) => each!.notes.group !== node.notes.group)) return false;
  const other = members.find((member) => nodeAt(member)!.op !== node.op);
  if (other) {
    throw referenceError('TF-REFERENCE-003', {
      subject: 'runReferenceRanks',
      expected: `rank ${other.rank} at ${node.op} like rank ${cursor.rank} (node "${node.name}")`,
      actual: nodeAt(other)!.op,
      location: `node "${nodeAt(other)!.name}"`,
    });
  }
  const inputs = members.map((member, i) => inputsOf(member.workspace, nodes[i]!)[0]!);
  const results = GROUP_KERNELS[node.op as GroupOp](nodes as GraphNode[], inputs);
  members.forEach((member, i) => complete(member, nodes[i]!, results[i]!, precision));
  return true;
}

function complete(cursor: RankCursor, node: GraphNode, data: Float64Array, precision: ReferencePrecision): void {
  const { workspace } = cursor;
  const [type] = outputTypesOf(workspace.graph, node);
  storeOutputs(workspace, cursor.next++, [finishValue(node, data, type!, [], precision)]);
}

/** Global ranks of the node's group, in group order. */
function membersOf(cursor: RankCursor, node: GraphNode, options: RanksOptions): readonly number[] {
  const lists = options.groups?.[node.notes.group ?? ''];
  const size = Number(node.attributes['group_size']);
  const members = lists ? lists.find((list) => list.includes(cursor.rank)) : Array.from({ length: size }, (_, i) => i);
  if (members?.length === size && members.includes(cursor.rank)) return members;
  throw referenceError('TF-REFERENCE-003', {
    subject: 'runReferenceRanks',
    expected: `a group "${node.notes.group ?? ''}" of ${size} ranks with rank ${cursor.rank}`,
    actual: members ? `[${members.join(', ')}]` : 'none',
    location: `node "${node.name}"`,
  });
}

function deadlock(cursors: readonly RankCursor[]): Error {
  const waiting = cursors
    .filter((cursor) => nodeAt(cursor))
    .map((cursor) => `rank ${cursor.rank} at "${nodeAt(cursor)!.name}"`);
  return referenceError('TF-REFERENCE-003', {
    subject: 'runReferenceRanks',
    expected: 'every rank of a group to reach the same collective',
    actual: `${waiting.join(', ')} waiting for ever`,
  });
}

/** Runs one graph once, at once (the session contract is asynchronous).
 *  @param options.precision  see RanksOptions
 *  @returns outputs, and the states after the run */
export function runReference(
  graph: Graph,
  feeds: Feeds,
  options: { readonly states?: StateValues; readonly precision?: ReferencePrecision } = {},
): RankResult {
  const { states = {}, precision = 'dtype' } = options;
  return runReferenceRanks([graph], [feeds], { statesPerRank: [states], precision })[0]!;
}
