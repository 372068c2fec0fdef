/** Gradients of ops that move values. */
import { tensorFromNumbers } from '../../graph/index.ts';
import type { GraphBuilder, GraphValue, LayoutOp } from '../../graph/index.ts';
import { numel } from '../../tensor/index.ts';
import type { GradContext, InputGradient, RulesOf } from '../types.ts';
import { padMap, repeatFactor, resizeMap, type AxisMap } from './axis-maps.ts';

const reshapeRule: InputGradient = ({ lean, dy, x, y }) => lean.reshapeFrom(dy(), y().shape, x(0).shape);

/** Where: the operand's share of the gradient, summed over its broadcast axes. A product with the condition as a number
 *  costs engines a fraction of a Where. */
const whereRule: InputGradient<'Where'> = (context, index) => {
  const { builder: b, lean, x, y } = context;
  const condition = index === 1 ? x(0) : context.once('not', () => b.not(x(0)));
  return lean.sumTo(lean.mask(condition, context.dy()), y().shape, x(index).shape);
};

const concatRule: InputGradient<'Concat'> = (context, index) => {
  const { builder: b, x, attributes, numInputs } = context;
  const { axis } = attributes;
  const sizes = Array.from({ length: numInputs }, (_, i) => x(i).shape[axis]!);
  const wanted = sizes.filter((_, i) => context.needs(i));
  if (wanted.length > 1) return context.once('parts', () => b.split(context.dyFull(), sizes, axis))[index];
  const start = sizes.slice(0, index).reduce((sum, size) => sum + size, 0);
  return b.sliceAxis(context.dyFull(), axis, start, start + sizes[index]!);
};

/** Slice's adjoint: undo a negative step by flipping, a long one by writing zeros between, then pad to the full size. */
const sliceRule: InputGradient<'Slice'> = (context) => {
  const { builder: b, x, attributes } = context;
  const { starts, steps, axes } = attributes;
  const rank = x(0).shape.length;
  let gradient = context.dyFull();
  const pads = new Array<number>(2 * rank).fill(0);
  axes.forEach((axis, i) => {
    const step = steps[i]!;
    const count = gradient.shape[axis]!;
    const size = x(0).shape[axis]!;
    const first = Math.min(starts[i]! < 0 ? starts[i]! + size : starts[i]!, step < 0 ? size - 1 : size);
    const low = step < 0 ? first + (count - 1) * step : first;
    if (step < 0 && count > 1) gradient = flip(b, gradient, axis);
    const stride = Math.abs(step);
    if (stride > 1 && count > 1) gradient = dilate(b, gradient, axis, stride);
    pads[axis] = low;
    pads[rank + axis] = size - low - gradient.shape[axis]!;
  });
  return pads.every((pad) => pad === 0) ? gradient : b.pad(gradient, pads);
};

/** Reverses an axis by a Gather; onnxruntime's WebGPU Slice does not step backwards. */
function flip(b: GraphBuilder, value: GraphValue, axis: number): GraphValue {
  const size = value.shape[axis]!;
  const backwards = Array.from({ length: size }, (_, i) => size - 1 - i);
  return b.gather(value, b.constant(tensorFromNumbers('int64', backwards)), axis);
}

/** Puts stride − 1 zeros between neighbours along an axis. */
function dilate(b: GraphBuilder, value: GraphValue, axis: number, stride: number): GraphValue {
  const { shape } = value;
  const count = shape[axis]!;
  const open = b.reshape(value, [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)]);
  const pads = new Array<number>(2 * open.shape.length).fill(0);
  pads[open.shape.length + axis + 1] = stride - 1;
  const merged = b.reshape(b.pad(open, pads), [...shape.slice(0, axis), count * stride, ...shape.slice(axis + 1)]);
  return b.sliceAxis(merged, axis, 0, (count - 1) * stride + 1);
}

