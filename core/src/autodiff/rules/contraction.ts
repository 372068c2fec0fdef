/** Gradients of matrix products and einsum. Rank-2 products become Gemm (which every engine has with transposes);
 *  batched ones FusedMatMul. A weight shared by all batches gets one product over the merged batch. */
import { parseEinsum } from '../../graph/index.ts';
import type { ContractionOp, GraphBuilder, GraphValue } from '../../graph/index.ts';
import { numel, type Shape } from '../../tensor/index.ts';
import { lazyValue } from '../lazy-value.ts';
import type { GradContext, InputGradient, RulesOf } from '../types.ts';
import { convRule, convTransposeRule } from './conv.ts';

interface ProductOptions {
  readonly transA?: boolean;
  readonly transB?: boolean;
  readonly alpha?: number;
}

/** alpha · op(a) · op(b) in the leanest op that says it. */
function product(b: GraphBuilder, left: GraphValue, right: GraphValue, options: ProductOptions): GraphValue {
  const { transA = false, transB = false, alpha = 1 } = options;
  if (!transA && !transB && alpha === 1) return b.matMul(left, right);
  const attributes = { transA: transA ? 1 : 0, transB: transB ? 1 : 0, alpha };
  if (left.shape.length === 2 && right.shape.length === 2) return b.gemm(left, right, undefined, attributes);
  if (left.shape.length > 2 && right.shape.length === 2 && !transA) {
    const merged = b.gemm(mergeRows(b, left), right, undefined, attributes);
    return b.reshape(merged, [...left.shape.slice(0, -1), merged.shape[1]!]);
  }
  return b.fusedMatMul(left, right, attributes);
}

/** [..., R, C] → […·R, C]. */
function mergeRows(b: GraphBuilder, value: GraphValue): GraphValue {
  return b.reshape(value, [numel(value.shape.slice(0, -1)), value.shape.at(-1)!]);
}

/** Gradient of one operand of alpha · op(A) · op(B), both of rank ≥ 2, before sums over broadcast batches. */
function operandGradient(
  context: GradContext,
  operands: { a: GraphValue; b: GraphValue; dy: GraphValue },
  options: Required<ProductOptions>,
  index: number,
): GraphValue {
  const { builder } = context;
  const { a, b, dy } = operands;
  const { transA, transB, alpha } = options;
  if (index === 0) {
    return transA
      ? product(builder, b, dy, { transA: transB, transB: true, alpha })
      : product(builder, dy, b, { transB: !transB, alpha });
  }
  if (b.shape.length === 2 && a.shape.length > 2 && !transA) {
    // One weight for all batches: [K, …·M]·[…·M, N] in one product instead of a batch of them and a sum.
    const rows = mergeRows(builder, a);
    const dyRows = mergeRows(builder, dy);
    return transB
      ? product(builder, dyRows, rows, { transA: true, alpha })
      : product(builder, rows, dyRows, { transA: true, alpha });
  }
  return transB
    ? product(builder, dy, a, { transA: true, transB: transA, alpha })
    : product(builder, a, dy, { transA: !transA, alpha });
}

const batchRank = (value: GraphValue): number => value.shape.length - 2;

/** Shape of a batched product's gradient in an operand: the output's batch axes, the operand's matrix axes. */
function sumOverBatches(context: GradContext, gradient: GraphValue, target: GraphValue): GraphValue {
  if (batchRank(gradient) <= 0) return gradient;
  return context.lean.sumTo(gradient, gradient.shape, target.shape);
}

const matMulRule: InputGradient = (context, index) => {
  const { builder: b, x, y } = context;
  // Vectors: a row [1, K] on the left, a column [K, 1] on the right.
  const as = (value: GraphValue, shape: Shape): GraphValue =>
    lazyValue({ dtype: value.dtype, shape }, () => b.reshape(value, shape));
  const left = x(0).shape.length === 1 ? as(x(0), [1, x(0).shape[0]!]) : x(0);
  const right = x(1).shape.length === 1 ? as(x(1), [x(1).shape[0]!, 1]) : x(1);
  const rows = x(0).shape.length === 1 ? [1] : [left.shape.at(-2)!];
  const columns = x(1).shape.length === 1 ? [1] : [right.shape.at(-1)!];
  const numMatrixAxes = (x(0).shape.length > 1 ? 1 : 0) + (x(1).shape.length > 1 ? 1 : 0);
  const batch = y().shape.slice(0, y().shape.length - numMatrixAxes);
  const dy = context.once('dy', () => b.reshape(context.dyFull(), [...batch, ...rows, ...columns]));
  const options = { transA: false, transB: false, alpha: 1 };
  const gradient = operandGradient(context, { a: left, b: right, dy }, options, index);
  const target = index === 0 ? left : right;
  return b.reshape(sumOverBatches(context, gradient, target), x(index).shape);
};

