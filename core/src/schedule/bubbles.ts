/** Bubbles: times at which resources idle, taken from the timeline and never from a formula.
 *  joint mode: cut time at every change of the set of idle resources (DiffusionPipe, arXiv 2405.01248);
 *  per-resource mode: each resource's own gaps. */
import { busyIntervals, complementIntervals, lengthOfIntervals, type TimeWindow } from './intervals.ts';
import type { Simulation } from './types.ts';

export interface Bubble {
  readonly startMs: number;
  readonly endMs: number;
  /** Resources that idle throughout, ascending. */
  readonly resources: readonly number[];
}

export interface BubbleOptions {
  /** Compute resources to look at. */
  readonly resources: readonly number[];
  /** Default: the whole simulation. */
  readonly window?: TimeWindow;
  /** Shorter bubbles are left out. Default 0. */
  readonly minLengthMs?: number;
}

/** Idle gaps of each resource, by resource, then by time. */
export function findBubblesPerResource(simulation: Simulation, options: BubbleOptions): Bubble[] {
  const { resources, minLengthMs = 0 } = options;
  return resources.flatMap((resource) => {
    const gaps = complementIntervals(busyIntervals(simulation, resource), windowOf(simulation, options));
    const bubbles: Bubble[] = [];
    for (let k = 0; k < gaps.length; k += 2) {
      if (gaps[k + 1]! - gaps[k]! >= minLengthMs)
        bubbles.push({ startMs: gaps[k]!, endMs: gaps[k + 1]!, resources: [resource] });
    }
    return bubbles;
  });
}

/** Maximal times with one and the same non-empty set of idle resources, by time. */
export function findJointBubbles(simulation: Simulation, options: BubbleOptions): Bubble[] {
  const changes: { timeMs: number; resource: number; isIdle: boolean }[] = [];
  for (const { startMs, endMs, resources } of findBubblesPerResource(simulation, { ...options, minLengthMs: 0 })) {
    changes.push({ timeMs: startMs, resource: resources[0]!, isIdle: true });
    changes.push({ timeMs: endMs, resource: resources[0]!, isIdle: false });
  }
  changes.sort((a, b) => a.timeMs - b.timeMs);
  const idle = new Set<number>();
  const bubbles: Bubble[] = [];
  for (let k = 0; k < changes.length;) {
    const startMs = changes[k]!.timeMs;
    for (; k < changes.length && changes[k]!.timeMs === startMs; k++) {
      if (changes[k]!.isIdle) idle.add(changes[k]!.resource);
      else idle.delete(changes[k]!.resource);
    }
    const endMs = changes[k]?.timeMs ?? startMs;
    if (idle.size > 0 && endMs - startMs >= (options.minLengthMs ?? 0))
      bubbles.push({ startMs, endMs, resources: [...idle].sort((a, b) => a - b) });
  }
  return bubbles;
}

/** Idle share of the resources' time in the window, in 0..1. */
export function bubbleRatio(simulation: Simulation, options: Omit<BubbleOptions, 'minLengthMs'>): number {
  const window = windowOf(simulation, options);
  const spanMs = (window.endMs - window.startMs) * options.resources.length;
  if (!(spanMs > 0)) return 0;
  let idleMs = 0;
  for (const resource of options.resources)
    idleMs += lengthOfIntervals(complementIntervals(busyIntervals(simulation, resource), window));
  return idleMs / spanMs;
}

function windowOf(simulation: Simulation, { window }: Pick<BubbleOptions, 'window'>): TimeWindow {
  return window ?? { startMs: 0, endMs: simulation.makespanMs };
}
