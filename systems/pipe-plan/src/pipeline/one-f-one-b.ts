/** Static one-forward-one-backward schedules as programs of core/schedule.
 *
 *  Stage s runs w_s forwards, then forward and backward in turn, then drains. Warm-ups: classic w = S−s−1; communication
 *  aware w = 2(S−s−1), which treats the S−1 channels as stages of a (2S−1)-stage pipe and keeps bound (1) with
 *  communication. GPipe is w = M.   Source: DiffusionPipe (arXiv 2405.01248) and 1F1B; the second warm-up is ours. */
import { createProgramBuilder, type Program, type ProgramBuilder } from '@tenfold/core/schedule';
import type { PipelineTimes, Warmup } from '../types.ts';

export type ScheduleKind = Warmup | 'gpipe';

export interface ProgramOptions {
  readonly schedule: ScheduleKind;
  /** `full`: a cut carries both directions at once; `half`: one after the other. Default full. */
  readonly duplex?: 'full' | 'half';
  /** Iterations one after another. Default 1. */
  readonly numIterations?: number;
  /** Next iterations wait for all stages (global gradient norm) instead of their own stage alone. Default false. */
  readonly hasBarrier?: boolean;
}

export interface PipelineProgram {
  readonly program: Program;
  /** Compute resource of every stage. */
  readonly computeOf: readonly number[];
  /** Operation of stage, micro-batch in an iteration. */
  readonly forwardOp: (iteration: number, stage: number, micro: number) => number;
  readonly backwardOp: (iteration: number, stage: number, micro: number) => number;
  readonly firstOp: (iteration: number) => number;
}

export function warmupOf(schedule: ScheduleKind, numStages: number, stage: number, numMicroBatches: number): number {
  const behind = numStages - stage - 1;
  if (schedule === 'gpipe') return numMicroBatches;
  return Math.min(numMicroBatches, schedule === 'classic' ? behind : 2 * behind);
}

/** Micro-batches whose activations a stage holds at most. */
export function inflightOf(schedule: ScheduleKind, numStages: number, stage: number, numMicroBatches: number): number {
  return Math.min(numMicroBatches, warmupOf(schedule, numStages, stage, numMicroBatches) + 1);
}

/** Order of a stage: entry m ≥ 0 is forward m, entry −1−m is backward m. */
export function orderOfStage(numMicroBatches: number, warmup: number): Int32Array {
  const order = new Int32Array(2 * numMicroBatches);
  let forward = 0;
  let backward = 0;
  for (let position = 0; position < order.length; position++) {
    const isForward = forward < numMicroBatches && forward - backward <= warmup;
    order[position] = isForward ? forward++ : -1 - backward++;
  }
  return order;
}

