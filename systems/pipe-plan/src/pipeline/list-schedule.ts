/** Pipelines without a static order: devices take the ready operation of highest priority (backward first), a stage
 *  starts a micro-batch only while fewer than its limit are in flight. For self-conditioning, two directions on the
 *  same devices, and backward passes split into input and weight gradients. */
import { createProgramBuilder, simulate } from '@tenfold/core/schedule';
import type { PipelineTimes, Warmup } from '../types.ts';
import { addSyncResources, inflightOf, type PipelineProgram } from './one-f-one-b.ts';
import { slowdownRules, type PipelineSimulation } from './simulation.ts';

export interface ListPipeline {
  readonly name: string;
  readonly times: PipelineTimes;
  /** Device of each stage. */
  readonly deviceOf: readonly number[];
  /** Micro-batches a stage may hold. */
  readonly inflight: readonly number[];
  /** An extra forward pass first, whose output comes back in so many ms. */
  readonly feedbackMs?: number;
  /** Share of the backward time that the weight gradients take; they then run on their own. */
  readonly weightShare?: number;
}

const BACKWARD_PRIORITY = 2e6;
const FORWARD_PRIORITY = 1e6;

export function simulateList(
  pipelines: readonly ListPipeline[],
  numDevices: number,
  overlapSlowdown = 1,
): PipelineSimulation {
  const builder = createProgramBuilder();
  const computeOf = Array.from({ length: numDevices }, (_, device) =>
    builder.addResource({ name: `compute ${device}`, device: `stage ${device}`, policy: 'priority' }),
  );
  const links = new Map<string, number>();
  const linkOf = (from: number, to: number, purpose: string): number => {
    const key = `${purpose} ${from} → ${to}`;
    let link = links.get(key);
    if (link === undefined)
      links.set(
        key,
        (link = builder.addResource({ name: key, device: `stage ${from}`, kind: 'communication', policy: 'fifo' })),
      );
    return link;
  };
  for (const pipeline of pipelines) {
    const { name, times, deviceOf, inflight, feedbackMs, weightShare = 0 } = pipeline;
    const { numMicroBatches, forwardMs, backwardMs, cutForwardMs, cutBackwardMs, syncMs } = times;
    const numStages = forwardMs.length;
    const releases: number[][] = forwardMs.map(() => []);
    const lastOps: number[] = [];
    const send = (micro: number, from: number, to: number, durationMs: number, after: number, label: string): number =>
      durationMs > 0 && deviceOf[from] !== deviceOf[to]
        ? builder.addOp({
            name: `send ${label}${from}.${micro}`,
            on: linkOf(deviceOf[from]!, deviceOf[to]!, 'send'),
            durationMs,
            after: [after],
            category: 'send',
          })
        : after;
    for (let micro = 0; micro < numMicroBatches; micro++) {
      let previous = -1;
      const passes = feedbackMs === undefined ? ['F'] : ['P', 'F'];
      const forwards: number[] = [];
      for (const pass of passes) {
        for (let stage = 0; stage < numStages; stage++) {
          const after = previous < 0 ? [] : [previous];
          const release = releases[stage]![micro - inflight[stage]!];
          // The extra pass keeps nothing for a backward pass, so it needs no room.
          if (release !== undefined && pass === 'F') after.push(release);
          const op = builder.addOp({
            name: `${name}${pass}${stage}.${micro}`,
            on: computeOf[deviceOf[stage]!]!,
            durationMs: forwardMs[stage]!,
            after,
            priority: FORWARD_PRIORITY - micro + (pass === 'F' ? 0.5 : 0),
            category: pass === 'F' ? 'forward' : 'self-conditioning',
          });
          if (pass === 'F') forwards.push(op);
          previous = stage < numStages - 1 ? send(micro, stage, stage + 1, cutForwardMs[stage]!, op, pass) : op;
        }
        if (pass === 'P') previous = send(micro, numStages - 1, 0, feedbackMs!, previous, 'feedback ');
      }
      previous = forwards.at(-1)!;
      for (let stage = numStages - 1; stage >= 0; stage--) {
        const inputMs = backwardMs[stage]! * (1 - weightShare);
        let op = builder.addOp({
          name: `${name}B${stage}.${micro}`,
          on: computeOf[deviceOf[stage]!]!,
          durationMs: inputMs,
          after: [previous],
          priority: BACKWARD_PRIORITY - micro,
          category: 'backward',
        });
        previous = stage > 0 ? send(micro, stage, stage - 1, cutBackwardMs[stage - 1]!, op, 'B') : op;
        if (weightShare > 0)
          op = builder.addOp({
            name: `${name}W${stage}.${micro}`,
            on: computeOf[deviceOf[stage]!]!,
            durationMs: backwardMs[stage]! * weightShare,
            after: [op],
            priority: -micro,
            category: 'weight gradient',
          });
        releases[stage]!.push(op);
        lastOps[stage] = op;
      }
    }
    const syncOf = addSyncResources(builder, times);
    for (let stage = numStages - 1; stage >= 0; stage--)
      if (syncMs[stage]! > 0)
        builder.addOp({
          name: `${name}all-reduce ${stage}`,
          on: syncOf[stage]!,
          durationMs: syncMs[stage]!,
          after: releases[stage]!,
          category: 'all-reduce',
        });
  }
  const program = builder.build();
  const simulation = simulate(program, { interference: slowdownRules(overlapSlowdown) });
  const first = pipelines[0]!;
  const replicas = computeOf.map((_, device) => first.times.replicas[first.deviceOf.indexOf(device)] ?? 1);
  let busyMs = 0;
  let numAll = 0;
  const { startMs, endMs } = simulation;
  for (let op = 0; op < program.numOps; op++) {
    const device = computeOf.indexOf(program.resourceIds[program.resourceStarts[op]!]!);
    if (device >= 0) busyMs += replicas[device]! * (endMs[op]! - startMs[op]!);
  }
  for (const count of replicas) numAll += count;
  const unknown = (): number => -1;
  const pipelineProgram: PipelineProgram = {
    program,
    computeOf,
    forwardOp: unknown,
    backwardOp: unknown,
    firstOp: () => 0,
  };
  return {
    simulation,
    pipeline: pipelineProgram,
    times: { ...first.times, replicas },
    iterationMs: simulation.makespanMs,
    bubbleRatio: 1 - busyMs / (numAll * simulation.makespanMs),
  };
}

/** Every micro-batch with its extra forward pass, whose output comes back to the first stage. */
export function simulateSelfConditioned(
  times: PipelineTimes,
  { warmup, overlapSlowdown = 1 }: { readonly warmup: Warmup; readonly overlapSlowdown?: number },
): PipelineSimulation {
  const numStages = times.forwardMs.length;
  return simulateList(
    [
      {
        name: '',
        times,
        deviceOf: times.forwardMs.map((_, stage) => stage),
        inflight: times.forwardMs.map((_, stage) => inflightOf(warmup, numStages, stage, times.numMicroBatches)),
        feedbackMs: times.feedbackMs ?? 0,
      },
    ],
    numStages,
    overlapSlowdown,
  );
}
