/** One small graph per op or form of an op; every engine must agree with the reference on it. */
import { integerAt, streamFromId, uniformAt } from '../../src/base/index.ts';
import { createGraphBuilder } from '../../src/graph/index.ts';
import type { Graph, GraphBuilder, GraphValue } from '../../src/graph/index.ts';
import { castTensor, numel } from '../../src/tensor/index.ts';
import type { Dtype, Shape, Tensor } from '../../src/tensor/index.ts';

export interface OpCase {
  readonly name: string;
  readonly graph: Graph;
  readonly feeds: Readonly<Record<string, Tensor>>;
}

/** Where the values of an input lie: signed in (−2, 2), positive in (0.1, 2.1), indices below a number, or bools. */
type Range = 'signed' | 'positive' | 'bool' | number;

interface CaseInputs {
  readonly g: GraphBuilder;
  float(shape: Shape, range?: 'signed' | 'positive', dtype?: Dtype): GraphValue;
  index(shape: Shape, below: number): GraphValue;
  bool(shape: Shape): GraphValue;
}

function opCase(name: string, build: (inputs: CaseInputs) => GraphValue | readonly GraphValue[]): OpCase {
  const g = createGraphBuilder(name);
  const feeds: Record<string, Tensor> = {};
  const add = (dtype: Dtype, shape: Shape, range: Range): GraphValue => {
    const input = `in${Object.keys(feeds).length}`;
    feeds[input] = randomTensor(`${name}/${input}`, { dtype, shape, range });
    return g.input(input, dtype, shape);
  };
  const made = build({
    g,
    float: (shape, range = 'signed', dtype = 'float32') => add(dtype, shape, range),
    index: (shape, below) => add('int64', shape, below),
    bool: (shape) => add('bool', shape, 'bool'),
  });
  [made].flat().forEach((value, i) => g.output(value as GraphValue, `out${i}`));
  return { name, graph: g.finish(), feeds };
}

export function randomTensor(
  id: string,
  { dtype, shape, range }: { dtype: Dtype; shape: Shape; range: Range },
): Tensor {
  const stream = streamFromId(id, 7);
  const count = numel(shape);
  if (range === 'bool') {
    return { dtype, shape, data: Uint8Array.from({ length: count }, (_, i) => integerAt(stream, i, 2)) };
  }
  if (typeof range === 'number') {
    return { dtype, shape, data: BigInt64Array.from({ length: count }, (_, i) => BigInt(integerAt(stream, i, range))) };
  }
  const lowest = range === 'positive' ? 0.1 : -2;
  const width = range === 'positive' ? 2 : 4;
  const data = Float32Array.from({ length: count }, (_, i) => lowest + width * uniformAt(stream, i));
  return castTensor({ dtype: 'float32', shape, data }, dtype);
}

const UNARY = [
  'neg',
  'abs',
  'exp',
  'erf',
  'tanh',
  'sigmoid',
  'relu',
  'softplus',
  'sin',
  'cos',
  'floor',
  'ceil',
  'round',
  'sign',
  'silu',
  'gelu',
  'leakyRelu',
  'elu',
] as const;
const POSITIVE_UNARY = ['log', 'sqrt', 'reciprocal'] as const;
const BINARY = ['add', 'sub', 'mul', 'div', 'min', 'max'] as const;
const COMPARISONS = ['equal', 'less', 'lessOrEqual', 'greater', 'greaterOrEqual'] as const;
const REDUCTIONS = [
  'reduceSum',
  'reduceMean',
  'reduceMax',
  'reduceMin',
  'reduceProd',
  'reduceL1',
  'reduceL2',
  'reduceSumSquare',
  'reduceLogSumExp',
] as const;

