/** Gradients of elementwise ops. Ties: Max and Min give the whole gradient to the first operand; Relu is 0 at 0;
 *  Clip passes the gradient on its bounds. */
import type { BinaryOp, GraphValue, UnaryOp } from '../../graph/index.ts';
import type { GradContext, InputGradient, RulesOf } from '../types.ts';

const CONSTANT = 'piecewise constant: the derivative is zero wherever it exists';
const LOGICAL = 'logical values carry no gradient';

const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);
const TWICE_SQRT_2_OVER_PI = 2 * Math.sqrt(2 / Math.PI);
/** Cubic coefficient of the tanh form of GELU (arXiv 1606.08415). */
const GELU_CUBIC = 0.044715;

/** dy · f'(x) where f' is built from the context. */
const times =
  (derivative: (context: GradContext) => GraphValue): InputGradient =>
  (context) =>
    context.lean.mul(context.dy(), derivative(context));

/** d/dx [½x(1 + erf(a))] with a = x/√2: ½(1 + erf a + 2/√π · a·e^(−a²)). */
function geluExactSlope({ builder: b, x }: GradContext): GraphValue {
  const a = b.mul(x(0), Math.SQRT1_2);
  const bell = b.exp(b.neg(b.mul(a, a)));
  const tail = b.mul(b.mul(a, bell), TWO_OVER_SQRT_PI);
  return b.mul(b.add(b.add(b.erf(a), tail), 1), 0.5);
}

/** The tanh form is x·σ(v), v = 2√(2/π)(x + c·x³); its slope is σ + y(1 − σ)·(v / x + …) with v' = 2√(2/π)(1 + 3c·x²). */
function geluTanhSlope({ builder: b, x, y }: GradContext): GraphValue {
  const squared = b.mul(x(0), x(0));
  const v = b.mul(x(0), b.add(b.mul(squared, TWICE_SQRT_2_OVER_PI * GELU_CUBIC), TWICE_SQRT_2_OVER_PI));
  const gate = b.sigmoid(v);
  const slopeOfV = b.add(b.mul(squared, 3 * TWICE_SQRT_2_OVER_PI * GELU_CUBIC), TWICE_SQRT_2_OVER_PI);
  const rest = b.sub(y(), b.mul(y(), gate));
  return b.add(gate, b.mul(rest, slopeOfV));
}

/** x·σ(αx): σ + α·y(1 − σ). */
function quickGeluSlope({ builder: b, lean, x, y, attributes }: GradContext<'QuickGelu'>): GraphValue {
  const { alpha } = attributes;
  const gate = b.sigmoid(lean.mul(x(0), alpha));
  const rest = b.sub(y(), b.mul(y(), gate));
  return b.add(gate, lean.mul(rest, alpha));
}

export const UNARY_RULES: RulesOf<UnaryOp> = {
  Neg: ({ lean, dy }) => lean.neg(dy()),
  Abs: times(({ builder: b, x }) => b.sign(x(0))),
  Exp: times(({ y }) => y()),
  Log: ({ lean, dy, x }) => lean.div(dy(), x(0)),
  Sqrt: ({ lean, dy, y }) => lean.div(lean.mul(dy(), 0.5), y()),
  Reciprocal: ({ builder: b, lean, dy, y }) => lean.neg(lean.mul(dy(), b.mul(y(), y()))),
  Erf: times(({ builder: b, x }) => b.mul(b.exp(b.neg(b.mul(x(0), x(0)))), TWO_OVER_SQRT_PI)),
  Tanh: times(({ builder: b, y }) => b.sub(1, b.mul(y(), y()))),
  Sigmoid: times(({ builder: b, y }) => b.sub(y(), b.mul(y(), y()))),
  Relu: ({ builder: b, lean, dy, y }) => lean.mask(b.greater(y(), 0), dy()),
  LeakyRelu: times(({ builder: b, x, attributes }) => {
    const isBelow = b.cast(b.less(x(0), 0), x(0).dtype);
    return b.add(b.mul(isBelow, (attributes as { alpha: number }).alpha - 1), 1);
  }) as InputGradient<'LeakyRelu'>,
  /** Below zero α·eˣ = y + α. */
  Elu: times(({ builder: b, x, y, attributes }) => {
    const isBelow = b.cast(b.less(x(0), 0), x(0).dtype);
    return b.add(b.mul(isBelow, b.add(y(), (attributes as { alpha: number }).alpha - 1)), 1);
  }) as InputGradient<'Elu'>,
  Softplus: times(({ builder: b, x }) => b.sigmoid(x(0))),
  Sin: times(({ builder: b, x }) => b.cos(x(0))),
  Cos: ({ builder: b, lean, dy, x }) => lean.neg(lean.mul(dy(), b.sin(x(0)))),
  Floor: { zero: CONSTANT },
  Ceil: { zero: CONSTANT },
  Round: { zero: CONSTANT },
  Sign: { zero: CONSTANT },
  Not: { none: LOGICAL },
  IsNaN: { none: LOGICAL },
  IsInf: { none: LOGICAL },
  Gelu: (context) =>
    context.lean.mul(
      context.dy(),
      context.attributes.approximate === 'tanh' ? geluTanhSlope(context) : geluExactSlope(context),
    ),
  QuickGelu: (context) => context.lean.mul(context.dy(), quickGeluSlope(context)),
  Clip: ({ builder: b, lean, dy, x, y }) => lean.mask(b.equal(x(0), y()), dy()),
  Cast: ({ lean, dy, x }) => lean.cast(dy(), x(0).dtype),
  Identity: ({ dy }) => dy(),
  StopGradient: { zero: 'asked for' },
};

