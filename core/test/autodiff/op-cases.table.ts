/** Gradcheck cases of every op. A new op does not compile until it has its row. */
import type { GradCheckInput } from '../../src/autodiff/index.ts';
import type { GraphBuilder, GraphValue, OpName } from '../../src/graph/index.ts';

type Values = Readonly<Record<string, GraphValue>>;

export interface OpCase {
  readonly title: string;
  readonly inputs: Readonly<Record<string, GradCheckInput>>;
  readonly build: (b: GraphBuilder, values: Values) => GraphValue | readonly GraphValue[];
}

/** Why an op has no case here. */
interface Exemption {
  readonly exempt: 'no gradient' | 'zero gradient' | 'collective';
}

const X: Readonly<Record<string, GradCheckInput>> = { x: { shape: [3, 4] } };
/** Away from zero and positive: for logs, roots and quotients. */
const POSITIVE: Readonly<Record<string, GradCheckInput>> = {
  x: { shape: [2, 3], values: [0.5, 1.2, 2.3, 0.8, 3.1, 1.7] },
};

const one = (
  title: string,
  inputs: OpCase['inputs'],
  build: (b: GraphBuilder, values: Values) => GraphValue | readonly GraphValue[],
): OpCase => ({ title, inputs, build });

const unary = (f: (b: GraphBuilder, x: GraphValue) => GraphValue, inputs = X): OpCase[] => [
  one('elementwise', inputs, (b, { x }) => f(b, x!)),
];

type Pair = (b: GraphBuilder, p: GraphValue, q: GraphValue) => GraphValue;
const binary = (f: Pair, p?: readonly number[]): OpCase[] => {
  const shapes: [string, number[], number[]][] = [
    ['same shapes', [2, 3], [2, 3]],
    ['a row', [2, 3], [3]],
    ['both sides broadcast', [2, 1, 3], [4, 1]],
    ['a scalar', [], [2, 3]],
  ];
  return shapes.map(([title, a, c]) =>
    one(
      title,
      {
        p: { shape: a, ...(p ? { values: Array.from({ length: 6 }, (_, i) => p[i % p.length]!) } : {}) },
        q: { shape: c, ...(p ? { values: Array.from({ length: 6 }, (_, i) => p[(i + 2) % p.length]! + 0.1) } : {}) },
      },
      (b, values) => f(b, values['p']!, values['q']!),
    ),
  );
};
const QUOTIENTS = [0.7, 1.9, 2.6, 1.3, 3.2];

const reduce = (
  op:
    | 'ReduceSum'
    | 'ReduceMean'
    | 'ReduceMax'
    | 'ReduceMin'
    | 'ReduceProd'
    | 'ReduceL1'
    | 'ReduceL2'
    | 'ReduceSumSquare'
    | 'ReduceLogSumExp',
): OpCase[] => [
  one('all axes', { x: { shape: [2, 3, 2] } }, (b, { x }) => b.op(op, [x])),
  one('the middle axis without keepdims', { x: { shape: [2, 3, 2] } }, (b, { x }) =>
    b.op(op, [x], { axes: [1], keepdims: 0 }),
  ),
  one('first and last axis with keepdims', { x: { shape: [2, 3, 2] } }, (b, { x }) =>
    b.op(op, [x], { axes: [0, 2], keepdims: 1 }),
  ),
];

const softmaxes = (op: 'Softmax' | 'LogSoftmax'): OpCase[] => [
  one('last axis', X, (b, { x }) => b.op(op, [x])),
  one('middle axis', { x: { shape: [2, 3, 2] } }, (b, { x }) => b.op(op, [x], { axis: 1 })),
];

const ints = (shape: readonly number[], values: readonly number[]): GradCheckInput => ({
  shape,
  dtype: 'int64',
  values,
});

