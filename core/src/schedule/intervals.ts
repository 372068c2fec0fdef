/** Sets of time as sorted, disjoint, non-touching half-open intervals [start, end) in one flat array s0, e0, s1, e1, … (ms).
 *  Every function returns that normal form; empty intervals vanish. */
import type { ResourceKind, Simulation } from './types.ts';

export type Intervals = Float64Array;

export interface TimeWindow {
  readonly startMs: number;
  readonly endMs: number;
}

/** Union of arbitrary intervals. Cost: O(n log n). */
export function intervalsFromSpans(startMs: ArrayLike<number>, endMs: ArrayLike<number>): Intervals {
  const order = new Uint32Array(startMs.length);
  for (let i = 0; i < order.length; i++) order[i] = i;
  let isSorted = true;
  for (let i = 1; i < order.length && isSorted; i++) isSorted = startMs[i - 1]! <= startMs[i]!;
  if (!isSorted) order.sort((a, b) => startMs[a]! - startMs[b]!);
  const merged = new Float64Array(order.length * 2);
  let length = 0;
  for (const i of order) {
    const start = startMs[i]!;
    const end = endMs[i]!;
    if (!(end > start)) continue;
    if (length > 0 && start <= merged[length - 1]!) merged[length - 1] = Math.max(merged[length - 1]!, end);
    else {
      merged[length++] = start;
      merged[length++] = end;
    }
  }
  return merged.slice(0, length);
}

/** The time that lies in at least one of the sets. */
export function unionIntervals(...sets: readonly Intervals[]): Intervals {
  const starts: number[] = [];
  const ends: number[] = [];
  for (const set of sets) {
    for (let k = 0; k < set.length; k += 2) {
      starts.push(set[k]!);
      ends.push(set[k + 1]!);
    }
  }
  return intervalsFromSpans(starts, ends);
}

/** The time that lies in both sets. Cost: O(n + m). */
export function intersectIntervals(a: Intervals, b: Intervals): Intervals {
  const common: number[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const start = Math.max(a[i]!, b[j]!);
    const end = Math.min(a[i + 1]!, b[j + 1]!);
    if (end > start) common.push(start, end);
    if (a[i + 1]! < b[j + 1]!) i += 2;
    else j += 2;
  }
  return Float64Array.from(common);
}

/** What of the window is not in the set. */
export function complementIntervals(set: Intervals, { startMs, endMs }: TimeWindow): Intervals {
  const gaps: number[] = [];
  let from = startMs;
  for (let k = 0; k < set.length && from < endMs; k += 2) {
    const to = Math.min(set[k]!, endMs);
    if (to > from) gaps.push(from, to);
    from = Math.max(from, set[k + 1]!);
  }
  if (endMs > from) gaps.push(from, endMs);
  return Float64Array.from(gaps);
}

/** What of the set lies in the window; nothing if the window is empty. */
export function clipIntervals(set: Intervals, { startMs, endMs }: TimeWindow): Intervals {
  return endMs > startMs ? intersectIntervals(set, Float64Array.of(startMs, endMs)) : new Float64Array(0);
}

/** Total length in ms. */
export function lengthOfIntervals(set: Intervals): number {
  let total = 0;
  for (let k = 0; k < set.length; k += 2) total += set[k + 1]! - set[k]!;
  return total;
}

/** When the resource runs an operation. */
export function busyIntervals(simulation: Simulation, resource: number): Intervals {
  const { orderStarts, orderIds } = simulation.program;
  const ops = orderIds.subarray(orderStarts[resource]!, orderStarts[resource + 1]!);
  const starts = Float64Array.from(ops, (op) => simulation.startMs[op]!);
  const ends = Float64Array.from(ops, (op) => simulation.endMs[op]!);
  return intervalsFromSpans(starts, ends);
}

/** When any resource of the kind on the device runs an operation. */
export function busyIntervalsOfDevice(simulation: Simulation, device: string, kind: ResourceKind): Intervals {
  const own = simulation.program.resources.filter((resource) => resource.device === device && resource.kind === kind);
  return unionIntervals(...own.map(({ id }) => busyIntervals(simulation, id)));
}