/** Applies a map's transpose along an axis: blocks of copies are summed, anything else is a small matrix product. */
function applyTransposed(b: GraphBuilder, value: GraphValue, axis: number, map: AxisMap): GraphValue {
  const { shape } = value;
  const before = shape.slice(0, axis);
  const after = shape.slice(axis + 1);
  const repeats = repeatFactor(map);
  if (repeats !== undefined) {
    const blocks = b.reshape(value, [...before, map.from, repeats, ...after]);
    return b.op('ReduceSum', [blocks], { axes: [axis + 1], keepdims: 0 });
  }
  const matrix = b.cast(b.constant({ dtype: 'float64', shape: [map.to, map.from], data: map.weights }), value.dtype);
  if (after.length === 0) return b.matMul(value, matrix);
  const rows = b.reshape(value, [numel(before), map.to, numel(after)]);
  return b.reshape(b.fusedMatMul(matrix, rows, { transA: 1 }), [...before, map.from, ...after]);
}

const padRule: InputGradient<'Pad'> = (context) => {
  const { builder: b, x, attributes } = context;
  const { pads, mode } = attributes;
  const { shape } = x(0);
  const rank = shape.length;
  let gradient = context.dyFull();
  if (mode === 'constant') {
    const opposite = pads.map((pad) => -pad);
    if (pads.some((pad) => pad < 0)) return b.pad(gradient, opposite);
    const axes = shape.map((_, axis) => axis).filter((axis) => pads[axis] !== 0 || pads[rank + axis] !== 0);
    if (axes.length === 0) return gradient;
    const starts = axes.map((axis) => pads[axis]!);
    return b.slice(gradient, { starts, ends: axes.map((axis) => pads[axis]! + shape[axis]!), axes });
  }
  for (let axis = 0; axis < rank; axis++) {
    const [before, after] = [pads[axis]!, pads[rank + axis]!];
    if (before === 0 && after === 0) continue;
    gradient = applyTransposed(b, gradient, axis, padMap(mode, shape[axis]!, before, after));
  }
  return gradient;
};

const resizeRule: InputGradient<'Resize'> = (context) => {
  const { builder: b, x, y, attributes } = context;
  let gradient = context.dyFull();
  for (let axis = 0; axis < x(0).shape.length; axis++) {
    const scale = attributes.scales?.[axis] ?? 1;
    if (x(0).shape[axis] === y().shape[axis] && scale === 1) continue;
    gradient = applyTransposed(b, gradient, axis, resizeMap(attributes, axis, x(0).shape[axis]!));
  }
  return gradient;
};

const tileRule: InputGradient<'Tile'> = (context) => {
  const { builder: b, x, attributes } = context;
  const { repeats } = attributes;
  const blocks = b.reshape(
    context.dyFull(),
    x(0).shape.flatMap((size, axis) => [repeats[axis]!, size]),
  );
  const axes = repeats.map((_, axis) => 2 * axis);
  return b.op('ReduceSum', [blocks], { axes, keepdims: 0 });
};

export const LAYOUT_RULES: RulesOf<LayoutOp> = {
  Where: whereRule,
  Reshape: reshapeRule as InputGradient<'Reshape'>,
  Transpose: ({ builder: b, lean, dy, y, attributes }) => {
    if (numel(dy().shape) === 1) return dy();
    const { perm } = attributes;
    return b.transpose(
      lean.withRank(dy(), y().shape.length),
      perm.map((_, axis) => perm.indexOf(axis)),
    );
  },
  Expand: ({ lean, dy, x, y }) => lean.sumTo(dy(), y().shape, x(0).shape),
  Squeeze: reshapeRule as InputGradient<'Squeeze'>,
  Unsqueeze: reshapeRule as InputGradient<'Unsqueeze'>,
  Flatten: reshapeRule as InputGradient<'Flatten'>,
  Concat: concatRule,
  Split: ({ builder: b, dyFull, numOutputs, attributes }) =>
    b.concat(
      Array.from({ length: numOutputs }, (_, i) => dyFull(i)),
      attributes.axis,
    ),
  Slice: sliceRule,
  Pad: padRule,
  Tile: tileRule,
  Trilu: ({ builder: b, dyFull, attributes }) => b.op('Trilu', [dyFull()], attributes),
  Resize: resizeRule,
  RotaryEmbedding: (context: GradContext<'RotaryEmbedding'>, index) => {
    if (index !== 0) context.refuse('cos and sin are constants of the positions');
    // The inverse rotation: sin changes sign.
    const { builder: b, x, attributes } = context;
    return b.rotaryEmbedding(context.dyFull(), x(1), b.neg(x(2)), attributes);
  },
};
