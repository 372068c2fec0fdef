/** Bubbles in order of time, each filled as full as it gets; what is left runs after the pipeline on all devices.
 *  Ties: less remaining work, then the lower component.   Source: DiffusionPipe (arXiv 2405.01248), greedy filling. */
import type { FillResult, FrozenSpan, IdleSlot } from '../types.ts';
import { forEachChoice } from './choices.ts';
import type { FrozenWork } from './frozen-work.ts';
import {
  advance,
  leftOverSpans,
  remainingMs,
  spansOfChoice,
  startProgress,
  type FillOptions,
  type SlotChoice,
} from './progress.ts';

export interface FillTarget {
  readonly slots: readonly IdleSlot[];
  /** T of the pipeline without frozen work. */
  readonly pipelineMs: number;
  readonly replicas: readonly number[];
}

/** Cost: a few choices a slot where few layers fit; grows with the product of layer counts of components ready together. */
export function fillGreedily(work: FrozenWork, target: FillTarget, options: FillOptions): FillResult {
  const numDevices = target.replicas.reduce((sum, count) => sum + count, 0);
  const progress = startProgress(work, options.batch);
  const spans: FrozenSpan[] = [];
  for (const slot of target.slots) {
    const runs = fullestChoice(work, progress, slot, numDevices, options);
    spans.push(...spansOfChoice(work, progress, slot, runs, options.batch));
    advance(work, progress, runs, options.batch);
  }
  const rest = leftOverSpans(work, progress, options.batch, {
    startMs: target.pipelineMs,
    stages: target.replicas.map((_, stage) => stage),
    numDevices,
  });
  return {
    mode: options.allowsPartial === false ? 'fullOnly' : 'greedy',
    ...fillFigures(spans, rest, target),
    spans: [...spans, ...rest],
  };
}

export function fillFigures(
  spans: readonly FrozenSpan[],
  rest: readonly FrozenSpan[],
  { slots, pipelineMs }: FillTarget,
): Omit<FillResult, 'mode' | 'spans'> {
  const leftOverMs = rest.reduce((latest, { endMs }) => Math.max(latest, endMs - pipelineMs), 0);
  return {
    filledDeviceMs: spans.reduce((sum, { startMs, endMs, numDevices }) => sum + (endMs - startMs) * numDevices, 0),
    idleDeviceMs: slots.reduce((sum, { startMs, endMs, numDevices }) => sum + (endMs - startMs) * numDevices, 0),
    leftOverMs,
    iterationMs: pipelineMs + leftOverMs,
  };
}

function fullestChoice(
  work: FrozenWork,
  progress: ReturnType<typeof startProgress>,
  slot: IdleSlot,
  numDevices: number,
  options: FillOptions,
): SlotChoice['runs'] {
  const place = { lengthMs: slot.endMs - slot.startMs, numDevices: slot.numDevices };
  let best: SlotChoice['runs'] = [];
  let bestMs = 0;
  let bestRemaining = Infinity;
  forEachChoice(work, progress, place, options, (runs, filledMs, after) => {
    if (runs.length === 0 || filledMs < bestMs) return;
    const remaining = remainingMs(work, after, options.batch, numDevices);
    if (filledMs === bestMs && remaining >= bestRemaining) return;
    best = [...runs];
    bestMs = filledMs;
    bestRemaining = remaining;
  });
  return best;
}