export const OP_CASES: Readonly<Record<OpName, readonly OpCase[] | Exemption>> = {
  Neg: unary((b, x) => b.neg(x)),
  Abs: unary((b, x) => b.abs(x)),
  Exp: unary((b, x) => b.exp(x)),
  Log: unary((b, x) => b.log(x), POSITIVE),
  Sqrt: unary((b, x) => b.sqrt(x), POSITIVE),
  Reciprocal: unary((b, x) => b.reciprocal(x), POSITIVE),
  Erf: unary((b, x) => b.erf(x)),
  Tanh: unary((b, x) => b.tanh(x)),
  Sigmoid: unary((b, x) => b.sigmoid(x)),
  Relu: unary((b, x) => b.relu(x)),
  LeakyRelu: unary((b, x) => b.leakyRelu(x, 0.2)),
  Elu: unary((b, x) => b.elu(x, 1.3)),
  Softplus: unary((b, x) => b.softplus(x)),
  Sin: unary((b, x) => b.sin(x)),
  Cos: unary((b, x) => b.cos(x)),
  Floor: { exempt: 'zero gradient' },
  Ceil: { exempt: 'zero gradient' },
  Round: { exempt: 'zero gradient' },
  Sign: { exempt: 'zero gradient' },
  Not: { exempt: 'no gradient' },
  IsNaN: { exempt: 'no gradient' },
  IsInf: { exempt: 'no gradient' },
  Gelu: [...unary((b, x) => b.gelu(x)), one('tanh form', X, (b, { x }) => b.gelu(x!, 'tanh'))],
  QuickGelu: [...unary((b, x) => b.silu(x)), one('alpha 1.702', X, (b, { x }) => b.op('QuickGelu', [x]))],
  Clip: unary((b, x) => b.clip(x, -0.48, 0.69)),
  Cast: unary((b, x) => b.cast(b.cast(x, 'float32'), x.dtype)),
  Identity: unary((b, x) => b.identity(x)),
  StopGradient: { exempt: 'zero gradient' },

  Add: [...binary((b, p, q) => b.add(p, q)), one('a value with itself', X, (b, { x }) => b.add(x!, x!))],
  Sub: binary((b, p, q) => b.sub(p, q)),
  Mul: [
    ...binary((b, p, q) => b.mul(p, q)),
    one('a square', X, (b, { x }) => b.mul(x!, x!)),
    one('a cube', X, (b, { x }) => b.mul(b.mul(x!, x!), x!)),
  ],
  Div: binary((b, p, q) => b.div(p, q), QUOTIENTS),
  Pow: [
    ...binary((b, p, q) => b.pow(p, q), QUOTIENTS),
    one('constant exponent 2', X, (b, { x }) => b.pow(x!, 2)),
    one('constant exponent 1.5', POSITIVE, (b, { x }) => b.pow(x!, 1.5)),
  ],
  Mod: binary((b, p, q) => b.mod(p, q, true), [5.3, 2.2, 7.9, 3.4, 1.25]),
  Min: binary((b, p, q) => b.min(p, q)),
  Max: binary((b, p, q) => b.max(p, q)),
  And: { exempt: 'no gradient' },
  Or: { exempt: 'no gradient' },
  Xor: { exempt: 'no gradient' },
  Equal: { exempt: 'no gradient' },
  Less: { exempt: 'no gradient' },
  LessOrEqual: { exempt: 'no gradient' },
  Greater: { exempt: 'no gradient' },
  GreaterOrEqual: { exempt: 'no gradient' },

  MatMul: (
    [
      [
        [2, 3],
        [3, 4],
      ],
      [
        [2, 2, 3],
        [3, 4],
      ],
      [
        [2, 2, 3],
        [2, 3, 2],
      ],
      [
        [2, 1, 2, 3],
        [3, 3, 2],
      ],
      [[3], [3, 2]],
      [[2, 2, 3], [3]],
      [[3], [3]],
    ] as const
  ).map(([p, q]) =>
    one(`[${p.join(', ')}] · [${q.join(', ')}]`, { p: { shape: p }, q: { shape: q } }, (b, values) =>
      b.matMul(values['p']!, values['q']!),
    ),
  ),
  Gemm: [0, 1].flatMap((transA) =>
    [0, 1].map((transB) =>
      one(
        `transA ${transA}, transB ${transB}, alpha, beta and a row`,
        {
          p: { shape: transA ? [3, 2] : [2, 3] },
          q: { shape: transB ? [4, 3] : [3, 4] },
          c: { shape: [4] },
        },
        (b, values) => b.gemm(values['p']!, values['q']!, values['c'], { transA, transB, alpha: 0.7, beta: 1.3 }),
      ),
    ),
  ),
  FusedMatMul: [
    ...[0, 1].flatMap((transA) =>
      [0, 1].map((transB) =>
        one(
          `batched, transA ${transA}, transB ${transB}, alpha`,
          { p: { shape: transA ? [2, 3, 2] : [2, 2, 3] }, q: { shape: transB ? [2, 4, 3] : [2, 3, 4] } },
          (b, values) => b.fusedMatMul(values['p']!, values['q']!, { transA, transB, alpha: 0.5 }),
        ),
      ),
    ),
    one('one weight for all batches, transB', { p: { shape: [2, 2, 3] }, q: { shape: [4, 3] } }, (b, values) =>
      b.fusedMatMul(values['p']!, values['q']!, { transB: 1 }),
    ),
    one('rolled batch axes', { p: { shape: [3, 2, 2, 3] }, q: { shape: [3, 2, 2, 4] } }, (b, values) =>
      b.fusedMatMul(values['p']!, values['q']!, { transBatchA: 1, transBatchB: 1 }),
    ),
  ],
  Einsum: [
    one('attention scores', { p: { shape: [2, 3, 2] }, q: { shape: [2, 4, 2] } }, (b, values) =>
      b.einsum('btd,bsd->bts', values['p']!, values['q']!),
    ),
    one('three operands', { p: { shape: [2, 3] }, q: { shape: [3, 2] }, r: { shape: [2] } }, (b, values) =>
      b.einsum('ij,jk,k->i', values['p']!, values['q']!, values['r']!),
    ),
    one('an axis summed inside one operand', { p: { shape: [2, 3] }, q: { shape: [2] } }, (b, values) =>
      b.einsum('ij,i->i', values['p']!, values['q']!),
    ),
    one('leading dots', { p: { shape: [2, 2, 3] }, q: { shape: [3, 2] } }, (b, values) =>
      b.einsum('...ij,jk->...ik', values['p']!, values['q']!),
    ),
  ],
  Conv: [
    one('2-D with bias', { x: { shape: [2, 2, 4, 4] }, w: { shape: [3, 2, 3, 3] }, c: { shape: [3] } }, (b, v) =>
      b.conv(v['x']!, v['w']!, { bias: v['c']!, pads: [1, 1, 1, 1] }),
    ),
    one(
      'stride 2 that leaves a column, uneven pads',
      { x: { shape: [1, 2, 6, 5] }, w: { shape: [2, 2, 3, 2] } },
      (b, v) => b.conv(v['x']!, v['w']!, { strides: [2, 2], pads: [1, 0, 0, 1] }),
    ),
    one('dilation and groups', { x: { shape: [2, 4, 5, 5] }, w: { shape: [4, 2, 2, 2] } }, (b, v) =>
      b.conv(v['x']!, v['w']!, { dilations: [2, 2], group: 2, strides: [1, 2] }),
    ),
    one('depthwise causal 1-D', { x: { shape: [2, 3, 5] }, w: { shape: [3, 1, 3] } }, (b, v) =>
      b.conv(v['x']!, v['w']!, { pads: [2, 0], group: 3 }),
    ),
    one('pointwise', { x: { shape: [2, 3, 2, 3] }, w: { shape: [2, 3, 1, 1] } }, (b, v) => b.conv(v['x']!, v['w']!)),
    one('many channels', { x: { shape: [1, 32, 3, 3] }, w: { shape: [36, 32, 2, 3] } }, (b, v) =>
      b.conv(v['x']!, v['w']!, { pads: [1, 2, 0, 1], dilations: [1, 1] }),
    ),
    one('patches', { x: { shape: [2, 2, 4, 6] }, w: { shape: [3, 2, 2, 3] } }, (b, v) =>
      b.conv(v['x']!, v['w']!, { strides: [2, 3] }),
    ),
    one('a kernel of 56 taps', { x: { shape: [2, 2, 9, 9] }, w: { shape: [2, 1, 7, 8] } }, (b, v) =>
      b.conv(v['x']!, v['w']!, { pads: [1, 1, 1, 1], group: 2, strides: [2, 1] }),
    ),
    one('3-D', { x: { shape: [1, 1, 3, 3, 3] }, w: { shape: [2, 1, 2, 2, 2] } }, (b, v) => b.conv(v['x']!, v['w']!)),
    one('stride larger than the kernel', { x: { shape: [1, 1, 8] }, w: { shape: [2, 1, 2] } }, (b, v) =>
      b.conv(v['x']!, v['w']!, { strides: [3] }),
    ),
  ],
  ConvTranspose: [
    one(
      'stride 2 with output padding',
      { x: { shape: [2, 2, 3, 3] }, w: { shape: [2, 3, 3, 3] }, c: { shape: [3] } },
      (b, v) =>
        b.convTranspose(v['x']!, v['w']!, {
          bias: v['c']!,
          strides: [2, 2],
          pads: [1, 1, 1, 1],
          output_padding: [1, 1],
        }),
    ),
    one('groups and dilation', { x: { shape: [1, 4, 4] }, w: { shape: [4, 2, 3] } }, (b, v) =>
      b.convTranspose(v['x']!, v['w']!, { group: 2, dilations: [2], pads: [1, 0] }),
    ),
    one('output padding beyond the stride', { x: { shape: [1, 2, 4] }, w: { shape: [2, 2, 2] } }, (b, v) =>
      b.convTranspose(v['x']!, v['w']!, { dilations: [3], strides: [2], output_padding: [2] }),
    ),
  ],

  MaxPool: [
    one('tiling windows', { x: { shape: [2, 2, 4, 4] } }, (b, { x }) =>
      b.maxPool(x!, { kernel_shape: [2, 2], strides: [2, 2] }),
    ),
    one(
      'tiling windows with indices',
      { x: { shape: [2, 2, 4, 4] } },
      (b, { x }) => b.maxPoolWithIndices(x!, { kernel_shape: [2, 2], strides: [2, 2] }).y,
    ),
    one('overlapping, padded', { x: { shape: [1, 2, 5, 5] } }, (b, { x }) =>
      b.maxPool(x!, { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
    ),
    one('dilated', { x: { shape: [1, 1, 6] } }, (b, { x }) => b.maxPool(x!, { kernel_shape: [2], dilations: [2] })),
  ],
  MaxUnpool: [
    one('values to their places', { x: { shape: [1, 1, 2, 2] }, i: ints([1, 1, 2, 2], [1, 2, 8, 15]) }, (b, v) =>
      b.maxUnpool(v['x']!, v['i']!, { kernel_shape: [2, 2], strides: [2, 2], output_shape: [1, 1, 4, 4] }),
    ),
  ],
  AveragePool: [
    one('tiling windows', { x: { shape: [2, 2, 4, 4] } }, (b, { x }) =>
      b.averagePool(x!, { kernel_shape: [2, 2], strides: [2, 2] }),
    ),
    one('padding left out of the mean', { x: { shape: [1, 2, 5, 5] } }, (b, { x }) =>
      b.averagePool(x!, { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
    ),
    one('padding counted', { x: { shape: [1, 2, 5] } }, (b, { x }) =>
      b.averagePool(x!, { kernel_shape: [3], strides: [1], pads: [1, 1], count_include_pad: 1 }),
    ),
    one('ceil mode', { x: { shape: [1, 1, 6] } }, (b, { x }) =>
      b.averagePool(x!, { kernel_shape: [3], strides: [2], ceil_mode: 1 }),
    ),
  ],
  GlobalAveragePool: unary((b, x) => b.globalAveragePool(x), { x: { shape: [2, 2, 3, 2] } }),
  GlobalMaxPool: unary((b, x) => b.globalMaxPool(x), { x: { shape: [2, 2, 3, 2] } }),

  ReduceSum: reduce('ReduceSum'),
  ReduceMean: reduce('ReduceMean'),
  ReduceMax: reduce('ReduceMax'),
  ReduceMin: reduce('ReduceMin'),
  ReduceProd: reduce('ReduceProd'),
  ReduceL1: reduce('ReduceL1'),
  ReduceL2: reduce('ReduceL2'),
  ReduceSumSquare: reduce('ReduceSumSquare'),
  ReduceLogSumExp: reduce('ReduceLogSumExp'),

  Softmax: softmaxes('Softmax'),
  LogSoftmax: [
    ...softmaxes('LogSoftmax'),
    one('cross entropy through GatherElements', { x: { shape: [3, 4] }, i: ints([3, 1], [2, 0, 3]) }, (b, v) =>
      b.reduceMean(b.gatherElements(b.logSoftmax(v['x']!, 1), v['i']!, 1)),
    ),
    one('cross entropy beside another use', { x: { shape: [3, 4] }, i: ints([3, 1], [2, 0, 3]) }, (b, v) => {
      const logProbs = b.logSoftmax(v['x']!, 1);
      return b.add(b.reduceMean(b.gatherElements(logProbs, v['i']!, 1)), b.reduceMean(b.exp(logProbs)));
    }),
    one('several labels a row, some twice', { x: { shape: [2, 4] }, i: ints([2, 3], [1, 1, 0, 3, 2, 3]) }, (b, v) =>
      b.gatherElements(b.logSoftmax(v['x']!, 1), v['i']!, 1),
    ),
  ],
  LayerNormalization: [
    one('last axis', { x: { shape: [3, 4] }, s: { shape: [4] }, c: { shape: [4] } }, (b, v) =>
      b.layerNorm(v['x']!, v['s']!, v['c']),
    ),
    one('two axes without bias', { x: { shape: [2, 2, 3] }, s: { shape: [2, 3] } }, (b, v) =>
      b.layerNorm(v['x']!, v['s']!, undefined, { axis: 1 }),
    ),
    one(
      'saved statistics',
      { x: { shape: [3, 4] }, s: { shape: [4] }, c: { shape: [4] } },
      (b, v) => b.multi('LayerNormalization', [v['x'], v['s'], v['c']], {}, { numOutputs: 3 })[0]!,
    ),
  ],
  SimplifiedLayerNormalization: [
    one('last axis', { x: { shape: [3, 4] }, s: { shape: [4] } }, (b, v) => b.rmsNorm(v['x']!, v['s']!)),
    one(
      'saved statistics',
      { x: { shape: [2, 2, 3] }, s: { shape: [3] } },
      (b, v) => b.multi('SimplifiedLayerNormalization', [v['x'], v['s']], {}, { numOutputs: 2 })[0]!,
    ),
  ],
  BatchNormalization: [
    one(
      'training',
      {
        x: { shape: [3, 2, 2, 2] },
        s: { shape: [2] },
        c: { shape: [2] },
        m: { shape: [2] },
        v: { shape: [2], values: [1, 2] },
      },
      (b, t) => b.batchNormTraining(t['x']!, [t['s']!, t['c']!, t['m']!, t['v']!]).y,
    ),
    one(
      'inference',
      {
        x: { shape: [3, 2, 2] },
        s: { shape: [2] },
        c: { shape: [2] },
        m: { shape: [2] },
        v: { shape: [2], values: [1, 2] },
      },
      (b, t) => b.batchNorm(t['x']!, [t['s']!, t['c']!, t['m']!, t['v']!]),
    ),
  ],
  GroupNormalization: [
    one('two groups', { x: { shape: [2, 4, 2, 2] }, s: { shape: [4] }, c: { shape: [4] } }, (b, v) =>
      b.groupNorm(v['x']!, v['s']!, v['c']!, { num_groups: 2 }),
    ),
  ],
  InstanceNormalization: [
    one('2-D', { x: { shape: [2, 2, 2, 3] }, s: { shape: [2] }, c: { shape: [2] } }, (b, v) =>
      b.instanceNorm(v['x']!, v['s']!, v['c']!),
    ),
  ],
  CumSum: [
    one('inclusive', X, (b, { x }) => b.cumSum(x!, 1)),
    one('exclusive, reversed', X, (b, { x }) => b.cumSum(x!, 0, { exclusive: true, reverse: true })),
  ],
  ArgMax: { exempt: 'no gradient' },
  ArgMin: { exempt: 'no gradient' },
  TopK: [
    one('largest of the last axis', { x: { shape: [3, 5] } }, (b, { x }) => b.topK(x!, 2).values),
    one(
      'smallest of the first axis',
      { x: { shape: [4, 2] } },
      (b, { x }) => b.topK(x!, 3, { axis: 0, largest: false }).values,
    ),
    one('beside a dense use', { x: { shape: [3, 5] } }, (b, { x }) => [b.topK(x!, 2).values, b.exp(x!)]),
  ],

  Gather: [
    one('rows, one twice', { x: { shape: [4, 3] }, i: ints([2, 2], [1, 3, 1, -1]) }, (b, v) =>
      b.gather(v['x']!, v['i']!),
    ),
    one('middle axis', { x: { shape: [2, 4, 2] }, i: ints([3], [0, 2, 2]) }, (b, v) => b.gather(v['x']!, v['i']!, 1)),
    one('one index', { x: { shape: [4, 3] }, i: ints([], [2]) }, (b, v) => b.gather(v['x']!, v['i']!)),
  ],
  GatherElements: [
    one('with repeats', { x: { shape: [3, 3] }, i: ints([2, 3], [0, 2, 1, 0, 0, 1]) }, (b, v) =>
      b.gatherElements(v['x']!, v['i']!),
    ),
  ],
  GatherND: [
    one('elements and slices', { x: { shape: [3, 2, 2] }, i: ints([3, 2], [0, 1, 2, 0, 0, 1]) }, (b, v) =>
      b.gatherND(v['x']!, v['i']!),
    ),
    one('one batch axis', { x: { shape: [2, 3, 2] }, i: ints([2, 2, 1], [1, 1, 0, 2]) }, (b, v) =>
      b.gatherND(v['x']!, v['i']!, 1),
    ),
  ],
  ScatterElements: [
    one('writing', { x: { shape: [3, 3] }, i: ints([1, 3], [1, 0, 2]), u: { shape: [1, 3] } }, (b, v) =>
      b.scatterElements(v['x']!, v['i']!, v['u']!),
    ),
    one('adding, with repeats', { x: { shape: [2, 3] }, i: ints([2, 2], [0, 0, 2, 1]), u: { shape: [2, 2] } }, (b, v) =>
      b.scatterElements(v['x']!, v['i']!, v['u']!, { axis: 1, reduction: 'add' }),
    ),
  ],
  ScatterND: [
    one('writing slices', { x: { shape: [4, 2] }, i: ints([2, 1], [3, 0]), u: { shape: [2, 2] } }, (b, v) =>
      b.scatterND(v['x']!, v['i']!, v['u']!),
    ),
    one('adding, with repeats', { x: { shape: [4, 2] }, i: ints([3, 1], [3, 0, 3]), u: { shape: [3, 2] } }, (b, v) =>
      b.scatterND(v['x']!, v['i']!, v['u']!, { reduction: 'add' }),
    ),
  ],
  OneHot: { exempt: 'no gradient' },

  Where: [
    one(
      'broadcast operands',
      { c: { shape: [2, 3], dtype: 'bool', values: [1, 0, 1, 0, 0, 1] }, p: { shape: [3] }, q: { shape: [2, 1] } },
      (b, v) => b.where(v['c']!, v['p']!, v['q']!),
    ),
  ],
  Reshape: unary((b, x) => b.reshape(x, [2, 6])),
  Transpose: unary((b, x) => b.transpose(x, [2, 0, 1]), { x: { shape: [2, 3, 2] } }),
  Expand: unary((b, x) => b.expand(x, [2, 3, 4]), { x: { shape: [3, 1] } }),
  Squeeze: unary((b, x) => b.squeeze(x, [1]), { x: { shape: [3, 1, 2] } }),
  Unsqueeze: unary((b, x) => b.unsqueeze(x, [0, 2])),
  Flatten: unary((b, x) => b.flatten(x, 1), { x: { shape: [2, 2, 3] } }),
  Concat: [
    one('two parts', { p: { shape: [2, 2] }, q: { shape: [2, 3] } }, (b, v) => b.concat([v['p']!, v['q']!], 1)),
    one('one part constant', { p: { shape: [2, 2] }, i: ints([1, 2], [1, 2]) }, (b, v) =>
      b.concat([b.cast(v['i']!, v['p']!.dtype), v['p']!], 0),
    ),
  ],
  Split: [
    one('three parts', { x: { shape: [2, 6] } }, (b, { x }) => b.split(x!, [1, 2, 3], 1)),
    one('one part unused', { x: { shape: [4, 2] } }, (b, { x }) => b.split(x!, 2, 0)[1]!),
  ],
  Slice: [
    one('two axes', { x: { shape: [4, 5] } }, (b, { x }) =>
      b.slice(x!, { starts: [1, 0], ends: [3, 4], axes: [0, 1] }),
    ),
    one('step 2', { x: { shape: [7] } }, (b, { x }) => b.slice(x!, { starts: [1], ends: [7], steps: [2] })),
    one('step -2', { x: { shape: [7, 2] } }, (b, { x }) =>
      b.slice(x!, { starts: [5], ends: [-8], axes: [0], steps: [-2] }),
    ),
  ],
  Pad: [
    one('constant', X, (b, { x }) => b.pad(x!, [1, 0, 0, 2])),
    one('constant, cutting', X, (b, { x }) => b.pad(x!, [-1, 1, 0, -1])),
    one('reflect', X, (b, { x }) => b.pad(x!, [1, 2, 1, 1], { mode: 'reflect' })),
    one('edge', X, (b, { x }) => b.pad(x!, [1, 2, 0, 1], { mode: 'edge' })),
  ],
  Tile: unary((b, x) => b.tile(x, [2, 3]), { x: { shape: [2, 2] } }),
  Trilu: [...unary((b, x) => b.triu(x, 1)), one('lower', X, (b, { x }) => b.tril(x!, -1))],
  Resize: [
    one('nearest by 2', { x: { shape: [1, 2, 3, 2] } }, (b, { x }) =>
      b.resize(x!, [1, 2, 6, 4], {
        mode: 'nearest',
        coordinate_transformation_mode: 'asymmetric',
        nearest_mode: 'floor',
      }),
    ),
    one('nearest by 5/3', { x: { shape: [1, 1, 3] } }, (b, { x }) => b.resize(x!, [1, 1, 5])),
    one('linear', { x: { shape: [1, 1, 3, 4] } }, (b, { x }) => b.resize(x!, [1, 1, 5, 7], { mode: 'linear' })),
    one('linear, smaller, aligned corners', { x: { shape: [1, 1, 5] } }, (b, { x }) =>
      b.resize(x!, [1, 1, 3], { mode: 'linear', coordinate_transformation_mode: 'align_corners' }),
    ),
    one('cubic', { x: { shape: [1, 1, 4, 4] } }, (b, { x }) => b.resize(x!, [1, 1, 6, 7], { mode: 'cubic' })),
  ],
  RotaryEmbedding: [0, 1].flatMap((interleaved) =>
    [4, 6].map((width) =>
      one(`interleaved ${interleaved}, ${width} of 6 turned`, { x: { shape: [1, 2, 3, 6] } }, (b, { x }) => {
        const angles = Float64Array.from({ length: (3 * width) / 2 }, (_, i) => 0.3 * i + 0.1);
        const table = (f: (angle: number) => number): GraphValue =>
          b.cast(b.constant({ dtype: 'float64', shape: [3, width / 2], data: angles.map(f) }), x!.dtype);
        const attributes = { interleaved, rotary_embedding_dim: width === 6 ? 0 : width };
        return b.rotaryEmbedding(x!, table(Math.cos), table(Math.sin), attributes);
      }),
    ),
  ),

  ConstantOfShape: { exempt: 'no gradient' },
  Range: { exempt: 'no gradient' },

  AllReduce: { exempt: 'collective' },
  AllGather: { exempt: 'collective' },
  ReduceScatter: { exempt: 'collective' },
  AllToAll: { exempt: 'collective' },
  Broadcast: { exempt: 'collective' },
  Send: { exempt: 'no gradient' },
  Recv: { exempt: 'no gradient' },
};
