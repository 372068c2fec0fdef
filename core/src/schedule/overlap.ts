/** Overlap of computation and communication by interval union. */
import {
  busyIntervalsOfDevice,
  clipIntervals,
  intersectIntervals,
  lengthOfIntervals,
  unionIntervals,
  type Intervals,
  type TimeWindow,
} from './intervals.ts';
import type { Simulation } from './types.ts';

/** compute + exposed + idle = span; exposed = communication − overlap. */
export interface OverlapMetrics {
  readonly spanMs: number;
  readonly computeMs: number;
  readonly communicationMs: number;
  /** Both run. */
  readonly overlapMs: number;
  /** Communication with no computation beside it. */
  readonly exposedMs: number;
  /** Neither runs. */
  readonly idleMs: number;
}

/** How much of the communication in the window computation hides, how much stays exposed, and how long nothing runs (ms). */
export function overlapMetrics(compute: Intervals, communication: Intervals, window: TimeWindow): OverlapMetrics {
  const computeInside = clipIntervals(compute, window);
  const communicationInside = clipIntervals(communication, window);
  const computeMs = lengthOfIntervals(computeInside);
  const communicationMs = lengthOfIntervals(communicationInside);
  const overlapMs = lengthOfIntervals(intersectIntervals(computeInside, communicationInside));
  const spanMs = Math.max(0, window.endMs - window.startMs);
  const busyMs = lengthOfIntervals(unionIntervals(computeInside, communicationInside));
  return {
    spanMs,
    computeMs,
    communicationMs,
    overlapMs,
    exposedMs: communicationMs - overlapMs,
    idleMs: spanMs - busyMs,
  };
}

/** Metrics of one device of a simulation. @param window  default: the whole simulation */
export function overlapOfDevice(simulation: Simulation, device: string, window?: TimeWindow): OverlapMetrics {
  return overlapMetrics(
    busyIntervalsOfDevice(simulation, device, 'compute'),
    busyIntervalsOfDevice(simulation, device, 'communication'),
    window ?? { startMs: 0, endMs: simulation.makespanMs },
  );
}
