/** One reference kernel per op. */
import type {
  AxisOp,
  BinaryOp,
  ContractionOp,
  IndexOp,
  LayoutOp,
  OpName,
  PoolOp,
  ReduceOp,
  SourceOp,
  UnaryOp,
} from '../../graph/index.ts';
import { DTYPES, castTensor } from '../../tensor/index.ts';
import { input, numberAttribute, stringAttribute } from './kernel-call.ts';
import type { Kernel } from './kernel-call.ts';
import { binary, unary } from './kernels/broadcast.ts';
import { conv, convTranspose } from './kernels/conv.ts';
import { einsum } from './kernels/einsum.ts';
import { gather, gatherElements, gatherND, oneHot, scatterElements, scatterND, topK } from './kernels/indexing.ts';
import {
  concat,
  constantOfShape,
  expand,
  pad,
  range,
  rotaryEmbedding,
  sameElements,
  slice,
  split,
  tile,
  transpose,
  trilu,
  where,
} from './kernels/layout.ts';
import { fusedMatMul, gemm, matMul } from './kernels/matmul.ts';
import { batchNorm, groupNorm, instanceNorm, layerNorm, rmsNorm } from './kernels/norm.ts';
import { averagePool, globalPool, maxPool, maxUnpool } from './kernels/pool.ts';
import { argReduction, cumSum, reduceLogSumExp, reduction, softmaxKernel } from './kernels/reduce.ts';
import { resize } from './kernels/resize.ts';
import { erf, geluExact, geluTanh, roundHalfEven, sigmoid, softplus } from './kernels/special-functions.ts';
import { isFloatDtype } from './ref-value.ts';

/** Unary with one float attribute. */
const unaryWith =
  (name: string, fallback: number, f: (x: number, value: number) => number): Kernel =>
  (call) => {
    const value = numberAttribute(call, name, fallback);
    return unary((x) => f(x, value))(call);
  };

const cast: Kernel = (call) => {
  const { dtype, data, shape } = input(call, 0);
  const to = call.outputs[0]!.dtype;
  if (DTYPES[to].kind !== 'int' || !isFloatDtype(dtype)) return [Float64Array.from(data)];
  // Float to integer: towards zero, clamped to the range.
  return [Float64Array.from(castTensor({ dtype: 'float64', shape, data }, to).data, Number)];
};

const div: Kernel = (call) => {
  const isInteger = !isFloatDtype(input(call, 0).dtype);
  return binary(isInteger ? (a, b) => Math.trunc(a / b) : (a, b) => a / b)(call);
};

/** int32 and uint32 products wrap in 32 bits, which f64 products cannot represent. */
const mul: Kernel = (call) => {
  const { dtype } = input(call, 0);
  return binary(dtype === 'int32' || dtype === 'uint32' ? Math.imul : (a, b) => a * b)(call);
};

const mod: Kernel = (call) => {
  const isC = numberAttribute(call, 'fmod', 0) !== 0;
  return binary(isC ? (a, b) => a % b : (a, b) => a - b * Math.floor(a / b))(call);
};

const UNARY_KERNELS: Readonly<Record<UnaryOp, Kernel>> = {
  Neg: unary((x) => -x),
  Abs: unary(Math.abs),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Sqrt: unary(Math.sqrt),
  Reciprocal: unary((x) => 1 / x),
  Erf: unary(erf),
  Tanh: unary(Math.tanh),
  Sigmoid: unary(sigmoid),
  Relu: unary((x) => Math.max(x, 0)),
  LeakyRelu: unaryWith('alpha', 0.01, (x, alpha) => (x >= 0 ? x : alpha * x)),
  Elu: unaryWith('alpha', 1, (x, alpha) => (x >= 0 ? x : alpha * Math.expm1(x))),
  Softplus: unary(softplus),
  Sin: unary(Math.sin),
  Cos: unary(Math.cos),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Round: unary(roundHalfEven),
  Sign: unary(Math.sign),
  Not: unary((x) => (x === 0 ? 1 : 0)),
  IsNaN: unary((x) => (Number.isNaN(x) ? 1 : 0)),
  IsInf: (call) => {
    const isNegativeFound = numberAttribute(call, 'detect_negative', 1) !== 0;
    const isPositiveFound = numberAttribute(call, 'detect_positive', 1) !== 0;
    return unary((x) => ((x === Infinity && isPositiveFound) || (x === -Infinity && isNegativeFound) ? 1 : 0))(call);
  },
  Gelu: (call) => unary(stringAttribute(call, 'approximate', 'none') === 'tanh' ? geluTanh : geluExact)(call),
  QuickGelu: unaryWith('alpha', 1.702, (x, alpha) => x * sigmoid(alpha * x)),
  Clip: (call) => {
    const low = numberAttribute(call, 'min', -Infinity);
    const high = numberAttribute(call, 'max', Infinity);
    return unary((x) => Math.min(Math.max(x, low), high))(call);
  },
  Cast: cast,
  Identity: sameElements,
  StopGradient: sameElements,
};

