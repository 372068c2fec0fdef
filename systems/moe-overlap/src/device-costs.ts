/** What operations and exchanges cost on a device, whole and in parts.
 *
 *  Compute: launch + max(flops/k / rate, bytes/k / bandwidth). All-to-all of k parts with capacity C: the table at the
 *  bytes of C/k, whatever the gate really sends (paper). Operations without size: launch + time/k. Parts of an
 *  operation with a measured time are scaled by measured over predicted time of the whole. */
import { costAt, createCostTable, extrapolationFactor, type CostTable } from '@tenfold/core/schedule';
import type { Diagnostic } from '@tenfold/core/base';
import { overlapError } from './overlap-errors.ts';
import { isAllToAll, isComm } from './op-graph.ts';
import type { OverlapGraph, OverlapOp, PartCosts } from './types.ts';

export interface DeviceCosts {
  readonly name: string;
  /** Where the numbers come from, said in reports. */
  readonly origin: string;
  readonly numDevices: number;
  readonly flopsPerSec: number;
  readonly bytesPerSec: number;
  readonly launchMs: number;
  /** bytes per device → ms. */
  readonly allToAll: CostTable;
  readonly allReduce: CostTable;
  /** How much longer computation takes while communication runs, and the other way round; ≥ 1. */
  readonly computeSlowdown: number;
  readonly commSlowdown: number;
}

/** Sizes further outside a table than this are worth a warning. */
const MAX_EXTRAPOLATION = 4;

/** @throws TF-OVERLAP-004 unless there are two points with rising sizes and finite times */
export function tableFromPoints(points: readonly (readonly [bytes: number, ms: number])[], name: string): CostTable {
  for (let index = 0; index < points.length; index++) {
    const [bytes, ms] = points[index]!;
    if (!(Number.isFinite(bytes) && Number.isFinite(ms) && bytes >= 0 && ms >= 0)) {
      throw tableError('finite sizes and times ≥ 0', `[${bytes}, ${ms}]`, name);
    }
    if (index > 0 && bytes <= points[index - 1]![0]) {
      throw tableError('sizes in rising order', `${bytes} after ${points[index - 1]![0]}`, name);
    }
  }
  if (points.length < 2) throw tableError('at least two points', String(points.length), name);
  return createCostTable(points);
}

export function timeOnDevice(op: Omit<OverlapOp, 'timeMs'>, device: DeviceCosts, numParts = 1): number {
  if (op.kind === 'allreduce') return costAt(device.allReduce, op.bytes ?? 0);
  if (op.kind !== 'compute') return costAt(device.allToAll, (op.bytes ?? 0) / numParts);
  const flopsMs = (1000 * (op.flops ?? 0)) / numParts / device.flopsPerSec;
  const movedMs = (1000 * (op.movedBytes ?? 0)) / numParts / device.bytesPerSec;
  return device.launchMs + Math.max(flopsMs, movedMs);
}

export function withTimes(graph: OverlapGraph, device: DeviceCosts): OverlapGraph {
  return { ...graph, ops: graph.ops.map((op) => ({ ...op, timeMs: timeOnDevice(op, device) })) };
}

export function partCostsOf(device: DeviceCosts): PartCosts {
  return {
    partMs(op, numParts) {
      if (numParts === 1) return op.timeMs;
      const isSized = isComm(op) ? op.bytes !== undefined : op.flops !== undefined || op.movedBytes !== undefined;
      if (!isSized) return op.timeMs / numParts + device.launchMs;
      // A time that was measured keeps its ratio to what the device would take.
      const wholeMs = timeOnDevice(op, device);
      const partMs = timeOnDevice(op, device, numParts);
      return wholeMs > 0 ? partMs * (op.timeMs / wholeMs) : partMs;
    },
    mergeMs: (bytes) => device.launchMs + (2000 * bytes) / device.bytesPerSec,
  };
}

/** Time/k and a fixed overhead for every part of more than one. */
export function evenPartCosts(overheadMs: number): PartCosts {
  return {
    partMs: (op, numParts) => (numParts === 1 ? op.timeMs : op.timeMs / numParts + overheadMs),
    mergeMs: () => 0,
  };
}

/** Warnings for exchanges far outside the measured sizes. */
export function checkTableRange(graph: OverlapGraph, device: DeviceCosts): Diagnostic[] {
  let [farthest, factor] = [0, 1];
  for (const op of graph.ops) {
    if (!isAllToAll(op) || !op.bytes) continue;
    const own = extrapolationFactor(device.allToAll, op.bytes);
    if (own > factor) [farthest, factor] = [op.bytes, own];
  }
  if (factor <= MAX_EXTRAPOLATION) return [];
  return [
    {
      severity: 'warning',
      code: 'TF-OVERLAP-004',
      subject: 'checkTableRange',
      expected: `all-to-all sizes within ${MAX_EXTRAPOLATION} times the table of ${device.name}`,
      actual: `${farthest} bytes, ${factor.toFixed(1)} times outside`,
      hints: ['Measure that size and add it to the table.'],
    },
  ];
}

function tableError(expected: string, actual: string, name: string): Error {
  return overlapError('TF-OVERLAP-004', {
    subject: 'tableFromPoints',
    expected,
    actual,
    location: `table "${name}"`,
  });
}
