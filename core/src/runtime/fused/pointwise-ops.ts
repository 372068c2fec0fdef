/** Elementwise ops as WGSL expressions. One row an op; ops without a row have no kernel here. */
import type { Attributes, OpName } from '../../graph/index.ts';
import { NoKernel } from './prims.ts';
import type { TypeNames } from './prims.ts';

type Code = (args: readonly string[], types: TypeNames, attributes: Attributes) => string;

/** Beyond this tanh is ±1 in f32. */
const TANH_SATURATED = 15;
/** Coefficients of erf by a rational times a Gaussian.  Source: Abramowitz and Stegun 1964, 7.1.26 (error 1.5e-7). */
const ERF = [0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429] as const;
const ERF_SCALE = 0.3275911;
/** Cubic coefficient of the tanh form of GELU (arXiv 1606.08415). */
const GELU_CUBIC = 0.044715;

const tanh = (x: string, { F }: TypeNames): string =>
  `tanh(clamp(${x}, ${F}(-${TANH_SATURATED}), ${F}(${TANH_SATURATED})))`;
const sigmoid = (x: string): string => `(1.0 / (1.0 + exp(-(${x}))))`;

function erf(x: string, { F }: TypeNames): string {
  const t = `(1.0 / (1.0 + ${ERF_SCALE} * abs(${x})))`;
  const polynomial = ERF.toReversed().reduce((sum, coefficient) => `(${sum} * ${t} + ${F}(${coefficient}))`, `${F}(0)`);
  return `(sign(${x}) * (1.0 - ${polynomial} * ${t} * exp(-(${x}) * (${x}))))`;
}

function gelu(x: string, types: TypeNames, attributes: Attributes): string {
  if (attributes['approximate'] === 'tanh') {
    const twice = `(${2 * Math.sqrt(2 / Math.PI)} * (${x} + ${GELU_CUBIC} * ${x} * ${x} * ${x}))`;
    return `(${x} * ${sigmoid(twice)})`;
  }
  return `(0.5 * ${x} * (1.0 + ${erf(`(${x} * ${Math.SQRT1_2})`, types)}))`;
}

function clip([x]: readonly string[], { F }: TypeNames, { min, max }: Attributes): string {
  const raised = typeof min === 'number' ? `max(${x}, ${F}(${min}))` : x;
  return typeof max === 'number' ? `min(${raised}, ${F}(${max}))` : raised;
}

const infix =
  (operator: string): Code =>
  ([a, b]) =>
    `(${a} ${operator} ${b})`;
const call =
  (name: string): Code =>
  (args) =>
    `${name}(${args.join(', ')})`;

export const POINTWISE_CODE: Readonly<Partial<Record<OpName, Code>>> = {
  Neg: ([x]) => `(-(${x}))`,
  Abs: call('abs'),
  Exp: call('exp'),
  Log: call('log'),
  Sqrt: call('sqrt'),
  Reciprocal: ([x]) => `(1.0 / ${x})`,
  Erf: ([x], types) => erf(x, types),
  Tanh: ([x], types) => tanh(x, types),
  Sigmoid: ([x]) => sigmoid(x),
  Relu: ([x], { F }) => `max(${x}, ${F}(0))`,
  LeakyRelu: ([x], { F }, { alpha }) => `select(${x}, ${x} * ${F}(${alpha as number}), ${x} < ${F}(0))`,
  Elu: ([x], { F }, { alpha }) =>
    `select(${x}, ${F}(${alpha as number}) * (exp(min(${x}, ${F}(0))) - 1.0), ${x} < ${F}(0))`,
  Softplus: ([x], { F }) => `(max(${x}, ${F}(0)) + log(1.0 + exp(-abs(${x}))))`,
  Sin: call('sin'),
  Cos: call('cos'),
  Floor: call('floor'),
  Ceil: call('ceil'),
  Round: call('round'),
  Sign: call('sign'),
  Not: ([x]) => `(!(${x}))`,
  Gelu: ([x], types, attributes) => gelu(x, types, attributes),
  QuickGelu: ([x], { F }, { alpha }) => `(${x} * ${sigmoid(`${x} * ${F}(${alpha as number})`)})`,
  Clip: clip,
  Add: infix('+'),
  Sub: infix('-'),
  Mul: infix('*'),
  Div: infix('/'),
  Min: call('min'),
  Max: call('max'),
  And: infix('&'),
  Or: infix('|'),
  Xor: infix('!='),
  Equal: infix('=='),
  Less: infix('<'),
  LessOrEqual: infix('<='),
  Greater: infix('>'),
  GreaterOrEqual: infix('>='),
  Where: ([condition, a, b]) => `select(${b}, ${a}, ${condition})`,
};

/** x to a power known beforehand, as products and roots. */
export function powerCode(exponent: number): Code {
  const forms: Readonly<Record<string, Code>> = {
    '2': ([x]) => `(${x} * ${x})`,
    '3': ([x]) => `(${x} * ${x} * ${x})`,
    '0.5': ([x]) => `sqrt(${x})`,
    '-1': ([x]) => `(1.0 / ${x})`,
    '-0.5': ([x]) => `inverseSqrt(${x})`,
  };
  const form = forms[String(exponent)];
  if (form === undefined) throw new NoKernel(`Pow with exponent ${exponent}`);
  return form;
}
