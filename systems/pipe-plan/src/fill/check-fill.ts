/** What every filling must obey, checked apart from how it was made. */
import type { FillResult, IdleSlot } from '../types.ts';
import { frozenMs, type FrozenWork } from './frozen-work.ts';

const TOLERANCE_MS = 1e-6;

/** @returns sentences about broken rules: samples done twice or never, work in busy time, predecessors too late */
export function checkFill(work: FrozenWork, fill: FillResult, slots: readonly IdleSlot[], batch: number): string[] {
  const problems: string[] = [];
  const finishOf = new Map<string, Float64Array>();
  for (const [index, id] of work.ids.entries()) {
    for (let layer = 0; layer < work.numLayers[index]!; layer++) {
      const done = new Float64Array(batch).fill(NaN);
      for (const span of fill.spans) {
        if (span.component !== id || span.layer !== layer) continue;
        for (let k = 0; k < span.samples; k++) {
          if (!Number.isNaN(done[span.sampleStart + k]!))
            problems.push(`${id}.${layer}: sample ${span.sampleStart + k} twice`);
          done[span.sampleStart + k] = span.endMs;
        }
      }
      const missing = done.findIndex((time) => Number.isNaN(time));
      if (missing >= 0) problems.push(`${id}.${layer}: sample ${missing} never`);
      finishOf.set(`${id}.${layer}`, done);
    }
  }
  for (const span of fill.spans) {
    const index = work.ids.indexOf(span.component);
    const before =
      span.layer > 0
        ? [`${span.component}.${span.layer - 1}`]
        : work.preds[index]!.map((pred) => `${work.ids[pred]!}.${work.numLayers[pred]! - 1}`);
    for (const key of before) {
      const finish = finishOf.get(key)!;
      for (let k = 0; k < span.samples; k++)
        if (finish[span.sampleStart + k]! > span.startMs + TOLERANCE_MS)
          problems.push(`${span.component}.${span.layer} starts before ${key} of sample ${span.sampleStart + k}`);
    }
    if (span.isLeftOver) continue;
    for (const stage of span.stages) {
      const isIdle = slots.some(
        (slot) =>
          slot.stages.includes(stage) &&
          slot.startMs <= span.startMs + TOLERANCE_MS &&
          span.endMs <= slot.endMs + TOLERANCE_MS,
      );
      if (!isIdle)
        problems.push(`${span.component}.${span.layer} at ${span.startMs} ms is not in idle time of stage ${stage}`);
    }
  }
  return problems;
}

/** The most that perfect filling can gain over "frozen part first, then the same pipeline": the idle device time takes
 *  frozen work at its best, the rest follows.
 *  gain = (T + frozen) / (T + max(0, frozen − idle/D)). */
export function perfectGain(
  work: FrozenWork,
  pipelineMs: number,
  idleDeviceMs: number,
  numDevices: number,
  batch: number,
): number {
  const frozen = frozenMs(work, batch, numDevices);
  return (pipelineMs + frozen) / (pipelineMs + Math.max(0, frozen - idleDeviceMs / numDevices));
}
