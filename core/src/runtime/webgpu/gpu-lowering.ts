/** Rewrites what ONNX Runtime's WebGPU provider has no kernel for into what it has (found by trying every op of ours on
 *  version 1.30): int64 travels as int32, FusedMatMul becomes Gemm or Transpose and MatMul, LogSoftmax, OneHot, Sign and
 *  GroupNormalization become elementwise ops and reductions. Value ids stay; new ids are appended. */
import { numel } from '../../tensor/index.ts';
import type { Dtype, Shape, Tensor } from '../../tensor/index.ts';
import { castTensor } from '../../tensor/index.ts';
import type { Attributes, Graph, GraphNode, GraphValue, OpName, ValueId } from '../../graph/index.ts';

/** Adds the nodes of one expansion. */
interface Expansion {
  readonly node: GraphNode;
  valueOf(id: ValueId): GraphValue;
  /** A node with an output of its own. */
  add(
    op: OpName,
    inputs: readonly ValueId[],
    result: { shape: Shape; dtype?: Dtype },
    attributes?: Attributes,
  ): ValueId;
  /** The last node: it makes the original node's output. */
  finish(op: OpName, inputs: readonly ValueId[], attributes?: Attributes): void;
  scalar(value: number, dtype: Dtype): ValueId;
  constant(tensor: Tensor): ValueId;
}

type Rewrite = (expansion: Expansion) => void;

/** Ops whose integer outputs are int64 by definition: they stay so, since gathers and scatters take them. */
const INT64_OUTPUTS: ReadonlySet<OpName> = new Set<OpName>(['TopK', 'ArgMax', 'ArgMin', 'MaxPool']);

const REWRITES: Readonly<Partial<Record<OpName, Rewrite>>> = {
  FusedMatMul: rewriteFusedMatMul,
  LogSoftmax: rewriteLogSoftmax,
  OneHot: rewriteOneHot,
  Sign: rewriteSign,
  GroupNormalization: rewriteGroupNorm,
};

export function lowerForGpu(graph: Graph): Graph {
  const stays64 = new Set(graph.nodes.flatMap((node) => (INT64_OUTPUTS.has(node.op) ? node.outputs : [])));
  const values: GraphValue[] = graph.values.map((value) =>
    stays64.has(value.id) ? value : { ...value, dtype: value.dtype === 'int64' ? 'int32' : value.dtype },
  );
  const initializers = new Map<ValueId, Tensor>();
  for (const [id, tensor] of graph.initializers) {
    initializers.set(id, tensor.dtype === 'int64' ? castTensor(tensor, 'int32') : tensor);
  }
  const names = new Set(graph.values.map((value) => value.name));
  const scalars = new Map<string, ValueId>();
  const nodes: GraphNode[] = [];
  const addValue = (base: string, dtype: Dtype, shape: Shape): GraphValue => {
    let name = base;
    for (let i = 1; names.has(name); i++) name = `${base}.${i}`;
    names.add(name);
    const value = { id: values.length, name, dtype, shape };
    values.push(value);
    return value;
  };
  const constant = (tensor: Tensor): ValueId => {
    const value = addValue('gpu/constant', tensor.dtype, tensor.shape);
    initializers.set(value.id, tensor);
    return value.id;
  };

  for (const original of graph.nodes) {
    const node: GraphNode = { ...original, attributes: narrowAttributes(original.attributes) };
    const rewrite = REWRITES[node.op];
    if (rewrite !== undefined) {
      rewrite({
        node,
        valueOf: (id) => values[id],
        add(op, inputs, { shape, dtype = values[node.outputs[0]].dtype }, attributes = {}) {
          const value = addValue(`${node.name}/${op}`, dtype, shape);
          nodes.push({ name: value.name, op, inputs, outputs: [value.id], attributes, notes: node.notes });
          return value.id;
        },
        finish(op, inputs, attributes = {}) {
          nodes.push({ name: node.name, op, inputs, outputs: node.outputs, attributes, notes: node.notes });
        },
        scalar(number, dtype) {
          const key = `${dtype}:${number}`;
          let id = scalars.get(key);
          if (id === undefined) {
            id = constant(castTensor({ dtype: 'float64', shape: [], data: Float64Array.of(number) }, dtype));
            scalars.set(key, id);
          }
          return id;
        },
        constant,
      });
    } else nodes.push(node);
  }
  return { ...graph, values, nodes, initializers };
}

function narrowAttributes(attributes: Attributes): Attributes {
  const changed: Record<string, Attributes[string]> = { ...attributes };
  for (const key of ['to', 'dtype']) if (changed[key] === 'int64') changed[key] = 'int32';
  return changed;
}

function rewriteFusedMatMul({ node, valueOf, add, finish, scalar }: Expansion): void {
  const { alpha, transA, transB, transBatchA, transBatchB } = node.attributes as Record<string, number>;
  const [a, b] = node.inputs;
  const shapeA = valueOf(a).shape;
  const shapeB = valueOf(b).shape;
  if (shapeA.length === 2 && shapeB.length === 2) {
    finish('Gemm', [a, b], { alpha, beta: 1, transA, transB });
    return;
  }
  // Weights of rank 2 on the right: the left's outer axes fold into rows, so Gemm serves here too.
  const rows = shapeA.slice(0, -1);
  if (shapeB.length === 2 && transA === 0 && transBatchA === 0) {
    const flat = add(
      'Reshape',
      [a],
      { shape: [numel(rows), shapeA.at(-1)!] },
      { shape: [numel(rows), shapeA.at(-1)!] },
    );
    const width = shapeB[transB === 1 ? 0 : 1];
    const product = add('Gemm', [flat, b], { shape: [numel(rows), width] }, { alpha, beta: 1, transA: 0, transB });
    finish('Reshape', [product], { shape: valueOf(node.outputs[0]).shape });
    return;
  }
  const left = rolled(a, transA === 1, transBatchA === 1, { valueOf, add });
  const right = rolled(b, transB === 1, transBatchB === 1, { valueOf, add });
  if (alpha === 1) finish('MatMul', [left, right]);
  else {
    const output = valueOf(node.outputs[0]);
    const product = add('MatMul', [left, right], { shape: output.shape });
    finish('Mul', [product, scalar(alpha, output.dtype)]);
  }
}

