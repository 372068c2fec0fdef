/** Linear maps along one axis (Resize, non-constant Pad) as small dense matrices, so that their gradient is a product. */
import type { AttributesOf } from '../../graph/index.ts';

/** [to, from] row-major weights: out[i] = Σ_j matrix[i, j] · in[j]. */
export interface AxisMap {
  readonly from: number;
  readonly to: number;
  readonly weights: Float64Array;
}

type ResizeAttributes = AttributesOf<'Resize'>;

function coordinate(i: number, from: number, to: number, scale: number, mode: string): number {
  switch (mode) {
    case 'asymmetric':
      return i / scale;
    case 'align_corners':
      return to === 1 ? 0 : (i * (from - 1)) / (to - 1);
    case 'pytorch_half_pixel':
      return to === 1 ? 0 : (i + 0.5) / scale - 0.5;
    default:
      return (i + 0.5) / scale - 0.5;
  }
}

function nearest(x: number, mode: string): number {
  if (mode === 'floor') return Math.floor(x);
  if (mode === 'ceil') return Math.ceil(x);
  return mode === 'round_prefer_ceil' ? Math.floor(x + 0.5) : Math.ceil(x - 0.5);
}

/** Keys 1981: weight of a sample at distance d. */
function cubicWeight(distance: number, a: number): number {
  const d = Math.abs(distance);
  if (d <= 1) return (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1;
  return d < 2 ? a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a : 0;
}

/** The map of Resize along one axis. */
export function resizeMap(attributes: ResizeAttributes, axis: number, from: number): AxisMap {
  const to = attributes.sizes[axis]!;
  const scale = attributes.scales?.[axis] ?? to / from;
  const weights = new Float64Array(to * from);
  const add = (i: number, j: number, weight: number): void => {
    weights[i * from + Math.min(Math.max(j, 0), from - 1)]! += weight;
  };
  for (let i = 0; i < to; i++) {
    const x = coordinate(i, from, to, scale, attributes.coordinate_transformation_mode);
    if (attributes.mode === 'nearest') {
      add(i, nearest(x, attributes.nearest_mode), 1);
    } else if (attributes.mode === 'linear') {
      const inside = Math.min(Math.max(x, 0), from - 1);
      const left = Math.floor(inside);
      add(i, left, 1 - (inside - left));
      add(i, left + 1, inside - left);
    } else {
      const left = Math.floor(x);
      for (let j = left - 1; j <= left + 2; j++) add(i, j, cubicWeight(x - j, attributes.cubic_coeff_a));
    }
  }
  return { from, to, weights };
}

/** Does every output block of k elements copy one input element? @returns k, or undefined */
export function repeatFactor({ from, to, weights }: AxisMap): number | undefined {
  const k = to / from;
  if (!Number.isInteger(k)) return undefined;
  for (let i = 0; i < to; i++) {
    if (weights[i * from + Math.floor(i / k)] !== 1) return undefined;
  }
  return k;
}

/** The map of a reflecting, edge or wrapping Pad along one axis. */
export function padMap(mode: string, size: number, before: number, after: number): AxisMap {
  const to = size + before + after;
  const weights = new Float64Array(to * size);
  for (let i = 0; i < to; i++) weights[i * size + paddedIndex(i - before, size, mode)] = 1;
  return { from: size, to, weights };
}

function paddedIndex(i: number, size: number, mode: string): number {
  if (mode === 'edge') return Math.min(Math.max(i, 0), size - 1);
  if (mode === 'wrap') return ((i % size) + size) % size;
  if (size === 1) return 0;
  const period = 2 * (size - 1);
  const folded = ((i % period) + period) % period;
  return folded < size ? folded : period - folded;
}
