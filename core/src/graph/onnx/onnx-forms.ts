/** The ONNX form of every op: domain, name, and which attributes travel as constant inputs. */
import type { Dtype } from '../../tensor/index.ts';
import type { OpName } from '../ops/op-names.ts';

/** Opset that we write; every form below is valid in it. 21 is the newest that all providers of ONNX Runtime 1.30 know. */
export const ONNX_OPSET = 21;
export const ONNX_IR_VERSION = 10;

export type OnnxDomain = '' | 'com.microsoft' | 'tenfold.dist';

/** An attribute that ONNX takes as a constant input. `like` takes the dtype of that input of the node. */
export interface ConstantInput {
  readonly attribute: string;
  /** Place among the node's inputs. */
  readonly index: number;
  readonly dtype: Dtype | { readonly likeInput: number } | { readonly likeAttribute: string };
  readonly isScalar?: boolean;
  /** A one-element list for a single number. */
  readonly isVector?: boolean;
}

export interface OnnxForm {
  readonly domain: OnnxDomain;
  /** Default: the op's own name. */
  readonly opType?: string;
  readonly constants?: readonly ConstantInput[];
  /** Attributes that are not written: ONNX derives them, or the form says them otherwise. */
  readonly omitted?: readonly string[];
  /** Written only if not at their default, because older forms and some kernels do not know them. */
  readonly sparse?: readonly string[];
  /** Fixed extra inputs (rotary position offset). */
  readonly extra?: readonly { readonly index: number; readonly dtype: Dtype; readonly numbers: readonly number[] }[];
  /** Attribute written under another name. */
  readonly renamed?: Readonly<Record<string, string>>;
}

const plain: OnnxForm = { domain: '' };
const dist: OnnxForm = { domain: 'tenfold.dist' };
const list = (attribute: string, index: number): ConstantInput => ({ attribute, index, dtype: 'int64' });
const reduce: OnnxForm = { domain: '', constants: [list('axes', 1)] };
const likeX = { likeInput: 0 } as const;
const likeDtype = { likeAttribute: 'dtype' } as const;

export const ONNX_FORMS: Readonly<Record<OpName, OnnxForm>> = {
  Neg: plain,
  Abs: plain,
  Exp: plain,
  Log: plain,
  Sqrt: plain,
  Reciprocal: plain,
  Erf: plain,
  Tanh: plain,
  Sigmoid: plain,
  Relu: plain,
  LeakyRelu: plain,
  Elu: plain,
  Softplus: plain,
  Sin: plain,
  Cos: plain,
  Floor: plain,
  Ceil: plain,
  Round: plain,
  Sign: plain,
  Not: plain,
  IsNaN: plain,
  IsInf: plain,
  Gelu: plain,
  QuickGelu: { domain: 'com.microsoft' },
  Clip: {
    domain: '',
    constants: [
      { attribute: 'min', index: 1, dtype: likeX, isScalar: true },
      { attribute: 'max', index: 2, dtype: likeX, isScalar: true },
    ],
  },
  Cast: { domain: '', sparse: ['saturate'] },
  Identity: plain,
  /** Told from Identity by the node's metadata. */
  StopGradient: { domain: '', opType: 'Identity' },

  Add: plain,
  Sub: plain,
  Mul: plain,
  Div: plain,
  Pow: plain,
  Mod: plain,
  Min: plain,
  Max: plain,
  And: plain,
  Or: plain,
  Xor: plain,
  Equal: plain,
  Less: plain,
  LessOrEqual: plain,
  Greater: plain,
  GreaterOrEqual: plain,

  MatMul: plain,
  Gemm: plain,
  FusedMatMul: { domain: 'com.microsoft', sparse: ['transBatchA', 'transBatchB'] },
  Einsum: plain,
  Conv: plain,
  ConvTranspose: plain,

  MaxPool: plain,
  MaxUnpool: { domain: '', constants: [list('output_shape', 2)] },
  AveragePool: { domain: '', sparse: ['dilations'] },
  GlobalAveragePool: plain,
  GlobalMaxPool: plain,

  ReduceSum: reduce,
  ReduceMean: reduce,
  ReduceMax: reduce,
  ReduceMin: reduce,
  ReduceProd: reduce,
  ReduceL1: reduce,
  ReduceL2: reduce,
  ReduceSumSquare: reduce,
  ReduceLogSumExp: reduce,

  Softmax: plain,
  LogSoftmax: plain,
  LayerNormalization: plain,
  SimplifiedLayerNormalization: plain,
  BatchNormalization: plain,
  GroupNormalization: plain,
  InstanceNormalization: plain,
  CumSum: { domain: '', constants: [{ attribute: 'axis', index: 1, dtype: 'int64', isScalar: true }] },
  ArgMax: plain,
  ArgMin: plain,
  TopK: { domain: '', constants: [{ attribute: 'k', index: 1, dtype: 'int64', isVector: true }] },

  Gather: plain,
  GatherElements: plain,
  GatherND: plain,
  ScatterElements: plain,
  ScatterND: plain,
  OneHot: {
    domain: '',
    constants: [
      { attribute: 'depth', index: 1, dtype: 'int64', isScalar: true },
      { attribute: 'values', index: 2, dtype: likeDtype },
    ],
    omitted: ['dtype'],
  },

  Where: plain,
  Reshape: { domain: '', constants: [list('shape', 1)] },
  Transpose: plain,
  Expand: { domain: '', constants: [list('shape', 1)] },
  Squeeze: { domain: '', constants: [list('axes', 1)] },
  Unsqueeze: { domain: '', constants: [list('axes', 1)] },
  Flatten: plain,
  Concat: plain,
  Split: { domain: '', constants: [list('split', 1)] },
  Slice: { domain: '', constants: [list('starts', 1), list('ends', 2), list('axes', 3), list('steps', 4)] },
  Pad: {
    domain: '',
    constants: [list('pads', 1), { attribute: 'value', index: 2, dtype: likeX, isScalar: true }],
  },
  Tile: { domain: '', constants: [list('repeats', 1)] },
  Trilu: { domain: '', constants: [{ attribute: 'k', index: 1, dtype: 'int64', isScalar: true }] },
  /** scales, if given, else sizes; ONNX allows only one of the two. */
  Resize: {
    domain: '',
    constants: [{ attribute: 'scales', index: 2, dtype: 'float32' }, list('sizes', 3)],
    sparse: ['cubic_coeff_a'],
  },
  RotaryEmbedding: {
    domain: 'com.microsoft',
    /** Positions count from 0. */
    extra: [{ index: 1, dtype: 'int64', numbers: [0] }],
    sparse: ['rotary_embedding_dim'],
  },

  ConstantOfShape: { domain: '', constants: [list('shape', 0)], omitted: ['value', 'dtype'] },
  Range: {
    domain: '',
    constants: [
      { attribute: 'start', index: 0, dtype: likeDtype, isScalar: true },
      { attribute: 'limit', index: 1, dtype: likeDtype, isScalar: true },
      { attribute: 'delta', index: 2, dtype: likeDtype, isScalar: true },
    ],
    omitted: ['dtype'],
  },

  AllReduce: dist,
  AllGather: dist,
  ReduceScatter: dist,
  AllToAll: dist,
  Broadcast: dist,
  Send: dist,
  Recv: dist,
};
