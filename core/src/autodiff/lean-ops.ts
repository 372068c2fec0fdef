/** Builder helpers that avoid nodes: products with one, sums of zeros, expansions and reductions nobody needs. */
import type { GraphBuilder, GraphValue } from '../graph/index.ts';
import { lazyValue } from './lazy-value.ts';
import { equalShapes, numel, type Dtype, type Shape } from '../tensor/index.ts';

export interface LeanOps {
  /** A scalar constant whose value the helpers remember. */
  scalar(value: number, dtype: Dtype): GraphValue;
  /** The number that all elements are known to equal. */
  uniform(value: GraphValue): number | undefined;
  mul(a: GraphValue, b: GraphValue | number): GraphValue;
  div(a: GraphValue, b: GraphValue | number): GraphValue;
  add(a: GraphValue, b: GraphValue): GraphValue;
  sub(a: GraphValue, b: GraphValue): GraphValue;
  neg(a: GraphValue): GraphValue;
  /** The value where the condition holds, else 0: a product, which engines run faster than Where. */
  mask(condition: GraphValue, value: GraphValue): GraphValue;
  /** 1 where the condition holds, as a float. */
  indicator(condition: GraphValue, dtype: Dtype): GraphValue;
  /** A cast, built when it is used; casting back what a cast of ours made gives its source, rounding undone. */
  cast(value: GraphValue, dtype: Dtype): GraphValue;
  /** The value in its full shape. */
  full(value: GraphValue, shape: Shape): GraphValue;
  /** Adjoint of broadcasting `target` to `from`: sums over the broadcast axes.
   *  @param value  broadcastable to `from`; axes it leaves implicit are multiplied out, not expanded */
  sumTo(value: GraphValue, from: Shape, target: Shape): GraphValue;
  /** A gradient (broadcastable to `from`) reshaped for a value of shape `to` with the same elements. */
  reshapeFrom(value: GraphValue, from: Shape, to: Shape): GraphValue;
  /** Pads the shape with leading ones up to the rank. */
  withRank(value: GraphValue, rank: number): GraphValue;
}

export function createLeanOps(builder: GraphBuilder): LeanOps {
  const uniforms = new Map<number, number>();
  const castSources = new WeakMap<GraphValue, GraphValue>();

  const lean: LeanOps = {
    scalar(value, dtype) {
      const constant = builder.scalar(value, dtype);
      uniforms.set(constant.id, value);
      return constant;
    },
    uniform: (value) => uniforms.get(value.id),
    mul(a, b) {
      if (typeof b === 'number') return b === 1 ? a : lean.mul(a, lean.scalar(b, a.dtype));
      const left = uniforms.get(a.id);
      const right = uniforms.get(b.id);
      if (left !== undefined && right !== undefined) return lean.scalar(left * right, a.dtype);
      if (left === 1) return b;
      if (right === 1) return a;
      if (left !== undefined) return builder.mul(b, lean.scalar(left, a.dtype));
      return builder.mul(a, right === undefined ? b : lean.scalar(right, a.dtype));
    },
    div(a, b) {
      const right = typeof b === 'number' ? b : uniforms.get(b.id);
      if (right !== undefined) return lean.mul(a, 1 / right);
      if (uniforms.get(a.id) === 1) return builder.op('Reciprocal', [b as GraphValue]);
      return builder.div(a, b);
    },
    add(a, b) {
      const left = uniforms.get(a.id);
      const right = uniforms.get(b.id);
      if (left !== undefined && right !== undefined) return lean.scalar(left + right, a.dtype);
      return builder.add(a, b);
    },
    sub: (a, b) => builder.sub(a, b),
    neg(a) {
      const known = uniforms.get(a.id);
      return known === undefined ? builder.neg(a) : lean.scalar(-known, a.dtype);
    },
    mask: (condition, value) => lean.mul(value, builder.cast(condition, value.dtype)),
    indicator: (condition, dtype) => builder.cast(condition, dtype),
    cast(value, dtype) {
      if (value.dtype === dtype) return value;
      const source = castSources.get(value);
      if (source?.dtype === dtype) return source;
      const { notes } = builder;
      const shape = value.shape;
      const converted = lazyValue({ dtype, shape }, () => {
        const known = shape.length === 0 ? uniforms.get(value.id) : undefined;
        return known === undefined
          ? builder.withNotes(notes, () => builder.cast(value, dtype))
          : lean.scalar(known, dtype);
      });
      castSources.set(converted, value);
      return converted;
    },
    full(value, shape) {
      if (equalShapes(value.shape, shape)) return value;
      const expanded = builder.expand(value, shape);
      const known = uniforms.get(value.id);
      if (known !== undefined) uniforms.set(expanded.id, known);
      return expanded;
    },
    sumTo(value, from, target) {
      let factor = 1;
      const axes: number[] = [];
      for (let back = 1; back <= from.length; back++) {
        const size = from[from.length - back]!;
        const wanted = back <= target.length ? target[target.length - back]! : 1;
        if (size === 1 || wanted !== 1) continue;
        const own = back <= value.shape.length ? value.shape[value.shape.length - back]! : 1;
        if (own === 1) factor *= size;
        else axes.push(value.shape.length - back);
      }
      const isDropping = value.shape.length > target.length;
      // Axes to drop must be leading ones, so one reduction without keepdims serves if all reduced axes are among them.
      const numExtra = Math.max(0, value.shape.length - target.length);
      const dropsAll = isDropping && axes.length === numExtra && axes.every((axis) => axis < numExtra);
      let result = value;
      if (axes.length > 0) {
        result = builder.op('ReduceSum', [value], { axes: [...axes].reverse(), keepdims: dropsAll ? 0 : 1 });
      }
      if (result.shape.length > target.length) {
        result = reshapeKnown(result, result.shape.slice(result.shape.length - target.length));
      }
      return lean.mul(result, factor);
    },
    reshapeFrom(value, from, to) {
      if (numel(value.shape) === 1 && numel(to) !== 1) return reshapeKnown(value, []);
      return reshapeKnown(lean.full(value, from), to);
    },
    withRank(value, rank) {
      if (value.shape.length >= rank) return value;
      return reshapeKnown(value, [...new Array<number>(rank - value.shape.length).fill(1), ...value.shape]);
    },
  };

  /** Reshape that keeps what is known about the elements. */
  function reshapeKnown(value: GraphValue, shape: Shape): GraphValue {
    const known = uniforms.get(value.id);
    if (known !== undefined && shape.length === 0) return lean.scalar(known, value.dtype);
    const reshaped = builder.reshape(value, shape);
    if (known !== undefined) uniforms.set(reshaped.id, known);
    return reshaped;
  }

  return lean;
}
