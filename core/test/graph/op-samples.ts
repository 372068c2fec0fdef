/** One or more small graphs of every op, for tests that go over the whole table. */
import {
  createGraphBuilder,
  type Graph,
  type GraphBuilder,
  type GraphValue,
  type OpName,
} from '../../src/graph/index.ts';
import type { Dtype, Shape } from '../../src/tensor/index.ts';

type Build = (
  g: GraphBuilder,
  input: (shape: Shape, dtype?: Dtype) => GraphValue,
) => GraphValue | readonly GraphValue[];

const group = { group: 'tp', groupSize: 2 };
const binary = (op: OpName): readonly Build[] => [
  (g, input) => g.node(op, [input([2, 3]), input([3])], {}),
  (g, input) => g.node(op, [input([4, 1, 3]), input([2, 1])], {}),
];
const logical = (op: OpName): readonly Build[] => [
  (g, input) => g.node(op, [input([2, 3], 'bool'), input([3], 'bool')], {}),
];
const plainUnary = (op: OpName, dtype: Dtype = 'float32'): readonly Build[] => [
  (g, input) => g.node(op, [input([2, 3], dtype)], {}),
];
const reduce = (op: OpName): readonly Build[] => [
  (g, input) => g.node(op, [input([2, 3, 4])], { axes: [1], keepdims: 0 }),
  (g, input) => g.node(op, [input([2, 3, 4])], { axes: [0, -1], keepdims: 1 }),
  (g, input) => g.node(op, [input([2, 3])], {}),
];

