/** One method an op, with the arguments people expect; numbers stand for scalar constants. Built on BuilderCore.op. */
import { equalShapes, type Dtype, type Shape } from '../../tensor/index.ts';
import type { AttributesToBuild } from '../ops/op-schemas.ts';
import type { BinaryOp, ReduceOp, UnaryOp } from '../ops/op-names.ts';
import type { GraphValue } from '../types.ts';
import { padsFromAutoPad, type AutoPad } from './auto-pad.ts';
import type { BuilderCore, NodeOptions, Operand } from './builder-core.ts';

type PlainUnaryOp = Exclude<UnaryOp, 'LeakyRelu' | 'Elu' | 'IsInf' | 'Gelu' | 'QuickGelu' | 'Clip' | 'Cast'>;

export interface ReduceOptions {
  /** Default: all. */
  readonly axes?: readonly number[];
  /** Default false (unlike ONNX's op). */
  readonly keepdims?: boolean;
}

export interface ConvOptions extends AttributesToBuild<'Conv'> {
  readonly bias?: GraphValue;
  readonly autoPad?: AutoPad;
}

export interface ConvTransposeOptions extends AttributesToBuild<'ConvTranspose'> {
  readonly bias?: GraphValue;
}

export interface CollectiveOptions {
  readonly groupSize: number;
  /** Name of the process group, kept as the note `group`. */
  readonly group: string;
  /** `ring`, `tree` or `rank-order`. */
  readonly algorithm?: string;
}

type Reduction = 'sum' | 'mean' | 'max' | 'min';

export type OpMethods = ReturnType<typeof createOpMethods>;