export function buildPipelineProgram(times: PipelineTimes, options: ProgramOptions): PipelineProgram {
  const { numMicroBatches, forwardMs, backwardMs, cutForwardMs, cutBackwardMs, syncMs } = times;
  const { schedule, duplex = 'full', numIterations = 1, hasBarrier = false } = options;
  const numStages = forwardMs.length;
  const builder = createProgramBuilder();
  const device = (stage: number): string => `stage ${stage}`;
  const computeOf = forwardMs.map((_, stage) =>
    builder.addResource({ name: `compute ${stage}`, device: device(stage), kind: 'compute' }),
  );
  const downOf: number[] = [];
  const upOf: number[] = [];
  for (let cut = 0; cut < numStages - 1; cut++) {
    downOf.push(builder.addResource({ name: `send to ${cut + 1}`, device: device(cut), kind: 'communication' }));
    upOf.push(
      duplex === 'half'
        ? downOf[cut]!
        : builder.addResource({ name: `send to ${cut}`, device: device(cut + 1), kind: 'communication' }),
    );
  }
  const syncOf = addSyncResources(builder, times);
  const forwards: Int32Array[] = [];
  const backwards: Int32Array[] = [];
  const firstOps: number[] = [];
  const orders = new Map<number, number[]>();
  const note = (resource: number, op: number): void => {
    const list = orders.get(resource);
    if (list) list.push(op);
    else orders.set(resource, [op]);
  };
  let ends: number[] = [];
  for (let iteration = 0; iteration < numIterations; iteration++) {
    firstOps.push(builder.numOps);
    const forward = new Int32Array(numStages * numMicroBatches);
    const backward = new Int32Array(numStages * numMicroBatches);
    const down = new Int32Array(numStages * numMicroBatches).fill(-1);
    const up = new Int32Array(numStages * numMicroBatches).fill(-1);
    const tag = numIterations > 1 ? `i${iteration} ` : '';
    for (let stage = 0; stage < numStages; stage++) {
      const before = hasBarrier ? ends : ends.length > 0 ? [ends[stage]!] : [];
      for (let micro = 0; micro < numMicroBatches; micro++) {
        const at = stage * numMicroBatches + micro;
        const from =
          stage === 0
            ? -1
            : down[at - numMicroBatches]! >= 0
              ? down[at - numMicroBatches]!
              : forward[at - numMicroBatches]!;
        forward[at] = builder.addOp({
          name: `${tag}F${stage}.${micro}`,
          on: computeOf[stage]!,
          durationMs: forwardMs[stage]!,
          after: from < 0 ? before : [from, ...before],
          category: 'forward',
        });
        if (stage < numStages - 1 && cutForwardMs[stage]! > 0)
          down[at] = builder.addOp({
            name: `${tag}send F${stage}.${micro}`,
            on: downOf[stage]!,
            durationMs: cutForwardMs[stage]!,
            after: [forward[at]!],
            category: 'send',
          });
      }
    }
    for (let stage = numStages - 1; stage >= 0; stage--) {
      for (let micro = 0; micro < numMicroBatches; micro++) {
        const at = stage * numMicroBatches + micro;
        const behind = at + numMicroBatches;
        const from = stage === numStages - 1 ? forward[at]! : up[behind]! >= 0 ? up[behind]! : backward[behind]!;
        backward[at] = builder.addOp({
          name: `${tag}B${stage}.${micro}`,
          on: computeOf[stage]!,
          durationMs: backwardMs[stage]!,
          after: [from],
          category: 'backward',
        });
        if (stage > 0 && cutBackwardMs[stage - 1]! > 0)
          up[at] = builder.addOp({
            name: `${tag}send B${stage}.${micro}`,
            on: upOf[stage - 1]!,
            durationMs: cutBackwardMs[stage - 1]!,
            after: [backward[at]!],
            category: 'send',
          });
      }
    }
    ends = [];
    for (let stage = 0; stage < numStages; stage++) {
      const base = stage * numMicroBatches;
      const warmup = warmupOf(schedule, numStages, stage, numMicroBatches);
      for (const entry of orderOfStage(numMicroBatches, warmup))
        note(computeOf[stage]!, entry >= 0 ? forward[base + entry]! : backward[base - 1 - entry]!);
      if (stage < numStages - 1) {
        // Aware of communication, the channel behind stage s is position 2s + 1 of the (2S − 1)-stage pipe.
        const channelWarmup = schedule === 'commAware' ? Math.min(warmup, 2 * (numStages - stage) - 3) : warmup;
        for (const entry of orderOfStage(numMicroBatches, channelWarmup)) {
          const op = entry >= 0 ? down[base + entry]! : up[base + numMicroBatches - 1 - entry]!;
          if (op >= 0) note(entry >= 0 ? downOf[stage]! : upOf[stage]!, op);
        }
      }
      let last = backward[base + numMicroBatches - 1]!;
      if (syncOf[stage]!.length > 0) {
        last = builder.addOp({
          name: `${tag}all-reduce ${stage}`,
          on: syncOf[stage]!,
          durationMs: syncMs[stage]!,
          after: [last],
          category: 'all-reduce',
        });
      }
      ends.push(last);
    }
    forwards.push(forward);
    backwards.push(backward);
  }
  for (const [resource, ops] of orders) builder.setOrder(resource, ops);
  return {
    program: builder.build(),
    computeOf,
    forwardOp: (iteration, stage, micro) => forwards[iteration]![stage * numMicroBatches + micro]!,
    backwardOp: (iteration, stage, micro) => backwards[iteration]![stage * numMicroBatches + micro]!,
    firstOp: (iteration) => firstOps[iteration]!,
  };
}

/** What the all-reduce of every stage occupies: network cards of nodes, which stages may share, or links of its own. */
export function addSyncResources(builder: ProgramBuilder, { syncMs, syncCards }: PipelineTimes): number[][] {
  const cards = new Map<number, number>();
  return syncMs.map((time, stage) => {
    if (!(time > 0)) return [];
    const nodes = syncCards?.[stage] ?? [];
    if (nodes.length === 0)
      return [
        builder.addResource({
          name: `all-reduce ${stage}`,
          device: `stage ${stage}`,
          kind: 'communication',
          policy: 'fifo',
        }),
      ];
    return nodes.map((node) => {
      let card = cards.get(node);
      if (card === undefined) {
        card = builder.addResource({
          name: `network card ${node}`,
          device: `node ${node}`,
          kind: 'communication',
          policy: 'fifo',
        });
        cards.set(node, card);
      }
      return card;
    });
  });
}
