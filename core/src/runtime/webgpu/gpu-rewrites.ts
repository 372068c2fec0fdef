/** How each op without a WebGPU kernel is said in ops that have one. One row an op; see gpu-lowering.ts. */
import { castTensor, indicesFromOffset, numel, stridesFromShape } from '../../tensor/index.ts';
import type { Dtype, Shape, Tensor } from '../../tensor/index.ts';
import type { Attributes, GraphNode, GraphValue, OpName, ValueId } from '../../graph/index.ts';

/** Adds the nodes of one rewritten op. */
export interface Expansion {
  readonly node: GraphNode;
  /** Sums must come in a fixed order. */
  readonly isDeterministic: boolean;
  valueOf(id: ValueId): GraphValue;
  /** Dtype before int64 was narrowed. */
  originalDtype(id: ValueId): Dtype;
  /** A node with an output of its own, of the dtype of the rewritten op's first output unless said otherwise. */
  add(
    op: OpName,
    inputs: readonly ValueId[],
    result: { shape: Shape; dtype?: Dtype },
    attributes?: Attributes,
  ): ValueId;
  /** A fresh value, for addWithOutputs. */
  define(suffix: string, dtype: Dtype, shape: Shape): ValueId;
  addWithOutputs(op: OpName, inputs: readonly ValueId[], outputs: readonly ValueId[], attributes?: Attributes): void;
  /** The last node of an output: it makes the original node's value. */
  finish(op: OpName, inputs: readonly ValueId[], attributes?: Attributes, output?: number): void;
  scalar(value: number, dtype: Dtype): ValueId;
  constant(tensor: Tensor): ValueId;
}

/** Above this the one-hot matrix of a deterministic scatter takes too much memory (256 MiB in f32); atomics add then. */
const MOST_ONE_HOT_ELEMENTS = 1 << 26;

export type Rewrite = (expansion: Expansion) => void;

export const GPU_REWRITES: Readonly<Partial<Record<OpName, Rewrite>>> = {
  FusedMatMul: rewriteFusedMatMul,
  LogSoftmax: rewriteLogSoftmax,
  OneHot: rewriteOneHot,
  Sign: rewriteSign,
  Round: rewriteRound,
  Or: rewriteOr,
  GroupNormalization: rewriteGroupNorm,
  BatchNormalization: rewriteBatchNorm,
  ReduceSum: rewriteColumnSums,
  ScatterND: rewriteScatterND,
  GatherND: rewriteGatherND,
  TopK: narrowIndices,
  ArgMax: narrowIndices,
  ArgMin: narrowIndices,
  MaxPool: rewriteMaxPool,
  MaxUnpool: rewriteMaxUnpool,
};

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
  let left = rolled(a, transA === 1, transBatchA === 1, { valueOf, add });
  let right = rolled(b, transB === 1, transBatchB === 1, { valueOf, add });
  if (alpha !== 1) {
    // The factor goes to the smaller operand: scores are larger than the queries and keys they come from.
    const scale = (id: ValueId): ValueId => {
      const { shape, dtype } = valueOf(id);
      return add('Mul', [id, scalar(alpha, dtype)], { shape, dtype });
    };
    if (numel(shapeA) <= numel(shapeB)) left = scale(left);
    else right = scale(right);
  }
  finish('MatMul', [left, right]);
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
  const positive = wrapNegative({ add, scalar }, narrowed, depth, indices.shape);
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

/** r = ⌊x + ½⌋, one less where x lies halfway and r is odd. */
function rewriteRound({ node, valueOf, add, finish, scalar }: Expansion): void {
  const [x] = node.inputs;
  const { shape, dtype } = valueOf(x);
  const up = add('Floor', [add('Add', [x, scalar(0.5, dtype)], { shape })], { shape });
  const isHalfway = add('Equal', [add('Sub', [up, x], { shape }), scalar(0.5, dtype)], { shape, dtype: 'bool' });
  const half = add('Mul', [up, scalar(0.5, dtype)], { shape });
  const isOdd = add('Greater', [half, add('Floor', [half], { shape })], { shape, dtype: 'bool' });
  const down = add('Sub', [up, scalar(1, dtype)], { shape });
  finish('Where', [add('And', [isHalfway, isOdd], { shape, dtype: 'bool' }), down, up]);
}

