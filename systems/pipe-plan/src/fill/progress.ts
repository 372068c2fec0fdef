/** How far the frozen work has come: per component the next layer and the samples that this layer still misses. */
import type { FrozenSpan, IdleSlot } from '../types.ts';
import type { FrozenWork } from './frozen-work.ts';

export interface Progress {
  readonly layer: Int32Array;
  readonly remaining: Int32Array;
}

export interface FillOptions {
  /** Samples of the group batch. */
  readonly batch: number;
  /** Default true. */
  readonly allowsPartial?: boolean;
  /** Default PARTIAL_BATCHES. */
  readonly partialBatches?: readonly number[];
}

/** What goes into one slot: runs of layers in order, each with the samples per device. */
export interface SlotChoice {
  readonly runs: readonly {
    readonly component: number;
    readonly layer: number;
    readonly perDevice: number;
    readonly samples: number;
  }[];
  readonly filledMs: number;
}

export function startProgress(work: FrozenWork, batch: number): Progress {
  return { layer: new Int32Array(work.ids.length), remaining: new Int32Array(work.ids.length).fill(batch) };
}

export function isComplete(work: FrozenWork, { layer }: Progress, component: number): boolean {
  return layer[component]! >= work.numLayers[component]!;
}

export function isReady(work: FrozenWork, progress: Progress, component: number): boolean {
  return (
    !isComplete(work, progress, component) && work.preds[component]!.every((pred) => isComplete(work, progress, pred))
  );
}

/** Applies runs in place. */
export function advance(work: FrozenWork, progress: Progress, runs: SlotChoice['runs'], batch: number): void {
  for (const { component, samples } of runs) {
    progress.remaining[component]! -= samples;
    if (progress.remaining[component]! > 0) continue;
    progress.layer[component]! += 1;
    progress.remaining[component] = isComplete(work, progress, component) ? 0 : batch;
  }
}

/** Time that the remaining work takes on `numDevices` after the pipeline. */
export function remainingMs(
  work: FrozenWork,
  { layer, remaining }: Progress,
  batch: number,
  numDevices: number,
): number {
  let sum = 0;
  for (const component of work.order) {
    for (let at = layer[component]!; at < work.numLayers[component]!; at++) {
      const samples = at === layer[component]! ? remaining[component]! : batch;
      sum += work.timeMs(component, at, Math.ceil(samples / numDevices));
    }
  }
  return sum;
}

/** Spans of a choice inside its slot. Call before `advance`. */
export function spansOfChoice(
  work: FrozenWork,
  progress: Progress,
  slot: IdleSlot,
  runs: SlotChoice['runs'],
  batch: number,
): FrozenSpan[] {
  let time = slot.startMs;
  const done = new Map<string, number>();
  return runs.map(({ component, layer, perDevice, samples }) => {
    const startMs = time;
    time += work.timeMs(component, layer, perDevice);
    const key = `${component}/${layer}`;
    const before = layer === progress.layer[component]! ? batch - progress.remaining[component]! : 0;
    const sampleStart = before + (done.get(key) ?? 0);
    done.set(key, (done.get(key) ?? 0) + samples);
    return {
      component: work.ids[component]!,
      layer,
      startMs,
      endMs: time,
      stages: slot.stages,
      numDevices: slot.numDevices,
      samplesPerDevice: perDevice,
      sampleStart,
      samples,
      isLeftOver: false,
    };
  });
}

/** Spans of the rest after the pipeline on all devices. */
export function leftOverSpans(
  work: FrozenWork,
  { layer, remaining }: Progress,
  batch: number,
  end: { readonly startMs: number; readonly stages: readonly number[]; readonly numDevices: number },
): FrozenSpan[] {
  const spans: FrozenSpan[] = [];
  let time = end.startMs;
  for (const component of work.order) {
    for (let at = layer[component]!; at < work.numLayers[component]!; at++) {
      const samples = at === layer[component]! ? remaining[component]! : batch;
      const samplesPerDevice = Math.ceil(samples / end.numDevices);
      const startMs = time;
      time += work.timeMs(component, at, samplesPerDevice);
      spans.push({
        component: work.ids[component]!,
        layer: at,
        startMs,
        endMs: time,
        stages: end.stages,
        numDevices: end.numDevices,
        samplesPerDevice,
        sampleStart: batch - samples,
        samples,
        isLeftOver: true,
      });
    }
  }
  return spans;
}