const fusedMatMulRule: InputGradient<'FusedMatMul'> = (context, index) => {
  const { builder: b, attributes, x } = context;
  const rolled = [attributes.transBatchA === 1, attributes.transBatchB === 1];
  const operand = (i: number): GraphValue => {
    if (!rolled[i]) return x(i);
    const perm = rollPermutation(x(i).shape.length);
    const shape = perm.map((axis) => x(i).shape[axis]!);
    return context.once(`operand ${i}`, () => lazyValue({ dtype: x(i).dtype, shape }, () => b.transpose(x(i), perm)));
  };
  const [left, right] = [operand(0), operand(1)];
  const options = { transA: attributes.transA === 1, transB: attributes.transB === 1, alpha: attributes.alpha };
  const gradient = operandGradient(
    context as unknown as GradContext,
    { a: left, b: right, dy: context.dyFull() },
    options,
    index,
  );
  const summed = sumOverBatches(context as unknown as GradContext, gradient, index === 0 ? left : right);
  return rolled[index] ? b.transpose(summed, unrollPermutation(summed.shape.length)) : summed;
};

/** Stored [rows, batch …, columns] → [batch …, rows, columns]. */
const rollPermutation = (rank: number): number[] => [
  ...Array.from({ length: rank - 2 }, (_, axis) => axis + 1),
  0,
  rank - 1,
];
const unrollPermutation = (rank: number): number[] => [
  rank - 2,
  ...Array.from({ length: rank - 2 }, (_, axis) => axis),
  rank - 1,
];

const gemmRule: InputGradient<'Gemm'> = (context, index) => {
  const { attributes, x, y, lean } = context;
  if (index === 2) return lean.mul(lean.sumTo(context.dy(), y().shape, x(2).shape), attributes.beta);
  return operandGradient(
    context as unknown as GradContext,
    { a: x(0), b: x(1), dy: context.dyFull() },
    { transA: attributes.transA === 1, transB: attributes.transB === 1, alpha: attributes.alpha },
    index,
  );
};

/** The gradient of an operand is the einsum of the output's gradient with the other operands, onto the operand's letters. */
const einsumRule: InputGradient<'Einsum'> = (context, index) => {
  const { builder: b, lean, x, attributes, numInputs } = context;
  const shapes = Array.from({ length: numInputs }, (_, i) => x(i).shape);
  const parsed = parseEinsum(attributes.equation, shapes);
  if (typeof parsed === 'string') return context.refuse(parsed);
  const own = parsed.inputs[index]!;
  if (new Set(own).size !== own.length) context.refuse(`the term "${own}" repeats a letter`);
  const letters = plainLetters([...parsed.inputs, parsed.output]);
  const others = parsed.inputs.map((term, i) => ({ term, i })).filter(({ i }) => i !== index);
  const reachable = new Set([parsed.output, ...others.map(({ term }) => term)].join(''));
  const kept = own
    .split('')
    .filter((letter) => reachable.has(letter))
    .join('');
  const terms = [parsed.output, ...others.map(({ term }) => term)].map(letters);
  const full = b.einsum(`${terms.join(',')}->${letters(kept)}`, context.dyFull(), ...others.map(({ i }) => x(i)));
  // Letters summed inside this operand alone: its gradient is constant along them.
  const shape = own.split('').map((letter) => (reachable.has(letter) ? parsed.sizes.get(letter)! : 1));
  const spread = b.reshape(full, shape);
  return lean.sumTo(
    spread,
    own.split('').map((letter) => parsed.sizes.get(letter)!),
    x(index).shape,
  );
};

const ALPHABET = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** Renames letters (also the ones that stand for `...`) to ones an equation may hold. */
function plainLetters(terms: readonly string[]): (term: string) => string {
  const names = new Map([...new Set(terms.join(''))].map((letter, i) => [letter, ALPHABET[i]!]));
  return (term) =>
    term
      .split('')
      .map((letter) => names.get(letter)!)
      .join('');
}

export const CONTRACTION_RULES: RulesOf<ContractionOp> = {
  MatMul: matMulRule as InputGradient<'MatMul'>,
  Gemm: gemmRule,
  FusedMatMul: fusedMatMulRule,
  Einsum: einsumRule,
  Conv: convRule,
  ConvTranspose: convTransposeRule,
};