/** a ∨ b = ¬(¬a ∧ ¬b) */
function rewriteOr({ node, valueOf, add, finish }: Expansion): void {
  const not = (id: ValueId): ValueId => add('Not', [id], { shape: valueOf(id).shape, dtype: 'bool' });
  const [a, b] = node.inputs;
  finish('Not', [add('And', [not(a), not(b)], { shape: valueOf(node.outputs[0]).shape, dtype: 'bool' })]);
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

/** Sums down the columns of a tall matrix (gradients of biases): the reduction kernel walks each column with one thread,
 *  a product with a row of ones uses them all. */
function rewriteColumnSums({ node, valueOf, add, addWithOutputs, finish, constant }: Expansion): void {
  const [x] = node.inputs;
  const { shape, dtype } = valueOf(x);
  const axes = node.attributes['axes'] as readonly number[];
  const isColumnSum = shape.length === 2 && axes.length === 1 && axes[0] === 0 && shape[0] >= TALL;
  if (!isColumnSum || (dtype !== 'float32' && dtype !== 'float16')) {
    addWithOutputs(node.op, node.inputs, node.outputs, node.attributes);
    return;
  }
  const ones = castTensor({ dtype: 'float32', shape: [1, shape[0]], data: new Float32Array(shape[0]).fill(1) }, dtype);
  const row = add('MatMul', [constant(ones), x], { shape: [1, shape[1]] });
  finish('Reshape', [row], { shape: valueOf(node.outputs[0]).shape });
}

/** Rows from which the product wins over the reduction. */
const TALL = 128;

/** Training form by reductions; the inference form has a kernel. */
function rewriteBatchNorm({ node, valueOf, add, addWithOutputs, finish, scalar }: Expansion): void {
  const { epsilon, momentum, training_mode: isTraining } = node.attributes as Record<string, number>;
  if (isTraining !== 1) {
    addWithOutputs(node.op, node.inputs, node.outputs, node.attributes);
    return;
  }
  const [x, scale, bias, oldMean, oldVariance] = node.inputs;
  const { shape, dtype } = valueOf(x);
  const axes = shape.map((_, axis) => axis).filter((axis) => axis !== 1);
  const perChannel = shape.map((size, axis) => (axis === 1 ? size : 1));
  const standing = (id: ValueId): ValueId => add('Reshape', [id], { shape: perChannel }, { shape: perChannel });
  const mean = add('ReduceMean', [x], { shape: perChannel }, { axes, keepdims: 1 });
  const centred = add('Sub', [x, mean], { shape });
  const squares = add('Mul', [centred, centred], { shape });
  const variance = add('ReduceMean', [squares], { shape: perChannel }, { axes, keepdims: 1 });
  const widened = add('Add', [variance, scalar(epsilon, dtype)], { shape: perChannel });
  const deviation = add('Sqrt', [widened], { shape: perChannel });
  const gain = add('Div', [standing(scale), deviation], { shape: perChannel });
  finish('Add', [add('Mul', [centred, gain], { shape }), standing(bias)]);
  const blend = (old: ValueId, batch: ValueId, output: number): void => {
    if (node.outputs.length <= output) return;
    const channels = [shape[1]];
    const flat = add('Reshape', [batch], { shape: channels }, { shape: channels });
    const kept = add('Mul', [old, scalar(momentum, dtype)], { shape: channels });
    finish('Add', [kept, add('Mul', [flat, scalar(1 - momentum, dtype)], { shape: channels })], {}, output);
  };
  blend(oldMean, mean, 1);
  blend(oldVariance, variance, 2);
}

/** The kernel wants int64 indices, which nothing can compute here; ScatterElements takes int32.
 *  f16 adds in f32, where the hardware has no f16 atomics. */
function rewriteScatterND(expansion: Expansion): void {
  const { node, valueOf, add, finish } = expansion;
  const [data, indices, updates] = node.inputs;
  const { dtype, shape } = valueOf(data);
  const { row, rows, width, count } = flatRows(expansion, data, indices);
  const adds = node.attributes['reduction'] === 'add';
  if (adds && expansion.isDeterministic && rows * count <= MOST_ONE_HOT_ELEMENTS) {
    addByProduct(expansion, { row, rows, width, count });
    return;
  }
  const wide = add('Expand', [row], { shape: [count, width], dtype: 'int32' }, { shape: [count, width] });
  const isHalf = dtype === 'float16';
  const inDtype = (id: ValueId, to: Shape): ValueId => {
    const flat = add('Reshape', [id], { shape: to, dtype }, { shape: to });
    return isHalf ? add('Cast', [flat], { shape: to, dtype: 'float32' }, { to: 'float32', saturate: 1 }) : flat;
  };
  const scattered = add(
    'ScatterElements',
    [inDtype(data, [rows, width]), wide, inDtype(updates, [count, width])],
    { shape: [rows, width], dtype: isHalf ? 'float32' : dtype },
    { axis: 0, reduction: node.attributes['reduction'] },
  );
  const back = isHalf
    ? add('Cast', [scattered], { shape: [rows, width], dtype }, { to: dtype, saturate: 1 })
    : scattered;
  finish('Reshape', [back], { shape });
}

/** data + onehotᵀ · updates: sums in a fixed order, where atomics add in the order that threads happen to come. */
function addByProduct(
  { node, valueOf, add, finish, scalar, constant }: Expansion,
  { row, rows, width, count }: { row: ValueId; rows: number; width: number; count: number },
): void {
  const [data, , updates] = node.inputs;
  const { dtype, shape } = valueOf(data);
  const numbers = constant({ dtype: 'int32', shape: [1, rows], data: Int32Array.from({ length: rows }, (_, i) => i) });
  const hits = add('Equal', [row, numbers], { shape: [count, rows], dtype: 'bool' });
  const oneHot = add('Where', [hits, scalar(1, dtype), scalar(0, dtype)], { shape: [count, rows], dtype });
  const flat = add('Reshape', [updates], { shape: [count, width], dtype }, { shape: [count, width] });
  const sums = add('Gemm', [oneHot, flat], { shape: [rows, width] }, { alpha: 1, beta: 1, transA: 1, transB: 0 });
  finish('Add', [data, add('Reshape', [sums], { shape }, { shape })]);
}

/** As ScatterND: a Gather of flat rows takes int32. */
function rewriteGatherND(expansion: Expansion): void {
  const { node, valueOf, add, finish, addWithOutputs } = expansion;
  if (node.attributes['batch_dims'] !== 0) {
    addWithOutputs(node.op, node.inputs, node.outputs, node.attributes);
    return;
  }
  const [data, indices] = node.inputs;
  const { dtype } = valueOf(data);
  const { row, rows, width, count } = flatRows(expansion, data, indices);
  const flat = add('Reshape', [data], { shape: [rows, width], dtype }, { shape: [rows, width] });
  const index = add('Reshape', [row], { shape: [count], dtype: 'int32' }, { shape: [count] });
  const gathered = add('Gather', [flat, index], { shape: [count, width] }, { axis: 0 });
  finish('Reshape', [gathered], { shape: valueOf(node.outputs[0]).shape });
}

/** The last axis of the indices as one row number of the data: [count, 1] int32. */
function flatRows({ valueOf, add, scalar, constant }: Expansion, data: ValueId, indices: ValueId) {
  const { shape } = valueOf(data);
  const depth = valueOf(indices).shape.at(-1)!;
  const count = numel(valueOf(indices).shape) / depth;
  const rows = numel(shape.slice(0, depth));
  const table = { shape: [count, depth], dtype: 'int32' as const };
  const places = add('Reshape', [indices], table, { shape: table.shape });
  const vector = (numbers: readonly number[]): ValueId =>
    constant({ dtype: 'int32', shape: [1, depth], data: Int32Array.from(numbers) });
  const isNegative = add('Less', [places, scalar(0, 'int32')], { ...table, dtype: 'bool' });
  const wrapped = add('Add', [places, vector(shape.slice(0, depth))], table);
  const positive = add('Where', [isNegative, wrapped, places], table);
  const column = { shape: [count, 1], dtype: 'int32' as const };
  // A sum rather than slices: the engine would fuse those into a Split, which has no integer kernel.
  const scaled =
    depth === 1 ? positive : add('Mul', [positive, vector(stridesFromShape(shape.slice(0, depth)))], table);
  const row = depth === 1 ? scaled : add('ReduceSum', [scaled], column, { axes: [1], keepdims: 1 });
  return { row, rows, width: numel(shape) / rows, count };
}

/** Indices below zero count from the end. */
function wrapNegative(
  { add, scalar }: Pick<Expansion, 'add' | 'scalar'>,
  indices: ValueId,
  size: number,
  shape: Shape,
): ValueId {
  const isNegative = add('Less', [indices, scalar(0, 'int32')], { shape, dtype: 'bool' });
  const wrapped = add('Add', [indices, scalar(size, 'int32')], { shape, dtype: 'int32' });
  return add('Where', [isNegative, wrapped, indices], { shape, dtype: 'int32' });
}

/** Windows that give the places are disjoint, so plain writing into zeros suffices. */
function rewriteMaxUnpool({ node, valueOf, add, finish, constant }: Expansion): void {
  const [x, indices] = node.inputs;
  const { shape, dtype } = valueOf(node.outputs[0]);
  const count = numel(valueOf(x).shape);
  const flat = (id: ValueId, as: Dtype): ValueId =>
    add('Reshape', [id], { shape: [count], dtype: as }, { shape: [count] });
  const zero = constant(castTensor({ dtype: 'float32', shape: [1], data: new Float32Array(1) }, dtype));
  const zeros = add('Expand', [zero], { shape: [numel(shape)] }, { shape: [numel(shape)] });
  const written = add(
    'ScatterElements',
    [zeros, flat(indices, 'int32'), flat(x, dtype)],
    { shape: [numel(shape)] },
    { axis: 0, reduction: 'none' },
  );
  finish('Reshape', [written], { shape });
}

/** The kernel gives no indices. Where windows tile the input they are found block by block: the place of the largest of
 *  each block, as an offset from the block's first element. */
function rewriteMaxPool({ node, valueOf, define, addWithOutputs, add, finish, constant }: Expansion): void {
  const [x] = node.inputs;
  const { shape } = valueOf(x);
  const { kernel_shape: kernel, strides, pads } = node.attributes as Record<string, readonly number[]>;
  const [batch, channels, ...space] = shape;
  const isTiled = kernel.every(
    (size, axis) =>
      strides[axis] === size && space[axis] % size === 0 && pads[axis] === 0 && pads[kernel.length + axis] === 0,
  );
  if (node.outputs.length === 1 || !isTiled) {
    addWithOutputs(node.op, node.inputs, node.outputs, node.attributes);
    return;
  }
  addWithOutputs('MaxPool', [x], [node.outputs[0]], node.attributes);
  const pooled = space.map((size, axis) => size / kernel[axis]);
  const split = [batch, channels, ...pooled.flatMap((size, axis) => [size, kernel[axis]])];
  const perm = [0, 1, ...space.map((_, axis) => 2 + 2 * axis), ...space.map((_, axis) => 3 + 2 * axis)];
  const blockSize = numel(kernel);
  const count = numel(shape) / blockSize;
  const cut = add('Reshape', [x], { shape: split }, { shape: split });
  const ordered = add('Transpose', [cut], { shape: perm.map((axis) => split[axis]) }, { perm });
  const rows = add('Reshape', [ordered], { shape: [count, blockSize] }, { shape: [count, blockSize] });
  const largest = define('largest', 'int64', [count]);
  addWithOutputs('ArgMax', [rows], [largest], { axis: 1, keepdims: 0, select_last_index: 0 });
  const strideOf = stridesFromShape(shape);
  const offsets = new Int32Array(blockSize);
  for (let i = 0; i < blockSize; i++) {
    offsets[i] = indicesFromOffset(i, kernel).reduce((sum, index, axis) => sum + index * strideOf[2 + axis], 0);
  }
  const starts = new Int32Array(count);
  const pooledShape = [batch, channels, ...pooled];
  for (let i = 0; i < count; i++) {
    starts[i] = indicesFromOffset(i, pooledShape).reduce(
      (sum, index, axis) => sum + index * strideOf[axis] * (axis < 2 ? 1 : kernel[axis - 2]),
      0,
    );
  }
  const local = add(
    'Gather',
    [constant({ dtype: 'int32', shape: [blockSize], data: offsets }), largest],
    { shape: [count], dtype: 'int32' },
    { axis: 0 },
  );
  const flat = add('Add', [local, constant({ dtype: 'int32', shape: [count], data: starts })], {
    shape: [count],
    dtype: 'int32',
  });
  finish('Reshape', [flat], { shape: pooledShape }, 1);
}

/** Index outputs are int64 by definition and no kernel casts int64; a gather from 0, 1, 2, … does. */
function narrowIndices({ node, valueOf, originalDtype, define, addWithOutputs, finish, constant }: Expansion): void {
  const outputs = node.outputs.map((id) =>
    originalDtype(id) === 'int64' ? define('int64', 'int64', valueOf(id).shape) : id,
  );
  addWithOutputs(node.op, node.inputs, outputs, node.attributes);
  node.outputs.forEach((id, output) => {
    if (outputs[output] === id) return;
    const { shape } = valueOf(node.inputs[0]);
    const size = shape[node.attributes['axis'] as number];
    const data = new Int32Array(size);
    for (let i = 0; i < size; i++) data[i] = i;
    const counting = constant({ dtype: 'int32', shape: [size], data });
    finish('Gather', [counting, outputs[output]], { axis: 0 }, output);
  });
}
