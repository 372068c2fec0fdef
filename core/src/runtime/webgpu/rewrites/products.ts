/** Products in other layouts, and column sums as a product. */
import { castTensor, numel } from '../../../tensor/index.ts';
import type { ValueId } from '../../../graph/index.ts';
import type { Expansion } from './expansion.ts';

export function rewriteFusedMatMul({ node, valueOf, add, finish, scalar }: Expansion): void {
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

/** Sums down the columns of a tall matrix (gradients of biases): the reduction kernel walks each column with one thread,
 *  a product with a row of ones uses them all. */
export function rewriteColumnSums({ node, valueOf, add, addWithOutputs, finish, constant }: Expansion): void {
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
