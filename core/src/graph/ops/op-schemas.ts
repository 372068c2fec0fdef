/** Inputs, outputs and attributes of every op. Attribute names and defaults are ONNX's; an attribute marked
 *  `as input` is a constant input in ONNX (see onnx/onnx-forms.ts). In a built graph every attribute with a default
 *  is present, axes are counted from the front, shapes hold no 0 or -1 wildcards. */
import { required, optional, derived, int, float, axis, oneOf } from './attribute-specs.ts';
import type { AttributeKind, AttributeTypes, OpSchema } from './attribute-specs.ts';
import type { OpName } from './op-names.ts';

const unary = { inputs: ['X'], outputs: ['Y'], attributes: {} } as const;
const binary = { inputs: ['A', 'B'], outputs: ['C'], attributes: {} } as const;
const reduce = {
  inputs: ['data'],
  outputs: ['reduced'],
  attributes: { /* as input */ axes: derived('axes'), keepdims: int(1) },
} as const;
const argReduce = {
  inputs: ['data'],
  outputs: ['reduced'],
  attributes: { axis: axis(0), keepdims: int(1), select_last_index: int(0) },
} as const;
const globalPool = { inputs: ['X'], outputs: ['Y'], attributes: {} } as const;
const softmax = { inputs: ['input'], outputs: ['output'], attributes: { axis: axis(-1) } } as const;
const reduction = oneOf('none', 'add', 'mul', 'max', 'min');
const groupSize = { group_size: required('int') } as const;
const collectiveReduction = oneOf('sum', 'mean', 'max', 'min');