export const OP_CASES: readonly OpCase[] = [
  ...UNARY.map((op) => opCase(op, ({ g, float }) => g[op](float([3, 17])))),
  ...POSITIVE_UNARY.map((op) => opCase(op, ({ g, float }) => g[op](float([3, 17], 'positive')))),
  opCase('gelu tanh', ({ g, float }) => g.gelu(float([3, 17]), 'tanh')),
  opCase('clip', ({ g, float }) => g.clip(float([3, 17]), -0.5, 1)),
  ...BINARY.map((op) => opCase(op, ({ g, float }) => g[op](float([3, 5]), float([5], 'positive')))),
  opCase('pow', ({ g, float }) => g.pow(float([3, 5], 'positive'), float([3, 1]))),
  ...COMPARISONS.map((op) => opCase(op, ({ g, float }) => g[op](float([4, 5]), float([5])))),
  opCase('equal of indices', ({ g, index }) => g.equal(index([4, 5], 3), index([5], 3))),
  opCase('logic', ({ g, bool }) => {
    const [a, b] = [bool([4, 5]), bool([5])];
    return [g.and(a, b), g.or(a, b), g.not(a)];
  }),
  opCase('where', ({ g, bool, float }) => g.where(bool([4, 5]), float([4, 5]), float([5]))),
  opCase('cast of a bool', ({ g, bool }) => g.cast(bool([7]), 'float32')),
  opCase('cast to f16 and back', ({ g, float }) => g.cast(g.cast(float([7]), 'float16'), 'float32')),
  opCase('cast to bf16 and back', ({ g, float }) => g.cast(g.cast(float([70]), 'bfloat16'), 'float32')),
  opCase('cast to e4m3 and back', ({ g, float }) => g.cast(g.cast(float([70]), 'float8e4m3fn'), 'float32')),
  opCase('cast to e5m2 and back', ({ g, float }) => g.cast(g.cast(float([70]), 'float8e5m2'), 'float32')),
  opCase('bf16 across the border', ({ g, float }) => g.identity(float([9], 'signed', 'bfloat16'))),
  opCase('f16 across the border', ({ g, float }) =>
    g.add(float([9], 'signed', 'float16'), float([9], 'signed', 'float16')),
  ),

  opCase('matMul', ({ g, float }) => g.matMul(float([2, 5, 7]), float([2, 7, 3]))),
  opCase('matMul with a broadcast batch', ({ g, float }) => g.matMul(float([2, 3, 5, 7]), float([2, 1, 7, 3]))),
  opCase('gemm', ({ g, float }) =>
    g.gemm(float([7, 5]), float([3, 7]), float([3]), { transA: 1, transB: 1, alpha: 0.5 }),
  ),
  opCase('fusedMatMul transB', ({ g, float }) =>
    g.fusedMatMul(float([2, 5, 7]), float([2, 3, 7]), { transB: 1, alpha: 0.5 }),
  ),
  opCase('fusedMatMul transA', ({ g, float }) => g.fusedMatMul(float([2, 7, 5]), float([2, 7, 3]), { transA: 1 })),
  opCase('fusedMatMul with a matrix', ({ g, float }) => g.fusedMatMul(float([2, 5, 7]), float([3, 7]), { transB: 1 })),
  opCase('fusedMatMul with rolled batches', ({ g, float }) =>
    g.fusedMatMul(float([5, 3, 2, 7]), float([6, 3, 2, 7]), { transBatchA: 1, transBatchB: 1, transB: 1 }),
  ),
  opCase('einsum', ({ g, float }) => g.einsum('bij,bkj->bik', float([2, 5, 7]), float([2, 3, 7]))),
  opCase('conv', ({ g, float }) =>
    g.conv(float([2, 4, 9, 8]), float([6, 2, 3, 3]), {
      bias: float([6]),
      strides: [2, 1],
      pads: [1, 1, 1, 1],
      dilations: [1, 1],
      group: 2,
    }),
  ),
  opCase('convTranspose', ({ g, float }) =>
    g.convTranspose(float([2, 4, 5, 5]), float([4, 3, 3, 3]), { strides: [2, 2], pads: [1, 1, 1, 1] }),
  ),
  opCase('maxPool', ({ g, float }) => g.maxPool(float([2, 3, 8, 8]), { kernel_shape: [2, 2], strides: [2, 2] })),
  opCase('maxPool with indices, and back', ({ g, float }) => {
    const tiles = { kernel_shape: [2, 3], strides: [2, 3] };
    const { y, indices } = g.maxPoolWithIndices(float([2, 3, 4, 6]), tiles);
    return [y, indices, g.maxUnpool(y, indices, { ...tiles, output_shape: [2, 3, 4, 6] })];
  }),
  opCase('averagePool', ({ g, float }) =>
    g.averagePool(float([2, 3, 8, 8]), { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
  ),
  opCase('globalAveragePool', ({ g, float }) => g.globalAveragePool(float([2, 3, 5, 5]))),

  ...REDUCTIONS.map((op) =>
    opCase(op, ({ g, float }) => g[op](float([4, 6, 5], 'positive'), { axes: [1], keepdims: true })),
  ),
  opCase('softmax', ({ g, float }) => g.softmax(float([4, 9]), 1)),
  opCase('logSoftmax', ({ g, float }) => g.logSoftmax(float([4, 9]), 1)),
  opCase('layerNorm', ({ g, float }) => g.layerNorm(float([4, 16]), float([16]), float([16]))),
  opCase('rmsNorm', ({ g, float }) => g.rmsNorm(float([4, 16]), float([16]))),
  opCase('groupNorm', ({ g, float }) => g.groupNorm(float([2, 6, 4, 4]), float([6]), float([6]), { num_groups: 3 })),
  opCase('batchNorm in training', ({ g, float }) => {
    const { y, runningMean, runningVar } = g.batchNormTraining(float([3, 4, 5, 5]), [
      float([4]),
      float([4]),
      float([4]),
      float([4], 'positive'),
    ]);
    return [y, runningMean, runningVar];
  }),
  opCase('cumSum', ({ g, float }) => [g.cumSum(float([4, 9]), 1), g.cumSum(float([4, 9]), 1, { exclusive: true })]),
  opCase('argMax', ({ g, float }) => g.argMax(float([4, 9]), 1)),
  opCase('topK', ({ g, float }) => {
    const { values, indices } = g.topK(float([4, 9]), 3, { axis: 1 });
    return [values, indices];
  }),

  opCase('gather', ({ g, float, index }) => g.gather(float([6, 5]), index([2, 3], 6))),
  opCase('gatherElements', ({ g, float, index }) => g.gatherElements(float([6, 5]), index([6, 2], 5), 1)),
  opCase('gatherND', ({ g, float, index }) => g.gatherND(float([4, 4, 3]), index([5, 2], 4))),
  opCase('scatterElements', ({ g, float, index }) =>
    g.scatterElements(float([6, 5]), index([4, 5], 6), float([4, 5]), { axis: 0, reduction: 'add' }),
  ),
  opCase('scatterND', ({ g, float, index }) =>
    g.scatterND(float([6, 5]), index([4, 1], 6), float([4, 5]), { reduction: 'add' }),
  ),
  opCase('oneHot', ({ g, index }) => g.oneHot(index([4], 6), 6)),

  opCase('layout', ({ g, float }) => {
    const x = float([2, 3, 4]);
    return [
      g.transpose(x, [2, 0, 1]),
      g.reshape(x, [6, 4]),
      g.sliceAxis(x, 2, 1, 3),
      g.pad(x, [0, 1, 0, 0, 0, 2]),
      g.tile(x, [1, 2, 1]),
      g.concat([x, x], 1),
      ...g.split(x, [1, 3], 2),
    ];
  }),
  opCase('expand', ({ g, float }) => g.expand(float([3, 1]), [3, 4])),
  opCase('tril', ({ g, float }) => g.tril(float([4, 4]))),
  opCase('resize', ({ g, float }) =>
    g.resize(float([1, 2, 3, 3]), [1, 2, 6, 6], {
      mode: 'nearest',
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    }),
  ),
  opCase('rotaryEmbedding', ({ g, float }) => g.rotaryEmbedding(float([2, 2, 5, 8]), float([5, 4]), float([5, 4]))),
  opCase('sources', ({ g, float }) => [g.add(g.full([3], 2), float([3])), g.cast(g.range(4), 'float32')]),
];
