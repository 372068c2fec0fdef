/** A small evaluator for the index arithmetic that exporters leave in ONNX files (Shape → Gather → Concat → Reshape).
 *  Values are f64 numbers; integers stay exact up to 2⁵³. */
import { numbersFromTensor, numel, type Dtype, type Shape, type Tensor } from '../../tensor/index.ts';
import { tensorFromNumbers } from '../build/scalar-tensor.ts';
import { broadcastShapes } from '../ops/rule-context.ts';

export interface KnownNumbers {
  readonly dtype: Dtype;
  readonly shape: Shape;
  readonly numbers: readonly number[];
}

/** Larger tensors are weights, not shapes. */
export const MAX_FOLDED_ELEMENTS = 4096;

/** undefined for tensors too large to be index arithmetic. */
export function knownFromTensor(tensor: Tensor): KnownNumbers | undefined {
  if (numel(tensor.shape) > MAX_FOLDED_ELEMENTS) return undefined;
  return { dtype: tensor.dtype, shape: tensor.shape, numbers: Array.from(numbersFromTensor(tensor)) };
}

export function tensorFromKnown({ dtype, shape, numbers }: KnownNumbers): Tensor {
  return tensorFromNumbers(dtype, numbers, shape);
}

type Attributes = Readonly<Record<string, unknown>>;
type Fold = (inputs: readonly (KnownNumbers | undefined)[], attributes: Attributes) => KnownNumbers | undefined;

const vector = (numbers: readonly number[], dtype: Dtype = 'int64'): KnownNumbers => ({
  dtype,
  shape: [numbers.length],
  numbers,
});

const arithmetic =
  (compute: (a: number, b: number, isInteger: boolean) => number, result?: Dtype): Fold =>
  ([a, b]) => {
    const shape = a && b && broadcastShapes(a.shape, b.shape);
    if (!a || !b || !shape) return undefined;
    const isInteger = !a.dtype.includes('float');
    const numbers = Array.from({ length: numel(shape) }, (_, i) =>
      compute(
        a.numbers[broadcastOffset(i, shape, a.shape)]!,
        b.numbers[broadcastOffset(i, shape, b.shape)]!,
        isInteger,
      ),
    );
    return { dtype: result ?? a.dtype, shape, numbers };
  };
const mapped =
  (compute: (x: number) => number): Fold =>
  ([x]) =>
    x && { ...x, numbers: x.numbers.map(compute) };

function broadcastOffset(index: number, wide: Shape, narrow: Shape): number {
  let offset = 0;
  let stride = 1;
  let rest = index;
  for (let axis = 1; axis <= wide.length; axis++) {
    const size = wide[wide.length - axis]!;
    const own = narrow[narrow.length - axis] ?? 1;
    if (own > 1) offset += (rest % size) * stride;
    stride *= own;
    rest = Math.floor(rest / size);
  }
  return offset;
}

