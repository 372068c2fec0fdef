/** Scales of character plots: linear, log and ordinal axes onto 0..1, with round ticks. */
import { formatSignificant } from '../base/index.ts';
import type { Axis, PlotBlock } from './types.ts';

export interface AxisScale {
  readonly kind: 'linear' | 'log' | 'ordinal';
  /** Position in 0..1; NaN for a value that the axis cannot show (log of ≤ 0). */
  position(value: number | string): number;
  /** Names of an ordinal axis in order of appearance; empty otherwise. */
  readonly names: readonly string[];
  readonly low: number;
  readonly high: number;
}

/** The scale of one axis, over everything that the plot shows along it. */
export function axisScaleOf(block: PlotBlock, axis: 'x' | 'y'): AxisScale {
  const values: (number | string)[] = [];
  for (const series of block.series) {
    for (const point of series.points) {
      values.push(point[axis]);
      if (axis === 'y') for (const bound of [point.low, point.high]) if (bound !== undefined) values.push(bound);
    }
  }
  for (const rule of block.rules ?? []) if (rule.axis === axis) values.push(rule.value);
  if (axis === 'y' && block[axis].scale !== 'log' && (block.mark === 'bar' || block.mark === 'area')) values.push(0);
  // One height for all: an axis from 0, which shares and counts never leave.
  if (axis === 'y' && block[axis].scale !== 'log' && isConstant(values)) values.push(values[0] === 0 ? 1 : 0);
  return scaleOfValues(values, block[axis]);
}

function isConstant(values: readonly (number | string)[]): boolean {
  return typeof values[0] === 'number' && values.every((value) => value === values[0]);
}

export function scaleOfValues(values: readonly (number | string)[], axis: Axis): AxisScale {
  const isOrdinal =
    axis.scale === 'band' || axis.scale === 'point' || values.some((value) => typeof value === 'string');
  if (isOrdinal) return ordinalScale([...new Set(values.map(String))]);
  const isLog = axis.scale === 'log';
  const numbers = (values as number[]).filter((value) => Number.isFinite(value) && (!isLog || value > 0));
  let low = Math.min(...numbers);
  let high = Math.max(...numbers);
  if (numbers.length === 0) [low, high] = isLog ? [1, 10] : [0, 1];
  if (low === high) [low, high] = isLog ? [low / 2, high * 2] : [low - 0.5, high + 0.5];
  const transform = isLog ? Math.log10 : (value: number) => value;
  const [start, span] = [transform(low), transform(high) - transform(low)];
  return {
    kind: isLog ? 'log' : 'linear',
    names: [],
    low,
    high,
    position: (value) => (transform(Number(value)) - start) / span,
  };
}

export function tickText(value: number): string {
  return formatSignificant(value, 3);
}

function ordinalScale(names: readonly string[]): AxisScale {
  const indexOf = new Map(names.map((name, index) => [name, index]));
  return {
    kind: 'ordinal',
    names,
    low: 0,
    high: Math.max(0, names.length - 1),
    position: (value) => (indexOf.get(String(value))! + 0.5) / names.length,
  };
}
