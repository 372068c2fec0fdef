/** plan.json: what the runner executes. One list per lane in order, and the joint order in which the host issues. */
import { isComm } from './op-graph.ts';
import type { Mode, Plan } from './plan.ts';

export interface PlannedOp {
  readonly id: string;
  /** Operation of the graph that this is (a part of). */
  readonly source: string;
  readonly part: number;
  readonly of: number;
  readonly lane: 'compute' | 'comm';
  readonly kind: string;
  readonly role: string;
  /** Sizes of irregular exchanges are exchanged first. */
  readonly splits: 'equal' | 'counts-first' | 'none';
  readonly startMs: number;
  readonly endMs: number;
}

export interface PlanFile {
  readonly version: 1;
  readonly mode: Mode;
  readonly predictedMs: number;
  readonly exposedMs: number;
  readonly ranges: readonly { readonly from: string; readonly to: string; readonly parts: number }[];
  readonly dw: readonly { readonly a2a: string; readonly gradients: readonly string[] }[];
  readonly ops: readonly PlannedOp[];
}

export function planFile(plan: Plan, source: { readonly ops: readonly { readonly id: string }[] }): PlanFile {
  const { graph, notes, simulation, dw } = plan;
  const ops = graph.ops.map((op, index): PlannedOp => {
    const note = notes.get(op.id);
    return {
      id: op.id,
      source: note?.source ?? op.id,
      part: note?.part ?? 0,
      of: note?.of ?? 1,
      lane: isComm(op) ? 'comm' : 'compute',
      kind: op.kind,
      role: op.role,
      splits: op.kind === 'a2av' ? 'counts-first' : op.kind === 'a2a' ? 'equal' : 'none',
      startMs: simulation.simulation.startMs[index]!,
      endMs: simulation.simulation.endMs[index]!,
    };
  });
  return {
    version: 1,
    mode: plan.mode,
    predictedMs: simulation.makespanMs,
    exposedMs: simulation.metrics.exposedMs,
    ranges: plan.ranges.map(({ firstOp, endOp, numParts }) => ({
      from: source.ops[firstOp]!.id,
      to: source.ops[endOp - 1]!.id,
      parts: numParts,
    })),
    dw: dwLinks(plan),
    ops,
  };

  function dwLinks({ dw: schedule }: Plan): PlanFile['dw'] {
    if (!schedule || !dw) return [];
    const { labels, assignment } = schedule;
    return labels.allToAlls.map((a2a, index) => ({
      a2a: source.ops[a2a]!.id,
      gradients: assignment.chosen
        .filter((chosen) => assignment.a2aOf[chosen] === index)
        .map((chosen) => source.ops[labels.candidates[chosen]!]!.id),
    }));
  }
}
