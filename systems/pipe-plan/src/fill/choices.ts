/** All ways to put frozen work into one slot: counts of full-batch layers of ready components, then at most one
 *  partial-batch layer.   Source: DiffusionPipe (arXiv 2405.01248); details are ours. */
import type { FrozenWork } from './frozen-work.ts';
import { advance, isComplete, isReady, type FillOptions, type Progress, type SlotChoice } from './progress.ts';
import { PARTIAL_BATCHES } from './frozen-work.ts';

/** Rounding of sums of times must not refuse a layer that fits exactly. */
const SLACK = 1e-9;

/** Calls `visit` for every choice, the empty one included. `after` is the progress once the choice is done; it is reused,
 *  so copy what you keep. */
export function forEachChoice(
  work: FrozenWork,
  progress: Progress,
  slot: { readonly lengthMs: number; readonly numDevices: number },
  options: FillOptions,
  visit: (runs: SlotChoice['runs'], filledMs: number, after: Progress) => void,
): void {
  const { batch, allowsPartial = true, partialBatches = PARTIAL_BATCHES } = options;
  const { lengthMs, numDevices } = slot;
  const limit = lengthMs * (1 + SLACK);
  const runs: SlotChoice['runs'][number][] = [];
  const state: Progress = { layer: progress.layer.slice(), remaining: progress.remaining.slice() };

  const offer = (usedMs: number): void => {
    visit(runs, usedMs, state);
    if (!allowsPartial) return;
    for (const component of work.order) {
      if (!isReady(work, state, component)) continue;
      const layer = state.layer[component]!;
      const remaining = state.remaining[component]!;
      for (const perDevice of partialBatches) {
        const samples = perDevice * numDevices;
        if (samples >= remaining) break;
        const time = work.timeMs(component, layer, perDevice);
        if (usedMs + time > limit) break;
        runs.push({ component, layer, perDevice, samples });
        state.remaining[component]! -= samples;
        visit(runs, usedMs + time, state);
        state.remaining[component]! += samples;
        runs.pop();
      }
    }
  };

  /** Decides the number of full layers of the components from `position` on, in topological order, so that a component
   *  whose predecessors end in this slot is ready in time. */
  const decide = (position: number, usedMs: number): void => {
    if (position === work.order.length) {
      offer(usedMs);
      return;
    }
    const component = work.order[position]!;
    const layerBefore = state.layer[component]!;
    const remainingBefore = state.remaining[component]!;
    const numRuns = runs.length;
    decide(position + 1, usedMs);
    if (isReady(work, state, component)) {
      let time = usedMs;
      while (!isComplete(work, state, component)) {
        const samples = state.remaining[component]!;
        const perDevice = Math.ceil(samples / numDevices);
        time += work.timeMs(component, state.layer[component]!, perDevice);
        if (time > limit) break;
        const run = { component, layer: state.layer[component]!, perDevice, samples };
        runs.push(run);
        advance(work, state, [run], batch);
        decide(position + 1, time);
      }
    }
    runs.length = numRuns;
    state.layer[component] = layerBefore;
    state.remaining[component] = remainingBefore;
  };
  decide(0, 0);
}
