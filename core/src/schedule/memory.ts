/** Memory over time: buffers live from the start of the operation that makes them to the end of their last user.
 *  At equal times what is freed goes before what is allocated, except buffers that live no time at all. */
import { scheduleError } from './schedule-errors.ts';
import type { Simulation } from './types.ts';

export interface MemoryBuffer {
  readonly name: string;
  readonly device: string;
  readonly bytes: number;
  /** Absent: there from the beginning (weights). */
  readonly allocatedBy?: number;
  /** Freed at the end of the last of them. Absent: stays to the end; empty: freed at the end of `allocatedBy`. */
  readonly usedBy?: readonly number[];
}

export interface DeviceMemory {
  readonly device: string;
  readonly peakBytes: number;
  readonly peakMs: number;
  /** Names of the buffers alive at the peak, largest first. */
  readonly atPeak: readonly { readonly name: string; readonly bytes: number }[];
  /** Step curve: from timesMs[i] on, bytes[i]. */
  readonly timesMs: Float64Array;
  readonly bytes: Float64Array;
}

/** @returns one entry per device that has a buffer, in order of first appearance
 *  @throws TF-SCHEDULE-007 if a buffer names an unknown operation */
export function trackMemory(simulation: Simulation, buffers: readonly MemoryBuffer[]): DeviceMemory[] {
  const byDevice = new Map<string, MemoryBuffer[]>();
  for (const buffer of buffers) byDevice.set(buffer.device, [...(byDevice.get(buffer.device) ?? []), buffer]);
  return [...byDevice].map(([device, own]) => deviceMemory(simulation, device, own));
}

function deviceMemory(simulation: Simulation, device: string, buffers: readonly MemoryBuffer[]): DeviceMemory {
  const lifetimes = buffers.map((buffer) => lifetime(simulation, buffer));
  const changes = lifetimes.flatMap(({ fromMs, toMs, bytes }) => [
    { timeMs: fromMs, order: 1, delta: bytes },
    { timeMs: toMs, order: toMs > fromMs ? 0 : 2, delta: -bytes },
  ]);
  changes.sort((a, b) => a.timeMs - b.timeMs || a.order - b.order);
  const timesMs: number[] = [];
  const bytes: number[] = [];
  let level = 0;
  let peakBytes = 0;
  let peakMs = 0;
  for (const { timeMs, delta } of changes) {
    if (timeMs === Infinity) break;
    level += delta;
    if (level > peakBytes) [peakBytes, peakMs] = [level, timeMs];
    if (timesMs.at(-1) === timeMs) bytes[bytes.length - 1] = level;
    else {
      timesMs.push(timeMs);
      bytes.push(level);
    }
  }
  const atPeak = lifetimes
    .filter(({ fromMs, toMs }) => fromMs <= peakMs && (toMs > peakMs || toMs === fromMs))
    .map(({ name, bytes: size }) => ({ name, bytes: size }))
    .sort((a, b) => b.bytes - a.bytes);
  return {
    device,
    peakBytes,
    peakMs,
    atPeak,
    timesMs: Float64Array.from(timesMs),
    bytes: Float64Array.from(bytes),
  };
}

function lifetime({ program, startMs, endMs }: Simulation, { name, bytes, allocatedBy, usedBy }: MemoryBuffer) {
  const users = [...(allocatedBy === undefined ? [] : [allocatedBy]), ...(usedBy ?? [])];
  for (const op of users) {
    if (!(Number.isInteger(op) && op >= 0 && op < program.numOps))
      throw scheduleError('TF-SCHEDULE-007', {
        subject: 'trackMemory',
        expected: `operations below ${program.numOps}`,
        actual: String(op),
        location: `buffer "${name}"`,
      });
  }
  let toMs = usedBy === undefined ? Infinity : 0;
  if (usedBy) for (const op of users) toMs = Math.max(toMs, endMs[op]!);
  return { name, bytes, fromMs: allocatedBy === undefined ? 0 : startMs[allocatedBy]!, toMs };
}
