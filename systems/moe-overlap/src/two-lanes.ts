/** The inner simulator: one compute and one communication lane, both in order.
 *  start = max(end of producers, end of the operation before on the same lane). Checked against core/schedule's
 *  simulation by a property test; that one also knows interference. */
import type { LaneTimes } from './types.ts';

export interface LaneProgram {
  /** Operations in issue order; a lane keeps the order of its own. */
  readonly numOps: number;
  readonly timeMs: Float64Array;
  /** 1: communication. */
  readonly lane: Uint8Array;
  /** Compressed rows of producers. */
  readonly producerStarts: Int32Array;
  readonly producers: Int32Array;
}

/** @param options.order  issue order, default 0, 1, 2, … ; producers must come before their readers
 *  Cost: O(operations + dependencies), no allocation but the result. */
export function simulateLanes(program: LaneProgram, options: { readonly order?: Int32Array } = {}): LaneTimes {
  const { numOps, timeMs, lane, producerStarts, producers } = program;
  const startMs = new Float64Array(numOps);
  const endMs = new Float64Array(numOps);
  let computeFreeMs = 0;
  let commFreeMs = 0;
  for (let position = 0; position < numOps; position++) {
    const op = options.order ? options.order[position]! : position;
    let start = lane[op] === 1 ? commFreeMs : computeFreeMs;
    for (let edge = producerStarts[op]!; edge < producerStarts[op + 1]!; edge++) {
      const ready = endMs[producers[edge]!]!;
      if (ready > start) start = ready;
    }
    const end = start + timeMs[op]!;
    startMs[op] = start;
    endMs[op] = end;
    if (lane[op] === 1) commFreeMs = end;
    else computeFreeMs = end;
  }
  return { startMs, endMs, makespanMs: Math.max(computeFreeMs, commFreeMs) };
}

export function createLaneProgram(
  ops: readonly { readonly timeMs: number; readonly isComm: boolean; readonly producers: readonly number[] }[],
): LaneProgram {
  const producerStarts = new Int32Array(ops.length + 1);
  ops.forEach(({ producers }, index) => (producerStarts[index + 1] = producerStarts[index]! + producers.length));
  return {
    numOps: ops.length,
    timeMs: Float64Array.from(ops, ({ timeMs }) => timeMs),
    lane: Uint8Array.from(ops, ({ isComm }) => (isComm ? 1 : 0)),
    producerStarts,
    producers: Int32Array.from(ops.flatMap(({ producers }) => producers)),
  };
}
