/** Gathers, scatters and index outputs: the kernels want int64, and nothing on the GPU computes or casts it. */
import { numel, stridesFromShape } from '../../../tensor/index.ts';
import type { Dtype, Shape } from '../../../tensor/index.ts';
import type { ValueId } from '../../../graph/index.ts';
import type { Expansion } from './expansion.ts';

/** Above this the one-hot matrix of a deterministic scatter takes too much memory (256 MiB in f32); atomics add then. */
const MOST_ONE_HOT_ELEMENTS = 1 << 26;

/** A row holds `on` where the index equals the column; indices below zero count from the end. */
export function rewriteOneHot({ node, valueOf, add, finish, scalar, constant }: Expansion): void {
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

/** The kernel wants int64 indices, which nothing can compute here; ScatterElements takes int32.
 *  f16 adds in f32, where the hardware has no f16 atomics. */
export function rewriteScatterND(expansion: Expansion): void {
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
export function rewriteGatherND(expansion: Expansion): void {
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

/** Index outputs are int64 by definition and no kernel casts int64; a gather from 0, 1, 2, … does. */
export function narrowIndices({
  node,
  valueOf,
  originalDtype,
  define,
  addWithOutputs,
  finish,
  constant,
}: Expansion): void {
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
