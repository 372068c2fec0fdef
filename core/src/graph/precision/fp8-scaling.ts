/** Quantise and dequantise by Cast nodes, with the scalings of FP8 training.
 *  q = cast(x · scale), saturating, round to nearest even; the value used is q / scale. */
import { createTensor, type Tensor } from '../../tensor/index.ts';
import type { GraphBuilder } from '../build/graph-builder.ts';
import { scalarTensor } from '../build/scalar-tensor.ts';
import type { GraphValue } from '../types.ts';

export type Fp8Format = 'float8e4m3fn' | 'float8e5m2';

/** Largest finite values. */
export const FP8_MAX: Readonly<Record<Fp8Format, number>> = { float8e4m3fn: 448, float8e5m2: 57344 };
/** Exponents of the largest binades (OCP MX specification). */
const FP8_MAX_EXPONENT: Readonly<Record<Fp8Format, number>> = { float8e4m3fn: 8, float8e5m2: 15 };
const FLOAT32_MAX = 3.4028234663852886e38;

export interface DelayedState {
  readonly stateValues: Record<string, Tensor>;
  readonly historyLength: number;
  readonly margin: number;
}

/** x rounded to the format under one scale. */
export function roundUnderScale(g: GraphBuilder, x: GraphValue, scale: GraphValue, format: Fp8Format): GraphValue {
  return g.div(g.cast(g.cast(g.mul(x, scale), format), x.dtype), scale);
}

/** x rounded to a 16-bit dtype and back. */
export function roundThrough(g: GraphBuilder, x: GraphValue, dtype: 'bfloat16' | 'float16'): GraphValue {
  return g.cast(g.cast(x, dtype), x.dtype);
}

/** max / amax, or the fallback where amax is 0 or not finite; overflow gives the largest f32. */
export function scaleFromAmax(
  g: GraphBuilder,
  amax: GraphValue,
  max: number,
  fallback: GraphValue | number,
): GraphValue {
  const isUsable = g.and(g.greater(amax, 0), g.less(amax, Infinity));
  const scale = g.min(g.div(max, g.where(isUsable, amax, 1)), FLOAT32_MAX);
  return g.where(isUsable, scale, fallback);
}

/** One scale from the present tensor. */
export function currentScale(g: GraphBuilder, amax: GraphValue, format: Fp8Format): GraphValue {
  return scaleFromAmax(g, amax, FP8_MAX[format], 1);
}

/** The scale kept from earlier steps; history and next scale become states (initial scale 1, history 0).
 *  next scale = max / 2^margin / max(history); amax 0 or not finite keeps the old scale. */
export function delayedScale(
  g: GraphBuilder,
  amax: GraphValue,
  format: Fp8Format,
  name: string,
  { stateValues, historyLength, margin }: DelayedState,
): GraphValue {
  const scale = g.buffer(`${name}.fp8_scale`, []);
  const history = g.buffer(`${name}.fp8_amax_history`, [historyLength]);
  stateValues[scale.name] = scalarTensor('float32', 1);
  stateValues[history.name] = createTensor('float32', [historyLength]);
  const latest = g.reshape(amax, [1]);
  const nextHistory =
    historyLength === 1 ? latest : g.concat([latest, g.sliceAxis(history, 0, 0, historyLength - 1)], 0);
  g.setNextState(history, nextHistory);
  g.setNextState(scale, scaleFromAmax(g, g.reduceMax(nextHistory), FP8_MAX[format] / 2 ** margin, scale));
  return scale;
}

export interface BlockShape {
  /** Block length along the contraction axis. */
  readonly along: number;
  /** Block length along the other of the last two axes; 1 for activations. */
  readonly across: number;
  /** `mx`: E8M0 scales from the exponent of amax; `pow2`: the largest power of two that fits. */
  readonly rule: 'pow2' | 'mx';
}

/** x [..., M, K] rounded with one power-of-two scale a block; the axes are padded with zeros to whole blocks.
 *  @param axis  the contraction axis, one of the last two */
export function roundInBlocks(
  g: GraphBuilder,
  x: GraphValue,
  axis: number,
  { along, across, rule }: BlockShape,
  format: Fp8Format,
): GraphValue {
  const rank = x.shape.length;
  const [rows, columns] = [x.shape[rank - 2]!, x.shape[rank - 1]!];
  const [rowBlock, columnBlock] = axis === rank - 1 ? [across, along] : [along, across];
  const rowPad = (rowBlock - (rows % rowBlock)) % rowBlock;
  const columnPad = (columnBlock - (columns % columnBlock)) % columnBlock;
  const pads = new Array<number>(2 * rank).fill(0);
  pads[2 * rank - 2] = rowPad;
  pads[2 * rank - 1] = columnPad;
  const isPadded = rowPad + columnPad > 0;
  const whole = isPadded ? g.pad(x, pads) : x;
  const lead = x.shape.slice(0, -2);
  const blocks = g.reshape(whole, [
    ...lead,
    (rows + rowPad) / rowBlock,
    rowBlock,
    (columns + columnPad) / columnBlock,
    columnBlock,
  ]);
  const amax = g.reduceMax(g.abs(blocks), { axes: [rank - 1, rank + 1], keepdims: true });
  const scale =
    rule === 'pow2'
      ? powerOfTwoBelow(g, scaleFromAmax(g, amax, FP8_MAX[format], 1))
      : g.where(
          g.greater(amax, 0),
          g.div(2 ** FP8_MAX_EXPONENT[format], powerOfTwoBelow(g, g.max(amax, 2 ** -126))),
          1,
        );
  const rounded = g.reshape(roundUnderScale(g, blocks, scale, format), whole.shape);
  if (!isPadded) return rounded;
  return g.slice(rounded, { starts: [0, 0], ends: [rows, columns], axes: [rank - 2, rank - 1] });
}

/** Largest power of two that is ≤ x, for normal positive x. The logarithm may be one off near powers of two, so the
 *  candidate is corrected by comparing. */
function powerOfTwoBelow(g: GraphBuilder, x: GraphValue): GraphValue {
  const exponent = g.clip(g.floor(g.mul(g.log(x), Math.LOG2E)), -126, 126);
  const candidate = g.pow(g.full([], 2, x.dtype), exponent);
  const isTooLarge = g.greater(candidate, x);
  const isTooSmall = g.lessOrEqual(g.mul(candidate, 2), x);
  return g.where(isTooLarge, g.mul(candidate, 0.5), g.where(isTooSmall, g.mul(candidate, 2), candidate));
}
