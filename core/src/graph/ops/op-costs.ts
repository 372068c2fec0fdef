/** FLOPs and bytes of every op. One multiply-add is two FLOPs; one elementary function, comparison or move within
 *  arithmetic is one. Bytes are what must be read and written once: the sizes of inputs and outputs. */
import { bytesPerElement, numel } from '../../tensor/index.ts';
import type { Attributes, Graph, GraphNode } from '../types.ts';
import { parseEinsum } from './einsum-equation.ts';
import type { OpName } from './op-names.ts';
import { OP_PROPERTIES } from './op-properties.ts';
import type { ValueType } from './rule-context.ts';

export interface OpCost {
  readonly flops: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** What a collective sends from this rank with a bandwidth-optimal algorithm; 0 for other ops. */
  readonly bytesSent: number;
}

type FlopRule = (
  inputs: readonly (ValueType | undefined)[],
  outputs: readonly ValueType[],
  attributes: Attributes,
) => number;

const none: FlopRule = () => 0;
const perOutput =
  (flops: number): FlopRule =>
  (_inputs, outputs) =>
    flops * numel(outputs[0]!.shape);
const perInput =
  (flops: number): FlopRule =>
  (inputs) =>
    flops * numel(inputs[0]!.shape);
const one = perOutput(1);
const reduce = perInput(1);
const reduceTwo = perInput(2);
const scan = perInput(1);

const matMul: FlopRule = (inputs, outputs, attributes) => {
  const shape = inputs[0]!.shape;
  const rank = shape.length;
  const inner =
    attributes['transA'] === 1
      ? attributes['transBatchA'] === 1 && rank > 2
        ? shape[0]!
        : shape[rank - 2]!
      : shape[rank - 1]!;
  return 2 * inner * numel(outputs[0]!.shape);
};
const gemm: FlopRule = (inputs, outputs, attributes) =>
  matMul(inputs, outputs, attributes) + (inputs[2] === undefined ? 0 : numel(outputs[0]!.shape));
const window: FlopRule = (_inputs, outputs, attributes) =>
  numel(attributes['kernel_shape'] as readonly number[]) * numel(outputs[0]!.shape);

const FLOP_RULES: Readonly<Record<OpName, FlopRule>> = {
  Neg: one,
  Abs: one,
  Exp: one,
  Log: one,
  Sqrt: one,
  Reciprocal: one,
  Erf: one,
  Tanh: one,
  Sigmoid: perOutput(3),
  Relu: one,
  LeakyRelu: perOutput(2),
  Elu: perOutput(3),
  Softplus: perOutput(3),
  Sin: one,
  Cos: one,
  Floor: one,
  Ceil: one,
  Round: one,
  Sign: one,
  Not: one,
  IsNaN: one,
  IsInf: one,
  Gelu: perOutput(5),
  QuickGelu: perOutput(5),
  Clip: perOutput(2),
  Cast: one,
  Identity: none,
  StopGradient: none,
  Add: one,
  Sub: one,
  Mul: one,
  Div: one,
  Pow: one,
  Mod: one,
  Min: one,
  Max: one,
  And: one,
  Or: one,
  Xor: one,
  Equal: one,
  Less: one,
  LessOrEqual: one,
  Greater: one,
  GreaterOrEqual: one,
  MatMul: matMul,
  Gemm: gemm,
  FusedMatMul: matMul,
  Einsum(inputs, _outputs, attributes) {
    const parsed = parseEinsum(
      attributes['equation'] as string,
      inputs.map((input) => input!.shape),
    );
    if (typeof parsed === 'string') return 0;
    return Math.max(inputs.length, 1) * [...parsed.sizes.values()].reduce((product, size) => product * size, 1);
  },
  Conv(inputs, outputs) {
    const macs = numel(inputs[1]!.shape.slice(1)) * numel(outputs[0]!.shape);
    return 2 * macs + (inputs[2] === undefined ? 0 : numel(outputs[0]!.shape));
  },
  ConvTranspose(inputs, outputs) {
    const macs = numel(inputs[1]!.shape.slice(1)) * numel(inputs[0]!.shape);
    return 2 * macs + (inputs[2] === undefined ? 0 : numel(outputs[0]!.shape));
  },
  MaxPool: window,
  MaxUnpool: none,
  AveragePool: window,
  GlobalAveragePool: reduce,
  GlobalMaxPool: reduce,
  ReduceSum: reduce,
  ReduceMean: reduce,
  ReduceMax: reduce,
  ReduceMin: reduce,
  ReduceProd: reduce,
  ReduceL1: reduceTwo,
  ReduceL2: reduceTwo,
  ReduceSumSquare: reduceTwo,
  ReduceLogSumExp: perInput(4),
  Softmax: perInput(5),
  LogSoftmax: perInput(5),
  LayerNormalization: perInput(8),
  SimplifiedLayerNormalization: perInput(5),
  BatchNormalization: (inputs, _outputs, attributes) =>
    (attributes['training_mode'] === 1 ? 8 : 2) * numel(inputs[0]!.shape),
  GroupNormalization: perInput(8),
  InstanceNormalization: perInput(8),
  CumSum: scan,
  ArgMax: reduce,
  ArgMin: reduce,
  TopK: (inputs, _outputs, attributes) =>
    numel(inputs[0]!.shape) * Math.ceil(Math.log2((attributes['k'] as number) + 1)),
  Gather: none,
  GatherElements: none,
  GatherND: none,
  ScatterElements: (inputs, _outputs, attributes) => (attributes['reduction'] === 'none' ? 0 : numel(inputs[2]!.shape)),
  ScatterND: (inputs, _outputs, attributes) => (attributes['reduction'] === 'none' ? 0 : numel(inputs[2]!.shape)),
  OneHot: none,
  Where: one,
  Reshape: none,
  Transpose: none,
  Expand: none,
  Squeeze: none,
  Unsqueeze: none,
  Flatten: none,
  Concat: none,
  Split: none,
  Slice: none,
  Pad: none,
  Tile: none,
  Trilu: none,
  Resize: (_inputs, outputs, attributes) =>
    attributes['mode'] === 'nearest' ? 0 : (attributes['mode'] === 'linear' ? 8 : 32) * numel(outputs[0]!.shape),
  RotaryEmbedding: perOutput(3),
  ConstantOfShape: none,
  Range: one,
  AllReduce: (inputs, _outputs, attributes) => numel(inputs[0]!.shape) * (1 - 1 / (attributes['group_size'] as number)),
  AllGather: none,
  ReduceScatter: (inputs, _outputs, attributes) =>
    numel(inputs[0]!.shape) * (1 - 1 / (attributes['group_size'] as number)),
  AllToAll: none,
  Broadcast: none,
  Send: none,
  Recv: none,
};