export const OP_SCHEMAS = {
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
  LeakyRelu: { ...unary, attributes: { alpha: float(0.01) } },
  Elu: { ...unary, attributes: { alpha: float(1) } },
  Softplus: unary,
  Sin: unary,
  Cos: unary,
  Floor: unary,
  Ceil: unary,
  /** Half to even. */
  Round: unary,
  Sign: unary,
  Not: unary,
  IsNaN: unary,
  IsInf: { ...unary, attributes: { detect_negative: int(1), detect_positive: int(1) } },
  Gelu: { ...unary, attributes: { approximate: oneOf('none', 'tanh') } },
  QuickGelu: { ...unary, attributes: { alpha: float(1.702) } },
  /** Bounds as inputs in ONNX. */
  Clip: { ...unary, attributes: { min: optional('float'), max: optional('float') } },
  Cast: { ...unary, attributes: { to: required('dtype'), saturate: int(1) } },
  Identity: unary,
  StopGradient: unary,

  Add: binary,
  Sub: binary,
  Mul: binary,
  /** Integers: truncates toward zero. */
  Div: binary,
  Pow: binary,
  /** fmod 0: sign of the divisor (integers only in ONNX); fmod 1: sign of the dividend (C's fmod). */
  Mod: { ...binary, attributes: { fmod: int(0) } },
  Min: binary,
  Max: binary,
  And: binary,
  Or: binary,
  Xor: binary,
  Equal: binary,
  Less: binary,
  LessOrEqual: binary,
  Greater: binary,
  GreaterOrEqual: binary,

  MatMul: { inputs: ['A', 'B'], outputs: ['Y'], attributes: {} },
  /** Y = alpha · op(A) · op(B) + beta · C, rank 2. */
  Gemm: {
    inputs: ['A', 'B', 'C?'],
    outputs: ['Y'],
    attributes: { alpha: float(1), beta: float(1), transA: int(0), transB: int(0) },
  },
  /** com.microsoft. transBatchA/B: the operand is stored [rows, batch …, columns] and read as [batch …, rows, columns]
   *  (perm 1 … r−2, 0, r−1); then transA/transB swap the last two axes. */
  FusedMatMul: {
    inputs: ['A', 'B'],
    outputs: ['Y'],
    attributes: {
      alpha: float(1),
      transA: int(0),
      transB: int(0),
      transBatchA: int(0),
      transBatchB: int(0),
    },
  },
  Einsum: { inputs: ['Inputs...'], outputs: ['Output'], attributes: { equation: required('string') } },
  /** X [N, C, ...], W [M, C/group, ...kernel], B [M]. auto_pad is resolved into pads when it is built. */
  Conv: {
    inputs: ['X', 'W', 'B?'],
    outputs: ['Y'],
    attributes: { strides: derived('ints'), pads: derived('ints'), dilations: derived('ints'), group: int(1) },
  },
  /** X [N, C, ...], W [C, M/group, ...kernel], B [M]. */
  ConvTranspose: {
    inputs: ['X', 'W', 'B?'],
    outputs: ['Y'],
    attributes: {
      strides: derived('ints'),
      pads: derived('ints'),
      dilations: derived('ints'),
      output_padding: derived('ints'),
      group: int(1),
    },
  },

  /** Indices (optional output): flat index into the whole input tensor, row-major (storage_order 0). */
  MaxPool: {
    inputs: ['X'],
    outputs: ['Y', 'Indices?'],
    attributes: {
      kernel_shape: required('ints'),
      strides: derived('ints'),
      pads: derived('ints'),
      dilations: derived('ints'),
      ceil_mode: int(0),
    },
  },
  /** X and I of the pooled shape; `output_shape` is the full [N, C, ...] shape to scatter into (as input in ONNX). */
  MaxUnpool: {
    inputs: ['X', 'I'],
    outputs: ['output'],
    attributes: {
      kernel_shape: required('ints'),
      strides: derived('ints'),
      pads: derived('ints'),
      output_shape: required('ints'),
    },
  },
  AveragePool: {
    inputs: ['X'],
    outputs: ['Y'],
    attributes: {
      kernel_shape: required('ints'),
      strides: derived('ints'),
      pads: derived('ints'),
      dilations: derived('ints'),
      ceil_mode: int(0),
      count_include_pad: int(0),
    },
  },
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,

  ReduceSum: reduce,
  ReduceMean: reduce,
  ReduceMax: reduce,
  ReduceMin: reduce,
  ReduceProd: reduce,
  ReduceL1: reduce,
  ReduceL2: reduce,
  ReduceSumSquare: reduce,
  ReduceLogSumExp: reduce,

  Softmax: softmax,
  LogSoftmax: softmax,
  /** Normalises over axes axis … rank−1; Scale and B have the shape of those axes. Mean and InvStdDev keep the
   *  outer axes and hold 1 on the normalised ones; they are f32 for f16 inputs. */
  LayerNormalization: {
    inputs: ['X', 'Scale', 'B?'],
    outputs: ['Y', 'Mean?', 'InvStdDev?'],
    attributes: { axis: axis(-1), epsilon: float(1e-5) },
  },
  SimplifiedLayerNormalization: {
    inputs: ['X', 'scale'],
    outputs: ['Y', 'InvStdDev?'],
    attributes: { axis: axis(-1), epsilon: float(1e-5) },
  },
  /** Axis 1 is the channel. training_mode 1: normalises by the batch (biased variance) and also returns
   *  running = momentum · input + (1 − momentum) · batch statistic. */
  BatchNormalization: {
    inputs: ['X', 'scale', 'B', 'input_mean', 'input_var'],
    outputs: ['Y', 'running_mean?', 'running_var?'],
    attributes: { epsilon: float(1e-5), momentum: float(0.9), training_mode: int(0) },
  },
  /** scale and bias are [C] (opset 21). */
  GroupNormalization: {
    inputs: ['X', 'scale', 'bias'],
    outputs: ['Y'],
    attributes: { num_groups: required('int'), epsilon: float(1e-5) },
  },
  InstanceNormalization: { inputs: ['input', 'scale', 'B'], outputs: ['output'], attributes: { epsilon: float(1e-5) } },
  CumSum: {
    inputs: ['x'],
    outputs: ['y'],
    attributes: { /* as input */ axis: required('axis'), exclusive: int(0), reverse: int(0) },
  },
  ArgMax: argReduce,
  ArgMin: argReduce,
  TopK: {
    inputs: ['X'],
    outputs: ['Values', 'Indices'],
    attributes: { /* as input */ k: required('int'), axis: axis(-1), largest: int(1), sorted: int(1) },
  },

  Gather: { inputs: ['data', 'indices'], outputs: ['output'], attributes: { axis: axis(0) } },
  GatherElements: { inputs: ['data', 'indices'], outputs: ['output'], attributes: { axis: axis(0) } },
  GatherND: { inputs: ['data', 'indices'], outputs: ['output'], attributes: { batch_dims: int(0) } },
  ScatterElements: {
    inputs: ['data', 'indices', 'updates'],
    outputs: ['output'],
    attributes: { axis: axis(0), reduction },
  },
  ScatterND: { inputs: ['data', 'indices', 'updates'], outputs: ['output'], attributes: { reduction } },
  /** `values` [off, on] and `depth` are inputs in ONNX; `dtype` is that of the output. Indices outside [−depth, depth)
   *  give a row of off values. */
  OneHot: {
    inputs: ['indices'],
    outputs: ['output'],
    attributes: {
      depth: required('int'),
      axis: axis(-1),
      values: { kind: 'floats', presence: 'default', default: [0, 1] },
      dtype: { kind: 'dtype', presence: 'default', default: 'float32' },
    },
  },

  Where: { inputs: ['condition', 'X', 'Y'], outputs: ['output'], attributes: {} },
  Reshape: { inputs: ['data'], outputs: ['reshaped'], attributes: { /* as input */ shape: required('ints') } },
  Transpose: { inputs: ['data'], outputs: ['transposed'], attributes: { perm: derived('ints') } },
  Expand: { inputs: ['input'], outputs: ['output'], attributes: { /* as input */ shape: required('ints') } },
  Squeeze: { inputs: ['data'], outputs: ['squeezed'], attributes: { /* as input */ axes: derived('axes') } },
  Unsqueeze: { inputs: ['data'], outputs: ['expanded'], attributes: { /* as input */ axes: required('axes') } },
  Flatten: { inputs: ['input'], outputs: ['output'], attributes: { axis: int(1) } },
  Concat: { inputs: ['inputs...'], outputs: ['concat_result'], attributes: { axis: required('axis') } },
  Split: {
    inputs: ['input'],
    outputs: ['outputs...'],
    attributes: { axis: axis(0), /* as input */ split: required('ints') },
  },
  /** All as inputs in ONNX. Built graphs hold clamped starts and ends (for negative steps `end` may be −1 − size, which
   *  means "past the front"), one entry an axis of `axes`. */
  Slice: {
    inputs: ['data'],
    outputs: ['output'],
    attributes: {
      starts: required('ints'),
      ends: required('ints'),
      axes: derived('axes'),
      steps: derived('ints'),
    },
  },
  /** pads [begin of each axis, then end of each axis]; negative cuts. `value` is constant_value. */
  Pad: {
    inputs: ['data'],
    outputs: ['output'],
    attributes: {
      /* as input */ pads: required('ints'),
      mode: oneOf('constant', 'reflect', 'edge', 'wrap'),
      /* as input */ value: float(0),
    },
  },
  Tile: { inputs: ['input'], outputs: ['output'], attributes: { /* as input */ repeats: required('ints') } },
  Trilu: { inputs: ['input'], outputs: ['output'], attributes: { upper: int(1), /* as input */ k: int(0) } },
  /** `sizes` is the full output shape; `scales` (default sizes / input sizes) is what coordinates use. */
  Resize: {
    inputs: ['X'],
    outputs: ['Y'],
    attributes: {
      sizes: required('ints'),
      scales: optional('floats'),
      mode: oneOf('nearest', 'linear', 'cubic'),
      coordinate_transformation_mode: oneOf('half_pixel', 'asymmetric', 'align_corners', 'pytorch_half_pixel'),
      nearest_mode: oneOf('round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'),
      cubic_coeff_a: float(-0.75),
    },
  },
  /** X [B, H, T, D]; cos and sin [T, R/2] where R = rotary_embedding_dim or, at 0, D. interleaved 0 pairs (i, i + R/2);
   *  1 pairs (2i, 2i+1). y1 = cos·x1 − sin·x2, y2 = sin·x1 + cos·x2; the rest of D passes through. */
  RotaryEmbedding: {
    inputs: ['X', 'cos_cache', 'sin_cache'],
    outputs: ['Y'],
    attributes: { interleaved: int(0), rotary_embedding_dim: int(0) },
  },

  ConstantOfShape: {
    inputs: [],
    outputs: ['output'],
    attributes: {
      /* as input */ shape: required('ints'),
      value: float(0),
      dtype: { kind: 'dtype', presence: 'default', default: 'float32' },
    },
  },
  /** start, start + delta, … below limit; all three are inputs in ONNX. */
  Range: {
    inputs: [],
    outputs: ['output'],
    attributes: {
      start: float(0),
      limit: required('float'),
      delta: float(1),
      dtype: { kind: 'dtype', presence: 'default', default: 'int64' },
    },
  },

  /** Elementwise over the ranks of the group. */
  AllReduce: { inputs: ['X'], outputs: ['Y'], attributes: { ...groupSize, reduction: collectiveReduction } },
  /** Concatenates the ranks' tensors along axis, in group order. */
  AllGather: { inputs: ['X'], outputs: ['Y'], attributes: { ...groupSize, axis: axis(0) } },
  /** Reduces, then rank r keeps the r-th equal part along axis. */
  ReduceScatter: {
    inputs: ['X'],
    outputs: ['Y'],
    attributes: { ...groupSize, axis: axis(0), reduction: collectiveReduction },
  },
  /** Splits along split_axis (equal parts, or send_splits), sends part r to rank r, concatenates what arrives along
   *  concat_axis in group order. Per-rank splits need both lists; recv_splits are sizes along concat_axis, and
   *  split_axis must then equal concat_axis. */
  AllToAll: {
    inputs: ['X'],
    outputs: ['Y'],
    attributes: {
      ...groupSize,
      split_axis: axis(0),
      concat_axis: axis(0),
      send_splits: optional('ints'),
      recv_splits: optional('ints'),
    },
  },
  /** Every rank gets the root's tensor; root counts inside the group. */
  Broadcast: { inputs: ['X'], outputs: ['Y'], attributes: { ...groupSize, root: int(0) } },
  /** peer counts inside the group. Send and Recv of one pair match by tag. */
  Send: { inputs: ['X'], outputs: [], attributes: { ...groupSize, peer: required('int'), tag: int(0) } },
  Recv: {
    inputs: [],
    outputs: ['Y'],
    attributes: {
      ...groupSize,
      peer: required('int'),
      tag: int(0),
      shape: required('ints'),
      dtype: { kind: 'dtype', presence: 'default', default: 'float32' },
    },
  },
} as const satisfies Readonly<Record<OpName, OpSchema>>;

