/** Operations of a plan as workers and the runner get them. */
import { isComm } from './op-graph.ts';
import type { PlanNote } from './partition.ts';
import type { OverlapOp } from './types.ts';

export interface StepOp {
  readonly id: string;
  readonly source: string;
  readonly part: number;
  readonly of: number;
  readonly isComm: boolean;
  readonly isMerge: boolean;
  readonly ins: readonly string[];
  readonly outs: readonly string[];
}

export function stepOps(ops: readonly OverlapOp[], notes: ReadonlyMap<string, PlanNote>): StepOp[] {
  return ops.map((op) => {
    const note = notes.get(op.id);
    return {
      id: op.id,
      source: note?.source ?? op.id,
      part: note?.part ?? 0,
      of: note?.of ?? 1,
      isComm: isComm(op),
      isMerge: op.id.startsWith('merge '),
      ins: op.ins,
      outs: op.outs,
    };
  });
}
