/** Declared properties of every op; passes and systems ask these instead of listing names. */
import type { OpName } from './op-names.ts';

export interface OpProperties {
  /** Each output element depends on the elements at the same (broadcast) place of the inputs only. */
  readonly isElementwise: boolean;
  /** Has a gradient for at least one input and output (others are explicit "no gradient" rows in core/autodiff). */
  readonly isDifferentiable: boolean;
  readonly isCollective: boolean;
  /** Swapping the two inputs changes nothing. */
  readonly commutes: boolean;
  /** Must stay even if no output is used. */
  readonly hasSideEffect: boolean;
  /** Moves or views elements without arithmetic. */
  readonly isLayout: boolean;
  /** Takes most of its time in multiply-adds of matrices (candidates of precision recipes). */
  readonly isContraction: boolean;
  readonly isReduction: boolean;
}

const NONE: OpProperties = {
  isElementwise: false,
  isDifferentiable: true,
  isCollective: false,
  commutes: false,
  hasSideEffect: false,
  isLayout: false,
  isContraction: false,
  isReduction: false,
};
const unary = { ...NONE, isElementwise: true };
const unaryFlat = { ...unary, isDifferentiable: false };
const binary = unary;
const symmetric = { ...binary, commutes: true };
const compare = { ...unaryFlat };
const compareSymmetric = { ...unaryFlat, commutes: true };
const layout = { ...NONE, isLayout: true };
const reduction = { ...NONE, isReduction: true };
const argument = { ...reduction, isDifferentiable: false };
const contraction = { ...NONE, isContraction: true };
const source = { ...NONE, isDifferentiable: false };
const collective = { ...NONE, isCollective: true };
/** Send and Recv are two halves: dropping one alone would hang the other rank. */
const pointToPoint = { ...collective, hasSideEffect: true, isDifferentiable: false };

export const OP_PROPERTIES: Readonly<Record<OpName, OpProperties>> = {
  Neg: unary,
  Abs: unary,
  Exp: unary,
  Log: unary,
  Sqrt: unary,
  Reciprocal: unary,
  Erf: unary,
  Tanh: unary,
  Sigmoid: unary,
  Relu: unary,
  LeakyRelu: unary,
  Elu: unary,
  Softplus: unary,
  Sin: unary,
  Cos: unary,
  Floor: unaryFlat,
  Ceil: unaryFlat,
  Round: unaryFlat,
  Sign: unaryFlat,
  Not: unaryFlat,
  IsNaN: unaryFlat,
  IsInf: unaryFlat,
  Gelu: unary,
  QuickGelu: unary,
  Clip: unary,
  Cast: unary,
  Identity: { ...unary, isLayout: true },
  StopGradient: { ...unaryFlat, isLayout: true },

  Add: symmetric,
  Sub: binary,
  Mul: symmetric,
  Div: binary,
  Pow: binary,
  Mod: binary,
  Min: symmetric,
  Max: symmetric,
  And: compareSymmetric,
  Or: compareSymmetric,
  Xor: compareSymmetric,
  Equal: compareSymmetric,
  Less: compare,
  LessOrEqual: compare,
  Greater: compare,
  GreaterOrEqual: compare,

  MatMul: contraction,
  Gemm: contraction,
  FusedMatMul: contraction,
  Einsum: contraction,
  Conv: contraction,
  ConvTranspose: contraction,

  MaxPool: NONE,
  MaxUnpool: NONE,
  AveragePool: NONE,
  GlobalAveragePool: NONE,
  GlobalMaxPool: NONE,

  ReduceSum: reduction,
  ReduceMean: reduction,
  ReduceMax: reduction,
  ReduceMin: reduction,
  ReduceProd: reduction,
  ReduceL1: reduction,
  ReduceL2: reduction,
  ReduceSumSquare: reduction,
  ReduceLogSumExp: reduction,

  Softmax: NONE,
  LogSoftmax: NONE,
  LayerNormalization: NONE,
  SimplifiedLayerNormalization: NONE,
  BatchNormalization: NONE,
  GroupNormalization: NONE,
  InstanceNormalization: NONE,
  CumSum: NONE,
  ArgMax: argument,
  ArgMin: argument,
  TopK: NONE,

  Gather: NONE,
  GatherElements: NONE,
  GatherND: NONE,
  ScatterElements: NONE,
  ScatterND: NONE,
  OneHot: source,

  Where: unary,
  Reshape: layout,
  Transpose: layout,
  Expand: layout,
  Squeeze: layout,
  Unsqueeze: layout,
  Flatten: layout,
  Concat: layout,
  Split: layout,
  Slice: layout,
  Pad: layout,
  Tile: layout,
  Trilu: NONE,
  Resize: NONE,
  RotaryEmbedding: NONE,

  ConstantOfShape: source,
  Range: source,

  AllReduce: collective,
  AllGather: collective,
  ReduceScatter: collective,
  AllToAll: collective,
  Broadcast: collective,
  Send: pointToPoint,
  Recv: pointToPoint,
};