/** Undoes what FusedMatMul reads through: first the rolled batch axes, then the swap of the last two. */
function rolled(
  id: ValueId,
  isSwapped: boolean,
  isRolled: boolean,
  { valueOf, add }: Pick<Expansion, 'valueOf' | 'add'>,
): ValueId {
  const { shape, dtype } = valueOf(id);
  const rank = shape.length;
  if (!isSwapped && !isRolled) return id;
  let perm = shape.map((_, axis) => axis);
  if (isRolled) perm = [...perm.slice(1, rank - 1), 0, rank - 1]; // [d1 … d(r−2), d0, d(r−1)] read as batch, row, column
  if (isSwapped) perm = [...perm.slice(0, -2), perm[rank - 1], perm[rank - 2]];
  return add('Transpose', [id], { shape: perm.map((axis) => shape[axis]), dtype }, { perm });
}

/** s = x − max x;  log softmax = s − log Σ exp s. */
function rewriteLogSoftmax({ node, valueOf, add, finish }: Expansion): void {
  const [x] = node.inputs;
  const axis = node.attributes['axis'] as number;
  const { shape } = valueOf(x);
  const reduced = shape.map((size, i) => (i === axis ? 1 : size));
  const reduce = { axes: [axis], keepdims: 1 };
  const shifted = add('Sub', [x, add('ReduceMax', [x], { shape: reduced }, reduce)], { shape });
  const sum = add('ReduceSum', [add('Exp', [shifted], { shape })], { shape: reduced }, reduce);
  finish('Sub', [shifted, add('Log', [sum], { shape: reduced })]);
}

/** A row holds `on` where the index equals the column; indices below zero count from the end. */
function rewriteOneHot({ node, valueOf, add, finish, scalar, constant }: Expansion): void {
  const { depth, axis, values, dtype } = node.attributes as {
    depth: number;
    axis: number;
    values: readonly number[];
    dtype: Dtype;
  };
  const indices = valueOf(node.inputs[0]);
  const rank = indices.shape.length + 1;
  const at = axis < 0 ? axis + rank : axis;
  const column = [...indices.shape.slice(0, at), 1, ...indices.shape.slice(at)];
  const narrowed =
    indices.dtype === 'int32'
      ? node.inputs[0]
      : add('Cast', [node.inputs[0]], { shape: indices.shape, dtype: 'int32' }, { to: 'int32', saturate: 1 });
  const zero = scalar(0, 'int32');
  const isNegative = add('Less', [narrowed, zero], { shape: indices.shape, dtype: 'bool' });
  const wrapped = add('Add', [narrowed, scalar(depth, 'int32')], { shape: indices.shape, dtype: 'int32' });
  const positive = add('Where', [isNegative, wrapped, narrowed], { shape: indices.shape, dtype: 'int32' });
  const standing = add('Reshape', [positive], { shape: column, dtype: 'int32' }, { shape: column });
  const columns = constant({
    dtype: 'int32',
    shape: Array.from({ length: rank }, (_, i) => (i === at ? depth : 1)),
    data: Int32Array.from({ length: depth }, (_, i) => i),
  });
  const hit = add('Equal', [standing, columns], { shape: valueOf(node.outputs[0]).shape, dtype: 'bool' });
  finish('Where', [hit, scalar(values[1], dtype), scalar(values[0], dtype)]);
}

function rewriteSign({ node, valueOf, add, finish, scalar }: Expansion): void {
  const [x] = node.inputs;
  const { shape, dtype } = valueOf(x);
  const zero = scalar(0, dtype);
  const isPositive = add('Greater', [x, zero], { shape, dtype: 'bool' });
  const isNegative = add('Less', [x, zero], { shape, dtype: 'bool' });
  const below = add('Where', [isNegative, scalar(-1, dtype), zero], { shape });
  finish('Where', [isPositive, scalar(1, dtype), below]);
}

/** Groups become the channels of an InstanceNormalization with unit scale. */
function rewriteGroupNorm({ node, valueOf, add, finish, constant }: Expansion): void {
  const [x, scale, bias] = node.inputs;
  const { num_groups: groups, epsilon } = node.attributes as { num_groups: number; epsilon: number };
  const { shape, dtype } = valueOf(x);
  const [batch, channels] = shape;
  const grouped = [batch, groups, numel(shape) / (batch * groups)];
  const filled = (value: number): ValueId =>
    constant(castTensor({ dtype: 'float32', shape: [groups], data: new Float32Array(groups).fill(value) }, dtype));
  const flat = add('Reshape', [x], { shape: grouped }, { shape: grouped });
  const normal = add('InstanceNormalization', [flat, filled(1), filled(0)], { shape: grouped }, { epsilon });
  const restored = add('Reshape', [normal], { shape }, { shape });
  const perChannel = [1, channels, ...shape.slice(2).map(() => 1)];
  const standing = (id: ValueId): ValueId => add('Reshape', [id], { shape: perChannel }, { shape: perChannel });
  const scaled = add('Mul', [restored, standing(scale)], { shape });
  finish('Add', [scaled, standing(bias)]);
}
