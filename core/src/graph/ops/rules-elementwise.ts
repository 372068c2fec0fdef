/** Shapes and dtypes of elementwise ops. */
import type { Dtype } from '../../tensor/index.ts';
import type { BinaryOp, UnaryOp } from './op-names.ts';
import {
  broadcastShapes,
  describeInput,
  expectDtype,
  expectSameDtype,
  failRule,
  FLOAT_DTYPES,
  INTEGER_DTYPES,
  NUMBER_DTYPES,
  type RuleContext,
  type TypeRule,
  type ValueType,
} from './rule-context.ts';

const SIGNED_DTYPES: readonly Dtype[] = [...FLOAT_DTYPES, 'int8', 'int16', 'int32', 'int64'];
const BOOL: readonly Dtype[] = ['bool'];

const unary =
  (allowed: readonly Dtype[] | 'any', result?: Dtype) =>
  (context: RuleContext): readonly ValueType[] => {
    if (allowed !== 'any') expectDtype(context, 0, allowed);
    const input = context.inputs[0]!;
    return [{ dtype: result ?? input.dtype, shape: input.shape }];
  };

const binary =
  (allowed: readonly Dtype[] | 'any', result?: Dtype) =>
  (context: RuleContext): readonly ValueType[] => {
    if (allowed !== 'any') expectDtype(context, 0, allowed);
    const dtype = expectSameDtype(context);
    return [{ dtype: result ?? dtype, shape: broadcastAll(context) }];
  };

/** The broadcast shape of all inputs. */
export function broadcastAll(context: RuleContext): readonly number[] {
  const first = context.inputs[0]!;
  let shape = first.shape;
  for (const input of context.inputs.slice(1)) {
    const wider = broadcastShapes(shape, input!.shape);
    if (wider === undefined) {
      failRule(
        context,
        'TF-GRAPH-002',
        'shapes must broadcast',
        context.inputs.map((each) => describeInput(each!)).join(' and '),
        [`Sizes of an axis, counted from the end, must be equal or 1.`],
      );
    }
    shape = wider;
  }
  return shape;
}

export const UNARY_RULES: { readonly [Op in UnaryOp]: TypeRule<Op> } = {
  Neg: unary(SIGNED_DTYPES),
  Abs: unary(NUMBER_DTYPES),
  Exp: unary(FLOAT_DTYPES),
  Log: unary(FLOAT_DTYPES),
  Sqrt: unary(FLOAT_DTYPES),
  Reciprocal: unary(FLOAT_DTYPES),
  Erf: unary(FLOAT_DTYPES),
  Tanh: unary(FLOAT_DTYPES),
  Sigmoid: unary(FLOAT_DTYPES),
  Relu: unary(SIGNED_DTYPES),
  LeakyRelu: unary(FLOAT_DTYPES),
  Elu: unary(FLOAT_DTYPES),
  Softplus: unary(FLOAT_DTYPES),
  Sin: unary(FLOAT_DTYPES),
  Cos: unary(FLOAT_DTYPES),
  Floor: unary(FLOAT_DTYPES),
  Ceil: unary(FLOAT_DTYPES),
  Round: unary(FLOAT_DTYPES),
  Sign: unary(NUMBER_DTYPES),
  Not: unary(BOOL),
  IsNaN: unary(FLOAT_DTYPES, 'bool'),
  IsInf: unary(FLOAT_DTYPES, 'bool'),
  Gelu: unary(FLOAT_DTYPES),
  QuickGelu: unary(FLOAT_DTYPES),
  Clip: unary(NUMBER_DTYPES),
  Cast: (context) => [{ dtype: context.attributes.to, shape: context.inputs[0]!.shape }],
  Identity: unary('any'),
  StopGradient: unary('any'),
};

export const BINARY_RULES: { readonly [Op in BinaryOp]: TypeRule<Op> } = {
  Add: binary(NUMBER_DTYPES),
  Sub: binary(NUMBER_DTYPES),
  Mul: binary(NUMBER_DTYPES),
  Div: binary(NUMBER_DTYPES),
  Pow: binary(NUMBER_DTYPES),
  Mod(context) {
    if (context.attributes.fmod === 0) expectDtype(context, 0, INTEGER_DTYPES);
    return binary(NUMBER_DTYPES)(context);
  },
  Min: binary(NUMBER_DTYPES),
  Max: binary(NUMBER_DTYPES),
  And: binary(BOOL),
  Or: binary(BOOL),
  Xor: binary(BOOL),
  Equal: binary('any', 'bool'),
  Less: binary(NUMBER_DTYPES, 'bool'),
  LessOrEqual: binary(NUMBER_DTYPES, 'bool'),
  Greater: binary(NUMBER_DTYPES, 'bool'),
  GreaterOrEqual: binary(NUMBER_DTYPES, 'bool'),
};