/** Ops whose result can be a shape. Vectors and scalars only where an op could do more. */
export const FOLDS: Readonly<Record<string, Fold>> = {
  Add: arithmetic((a, b) => a + b),
  Sub: arithmetic((a, b) => a - b),
  Mul: arithmetic((a, b) => a * b),
  Div: arithmetic((a, b, isInteger) => (isInteger ? Math.trunc(a / b) : a / b)),
  Mod: arithmetic((a, b) => a - b * Math.floor(a / b)),
  Min: arithmetic((a, b) => Math.min(a, b)),
  Max: arithmetic((a, b) => Math.max(a, b)),
  Pow: arithmetic((a, b) => a ** b),
  Equal: arithmetic((a, b) => Number(a === b), 'bool'),
  Less: arithmetic((a, b) => Number(a < b), 'bool'),
  Greater: arithmetic((a, b) => Number(a > b), 'bool'),
  And: arithmetic((a, b) => Number(a !== 0 && b !== 0), 'bool'),
  Or: arithmetic((a, b) => Number(a !== 0 || b !== 0), 'bool'),
  Not: mapped((x) => Number(x === 0)),
  Neg: mapped((x) => -x),
  Floor: mapped(Math.floor),
  Ceil: mapped(Math.ceil),
  Sqrt: mapped(Math.sqrt),
  Identity: ([x]) => x,
  Cast: ([x], { to }) => x && castKnown(x, to as Dtype),
  Where: ([condition, a, b]) => {
    const inner = condition && a && broadcastShapes(condition.shape, a.shape);
    const shape = inner && b && broadcastShapes(inner, b.shape);
    if (!condition || !a || !b || !shape) return undefined;
    const numbers = Array.from({ length: numel(shape) }, (_, i) =>
      condition.numbers[broadcastOffset(i, shape, condition.shape)] !== 0
        ? a.numbers[broadcastOffset(i, shape, a.shape)]!
        : b.numbers[broadcastOffset(i, shape, b.shape)]!,
    );
    return { dtype: a.dtype, shape, numbers };
  },
  Gather: ([data, indices], { axis = 0 }) => {
    if (!data || !indices || data.shape.length !== 1 || axis !== 0) return undefined;
    const numbers = indices.numbers.map((index) => data.numbers[index < 0 ? index + data.numbers.length : index]!);
    return { dtype: data.dtype, shape: indices.shape, numbers };
  },
  Concat: (inputs) => {
    if (inputs.some((input) => input?.shape.length !== 1)) return undefined;
    return vector(
      inputs.flatMap((input) => input!.numbers),
      inputs[0]!.dtype,
    );
  },
  Slice: ([data, starts, ends, , steps]) => {
    if (data?.shape.length !== 1 || !starts || !ends || (steps?.numbers[0] ?? 1) !== 1) return undefined;
    return vector(data.numbers.slice(starts.numbers[0], Math.min(ends.numbers[0]!, data.numbers.length)), data.dtype);
  },
  Unsqueeze: ([x], { axes }) => {
    const places = axes as readonly number[] | undefined;
    return x && places && x.shape.length === 0
      ? { ...x, shape: places.map(() => 1) }
      : x?.shape.length === 0
        ? { ...x, shape: [1] }
        : undefined;
  },
  Squeeze: ([x]) => (x && x.numbers.length === 1 ? { ...x, shape: [] } : undefined),
  Reshape: ([x, shape]) => {
    if (!x || !shape) return undefined;
    const known = shape.numbers.reduce((product, size) => (size === -1 ? product : product * size), 1);
    return { ...x, shape: shape.numbers.map((size) => (size === -1 ? x.numbers.length / known : size)) };
  },
  Range: ([start, limit, delta]) => {
    if (!start || !limit || !delta) return undefined;
    const count = Math.max(0, Math.ceil((limit.numbers[0]! - start.numbers[0]!) / delta.numbers[0]!));
    if (count > MAX_FOLDED_ELEMENTS) return undefined;
    return vector(
      Array.from({ length: count }, (_, i) => start.numbers[0]! + i * delta.numbers[0]!),
      start.dtype,
    );
  },
  ConstantOfShape: ([shape], { value }) => {
    const filling = value as Tensor | undefined;
    if (!shape || numel(shape.numbers) > MAX_FOLDED_ELEMENTS) return undefined;
    const number = filling === undefined ? 0 : numbersFromTensor(filling)[0]!;
    return {
      dtype: filling?.dtype ?? 'float32',
      shape: shape.numbers,
      numbers: new Array<number>(numel(shape.numbers)).fill(number),
    };
  },
  Expand: ([x, shape]) => {
    const wide = x && shape && broadcastShapes(x.shape, shape.numbers);
    if (!x || !wide || numel(wide) > MAX_FOLDED_ELEMENTS) return undefined;
    return {
      dtype: x.dtype,
      shape: wide,
      numbers: Array.from({ length: numel(wide) }, (_, i) => x.numbers[broadcastOffset(i, wide, x.shape)]!),
    };
  },
  ReduceProd: ([x], { keepdims = 1 }) =>
    x && x.shape.length === 1 ? { ...x, shape: keepdims === 0 ? [] : [1], numbers: [numel(x.numbers)] } : undefined,
};

function castKnown(x: KnownNumbers, to: Dtype): KnownNumbers {
  const isFloat = to.includes('float');
  const convert =
    to === 'bool' ? (value: number) => Number(value !== 0) : isFloat ? (value: number) => value : Math.trunc;
  return { dtype: to, shape: x.shape, numbers: x.numbers.map(convert) };
}