export const OP_SAMPLES: Readonly<Record<OpName, readonly Build[]>> = {
  Neg: plainUnary('Neg'),
  Abs: plainUnary('Abs'),
  Exp: plainUnary('Exp'),
  Log: plainUnary('Log'),
  Sqrt: plainUnary('Sqrt'),
  Reciprocal: plainUnary('Reciprocal'),
  Erf: plainUnary('Erf'),
  Tanh: plainUnary('Tanh'),
  Sigmoid: plainUnary('Sigmoid'),
  Relu: plainUnary('Relu'),
  LeakyRelu: [(g, input) => g.leakyRelu(input([2, 3]), 0.2)],
  Elu: [(g, input) => g.elu(input([2, 3]), 0.5)],
  Softplus: plainUnary('Softplus'),
  Sin: plainUnary('Sin'),
  Cos: plainUnary('Cos'),
  Floor: plainUnary('Floor'),
  Ceil: plainUnary('Ceil'),
  Round: plainUnary('Round'),
  Sign: plainUnary('Sign'),
  Not: plainUnary('Not', 'bool'),
  IsNaN: plainUnary('IsNaN'),
  IsInf: plainUnary('IsInf'),
  Gelu: [(g, input) => g.gelu(input([2, 3])), (g, input) => g.gelu(input([2, 3]), 'tanh')],
  QuickGelu: [(g, input) => g.silu(input([2, 3]))],
  Clip: [
    (g, input) => g.clip(input([2, 3]), -0.5, 0.75),
    (g, input) => g.clip(input([2, 3]), 0.1),
    (g, input) => g.clip(input([2, 3]), undefined, 0.1),
  ],
  Cast: [
    (g, input) => g.cast(input([2, 3]), 'int64'),
    (g, input) => g.cast(g.cast(input([2, 3]), 'float8e4m3fn'), 'float32'),
    (g, input) => g.cast(g.cast(input([2, 3]), 'bfloat16'), 'float32'),
    (g, input) => g.cast(g.cast(input([2, 3]), 'float8e5m2', { saturate: false }), 'float32'),
  ],
  Identity: plainUnary('Identity'),
  StopGradient: plainUnary('StopGradient'),
  Add: binary('Add'),
  Sub: binary('Sub'),
  Mul: binary('Mul'),
  Div: binary('Div'),
  Pow: binary('Pow'),
  Mod: [
    (g, input) => g.mod(input([2, 3]), input([3]), true),
    (g, input) => g.mod(g.cast(g.add(g.abs(input([2, 3])), 1), 'int64'), 3),
  ],
  Min: binary('Min'),
  Max: binary('Max'),
  And: logical('And'),
  Or: logical('Or'),
  Xor: logical('Xor'),
  Equal: binary('Equal'),
  Less: binary('Less'),
  LessOrEqual: binary('LessOrEqual'),
  Greater: binary('Greater'),
  GreaterOrEqual: binary('GreaterOrEqual'),
  MatMul: [
    (g, input) => g.matMul(input([4, 8]), input([8, 3])),
    (g, input) => g.matMul(input([5, 1, 4, 8]), input([2, 8, 3])),
    (g, input) => g.matMul(input([8]), input([2, 8, 3])),
    (g, input) => g.matMul(input([2, 4, 8]), input([8])),
  ],
  Gemm: [
    (g, input) => g.gemm(input([4, 8]), input([8, 3]), input([3]), { alpha: 0.5, beta: 2 }),
    (g, input) => g.gemm(input([8, 4]), input([3, 8]), undefined, { transA: 1, transB: 1 }),
  ],
  FusedMatMul: [
    (g, input) => g.fusedMatMul(input([2, 8, 4]), input([2, 8, 3]), { transA: 1, alpha: 0.25 }),
    (g, input) => g.fusedMatMul(input([2, 4, 8]), input([2, 3, 8]), { transB: 1 }),
    (g, input) => g.fusedMatMul(input([4, 2, 8]), input([2, 8, 3]), { transBatchA: 1 }),
    (g, input) => g.fusedMatMul(input([8, 2, 4]), input([2, 8, 3]), { transBatchA: 1, transA: 1 }),
    (g, input) =>
      g.fusedMatMul(input([4, 2, 5, 8]), input([3, 2, 5, 8]), { transBatchA: 1, transBatchB: 1, transB: 1 }),
  ],
  Einsum: [
    (g, input) => g.einsum('bhtd,bhsd->bhts', input([2, 3, 4, 5]), input([2, 3, 6, 5])),
    (g, input) => g.einsum('...ij->...ji', input([2, 3, 4])),
    (g, input) => g.einsum('ij,jk', input([2, 3]), input([3, 4])),
  ],
  Conv: [
    (g, input) =>
      g.conv(input([2, 3, 7, 8]), input([4, 3, 3, 3]), { pads: [1, 1, 1, 1], strides: [2, 1], bias: input([4]) }),
    (g, input) => g.conv(input([2, 4, 9]), input([4, 1, 3]), { group: 4, dilations: [2], pads: [4, 0] }),
    (g, input) => g.conv(input([1, 2, 5, 5]), input([2, 2, 3, 3]), { autoPad: 'SAME_UPPER', strides: [2, 2] }),
    (g, input) => g.conv(input([1, 2, 4, 5, 6]), input([2, 2, 3, 1, 2])),
  ],
  ConvTranspose: [
    (g, input) =>
      g.convTranspose(input([2, 4, 5, 5]), input([4, 3, 3, 3]), {
        strides: [2, 2],
        pads: [1, 1, 1, 1],
        output_padding: [1, 1],
      }),
    (g, input) => g.convTranspose(input([2, 4, 5]), input([4, 2, 3]), { group: 2, bias: input([4]), dilations: [2] }),
  ],
  MaxPool: [
    (g, input) => g.maxPool(input([2, 3, 7, 8]), { kernel_shape: [3, 2], strides: [2, 2], pads: [1, 0, 1, 0] }),
    (g, input) => g.maxPool(input([2, 3, 7]), { kernel_shape: [2], strides: [2], ceil_mode: 1 }),
    (g, input) => Object.values(g.maxPoolWithIndices(input([2, 3, 4, 4]), { kernel_shape: [2, 2], strides: [2, 2] })),
  ],
  MaxUnpool: [
    (g, input) => {
      const attributes = { kernel_shape: [2, 2], strides: [2, 2] };
      const { y, indices } = g.maxPoolWithIndices(input([2, 3, 4, 4]), attributes);
      return g.maxUnpool(y, indices, { ...attributes, output_shape: [2, 3, 4, 4] });
    },
  ],
  AveragePool: [
    (g, input) => g.averagePool(input([2, 3, 7, 8]), { kernel_shape: [3, 2], strides: [2, 2], pads: [1, 0, 1, 0] }),
    (g, input) => g.averagePool(input([2, 3, 7]), { kernel_shape: [2], count_include_pad: 1, pads: [1, 1] }),
  ],
  GlobalAveragePool: [(g, input) => g.globalAveragePool(input([2, 3, 7, 8]))],
  GlobalMaxPool: [(g, input) => g.globalMaxPool(input([2, 3, 7, 8]))],
  ReduceSum: reduce('ReduceSum'),
  ReduceMean: reduce('ReduceMean'),
  ReduceMax: reduce('ReduceMax'),
  ReduceMin: reduce('ReduceMin'),
  ReduceProd: reduce('ReduceProd'),
  ReduceL1: reduce('ReduceL1'),
  ReduceL2: reduce('ReduceL2'),
  ReduceSumSquare: reduce('ReduceSumSquare'),
  ReduceLogSumExp: reduce('ReduceLogSumExp'),
  Softmax: [(g, input) => g.softmax(input([2, 3, 4])), (g, input) => g.softmax(input([2, 3, 4]), 1)],
  LogSoftmax: [(g, input) => g.logSoftmax(input([2, 3, 4])), (g, input) => g.logSoftmax(input([2, 3, 4]), 0)],
  LayerNormalization: [
    (g, input) => g.layerNorm(input([2, 3, 4]), input([4]), input([4])),
    (g, input) => g.layerNorm(input([2, 3, 4]), input([3, 4]), undefined, { axis: 1 }),
    (g, input) => g.multi('LayerNormalization', [input([2, 3, 4]), input([4]), input([4])], {}, { numOutputs: 3 }),
  ],
  SimplifiedLayerNormalization: [
    (g, input) => g.rmsNorm(input([2, 3, 4]), input([4]), { epsilon: 1e-6 }),
    (g, input) => g.multi('SimplifiedLayerNormalization', [input([2, 3, 4]), input([4])], {}, { numOutputs: 2 }),
  ],
  BatchNormalization: [
    (g, input) => g.batchNorm(input([2, 3, 4, 4]), [input([3]), input([3]), input([3]), input([3])]),
    (g, input) =>
      Object.values(g.batchNormTraining(input([2, 3, 4, 4]), [input([3]), input([3]), input([3]), input([3])])),
  ],
  GroupNormalization: [(g, input) => g.groupNorm(input([2, 4, 5, 5]), input([4]), input([4]), { num_groups: 2 })],
  InstanceNormalization: [(g, input) => g.instanceNorm(input([2, 4, 5, 5]), input([4]), input([4]))],
  CumSum: [
    (g, input) => g.cumSum(input([2, 3]), 1),
    (g, input) => g.cumSum(input([2, 3]), -2, { exclusive: true, reverse: true }),
  ],
  ArgMax: [(g, input) => g.argMax(input([2, 3])), (g, input) => g.argMax(input([2, 3]), 0, true)],
  ArgMin: [(g, input) => g.argMin(input([2, 3]), 1)],
  TopK: [
    (g, input) => Object.values(g.topK(input([2, 5]), 3)),
    (g, input) => Object.values(g.sort(input([5, 2]), { axis: 0 })),
  ],
  Gather: [
    (g, input) => g.gather(input([5, 3]), g.range(4)),
    (g, input) => g.gather(input([2, 5, 3]), g.reshape(g.range(4), [2, 2]), 1),
  ],
  GatherElements: [(g, input) => g.gatherElements(input([5, 3]), g.argMax(input([2, 3, 4])), 0)],
  GatherND: [
    (g, input) => g.gatherND(input([5, 3]), g.reshape(g.range(2), [2, 1])),
    (g, input) => g.gatherND(input([2, 5, 3]), g.reshape(g.range(2), [2, 1]), 1),
  ],
  ScatterElements: [
    (g, input) => g.scatterElements(input([5, 3]), g.argMax(input([2, 3, 4])), input([2, 3]), { reduction: 'add' }),
    (g, input) => g.scatterElements(input([5, 3]), g.reshape(g.range(3), [1, 3]), input([1, 3])),
  ],
  ScatterND: [
    (g, input) => g.scatterND(input([5, 3]), g.reshape(g.range(2), [2, 1]), input([2, 3]), { reduction: 'add' }),
    (g, input) => g.scatterND(input([5, 3]), g.reshape(g.range(2), [1, 2]), input([1])),
  ],
  OneHot: [
    (g) => g.oneHot(g.range(3), 4),
    (g) => g.oneHot(g.range(3), 4, { axis: 0, values: [-1, 2], dtype: 'float32' }),
  ],
  Where: [
    (g, input) => g.where(input([2, 1], 'bool'), input([3]), input([2, 3])),
    (g, input) => g.where(input([2], 'bool'), input([2]), 0),
  ],
  Reshape: [(g, input) => g.reshape(input([2, 6]), [3, -1]), (g, input) => g.reshape(input([2, 6]), [0, 2, 3])],
  Transpose: [(g, input) => g.transpose(input([2, 3, 4]), [0, 2, 1]), (g, input) => g.transpose(input([2, 3]))],
  Expand: [(g, input) => g.expand(input([3, 1]), [2, 3, 4]), (g, input) => g.expand(input([2, 3, 1]), [1, 4])],
  Squeeze: [(g, input) => g.squeeze(input([1, 3, 1])), (g, input) => g.squeeze(input([1, 3, 1]), [-1])],
  Unsqueeze: [(g, input) => g.unsqueeze(input([3, 4]), [0, -1])],
  Flatten: [(g, input) => g.flatten(input([2, 3, 4])), (g, input) => g.flatten(input([2, 3, 4]), -1)],
  Concat: [(g, input) => g.concat([input([2, 3]), input([2, 1]), input([2, 4])], 1)],
  Split: [(g, input) => g.split(input([6, 2]), 3), (g, input) => g.split(input([2, 6]), [1, 2, 3], -1)],
  Slice: [
    (g, input) => g.slice(input([5, 6]), { starts: [1, -1], ends: [4, -100], steps: [2, -1] }),
    (g, input) => g.sliceAxis(input([5, 6]), -1, 2, 1000),
    (g, input) => g.slice(input([5, 6]), { starts: [-1], ends: [1], axes: [1], steps: [-2] }),
  ],
  Pad: [
    (g, input) => g.pad(input([2, 3]), [0, 1, 2, 3], { value: 7 }),
    (g, input) => g.pad(input([2, 3]), [0, 2, 0, 1], { mode: 'reflect' }),
    (g, input) => g.pad(input([4, 3]), [-1, 0, -2, 1]),
    (g, input) => g.pad(input([4, 3]), [1, 0, 2, 1], { mode: 'edge' }),
  ],
  Tile: [(g, input) => g.tile(input([2, 3]), [2, 1])],
  Trilu: [(g, input) => g.triu(input([3, 4]), 1), (g, input) => g.tril(input([2, 3, 4]), -1)],
  Resize: [
    (g, input) =>
      g.resize(input([1, 2, 4, 4]), [1, 2, 8, 8], {
        coordinate_transformation_mode: 'asymmetric',
        nearest_mode: 'floor',
      }),
    (g, input) => g.resize(input([1, 2, 4, 4]), [1, 2, 7, 9], { mode: 'linear' }),
    (g, input) => g.resize(input([1, 2, 4, 4]), [1, 2, 6, 6], { mode: 'linear', scales: [1, 1, 1.6, 1.5] }),
  ],
  RotaryEmbedding: [
    (g, input) => g.rotaryEmbedding(input([2, 3, 4, 8]), input([4, 4]), input([4, 4])),
    (g, input) => g.rotaryEmbedding(input([2, 3, 4, 8]), input([4, 4]), input([4, 4]), { interleaved: 1 }),
  ],
  ConstantOfShape: [(g) => g.full([2, 3], 1.5), (g) => g.full([2], 7, 'int64')],
  Range: [(g) => g.range(5), (g) => g.range(1, { start: 0, delta: 0.25, dtype: 'float32' })],
  AllReduce: [(g, input) => g.allReduce(input([4, 2]), group)],
  AllGather: [(g, input) => g.allGather(input([4, 2]), 1, group)],
  ReduceScatter: [(g, input) => g.reduceScatter(input([4, 2]), 0, { ...group, algorithm: 'ring' })],
  AllToAll: [
    (g, input) => g.allToAll(input([4, 2]), { ...group, splitAxis: 0, concatAxis: 1 }),
    (g, input) => g.allToAll(input([4, 2]), { ...group, splits: { send: [1, 3], receive: [1, 2] } }),
  ],
  Broadcast: [(g, input) => g.broadcast(input([4, 2]), 1, group)],
  Send: [
    (g, input) => {
      const x = input([4, 2]);
      g.send(x, 1, { ...group, tag: 3 });
      return g.identity(x);
    },
  ],
  Recv: [(g) => g.recv(1, [4, 2], { ...group, tag: 3 })],
};

/** A graph whose inputs are x0, x1, … and whose outputs are all that the sample returns. */
export function graphFromSample(op: OpName, index: number): Graph {
  const g = createGraphBuilder(`${op}-${index}`);
  let numInputs = 0;
  const built = OP_SAMPLES[op][index]!(g, (shape, dtype = 'float32') => g.input(`x${numInputs++}`, dtype, shape));
  for (const value of Array.isArray(built) ? (built as readonly GraphValue[]) : [built as GraphValue]) g.output(value);
  return g.finish();
}

/** Every sample of every op. */
export const ALL_SAMPLES: readonly { readonly op: OpName; readonly index: number }[] = (
  Object.keys(OP_SAMPLES) as OpName[]
).flatMap((op) => OP_SAMPLES[op].map((_, index) => ({ op, index })));
