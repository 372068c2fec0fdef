/** Shapes and dtypes of matrix products, convolutions and poolings. */
import { formatShape } from '../../tensor/index.ts';
import { parseEinsum } from './einsum-equation.ts';
import type { ContractionOp, PoolOp } from './op-names.ts';
import {
  broadcastShapes,
  describeInput,
  expectDtype,
  expectRank,
  expectSameDtype,
  failRule,
  FLOAT_DTYPES,
  NUMBER_DTYPES,
  type RuleContext,
  type RuleInput,
  type TypeRule,
  type ValueType,
} from './rule-context.ts';

/** Shape of A after transBatch and trans of FusedMatMul: [batch…, rows, inner]. */
export function fusedOperandShape(shape: readonly number[], trans: number, transBatch: number): readonly number[] {
  const rank = shape.length;
  let sizes = [...shape];
  // [rows, batch …, columns] is stored; the logical order is [batch …, rows, columns].
  if (transBatch !== 0 && rank > 2) sizes = [...sizes.slice(1, rank - 1), sizes[0]!, sizes[rank - 1]!];
  if (trans !== 0 && rank > 1) [sizes[rank - 2], sizes[rank - 1]] = [sizes[rank - 1]!, sizes[rank - 2]!];
  return sizes;
}

function matMulShape(context: RuleContext, shapeA: readonly number[], shapeB: readonly number[]): readonly number[] {
  const [a, b] = context.inputs as [RuleInput, RuleInput];
  if (shapeA.length === 0 || shapeB.length === 0)
    failRule(
      context,
      'TF-GRAPH-002',
      'operands must have rank 1 or more',
      `${describeInput(a)} and ${describeInput(b)}`,
    );
  const rowsA = shapeA.length === 1 ? [1, shapeA[0]!] : shapeA;
  const rowsB = shapeB.length === 1 ? [shapeB[0]!, 1] : shapeB;
  const inner = rowsA.at(-1);
  const batch = broadcastShapes(rowsA.slice(0, -2), rowsB.slice(0, -2));
  if (inner !== rowsB.at(-2)) {
    failRule(context, 'TF-GRAPH-002', 'inner sizes must match', `${describeInput(a)} and ${describeInput(b)}`, [
      inner === rowsB.at(-1) ? `Transpose "${b.name}".` : `Check "${a.name}" and "${b.name}".`,
    ]);
  }
  if (batch === undefined)
    failRule(context, 'TF-GRAPH-002', 'batch axes must broadcast', `${describeInput(a)} and ${describeInput(b)}`);
  const tail = [...(shapeA.length === 1 ? [] : [rowsA.at(-2)!]), ...(shapeB.length === 1 ? [] : [rowsB.at(-1)!])];
  return [...batch, ...tail];
}

export const CONTRACTION_RULES: { readonly [Op in ContractionOp]: TypeRule<Op> } = {
  MatMul(context) {
    expectDtype(context, 0, NUMBER_DTYPES);
    const dtype = expectSameDtype(context);
    return [{ dtype, shape: matMulShape(context, context.inputs[0]!.shape, context.inputs[1]!.shape) }];
  },
  Gemm(context) {
    expectDtype(context, 0, NUMBER_DTYPES);
    const dtype = expectSameDtype(context);
    const a = expectRank(context, 0, 2).shape;
    const b = expectRank(context, 1, 2).shape;
    const { transA, transB } = context.attributes;
    const shape = matMulShape(context, transA ? [a[1]!, a[0]!] : a, transB ? [b[1]!, b[0]!] : b);
    const c = context.inputs[2];
    if (c !== undefined) {
      const wide = broadcastShapes(c.shape, shape);
      if (wide === undefined || wide.length !== 2 || wide[0] !== shape[0] || wide[1] !== shape[1])
        failRule(context, 'TF-GRAPH-002', `C must broadcast to ${formatShape(shape)}`, describeInput(c));
    }
    return [{ dtype, shape }];
  },
  FusedMatMul(context) {
    expectDtype(context, 0, FLOAT_DTYPES);
    const dtype = expectSameDtype(context);
    const { transA, transB, transBatchA, transBatchB } = context.attributes;
    const a = fusedOperandShape(context.inputs[0]!.shape, transA, transBatchA);
    const b = fusedOperandShape(context.inputs[1]!.shape, transB, transBatchB);
    return [{ dtype, shape: matMulShape(context, a, b) }];
  },
  Einsum(context) {
    expectDtype(context, 0, NUMBER_DTYPES);
    const dtype = expectSameDtype(context);
    const parsed = parseEinsum(
      context.attributes.equation,
      context.inputs.map((input) => input!.shape),
    );
    if (typeof parsed === 'string')
      failRule(context, 'TF-GRAPH-002', parsed, context.inputs.map((input) => describeInput(input!)).join(' and '));
    return [{ dtype, shape: [...parsed.output].map((letter) => parsed.sizes.get(letter)!) }];
  },
  Conv(context) {
    const [x, w] = expectConvInputs(context);
    const { group } = context.attributes;
    if (x.shape[1] !== w.shape[1]! * group || w.shape[0]! % group !== 0)
      failRule(
        context,
        'TF-GRAPH-002',
        `${x.name} must have group · W[1] channels and W[0] be divisible by group ${group}`,
        `${describeInput(x)} and ${describeInput(w)}`,
      );
    expectBias(context, w.shape[0]!);
    const spatial = windowSizes(context, x.shape, w.shape.slice(2), context.attributes, false);
    return [{ dtype: x.dtype, shape: [x.shape[0]!, w.shape[0]!, ...spatial] }];
  },
  ConvTranspose(context) {
    const [x, w] = expectConvInputs(context);
    const { group, strides, pads, dilations, output_padding: outputPadding } = context.attributes;
    if (x.shape[1] !== w.shape[0] || x.shape[1] % group !== 0)
      failRule(
        context,
        'TF-GRAPH-002',
        `${x.name} must have W[0] channels, divisible by group ${group}`,
        `${describeInput(x)} and ${describeInput(w)}`,
      );
    expectBias(context, w.shape[1]! * group);
    const numSpatial = x.shape.length - 2;
    expectLengths(context, { strides, dilations, output_padding: outputPadding }, numSpatial);
    expectLengths(context, { pads }, 2 * numSpatial);
    const spatial = Array.from({ length: numSpatial }, (_, i) => {
      const size =
        strides[i]! * (x.shape[i + 2]! - 1) +
        outputPadding[i]! +
        (w.shape[i + 2]! - 1) * dilations[i]! +
        1 -
        pads[i]! -
        pads[i + numSpatial]!;
      if (size < 1) failRule(context, 'TF-GRAPH-002', 'the output must not be empty', `size ${size} on axis ${i + 2}`);
      return size;
    });
    return [{ dtype: x.dtype, shape: [x.shape[0]!, w.shape[1]! * group, ...spatial] }];
  },
};