/** Methods bound to one builder. */
export function createOpMethods(core: BuilderCore) {
  const unary = (op: PlainUnaryOp) => (x: GraphValue, options?: NodeOptions) => core.op(op, [x], {}, options);
  const binary = (op: BinaryOp) => (a: Operand, b: Operand, options?: NodeOptions) => core.op(op, [a, b], {}, options);
  const reduce =
    (op: ReduceOp) =>
    (x: GraphValue, { axes, keepdims = false }: ReduceOptions = {}) =>
      core.op(op, [x], { ...(axes === undefined ? {} : { axes }), keepdims: keepdims ? 1 : 0 });
  const collective = ({ group, algorithm }: CollectiveOptions): NodeOptions => ({
    notes: algorithm === undefined ? { group } : { group, algorithm },
  });
  const nameOption = (name?: string): NodeOptions => (name === undefined ? {} : { name });
  const channelPads = (x: GraphValue, w: Shape, autoPad: AutoPad, options: AttributesToBuild<'Conv'>) =>
    padsFromAutoPad({
      autoPad,
      sizes: x.shape.slice(2),
      kernel: w,
      ...(options.strides === undefined ? {} : { strides: options.strides }),
      ...(options.dilations === undefined ? {} : { dilations: options.dilations }),
    });

  const methods = {
    neg: unary('Neg'),
    abs: unary('Abs'),
    exp: unary('Exp'),
    log: unary('Log'),
    sqrt: unary('Sqrt'),
    reciprocal: unary('Reciprocal'),
    erf: unary('Erf'),
    tanh: unary('Tanh'),
    sigmoid: unary('Sigmoid'),
    relu: unary('Relu'),
    softplus: unary('Softplus'),
    sin: unary('Sin'),
    cos: unary('Cos'),
    floor: unary('Floor'),
    ceil: unary('Ceil'),
    round: unary('Round'),
    sign: unary('Sign'),
    not: unary('Not'),
    isNaN: unary('IsNaN'),
    identity: unary('Identity'),
    stopGradient: unary('StopGradient'),
    leakyRelu: (x: GraphValue, alpha = 0.01) => core.op('LeakyRelu', [x], { alpha }),
    elu: (x: GraphValue, alpha = 1) => core.op('Elu', [x], { alpha }),
    isInf: (x: GraphValue) => core.op('IsInf', [x]),
    gelu: (x: GraphValue, approximate: 'none' | 'tanh' = 'none') => core.op('Gelu', [x], { approximate }),
    /** x · sigmoid(x). */
    silu: (x: GraphValue) => core.op('QuickGelu', [x], { alpha: 1 }),
    clip: (x: GraphValue, min?: number, max?: number) =>
      core.op('Clip', [x], { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) }),
    /** The value itself if it has the dtype. */
    cast: (x: GraphValue, to: Dtype, { saturate = true }: { saturate?: boolean } = {}) =>
      x.dtype === to ? x : core.op('Cast', [x], { to, saturate: saturate ? 1 : 0 }),

    add: binary('Add'),
    sub: binary('Sub'),
    mul: binary('Mul'),
    div: binary('Div'),
    pow: binary('Pow'),
    min: binary('Min'),
    max: binary('Max'),
    and: binary('And'),
    or: binary('Or'),
    xor: binary('Xor'),
    equal: binary('Equal'),
    less: binary('Less'),
    lessOrEqual: binary('LessOrEqual'),
    greater: binary('Greater'),
    greaterOrEqual: binary('GreaterOrEqual'),
    /** fmod false: sign of the divisor, integers only; true: C's fmod. */
    mod: (a: Operand, b: Operand, fmod = false) => core.op('Mod', [a, b], { fmod: fmod ? 1 : 0 }),
    square: (x: GraphValue) => core.op('Mul', [x, x]),
    where: (condition: GraphValue, x: Operand, y: Operand) => core.op('Where', [condition, x, y]),

    matMul: (a: GraphValue, b: GraphValue, options?: NodeOptions) => core.op('MatMul', [a, b], {}, options),
    gemm: (a: GraphValue, b: GraphValue, c?: GraphValue, attributes: AttributesToBuild<'Gemm'> = {}) =>
      core.op('Gemm', [a, b, c], attributes),
    fusedMatMul: (a: GraphValue, b: GraphValue, attributes: AttributesToBuild<'FusedMatMul'> = {}) =>
      core.op('FusedMatMul', [a, b], attributes),
    einsum: (equation: string, ...inputs: readonly GraphValue[]) => core.op('Einsum', inputs, { equation }),
    conv(x: GraphValue, w: GraphValue, { bias, autoPad, ...attributes }: ConvOptions = {}) {
      const pads = autoPad === undefined ? {} : { pads: channelPads(x, w.shape.slice(2), autoPad, attributes) };
      return core.op('Conv', [x, w, bias], { ...attributes, ...pads });
    },
    convTranspose: (x: GraphValue, w: GraphValue, { bias, ...attributes }: ConvTransposeOptions = {}) =>
      core.op('ConvTranspose', [x, w, bias], attributes),

    maxPool: (x: GraphValue, attributes: AttributesToBuild<'MaxPool'>) => core.op('MaxPool', [x], attributes),
    maxPoolWithIndices(x: GraphValue, attributes: AttributesToBuild<'MaxPool'>) {
      const [y, indices] = core.multi('MaxPool', [x], attributes, { numOutputs: 2 });
      return { y: y!, indices: indices! };
    },
    maxUnpool: (x: GraphValue, indices: GraphValue, attributes: AttributesToBuild<'MaxUnpool'>) =>
      core.op('MaxUnpool', [x, indices], attributes),
    averagePool: (x: GraphValue, attributes: AttributesToBuild<'AveragePool'>) =>
      core.op('AveragePool', [x], attributes),
    globalAveragePool: (x: GraphValue) => core.op('GlobalAveragePool', [x]),
    globalMaxPool: (x: GraphValue) => core.op('GlobalMaxPool', [x]),

    reduceSum: reduce('ReduceSum'),
    reduceMean: reduce('ReduceMean'),
    reduceMax: reduce('ReduceMax'),
    reduceMin: reduce('ReduceMin'),
    reduceProd: reduce('ReduceProd'),
    reduceL1: reduce('ReduceL1'),
    reduceL2: reduce('ReduceL2'),
    reduceSumSquare: reduce('ReduceSumSquare'),
    reduceLogSumExp: reduce('ReduceLogSumExp'),

    softmax: (x: GraphValue, axis = -1) => core.op('Softmax', [x], { axis }),
    logSoftmax: (x: GraphValue, axis = -1) => core.op('LogSoftmax', [x], { axis }),
    layerNorm: (
      x: GraphValue,
      scale: GraphValue,
      bias?: GraphValue,
      attributes: AttributesToBuild<'LayerNormalization'> = {},
    ) => core.op('LayerNormalization', [x, scale, bias], attributes),
    rmsNorm: (x: GraphValue, scale: GraphValue, attributes: AttributesToBuild<'SimplifiedLayerNormalization'> = {}) =>
      core.op('SimplifiedLayerNormalization', [x, scale], attributes),
    /** Inference form: running statistics. */
    batchNorm: (
      x: GraphValue,
      [scale, bias, mean, variance]: readonly [GraphValue, GraphValue, GraphValue, GraphValue],
      epsilon = 1e-5,
    ) => core.op('BatchNormalization', [x, scale, bias, mean, variance], { epsilon }),
    /** Training form: batch statistics; running = momentum · old + (1 − momentum) · batch. */
    batchNormTraining(
      x: GraphValue,
      [scale, bias, mean, variance]: readonly [GraphValue, GraphValue, GraphValue, GraphValue],
      { epsilon = 1e-5, momentum = 0.9 }: { epsilon?: number; momentum?: number } = {},
    ) {
      const attributes = { epsilon, momentum, training_mode: 1 };
      const outputs = core.multi('BatchNormalization', [x, scale, bias, mean, variance], attributes, { numOutputs: 3 });
      return { y: outputs[0]!, runningMean: outputs[1]!, runningVar: outputs[2]! };
    },
    groupNorm: (
      x: GraphValue,
      scale: GraphValue,
      bias: GraphValue,
      attributes: AttributesToBuild<'GroupNormalization'>,
    ) => core.op('GroupNormalization', [x, scale, bias], attributes),
    instanceNorm: (x: GraphValue, scale: GraphValue, bias: GraphValue, epsilon = 1e-5) =>
      core.op('InstanceNormalization', [x, scale, bias], { epsilon }),
    cumSum: (x: GraphValue, axis: number, { exclusive = false, reverse = false } = {}) =>
      core.op('CumSum', [x], { axis, exclusive: exclusive ? 1 : 0, reverse: reverse ? 1 : 0 }),
    argMax: (x: GraphValue, axis = -1, keepdims = false) =>
      core.op('ArgMax', [x], { axis, keepdims: keepdims ? 1 : 0 }),
    argMin: (x: GraphValue, axis = -1, keepdims = false) =>
      core.op('ArgMin', [x], { axis, keepdims: keepdims ? 1 : 0 }),
    topK(x: GraphValue, k: number, { axis = -1, largest = true } = {}) {
      const [values, indices] = core.multi('TopK', [x], { k, axis, largest: largest ? 1 : 0 });
      return { values: values!, indices: indices! };
    },
    /** All elements in order, with their old places. */
    sort(x: GraphValue, { axis = -1, descending = false } = {}) {
      const k = x.shape.at(axis) ?? 1;
      const [values, indices] = core.multi('TopK', [x], { k, axis, largest: descending ? 1 : 0 });
      return { values: values!, indices: indices! };
    },

    gather: (data: GraphValue, indices: GraphValue, axis = 0) => core.op('Gather', [data, indices], { axis }),
    gatherElements: (data: GraphValue, indices: GraphValue, axis = 0) =>
      core.op('GatherElements', [data, indices], { axis }),
    gatherND: (data: GraphValue, indices: GraphValue, batchDims = 0) =>
      core.op('GatherND', [data, indices], { batch_dims: batchDims }),
    scatterElements: (
      data: GraphValue,
      indices: GraphValue,
      updates: GraphValue,
      attributes: AttributesToBuild<'ScatterElements'> = {},
    ) => core.op('ScatterElements', [data, indices, updates], attributes),
    scatterND: (
      data: GraphValue,
      indices: GraphValue,
      updates: GraphValue,
      attributes: AttributesToBuild<'ScatterND'> = {},
    ) => core.op('ScatterND', [data, indices, updates], attributes),
    oneHot: (indices: GraphValue, depth: number, attributes: Omit<AttributesToBuild<'OneHot'>, 'depth'> = {}) =>
      core.op('OneHot', [indices], { depth, ...attributes }),

    /** One -1 and zeros (same size) allowed; the value itself if the shape is the same. */
    reshape: (x: GraphValue, shape: Shape, name?: string) =>
      equalShapes(x.shape, shape) ? x : core.op('Reshape', [x], { shape }, nameOption(name)),
    /** Default: reverses all axes. */
    transpose: (x: GraphValue, perm?: readonly number[]) =>
      perm?.every((axis, i) => axis === i) ? x : core.op('Transpose', [x], perm === undefined ? {} : { perm }),
    expand: (x: GraphValue, shape: Shape) => (equalShapes(x.shape, shape) ? x : core.op('Expand', [x], { shape })),
    squeeze: (x: GraphValue, axes?: readonly number[]) => core.op('Squeeze', [x], axes === undefined ? {} : { axes }),
    unsqueeze: (x: GraphValue, axes: readonly number[]) => core.op('Unsqueeze', [x], { axes }),
    flatten: (x: GraphValue, axis = 1) => core.op('Flatten', [x], { axis }),
    concat: (inputs: readonly GraphValue[], axis: number) =>
      inputs.length === 1 ? inputs[0]! : core.op('Concat', inputs, { axis }),
    /** Sizes of the parts, or how many equal parts. */
    split(x: GraphValue, parts: number | readonly number[], axis = 0) {
      const size = x.shape.at(axis) ?? 0;
      const split = typeof parts === 'number' ? new Array<number>(parts).fill(size / parts) : parts;
      return core.multi('Split', [x], { split, axis });
    },
    slice: (x: GraphValue, attributes: AttributesToBuild<'Slice'>) => core.op('Slice', [x], attributes),
    /** Half-open range of one axis. */
    sliceAxis: (x: GraphValue, axis: number, start: number, end: number) =>
      core.op('Slice', [x], { starts: [start], ends: [end], axes: [axis] }),
    pad: (x: GraphValue, pads: readonly number[], attributes: Omit<AttributesToBuild<'Pad'>, 'pads'> = {}) =>
      core.op('Pad', [x], { pads, ...attributes }),
    tile: (x: GraphValue, repeats: readonly number[]) => core.op('Tile', [x], { repeats }),
    /** Keeps the upper triangle (j − i ≥ k). */
    triu: (x: GraphValue, k = 0) => core.op('Trilu', [x], { upper: 1, k }),
    /** Keeps the lower triangle (j − i ≤ k). */
    tril: (x: GraphValue, k = 0) => core.op('Trilu', [x], { upper: 0, k }),
    resize: (x: GraphValue, sizes: Shape, attributes: Omit<AttributesToBuild<'Resize'>, 'sizes'> = {}) =>
      core.op('Resize', [x], { sizes, ...attributes }),
    rotaryEmbedding: (
      x: GraphValue,
      cos: GraphValue,
      sin: GraphValue,
      attributes: AttributesToBuild<'RotaryEmbedding'> = {},
    ) => core.op('RotaryEmbedding', [x, cos, sin], attributes),

    full: (shape: Shape, value: number, dtype: Dtype = 'float32') =>
      core.op('ConstantOfShape', [], { shape, value, dtype }),
    zerosLike: (x: GraphValue) => core.op('ConstantOfShape', [], { shape: x.shape, value: 0, dtype: x.dtype }),
    onesLike: (x: GraphValue) => core.op('ConstantOfShape', [], { shape: x.shape, value: 1, dtype: x.dtype }),
    range: (limit: number, attributes: Omit<AttributesToBuild<'Range'>, 'limit'> = {}) =>
      core.op('Range', [], { limit, ...attributes }),

    allReduce: (x: GraphValue, options: CollectiveOptions & { reduction?: Reduction }) =>
      core.op(
        'AllReduce',
        [x],
        { group_size: options.groupSize, reduction: options.reduction ?? 'sum' },
        collective(options),
      ),
    allGather: (x: GraphValue, axis: number, options: CollectiveOptions) =>
      core.op('AllGather', [x], { group_size: options.groupSize, axis }, collective(options)),
    reduceScatter: (x: GraphValue, axis: number, options: CollectiveOptions & { reduction?: Reduction }) =>
      core.op(
        'ReduceScatter',
        [x],
        { group_size: options.groupSize, axis, reduction: options.reduction ?? 'sum' },
        collective(options),
      ),
    allToAll(
      x: GraphValue,
      options: CollectiveOptions & {
        splitAxis?: number;
        concatAxis?: number;
        /** Both or none; sizes along splitAxis, one a rank. */
        splits?: { readonly send: readonly number[]; readonly receive: readonly number[] };
      },
    ) {
      const { groupSize, splitAxis = 0, concatAxis = splitAxis, splits } = options;
      return core.op(
        'AllToAll',
        [x],
        {
          group_size: groupSize,
          split_axis: splitAxis,
          concat_axis: concatAxis,
          ...(splits === undefined ? {} : { send_splits: splits.send, recv_splits: splits.receive }),
        },
        collective(options),
      );
    },
    broadcast: (x: GraphValue, root: number, options: CollectiveOptions) =>
      core.op('Broadcast', [x], { group_size: options.groupSize, root }, collective(options)),
    send(x: GraphValue, peer: number, options: CollectiveOptions & { tag?: number }): void {
      core.multi('Send', [x], { group_size: options.groupSize, peer, tag: options.tag ?? 0 }, collective(options));
    },
    recv: (peer: number, shape: Shape, options: CollectiveOptions & { tag?: number; dtype?: Dtype }) =>
      core.op(
        'Recv',
        [],
        { group_size: options.groupSize, peer, tag: options.tag ?? 0, shape, dtype: options.dtype ?? 'float32' },
        collective(options),
      ),
  };
  return methods;
}
