/** Running a pipeline in the event simulator, and the idle slots that its devices have. */
import {
  findBubblesPerResource,
  findJointBubbles,
  simulate,
  type InterferenceRule,
  type Simulation,
} from '@tenfold/core/schedule';
import type { IdleSlot, PipelineTimes } from '../types.ts';
import { buildPipelineProgram, type PipelineProgram, type ProgramOptions } from './one-f-one-b.ts';

export interface PipelineSimulation {
  readonly simulation: Simulation;
  readonly pipeline: PipelineProgram;
  readonly times: PipelineTimes;
  /** T: from the first operation to the end of the last synchronisation. */
  readonly iterationMs: number;
  /** Idle share of the devices' time, weighted by replicas. */
  readonly bubbleRatio: number;
}

export interface SimulateOptions extends ProgramOptions {
  /** Computation takes this many times as long under an all-reduce. Default 1. */
  readonly overlapSlowdown?: number;
}

export function simulatePipeline(times: PipelineTimes, options: SimulateOptions): PipelineSimulation {
  const pipeline = buildPipelineProgram(times, options);
  const simulation = simulate(pipeline.program, { interference: slowdownRules(options.overlapSlowdown) });
  const iterationMs = simulation.makespanMs;
  return { simulation, pipeline, times, iterationMs, bubbleRatio: idleShare(simulation, pipeline.computeOf, times) };
}

/** Period of the middle one of three iterations, each stage waiting only for its own update. */
export function steadyPeriodMs(times: PipelineTimes, options: SimulateOptions): number {
  const pipeline = buildPipelineProgram(times, { ...options, numIterations: 3 });
  const { startMs } = simulate(pipeline.program, { interference: slowdownRules(options.overlapSlowdown) });
  return startMs[pipeline.firstOp(2)]! - startMs[pipeline.firstOp(1)]!;
}

/** Times at which a set of stages idles together within one iteration, cut at every change of the set. */
export function jointIdleSlots(run: PipelineSimulation, minLengthMs = 0): IdleSlot[] {
  return slotsFrom(run, findJointBubbles(run.simulation, { resources: run.pipeline.computeOf, minLengthMs }));
}

/** Every stage's own idle times, by stage, then time. */
export function idleSlotsPerStage(run: PipelineSimulation, minLengthMs = 0): IdleSlot[] {
  return slotsFrom(run, findBubblesPerResource(run.simulation, { resources: run.pipeline.computeOf, minLengthMs }));
}

function slotsFrom(
  { pipeline, times }: PipelineSimulation,
  bubbles: readonly { readonly startMs: number; readonly endMs: number; readonly resources: readonly number[] }[],
): IdleSlot[] {
  return bubbles.map(({ startMs, endMs, resources }) => {
    const stages = resources.map((resource) => pipeline.computeOf.indexOf(resource));
    return { startMs, endMs, stages, numDevices: stages.reduce((sum, stage) => sum + times.replicas[stage]!, 0) };
  });
}

function idleShare(
  { program, startMs, endMs, makespanMs }: Simulation,
  computeOf: readonly number[],
  times: PipelineTimes,
): number {
  let busyMs = 0;
  let numDevices = 0;
  computeOf.forEach((resource, stage) => {
    const replicas = times.replicas[stage]!;
    numDevices += replicas;
    for (let k = program.orderStarts[resource]!; k < program.orderStarts[resource + 1]!; k++)
      busyMs += replicas * (endMs[program.orderIds[k]!]! - startMs[program.orderIds[k]!]!);
  });
  return makespanMs > 0 ? 1 - busyMs / (numDevices * makespanMs) : 0;
}

export function slowdownRules(factor = 1): InterferenceRule[] {
  return factor > 1 ? [{ victim: 'compute', aggressor: 'communication', factor }] : [];
}