function expectConvInputs(context: RuleContext): readonly [RuleInput, RuleInput] {
  expectDtype(context, 0, FLOAT_DTYPES);
  expectSameDtype(context);
  const [x, w] = context.inputs as readonly [RuleInput, RuleInput];
  if (x.shape.length < 3 || w.shape.length !== x.shape.length)
    failRule(
      context,
      'TF-GRAPH-002',
      'X and W must have the same rank, 3 or more',
      `${describeInput(x)} and ${describeInput(w)}`,
    );
  return [x, w];
}

function expectBias(context: RuleContext, numChannels: number): void {
  const bias = context.inputs[2];
  if (bias !== undefined && (bias.shape.length !== 1 || bias.shape[0] !== numChannels))
    failRule(context, 'TF-GRAPH-002', `${bias.name} must be [${numChannels}]`, formatShape(bias.shape));
}

function expectLengths(context: RuleContext, lists: Readonly<Record<string, readonly number[]>>, length: number): void {
  for (const [name, list] of Object.entries(lists)) {
    if (list.length !== length)
      failRule(context, 'TF-GRAPH-004', `attribute "${name}" must have ${length} entries`, formatShape(list));
  }
}

interface Window {
  readonly strides: readonly number[];
  readonly pads: readonly number[];
  readonly dilations?: readonly number[];
}

function windowSizes(
  context: RuleContext,
  shape: readonly number[],
  kernel: readonly number[],
  { strides, pads, dilations = kernel.map(() => 1) }: Window,
  isCeil: boolean,
): number[] {
  const numSpatial = shape.length - 2;
  expectLengths(context, { kernel_shape: kernel, strides, dilations }, numSpatial);
  expectLengths(context, { pads }, 2 * numSpatial);
  return kernel.map((kernelSize, i) => {
    const extent = (kernelSize - 1) * dilations[i]! + 1;
    const padded = shape[i + 2]! + pads[i]! + pads[i + numSpatial]!;
    const steps = (padded - extent) / strides[i]!;
    if (steps < 0)
      failRule(context, 'TF-GRAPH-002', `a window of ${extent} must fit axis ${i + 2}`, `padded size ${padded}`);
    let size = (isCeil ? Math.ceil(steps) : Math.floor(steps)) + 1;
    // A last window that would start in the end padding is dropped, as in PyTorch and ONNX 1.16.
    if (isCeil && (size - 1) * strides[i]! >= shape[i + 2]! + pads[i]!) size--;
    return size;
  });
}

function poolShape(context: RuleContext<'MaxPool' | 'AveragePool'>): readonly number[] {
  expectDtype(context, 0, FLOAT_DTYPES);
  const x = context.inputs[0]!;
  if (x.shape.length < 3) failRule(context, 'TF-GRAPH-002', 'X must have rank 3 or more', describeInput(x));
  const { kernel_shape: kernel, ceil_mode: ceilMode } = context.attributes;
  return [x.shape[0]!, x.shape[1]!, ...windowSizes(context, x.shape, kernel, context.attributes, ceilMode !== 0)];
}

function globalPool(context: RuleContext): readonly ValueType[] {
  expectDtype(context, 0, FLOAT_DTYPES);
  const x = context.inputs[0]!;
  if (x.shape.length < 3) failRule(context, 'TF-GRAPH-002', 'X must have rank 3 or more', describeInput(x));
  return [{ dtype: x.dtype, shape: x.shape.map((size, axis) => (axis < 2 ? size : 1)) }];
}

export const POOL_RULES: { readonly [Op in PoolOp]: TypeRule<Op> } = {
  MaxPool(context) {
    const shape = poolShape(context);
    return [
      { dtype: context.inputs[0]!.dtype, shape },
      { dtype: 'int64', shape },
    ];
  },
  MaxUnpool(context) {
    expectDtype(context, 0, FLOAT_DTYPES);
    expectDtype(context, 1, ['int64']);
    const [x, indices] = context.inputs as readonly [RuleInput, RuleInput];
    if (formatShape(x.shape) !== formatShape(indices.shape))
      failRule(
        context,
        'TF-GRAPH-002',
        'X and I must have the same shape',
        `${describeInput(x)} and ${describeInput(indices)}`,
      );
    return [{ dtype: x.dtype, shape: context.attributes.output_shape }];
  },
  AveragePool: (context) => [{ dtype: context.inputs[0]!.dtype, shape: poolShape(context) }],
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
};
