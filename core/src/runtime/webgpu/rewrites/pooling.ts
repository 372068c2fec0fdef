/** The places that maximum pooling takes, and back. */
import { castTensor, indicesFromOffset, numel, stridesFromShape } from '../../../tensor/index.ts';
import type { Dtype } from '../../../tensor/index.ts';
import type { ValueId } from '../../../graph/index.ts';
import type { Expansion } from './expansion.ts';

/** The kernel gives no indices. Where windows tile the input they are found block by block: the place of the largest of
 *  each block, as an offset from the block's first element. */
export function rewriteMaxPool({ node, valueOf, define, addWithOutputs, add, finish, constant }: Expansion): void {
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

/** Windows that give the places are disjoint, so plain writing into zeros suffices. */
export function rewriteMaxUnpool({ node, valueOf, add, finish, constant }: Expansion): void {
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
