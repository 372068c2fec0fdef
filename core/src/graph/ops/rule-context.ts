/** What a type rule sees, and how it complains. */
import { formatShape, type Dtype, type Shape } from '../../tensor/index.ts';
import { graphError } from '../graph-errors.ts';
import type { AttributesOf } from './op-schemas.ts';
import type { OpName } from './op-names.ts';

export interface ValueType {
  readonly dtype: Dtype;
  readonly shape: Shape;
}

/** An input of a rule: its type and the name it is known by. */
export interface RuleInput extends ValueType {
  readonly name: string;
}

type RuleCode = 'TF-GRAPH-001' | 'TF-GRAPH-002' | 'TF-GRAPH-003' | 'TF-GRAPH-004';

export interface RuleContext<Op extends OpName = OpName> {
  readonly op: Op;
  readonly nodeName: string;
  /** Absent optional inputs are undefined. */
  readonly inputs: readonly (RuleInput | undefined)[];
  readonly attributes: AttributesOf<Op>;
  readonly numOutputs: number;
}

/** Types of all outputs that the op can have (the caller takes the first numOutputs). */
export type TypeRule<Op extends OpName> = (context: RuleContext<Op>) => readonly ValueType[];

/** `matMul: inner sizes must match, got A [4, 8] and B [6, 3] (node "proj/MatMul_2"). …` */
export function failRule(
  context: { readonly op: OpName; readonly nodeName: string },
  code: RuleCode,
  expected: string,
  actual?: string,
  hints: readonly string[] = [],
): never {
  throw graphError(code, {
    subject: subjectOfOp(context.op),
    expected,
    ...(actual === undefined ? {} : { actual }),
    location: `node "${context.nodeName}"`,
    hints,
  });
}

/** `matMul` from `MatMul`. */
export function subjectOfOp(op: OpName): string {
  return op[0]!.toLowerCase() + op.slice(1);
}

/** `x [4, 8] float32` without the dtype when it does not matter. */
export function describeInput(input: RuleInput): string {
  return `${input.name} ${formatShape(input.shape)}`;
}

/** NumPy broadcasting of two shapes. @returns undefined if they do not fit */
export function broadcastShapes(a: Shape, b: Shape): Shape | undefined {
  const rank = Math.max(a.length, b.length);
  const shape = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const sizeA = i <= a.length ? a[a.length - i]! : 1;
    const sizeB = i <= b.length ? b[b.length - i]! : 1;
    if (sizeA !== sizeB && sizeA !== 1 && sizeB !== 1) return undefined;
    shape[rank - i] = sizeA === 1 ? sizeB : sizeA;
  }
  return shape;
}

export const FLOAT_DTYPES: readonly Dtype[] = ['float32', 'float64', 'float16', 'bfloat16'];
export const INTEGER_DTYPES: readonly Dtype[] = [
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
];
export const NUMBER_DTYPES: readonly Dtype[] = [...FLOAT_DTYPES, ...INTEGER_DTYPES];
export const INDEX_DTYPES: readonly Dtype[] = ['int32', 'int64'];

/** Fails unless the input's dtype is one of `allowed`. */
export function expectDtype(context: RuleContext, index: number, allowed: readonly Dtype[]): void {
  const input = context.inputs[index];
  if (input === undefined || allowed.includes(input.dtype)) return;
  failRule(context, 'TF-GRAPH-003', `${input.name} must be ${listDtypes(allowed)}`, input.dtype, [
    `Insert a Cast before "${input.name}".`,
  ]);
}

/** Fails unless all given inputs share one dtype. */
export function expectSameDtype(context: RuleContext, indices?: readonly number[]): Dtype {
  const inputs = context.inputs.filter(
    (input, i) => input !== undefined && (indices?.includes(i) ?? true),
  ) as RuleInput[];
  const first = inputs[0]!;
  for (const input of inputs) {
    if (input.dtype !== first.dtype) {
      failRule(
        context,
        'TF-GRAPH-003',
        'dtypes must match',
        `${first.name} ${first.dtype} and ${input.name} ${input.dtype}`,
        [`Cast "${input.name}" to ${first.dtype}.`],
      );
    }
  }
  return first.dtype;
}

/** Fails unless the input has the rank. */
export function expectRank(context: RuleContext, index: number, rank: number): RuleInput {
  const input = context.inputs[index]!;
  if (input.shape.length !== rank)
    failRule(context, 'TF-GRAPH-002', `${input.name} must have rank ${rank}`, formatShape(input.shape));
  return input;
}

function listDtypes(dtypes: readonly Dtype[]): string {
  if (dtypes.length === NUMBER_DTYPES.length && dtypes[0] === 'float32') return 'a number';
  if (dtypes === FLOAT_DTYPES) return 'a float (float32, float64, float16, bfloat16)';
  if (dtypes === INTEGER_DTYPES) return 'an integer';
  return dtypes.join(' or ');
}
