/** Cost tables: measured (size → time) points as a monotone piecewise-linear function.
 *
 *  t(x) = y_i + (x − x_i)·(y_{i+1} − y_i)/(x_{i+1} − x_i) on the segment with x_i ≤ x ≤ x_{i+1};
 *  below the first point t = y_0 (the fixed cost); beyond the last the last slope goes on.
 *  Monotone: a time below an earlier one is raised to it (running maximum), since more work never takes less time;
 *  which points were raised is kept, so that a reader can see noisy measurements. */
import { scheduleError } from './schedule-errors.ts';

export interface CostTable {
  /** Ascending sizes (bytes, samples, tokens). */
  readonly sizes: Float64Array;
  /** Non-decreasing times in ms. */
  readonly timesMs: Float64Array;
  /** Indices of points whose measured time was raised. */
  readonly raised: readonly number[];
}

/** @param points  (size, time in ms), any order; equal sizes are averaged
 *  @throws TF-SCHEDULE-003 on fewer than two sizes, NaN, negative or infinite numbers */
export function createCostTable(points: readonly (readonly [size: number, timeMs: number])[]): CostTable {
  for (const [size, timeMs] of points) {
    if (!(size >= 0 && size < Infinity && timeMs >= 0 && timeMs < Infinity))
      throw tableError('finite sizes and times ≥ 0', `[${size}, ${timeMs}]`);
  }
  const bySize = new Map<number, number[]>();
  for (const [size, timeMs] of points) bySize.set(size, [...(bySize.get(size) ?? []), timeMs]);
  if (bySize.size < 2) throw tableError('at least two different sizes', String(bySize.size));
  const sizes = Float64Array.from(bySize.keys()).sort();
  const timesMs = sizes.map((size) => {
    const times = bySize.get(size)!;
    return times.reduce((sum, timeMs) => sum + timeMs, 0) / times.length;
  });
  const raised: number[] = [];
  for (let i = 1; i < timesMs.length; i++) {
    if (timesMs[i]! < timesMs[i - 1]!) {
      timesMs[i] = timesMs[i - 1]!;
      raised.push(i);
    }
  }
  return { sizes, timesMs, raised };
}

/** Time in ms at a size; exact at the points. Cost: O(log n). */
export function costAt({ sizes, timesMs }: CostTable, size: number): number {
  const last = sizes.length - 1;
  if (size <= sizes[0]!) return timesMs[0]!;
  // Segment `left`: sizes[left] ≤ size < sizes[left + 1], or the last segment beyond the end.
  let left = 0;
  for (let right = last; right - left > 1;) {
    const middle = (left + right) >> 1;
    if (sizes[middle]! <= size) left = middle;
    else right = middle;
  }
  if (size === sizes[left + 1]!) return timesMs[left + 1]!;
  const slope = (timesMs[left + 1]! - timesMs[left]!) / (sizes[left + 1]! - sizes[left]!);
  return timesMs[left]! + (size - sizes[left]!) * slope;
}

/** How far a size lies outside the measured range: 1 inside, else the factor below the least or above the largest size. */
export function extrapolationFactor({ sizes }: CostTable, size: number): number {
  const least = sizes[0]!;
  const largest = sizes[sizes.length - 1]!;
  if (size < least) return size > 0 ? least / size : Infinity;
  return size > largest ? size / largest : 1;
}

function tableError(expected: string, actual: string): Error {
  return scheduleError('TF-SCHEDULE-003', { subject: 'createCostTable', expected, actual });
}
