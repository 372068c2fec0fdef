/** Along which axes an operation can be cut: for each rule the permitted combinations of axes of its tensors
 *  (paper and public code). One number per tensor, inputs then outputs. */
import type { AxisRule, OverlapOp, TensorInfo } from './types.ts';

/** Not cut. */
export const WHOLE = -1;
/** A dispatch buffer whose rows belong to the parts irregularly. */
export const BY_EXPERT = 100;
/** Indices and places of tokens, re-based when parts are put together. */
export const BY_PLACE = 101;

export type AxisTuple = readonly number[];

export function axisName(axis: number): string {
  if (axis === WHOLE) return 'whole';
  if (axis === BY_EXPERT) return 'by expert';
  return axis === BY_PLACE ? 'by place' : `axis ${axis}`;
}

interface RuleInput {
  readonly op: OverlapOp;
  readonly ins: readonly TensorInfo[];
  readonly outs: readonly TensorInfo[];
}

type Rule = (input: RuleInput) => AxisTuple[];

/** All combinations that cut something, for `numParts` parts; the one that cuts nothing is not listed. */
export function axisTuples(
  op: OverlapOp,
  tensors: Readonly<Record<string, TensorInfo>>,
  numParts: number,
): AxisTuple[] {
  const infoOf = (name: string): TensorInfo => tensors[name] ?? { shape: [] };
  const [ins, outs] = [op.ins.map(infoOf), op.outs.map(infoOf)];
  const all = [...ins, ...outs];
  return RULES[op.rule ?? 'whole']({ op, ins, outs }).filter((tuple) =>
    tuple.every((axis, index) => axis === WHOLE || axis >= BY_EXPERT || isDivisible(all[index]!, axis, numParts)),
  );
}

export function isDivisible({ shape }: TensorInfo, axis: number, numParts: number): boolean {
  const size = shape[axis];
  return size !== undefined && size > 1 && size >= numParts && size % numParts === 0;
}

const axesOf = ({ shape }: TensorInfo): number[] => shape.map((_, axis) => axis);
const rank = ({ shape }: TensorInfo): number => shape.length;
const repeat = (axis: number, count: number): number[] => Array.from({ length: Math.max(0, count) }, () => axis);

/** Axis of an operand that broadcasting lines up with axis `axis` of the result. */
function alignedAxis(operand: TensorInfo, result: TensorInfo, axis: number): number {
  const own = axis - (rank(result) - rank(operand));
  if (own < 0 || (operand.shape[own] === 1 && result.shape[axis] !== 1)) return WHOLE;
  return own;
}

const elementwise: Rule = ({ ins, outs }) => {
  const result = outs[0]!;
  const tuples = axesOf(result).map((axis) => [
    ...ins.map((operand) => alignedAxis(operand, result, axis)),
    ...repeat(axis, outs.length),
  ]);
  // Dispatch buffers: each operand of the buffer's own shape is cut by expert, the rest is whole.
  const byExpert = ins.map((operand) => (operand.isParameter || rank(operand) < rank(result) ? WHOLE : BY_EXPERT));
  if (result.isDispatchBuffer) tuples.push([...byExpert, ...repeat(BY_EXPERT, outs.length)]);
  return tuples;
};

const buffer: Rule = ({ ins, outs }) => {
  const rest = repeat(WHOLE, ins.length - 1);
  // Axis 0 is what the exchange itself cuts.
  const byCapacity = axesOf(outs[0]!)
    .slice(1, 2)
    .map((axis) => [axis, ...rest, ...repeat(axis, outs.length)]);
  return [[BY_EXPERT, ...rest, ...repeat(BY_EXPERT, outs.length)], ...byCapacity];
};

/** Axis of a tensor of a layer that is cut token by token. */
function tokenAxis({ isDispatchBuffer, isPlaces, isParameter }: TensorInfo): number {
  if (isParameter) return WHOLE;
  if (isDispatchBuffer) return BY_EXPERT;
  return isPlaces ? BY_PLACE : 0;
}