/** Ops that only rename a tensor: no bytes move. */
const VIEWS: ReadonlySet<OpName> = new Set(['Identity', 'StopGradient', 'Reshape', 'Squeeze', 'Unsqueeze', 'Flatten']);

/** Cost of one node of the graph. */
export function costOfNode(graph: Graph, node: GraphNode): OpCost {
  const inputs = node.inputs.map((id) => graph.values[id]);
  const outputs = node.outputs.map((id) => graph.values[id]!);
  const flops = FLOP_RULES[node.op](inputs, outputs, node.attributes);
  if (VIEWS.has(node.op)) return { flops, bytesRead: 0, bytesWritten: 0, bytesSent: 0 };
  const bytesWritten = outputs.reduce((sum, value) => sum + bytesOf(value), 0);
  return {
    flops,
    bytesRead: bytesReadBy(node, inputs, outputs),
    bytesWritten,
    bytesSent: OP_PROPERTIES[node.op].isCollective ? bytesSentBy(node, inputs, outputs) : 0,
  };
}

/** Cost of all nodes together. Cost: O(nodes). */
export function costOfGraph(graph: Graph): OpCost {
  let flops = 0;
  let bytesRead = 0;
  let bytesWritten = 0;
  let bytesSent = 0;
  for (const node of graph.nodes) {
    const cost = costOfNode(graph, node);
    flops += cost.flops;
    bytesRead += cost.bytesRead;
    bytesWritten += cost.bytesWritten;
    bytesSent += cost.bytesSent;
  }
  return { flops, bytesRead, bytesWritten, bytesSent };
}

function bytesOf(value: ValueType): number {
  return numel(value.shape) * bytesPerElement(value.dtype);
}

/** Gathers and slices read what they return, not the whole table. */
function bytesReadBy(
  node: GraphNode,
  inputs: readonly (ValueType | undefined)[],
  outputs: readonly ValueType[],
): number {
  const all = inputs.reduce((sum, value) => sum + (value === undefined ? 0 : bytesOf(value)), 0);
  const isPartial =
    node.op === 'Gather' || node.op === 'GatherElements' || node.op === 'GatherND' || node.op === 'Slice';
  if (!isPartial) return all;
  return all - bytesOf(inputs[0]!) + Math.min(bytesOf(inputs[0]!), bytesOf(outputs[0]!));
}

function bytesSentBy(
  node: GraphNode,
  inputs: readonly (ValueType | undefined)[],
  outputs: readonly ValueType[],
): number {
  const size = node.attributes['group_size'] as number;
  const share = (size - 1) / size;
  switch (node.op) {
    case 'AllReduce':
      return 2 * share * bytesOf(inputs[0]!);
    case 'ReduceScatter':
    case 'AllToAll':
    case 'Broadcast':
      return share * bytesOf(inputs[0]!);
    case 'AllGather':
      return share * bytesOf(outputs[0]!);
    case 'Send':
      return bytesOf(inputs[0]!);
    default:
      return 0;
  }
}