/** Wraps a rule that gives a gradient of the output's shape: sums it over the axes this operand was broadcast along. */
const summed =
  (rule: (context: GradContext, index: number) => GraphValue | undefined): InputGradient =>
  (context, index) => {
    const gradient = rule(context, index);
    return gradient && context.lean.sumTo(gradient, context.y().shape, context.x(index).shape);
  };

function powGradient(context: GradContext, index: number): GraphValue {
  const { builder: b, lean, dy, x, y } = context;
  if (index === 1) return lean.mul(dy(), b.mul(y(), b.log(x(0))));
  const exponent = context.constantOf(1);
  if (exponent === undefined) return lean.mul(dy(), b.mul(x(1), b.pow(x(0), b.sub(x(1), 1))));
  const power = exponent === 2 ? x(0) : b.pow(x(0), exponent - 1);
  return lean.mul(lean.mul(dy(), power), exponent);
}

/** Min and Max: the first operand wins ties. */
const extremum = (firstWins: 'LessOrEqual' | 'GreaterOrEqual', secondWins: 'Greater' | 'Less'): InputGradient =>
  summed(({ builder: b, lean, dy, x }, index) =>
    lean.mask(b.op(index === 0 ? firstWins : secondWins, [x(0), x(1)]), dy()),
  );

export const BINARY_RULES: RulesOf<BinaryOp> = {
  Add: summed(({ dy }) => dy()),
  Sub: summed(({ lean, dy }, index) => (index === 0 ? dy() : lean.neg(dy()))),
  Mul: summed(({ lean, dy, x, isSameInput }, index) => {
    if (!isSameInput(0, 1)) return lean.mul(dy(), x(1 - index));
    return index === 0 ? lean.mul(lean.mul(dy(), 2), x(0)) : undefined;
  }),
  Div: summed(({ lean, dy, x, y, once }, index) => {
    const scaled = once('dy/b', () => lean.div(dy(), x(1)));
    return index === 0 ? scaled : lean.neg(lean.mul(scaled, y()));
  }),
  Pow: summed(powGradient),
  Mod: summed((context, index) => {
    const { builder: b, lean, dy, x, attributes } = context as GradContext<'Mod'>;
    if (index === 0) return dy();
    if (attributes.fmod === 0) context.refuse('integer remainder has no gradient in its divisor');
    // a − b·trunc(a/b) has slope −trunc(a/b) in b; (a − y)/b is that integer, exactly rounded.
    return lean.neg(lean.mul(dy(), b.round(b.div(b.sub(x(0), context.y()), x(1)))));
  }),
  Min: extremum('LessOrEqual', 'Greater'),
  Max: extremum('GreaterOrEqual', 'Less'),
  And: { none: LOGICAL },
  Or: { none: LOGICAL },
  Xor: { none: LOGICAL },
  Equal: { none: LOGICAL },
  Less: { none: LOGICAL },
  LessOrEqual: { none: LOGICAL },
  Greater: { none: LOGICAL },
  GreaterOrEqual: { none: LOGICAL },
};