const BINARY_KERNELS: Readonly<Record<BinaryOp, Kernel>> = {
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: mul,
  Div: div,
  Pow: binary((a, b) => a ** b),
  Mod: mod,
  Min: binary(Math.min),
  Max: binary(Math.max),
  And: binary((a, b) => (a !== 0 && b !== 0 ? 1 : 0)),
  Or: binary((a, b) => (a !== 0 || b !== 0 ? 1 : 0)),
  Xor: binary((a, b) => ((a !== 0) !== (b !== 0) ? 1 : 0)),
  Equal: binary((a, b) => (a === b ? 1 : 0)),
  Less: binary((a, b) => (a < b ? 1 : 0)),
  LessOrEqual: binary((a, b) => (a <= b ? 1 : 0)),
  Greater: binary((a, b) => (a > b ? 1 : 0)),
  GreaterOrEqual: binary((a, b) => (a >= b ? 1 : 0)),
};

const CONTRACTION_KERNELS: Readonly<Record<ContractionOp, Kernel>> = {
  MatMul: matMul,
  Gemm: gemm,
  FusedMatMul: fusedMatMul,
  Einsum: einsum,
  Conv: conv,
  ConvTranspose: convTranspose,
};

const POOL_KERNELS: Readonly<Record<PoolOp, Kernel>> = {
  MaxPool: maxPool,
  MaxUnpool: maxUnpool,
  AveragePool: averagePool,
  GlobalAveragePool: globalPool((total, x) => total + x, 0, true),
  GlobalMaxPool: globalPool(Math.max, -Infinity, false),
};

const sum = (total: number, x: number): number => total + x;

const REDUCE_KERNELS: Readonly<Record<ReduceOp, Kernel>> = {
  ReduceSum: reduction({ initial: 0, step: sum }),
  ReduceMean: reduction({ initial: 0, step: sum, finish: (total, count) => total / count }),
  ReduceMax: reduction({ initial: -Infinity, step: Math.max }),
  ReduceMin: reduction({ initial: Infinity, step: Math.min }),
  ReduceProd: reduction({ initial: 1, step: (total, x) => total * x }),
  ReduceL1: reduction({ initial: 0, step: (total, x) => total + Math.abs(x) }),
  ReduceL2: reduction({ initial: 0, step: (total, x) => total + x * x, finish: Math.sqrt }),
  ReduceSumSquare: reduction({ initial: 0, step: (total, x) => total + x * x }),
  ReduceLogSumExp: reduceLogSumExp,
};

const AXIS_KERNELS: Readonly<Record<AxisOp, Kernel>> = {
  Softmax: softmaxKernel(false),
  LogSoftmax: softmaxKernel(true),
  LayerNormalization: layerNorm,
  SimplifiedLayerNormalization: rmsNorm,
  BatchNormalization: batchNorm,
  GroupNormalization: groupNorm,
  InstanceNormalization: instanceNorm,
  CumSum: cumSum,
  ArgMax: argReduction((x, best) => x > best),
  ArgMin: argReduction((x, best) => x < best),
  TopK: topK,
};

const INDEX_KERNELS: Readonly<Record<IndexOp, Kernel>> = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  ScatterElements: scatterElements,
  ScatterND: scatterND,
  OneHot: oneHot,
};

const LAYOUT_KERNELS: Readonly<Record<LayoutOp, Kernel>> = {
  Where: where,
  Reshape: sameElements,
  Transpose: transpose,
  Expand: expand,
  Squeeze: sameElements,
  Unsqueeze: sameElements,
  Flatten: sameElements,
  Concat: concat,
  Split: split,
  Slice: slice,
  Pad: pad,
  Tile: tile,
  Trilu: trilu,
  Resize: resize,
  RotaryEmbedding: rotaryEmbedding,
};

const SOURCE_KERNELS: Readonly<Record<SourceOp, Kernel>> = { ConstantOfShape: constantOfShape, Range: range };

/** `collective`: needs the values of all ranks, see collectives.ts. */
export const REFERENCE_KERNELS: Readonly<Record<OpName, Kernel | 'collective'>> = {
  ...UNARY_KERNELS,
  ...BINARY_KERNELS,
  ...CONTRACTION_KERNELS,
  ...POOL_KERNELS,
  ...REDUCE_KERNELS,
  ...AXIS_KERNELS,
  ...INDEX_KERNELS,
  ...LAYOUT_KERNELS,
  ...SOURCE_KERNELS,
  AllReduce: 'collective',
  AllGather: 'collective',
  ReduceScatter: 'collective',
  AllToAll: 'collective',
  Broadcast: 'collective',
  Send: 'collective',
  Recv: 'collective',
};