const RULES: Readonly<Record<AxisRule, Rule>> = {
  // X [.., K] · W [K, N] (+ bias [N]); the contraction is never cut.
  matmul: ({ ins, outs }) => {
    const last = rank(outs[0]!) - 1;
    const rows = axesOf(outs[0]!)
      .slice(0, -1)
      .map((axis) => [axis, WHOLE, ...repeat(WHOLE, ins.length - 2), axis]);
    return [...rows, [WHOLE, rank(ins[1]!) - 1, ...ins.slice(2).map((bias) => rank(bias) - 1), last]];
  },
  'batch-matmul': ({ ins, outs }) => {
    const [a, b] = [ins[0]!, ins[1]!];
    const numBatch = rank(outs[0]!) - 2;
    const batch = axesOf(outs[0]!)
      .slice(0, numBatch)
      .map((axis) => [alignedAxis(a, outs[0]!, axis), alignedAxis(b, outs[0]!, axis), axis]);
    return [...batch, [rank(a) - 2, WHOLE, numBatch], [WHOLE, rank(b) - 1, numBatch + 1]];
  },
  elementwise,
  // Everything from the normalised axis on stays together; also products with transposed weights, cut by rows only.
  norm: ({ op, ins, outs }) => {
    const normalised = op.axis ?? rank(ins[0]!) - 1;
    return axesOf(ins[0]!)
      .filter((axis) => axis < normalised)
      .map((axis) => [axis, ...repeat(WHOLE, ins.length - 1), ...repeat(axis, outs.length)]);
  },
  // An axis survives where as many elements stand before it: contiguous parts stay contiguous.
  reshape: ({ ins, outs }) => {
    const [from, to] = [ins[0]!, outs[0]!];
    const tuples: number[][] = [];
    for (const axis of axesOf(from)) {
      for (const other of axesOf(to)) {
        if (elementsBefore(from, axis) === elementsBefore(to, other)) tuples.push([axis, other]);
      }
    }
    if (from.isDispatchBuffer && to.isDispatchBuffer) tuples.push([BY_EXPERT, BY_EXPERT]);
    return tuples.map(([a, b]) => [a!, ...repeat(WHOLE, ins.length - 1), b!]);
  },
  transpose: ({ op, ins }) =>
    axesOf(ins[0]!).map((axis) => [axis, (op.permutation ?? axesOf(ins[0]!).toReversed()).indexOf(axis)]),
  split: ({ op, ins, outs }) =>
    axesOf(ins[0]!)
      .filter((axis) => axis !== op.axis)
      .map((axis) => [axis, ...repeat(WHOLE, ins.length - 1), ...repeat(axis, outs.length)]),
  concat: ({ op, ins, outs }) =>
    axesOf(outs[0]!)
      .filter((axis) => axis !== op.axis)
      .map((axis) => [...repeat(axis, ins.length), axis]),
  reduce: ({ op, ins, outs }) =>
    axesOf(ins[0]!)
      .filter((axis) => axis !== op.axis)
      .map((axis) => {
        const isKept = rank(ins[0]!) === rank(outs[0]!);
        const shifted = isKept || axis < (op.axis ?? 0) ? axis : axis - 1;
        return [axis, ...repeat(WHOLE, ins.length - 1), shifted];
      }),
  // table [V, H], ids [..]
  embedding: ({ ins }) => axesOf(ins[1]!).map((axis) => [WHOLE, axis, axis]),
  // Tokens and gate values → weights, places, buffer.
  encode: ({ ins, outs }) => [[...ins, ...outs].map(tokenAxis)],
  'encode-whole': ({ ins, outs }) => [[...repeat(WHOLE, ins.length), ...outs.map(tokenAxis)]],
  a2a: buffer,
  expert: buffer,
  // Buffer, weights and places → tokens; the capacity axis is refused.
  decode: ({ ins, outs }) => [[...ins, ...outs].map(tokenAxis)],
  whole: () => [],
};

function elementsBefore({ shape }: TensorInfo, axis: number): number {
  return shape.slice(0, axis).reduce((product, size) => product * size, 1);
}
