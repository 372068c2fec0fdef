/** The best filling of the joint bubbles by memoised search over (slot, progress): the judge of the greedy one.
 *  Same choices per slot as the greedy filling, but looked at to the end. */
import type { FillResult, FrozenSpan } from '../types.ts';
import { pipeError } from '../pipe-errors.ts';
import { forEachChoice } from './choices.ts';
import type { FrozenWork } from './frozen-work.ts';
import { fillFigures, type FillTarget } from './greedy-fill.ts';
import {
  advance,
  leftOverSpans,
  remainingMs,
  spansOfChoice,
  startProgress,
  type FillOptions,
  type Progress,
  type SlotChoice,
} from './progress.ts';

const DEFAULT_MAX_STATES = 400_000;

/** @throws TF-PIPE-005 if more than `maxStates` states would be needed */
export function fillExactly(
  work: FrozenWork,
  target: FillTarget,
  options: FillOptions & { readonly maxStates?: number },
): FillResult {
  const { batch, maxStates = DEFAULT_MAX_STATES } = options;
  const numDevices = target.replicas.reduce((sum, count) => sum + count, 0);
  const known = new Map<string, { readonly ms: number; readonly runs: SlotChoice['runs'] }>();
  const solve = (index: number, progress: Progress): number => {
    const rest = remainingMs(work, progress, batch, numDevices);
    if (rest === 0 || index === target.slots.length) return rest;
    const key = `${index}:${progress.layer.join()}:${progress.remaining.join()}`;
    const before = known.get(key);
    if (before) return before.ms;
    if (known.size >= maxStates)
      throw pipeError('TF-PIPE-005', {
        subject: 'fillExactly',
        expected: `at most ${maxStates} states of frozen work`,
        actual: 'more',
        hints: ['Use --fill greedy or perDevice, or merge frozen layers.'],
      });
    const slot = target.slots[index]!;
    const reached = new Map<string, { readonly after: Progress; readonly runs: SlotChoice['runs'] }>();
    const place = { lengthMs: slot.endMs - slot.startMs, numDevices: slot.numDevices };
    forEachChoice(work, progress, place, options, (runs, _filledMs, after) => {
      const state = `${after.layer.join()}:${after.remaining.join()}`;
      if (reached.has(state)) return;
      reached.set(state, {
        after: { layer: after.layer.slice(), remaining: after.remaining.slice() },
        runs: [...runs],
      });
    });
    let best: { ms: number; runs: SlotChoice['runs'] } = { ms: Infinity, runs: [] };
    for (const { after, runs } of reached.values()) {
      const ms = solve(index + 1, after);
      if (ms < best.ms) best = { ms, runs };
      if (best.ms === 0) break;
    }
    known.set(key, best);
    return best.ms;
  };
  const progress = startProgress(work, batch);
  solve(0, progress);
  const spans: FrozenSpan[] = [];
  target.slots.forEach((slot, index) => {
    const runs = known.get(`${index}:${progress.layer.join()}:${progress.remaining.join()}`)?.runs ?? [];
    spans.push(...spansOfChoice(work, progress, slot, runs, batch));
    advance(work, progress, runs, batch);
  });
  const end = { startMs: target.pipelineMs, stages: target.replicas.map((_, stage) => stage), numDevices };
  const rest = leftOverSpans(work, progress, batch, end);
  return { mode: 'exact', ...fillFigures(spans, rest, target), spans: [...spans, ...rest] };
}