type SpecsOf<Op extends OpName> = (typeof OP_SCHEMAS)[Op]['attributes'];
type ValueOfSpec<Spec> = Spec extends { readonly values: readonly (infer V)[] }
  ? V
  : Spec extends { readonly kind: infer K extends AttributeKind }
    ? AttributeTypes[K]
    : never;
type KeysOfPresence<Specs, Presence extends string> = {
  [Key in keyof Specs]: Specs[Key] extends { readonly presence: Presence } ? Key : never;
}[keyof Specs];

/** What a caller gives when building the op: required attributes, the others at will. */
export type AttributesToBuild<Op extends OpName> = {
  readonly [Key in KeysOfPresence<SpecsOf<Op>, 'required'>]: ValueOfSpec<SpecsOf<Op>[Key]>;
} & {
  readonly [Key in KeysOfPresence<SpecsOf<Op>, 'optional' | 'default' | 'derived'>]?: ValueOfSpec<SpecsOf<Op>[Key]>;
};

/** What a built node holds: all but the optional ones. */
export type AttributesOf<Op extends OpName> = {
  readonly [Key in KeysOfPresence<SpecsOf<Op>, 'required' | 'default' | 'derived'>]: ValueOfSpec<SpecsOf<Op>[Key]>;
} & {
  readonly [Key in KeysOfPresence<SpecsOf<Op>, 'optional'>]?: ValueOfSpec<SpecsOf<Op>[Key]>;
};

/** Names of all ops, in table order. */
export const OP_NAMES = Object.keys(OP_SCHEMAS) as readonly OpName[];

/** True if the text names an op of ours. */
export function isOpName(text: string): text is OpName {
  return Object.hasOwn(OP_SCHEMAS, text);
}

/** The attributes of a built node, typed by its op. */
export function attributesOf<Op extends OpName>(
  node: { readonly op: OpName; readonly attributes: unknown },
  _op: Op,
): AttributesOf<Op> {
  return node.attributes as AttributesOf<Op>;
}
