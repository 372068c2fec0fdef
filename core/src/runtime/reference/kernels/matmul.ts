/** MatMul, Gemm and FusedMatMul on float64, with batch broadcasting. */
import { numel } from '../../../tensor/index.ts';
import type { Shape } from '../../../tensor/index.ts';
import { input, numberAttribute } from '../kernel-call.ts';
import type { Kernel } from '../kernel-call.ts';
import type { RefValue } from '../ref-value.ts';
import { applyBinary, broadcastStrides, transposeData } from './broadcast.ts';

interface MatrixOperand {
  readonly data: Float64Array;
  readonly offset: number;
  readonly rowStride: number;
  readonly columnStride: number;
}

/** out[M, N] += a[M, K] · b[K, N]; all loops run along contiguous rows of `out` and of b where b is not transposed.
 *  Mutates: `out`. */
export function addMatrixProduct(
  out: Float64Array,
  outOffset: number,
  a: MatrixOperand,
  b: MatrixOperand,
  sizes: { M: number; N: number; K: number },
): void {
  const { M, N, K } = sizes;
  const x = a.data;
  const y = b.data;
  if (b.columnStride !== 1) {
    // b is transposed: its columns are contiguous, so each output is a dot product.
    for (let m = 0; m < M; m++) {
      const aRow = a.offset + m * a.rowStride;
      for (let n = 0; n < N; n++) {
        const bColumn = b.offset + n * b.columnStride;
        let sum = 0;
        for (let k = 0; k < K; k++) sum += x[aRow + k * a.columnStride]! * y[bColumn + k * b.rowStride]!;
        out[outOffset + m * N + n]! += sum;
      }
    }
    return;
  }
  for (let m = 0; m < M; m++) {
    const outRow = outOffset + m * N;
    for (let k = 0; k < K; k++) {
      const factor = x[a.offset + m * a.rowStride + k * a.columnStride]!;
      const bRow = b.offset + k * b.rowStride;
      for (let n = 0; n < N; n++) out[outRow + n]! += factor * y[bRow + n]!;
    }
  }
}

interface MatMulOptions {
  readonly transA: boolean;
  readonly transB: boolean;
  readonly alpha: number;
}

/** op(a) · op(b) with broadcast batches; vectors as in ONNX MatMul. */
export function matMulValues(a: RefValue, b: RefValue, options: MatMulOptions): Float64Array {
  const aShape = a.shape.length === 1 ? [1, a.shape[0]!] : a.shape;
  const bShape = b.shape.length === 1 ? [b.shape[0]!, 1] : b.shape;
  const [aRows, aColumns] = aShape.slice(-2) as [number, number];
  const [bRows, bColumns] = bShape.slice(-2) as [number, number];
  const M = options.transA ? aColumns : aRows;
  const K = options.transA ? aRows : aColumns;
  const N = options.transB ? bRows : bColumns;
  const batch = broadcastBatch(aShape.slice(0, -2), bShape.slice(0, -2));
  const numBatches = numel(batch);
  const out = new Float64Array(numBatches * M * N);
  const aOffsets = batchOffsets(aShape.slice(0, -2), batch, aRows * aColumns);
  const bOffsets = batchOffsets(bShape.slice(0, -2), batch, bRows * bColumns);
  for (let i = 0; i < numBatches; i++) {
    addMatrixProduct(
      out,
      i * M * N,
      {
        data: a.data,
        offset: aOffsets[i]!,
        rowStride: options.transA ? 1 : aColumns,
        columnStride: options.transA ? aColumns : 1,
      },
      {
        data: b.data,
        offset: bOffsets[i]!,
        rowStride: options.transB ? 1 : bColumns,
        columnStride: options.transB ? bColumns : 1,
      },
      { M, N, K },
    );
  }
  if (options.alpha !== 1) for (let i = 0; i < out.length; i++) out[i]! *= options.alpha;
  return out;
}

function broadcastBatch(a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    return left === 1 ? right : left;
  });
}

/** Element offset of each broadcast batch in an operand. */
function batchOffsets(own: Shape, batch: Shape, matrixSize: number): Float64Array {
  const strides = broadcastStrides(own, batch);
  const offsets = new Float64Array(numel(batch));
  for (let i = 0; i < offsets.length; i++) {
    let rest = i;
    let offset = 0;
    for (let axis = batch.length - 1; axis >= 0; axis--) {
      offset += (rest % batch[axis]!) * strides[axis]!;
      rest = Math.floor(rest / batch[axis]!);
    }
    offsets[i] = offset * matrixSize;
  }
  return offsets;
}

export const matMul: Kernel = (call) => [
  matMulValues(input(call, 0), input(call, 1), { transA: false, transB: false, alpha: 1 }),
];

/** com.microsoft FusedMatMul: alpha · op(a) · op(b); transposes the last two axes, or rolls the batch axes. */
export const fusedMatMul: Kernel = (call) => {
  const a = input(call, 0);
  const b = input(call, 1);
  return [
    matMulValues(
      numberAttribute(call, 'transBatchA', 0) ? rollBatch(a) : a,
      numberAttribute(call, 'transBatchB', 0) ? rollBatch(b) : b,
      {
        transA: numberAttribute(call, 'transA', 0) !== 0,
        transB: numberAttribute(call, 'transB', 0) !== 0,
        alpha: numberAttribute(call, 'alpha', 1),
      },
    ),
  ];
};

/** Stored [rows, batch …, columns] → [batch …, rows, columns]. */
function rollBatch(value: RefValue): RefValue {
  const rank = value.shape.length;
  if (rank < 3) return value;
  const perm = [...Array.from({ length: rank - 2 }, (_, axis) => axis + 1), 0, rank - 1];
  return {
    ...value,
    shape: perm.map((axis) => value.shape[axis]!),
    data: transposeData(value.data, value.shape, perm),
  };
}

/** alpha · op(a) · op(b) + beta · c. */
export const gemm: Kernel = (call) => {
  const [product] = fusedMatMul(call) as [Float64Array];
  const c = call.inputs[2];
  if (!c) return [product];
  const beta = numberAttribute(call, 'beta', 1);
  const { shape, dtype } = call.outputs[0]!;
  return [applyBinary((x, y) => x + beta * y, { dtype, shape, data: product }, c, shape)];
};
