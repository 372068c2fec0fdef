/** The union of op names. Every op table is typed by it, so that a new op does not compile until each table has its row.
 *  Meaning: ONNX's op of that name, except where a comment says otherwise. What ONNX passes as constant inputs
 *  (axes, shape, starts, pads, k, repeats, ...) are attributes here, because shapes are static. */

export type UnaryOp =
  | 'Neg'
  | 'Abs'
  | 'Exp'
  | 'Log'
  | 'Sqrt'
  | 'Reciprocal'
  | 'Erf'
  | 'Tanh'
  | 'Sigmoid'
  | 'Relu'
  | 'LeakyRelu'
  | 'Elu'
  | 'Softplus'
  | 'Sin'
  | 'Cos'
  | 'Floor'
  | 'Ceil'
  | 'Round'
  | 'Sign'
  | 'Not'
  | 'IsNaN'
  | 'IsInf'
  | 'Gelu'
  /** com.microsoft: x · sigmoid(alpha · x); alpha 1 is SiLU. */
  | 'QuickGelu'
  | 'Clip'
  | 'Cast'
  | 'Identity'
  /** Identity whose gradient is zero. */
  | 'StopGradient';

/** Two operands with NumPy broadcasting. Min and Max take exactly two here. */
export type BinaryOp =
  | 'Add'
  | 'Sub'
  | 'Mul'
  | 'Div'
  | 'Pow'
  | 'Mod'
  | 'Min'
  | 'Max'
  | 'And'
  | 'Or'
  | 'Xor'
  | 'Equal'
  | 'Less'
  | 'LessOrEqual'
  | 'Greater'
  | 'GreaterOrEqual';

export type ContractionOp = 'MatMul' | 'Gemm' | 'FusedMatMul' | 'Einsum' | 'Conv' | 'ConvTranspose';

export type PoolOp = 'MaxPool' | 'MaxUnpool' | 'AveragePool' | 'GlobalAveragePool' | 'GlobalMaxPool';

export type ReduceOp =
  | 'ReduceSum'
  | 'ReduceMean'
  | 'ReduceMax'
  | 'ReduceMin'
  | 'ReduceProd'
  | 'ReduceL1'
  | 'ReduceL2'
  | 'ReduceSumSquare'
  | 'ReduceLogSumExp';

/** Softmax family, normalisations, running sums and order statistics along axes. */
export type AxisOp =
  | 'Softmax'
  | 'LogSoftmax'
  | 'LayerNormalization'
  /** RMS norm with outputs Y and InvStdDev (ONNX Runtime's name; RMSNormalization of opset 23 is read into it). */
  | 'SimplifiedLayerNormalization'
  | 'BatchNormalization'
  | 'GroupNormalization'
  | 'InstanceNormalization'
  | 'CumSum'
  | 'ArgMax'
  | 'ArgMin'
  | 'TopK';

export type IndexOp = 'Gather' | 'GatherElements' | 'GatherND' | 'ScatterElements' | 'ScatterND' | 'OneHot';

export type LayoutOp =
  | 'Where'
  | 'Reshape'
  | 'Transpose'
  | 'Expand'
  | 'Squeeze'
  | 'Unsqueeze'
  | 'Flatten'
  | 'Concat'
  | 'Split'
  | 'Slice'
  | 'Pad'
  | 'Tile'
  | 'Trilu'
  | 'Resize'
  | 'RotaryEmbedding';

/** No inputs: values made from attributes alone. */
export type SourceOp = 'ConstantOfShape' | 'Range';

/** Domain `tenfold.dist`; executed by core/ranks, one graph per rank. */
export type CollectiveOp = 'AllReduce' | 'AllGather' | 'ReduceScatter' | 'AllToAll' | 'Broadcast' | 'Send' | 'Recv';

export type OpName =
  | UnaryOp
  | BinaryOp
  | ContractionOp
  | PoolOp
  | ReduceOp
  | AxisOp
  | IndexOp
  | LayoutOp
  | SourceOp
  | CollectiveOp;
