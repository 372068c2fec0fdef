/** Filling each device's own idle times with its own share of the samples, so that activations stay where they are.
 *
 *  A device that gets q samples runs the components in topological order through its idle times, each layer in chunks
 *  as large as fit; what is left runs after the pipeline on that device. Shares: the least λ such that the largest
 *  q_d with rest_d(q_d) ≤ λ sum to the batch (bisection), so no device ends later than it must.   Ours. */
import type { FillResult, FrozenSpan, IdleSlot } from '../types.ts';
import { PARTIAL_BATCHES, type FrozenWork } from './frozen-work.ts';
import { fillFigures, type FillTarget } from './greedy-fill.ts';
import type { FillOptions } from './progress.ts';

const BISECTIONS = 40;
const SLACK = 1e-9;

interface DeviceRun {
  readonly restMs: number;
  readonly spans: readonly Omit<FrozenSpan, 'stages' | 'replica' | 'numDevices'>[];
}

/** @param target.slots  idle times of single stages (idleSlotsPerStage) */
export function fillPerDevice(work: FrozenWork, target: FillTarget, options: FillOptions): FillResult {
  const { batch } = options;
  const slotsOf = target.replicas.map((_, stage) => target.slots.filter((slot) => slot.stages[0] === stage));
  const known = target.replicas.map(() => new Map<number, DeviceRun>());
  const runOf = (stage: number, samples: number): DeviceRun => {
    let run = known[stage]!.get(samples);
    if (!run) known[stage]!.set(samples, (run = runDevice(work, slotsOf[stage]!, samples, target.pipelineMs, options)));
    return run;
  };
  /** Most samples with a rest of at most λ. */
  const capacity = (stage: number, limitMs: number): number => {
    let low = 0;
    let high = batch;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (runOf(stage, middle).restMs <= limitMs) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  const totalCapacity = (limitMs: number): number =>
    target.replicas.reduce((sum, count, stage) => sum + count * capacity(stage, limitMs), 0);
  let high = 0;
  if (totalCapacity(0) < batch) {
    let low = 0;
    high = Math.max(...target.replicas.map((_, stage) => runOf(stage, batch).restMs));
    for (let step = 0; step < BISECTIONS && high - low > SLACK * high; step++) {
      const middle = (low + high) / 2;
      if (totalCapacity(middle) >= batch) high = middle;
      else low = middle;
    }
  }
  const spans: FrozenSpan[] = [];
  let given = 0;
  target.replicas.forEach((count, stage) => {
    const most = capacity(stage, high);
    for (let replica = 0; replica < count; replica++) {
      const share = Math.min(most, batch - given);
      if (share === 0) continue;
      for (const span of runOf(stage, share).spans)
        spans.push({ ...span, sampleStart: given + span.sampleStart, stages: [stage], replica, numDevices: 1 });
      given += share;
    }
  });
  const inside = spans.filter((span) => !span.isLeftOver);
  const rest = spans.filter((span) => span.isLeftOver);
  return { mode: 'perDevice', ...fillFigures(inside, rest, target), spans };
}

function runDevice(
  work: FrozenWork,
  slots: readonly IdleSlot[],
  share: number,
  pipelineMs: number,
  { partialBatches = PARTIAL_BATCHES, allowsPartial = true }: FillOptions,
): DeviceRun {
  const spans: DeviceRun['spans'][number][] = [];
  if (share === 0) return { restMs: 0, spans };
  let slotIndex = 0;
  let time = slots[0]?.startMs ?? pipelineMs;
  let restEnd = pipelineMs;
  for (const component of work.order) {
    for (let layer = 0; layer < work.numLayers[component]!; layer++) {
      let remaining = share;
      while (remaining > 0) {
        const slot = slots[slotIndex];
        if (!slot) {
          const duration = work.timeMs(component, layer, remaining);
          spans.push(spanOf(work.ids[component]!, layer, restEnd, duration, share - remaining, remaining, true));
          restEnd += duration;
          break;
        }
        const room = (slot.endMs - time) * (1 + SLACK);
        let samples = remaining;
        if (work.timeMs(component, layer, samples) > room) {
          samples = 0;
          if (allowsPartial)
            for (const size of partialBatches) {
              if (size >= remaining || work.timeMs(component, layer, size) > room) break;
              samples = size;
            }
        }
        if (samples === 0) {
          slotIndex++;
          time = slots[slotIndex]?.startMs ?? pipelineMs;
          continue;
        }
        const duration = work.timeMs(component, layer, samples);
        spans.push(spanOf(work.ids[component]!, layer, time, duration, share - remaining, samples, false));
        time += duration;
        remaining -= samples;
      }
    }
  }
  return { restMs: restEnd - pipelineMs, spans };
}

function spanOf(
  component: string,
  layer: number,
  startMs: number,
  durationMs: number,
  sampleStart: number,
  samples: number,
  isLeftOver: boolean,
): DeviceRun['spans'][number] {
  return {
    component,
    layer,
    startMs,
    endMs: startMs + durationMs,
    sampleStart,
    samples,
    samplesPerDevice: samples,
    isLeftOver,
  };
}
