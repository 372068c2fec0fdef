/** A plan on two lanes, by core/schedule, with interference: what is hidden, what is exposed. */
import {
  createProgramBuilder,
  overlapOfDevice,
  simulate,
  type InterferenceRule,
  type OverlapMetrics,
  type Simulation,
} from '@tenfold/core/schedule';
import { dataflowOf, isComm } from './op-graph.ts';
import type { OverlapGraph } from './types.ts';

/** How much longer one kind takes while the other runs, ≥ 1. */
export interface Slowdown {
  readonly compute: number;
  readonly comm: number;
}

export interface PlanSimulation {
  readonly makespanMs: number;
  readonly metrics: OverlapMetrics;
  readonly simulation: Simulation;
}

const DEVICE = 'device';

export function simulatePlan(graph: OverlapGraph, slowdown: Slowdown = { compute: 1, comm: 1 }): PlanSimulation {
  const builder = createProgramBuilder();
  const compute = builder.addResource({ name: 'compute', device: DEVICE });
  const comm = builder.addResource({ name: 'communication', kind: 'communication', device: DEVICE });
  const { producers } = dataflowOf(graph);
  graph.ops.forEach((op, index) => {
    builder.addOp({
      name: op.id,
      on: isComm(op) ? comm : compute,
      durationMs: op.timeMs,
      after: producers[index]!,
      category: isComm(op) ? op.kind : op.role,
    });
  });
  const interference: InterferenceRule[] = [];
  if (slowdown.compute > 1)
    interference.push({ victim: 'compute', aggressor: 'communication', factor: slowdown.compute });
  if (slowdown.comm > 1) interference.push({ victim: 'communication', aggressor: 'compute', factor: slowdown.comm });
  const simulation = simulate(builder.build(), { interference });
  return { makespanMs: simulation.makespanMs, metrics: overlapOfDevice(simulation, DEVICE), simulation };
}
