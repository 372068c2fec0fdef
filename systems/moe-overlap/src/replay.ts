/** Predicted against measured for runs of the runner: every mode is simulated on two lanes with the times that the
 *  operations took in the written order on that machine. */
import type { MeasuredSetting, PlansFile } from './measured-file.ts';
import { overlapError } from './overlap-errors.ts';
import { simulatePlan } from './plan-simulation.ts';
import type { OverlapOp } from './types.ts';

export interface ReplayRow {
  readonly setting: string;
  readonly mode: string;
  readonly measuredMs: number;
  readonly predictedMs: number;
  /** measured / predicted − 1 */
  readonly error: number;
  readonly measuredExposedMs: number | null;
  readonly predictedExposedMs: number;
  readonly difference: number;
}

/** @param partOverheadMs  launches and slicing of every part of an operation, and of putting parts together */
export function replaySetting(
  { sizes, plans }: PlansFile,
  setting: MeasuredSetting,
  partOverheadMs: number,
): ReplayRow[] {
  const none = setting.modes['none'];
  const wholeMs = none?.laneMs ?? none?.spanMs ?? {};
  const timeOf = (source: string): number => {
    const ms = wholeMs[source];
    if (ms !== undefined) return ms;
    throw overlapError('TF-OVERLAP-003', {
      subject: 'moe-overlap replay',
      expected: 'a time of every operation in the written order',
      actual: none ? `none of "${source}"` : 'no mode "none"',
      location: setting.file,
      hints: ['Give the plans that were run; the runner measures the written order first.'],
    });
  };
  const name = setting.asked ? `emulated link, ${setting.asked}` : 'native link';
  return plans.flatMap(({ mode, ops }) => {
    const measured = setting.modes[mode];
    if (!measured) return [];
    const timed = ops.map(({ id, source, of, isComm, isMerge, ins, outs }): OverlapOp => {
      const ms = isMerge ? 0 : timeOf(source);
      return {
        id,
        kind: isComm ? 'a2av' : 'compute',
        role: 'fwd',
        ins,
        outs,
        timeMs: isMerge ? partOverheadMs : of > 1 ? ms / of + partOverheadMs : ms,
        ...(isComm ? { moe: { layer: 0, part: 'a2a' as const } } : {}),
      };
    });
    const { makespanMs, metrics } = simulatePlan({
      name: mode,
      gate: sizes.gate,
      ops: timed,
      tensors: {},
      batch: sizes.batch,
    });
    return [
      {
        setting: name,
        mode,
        measuredMs: measured.stepMs,
        predictedMs: makespanMs,
        error: measured.stepMs / makespanMs - 1,
        measuredExposedMs: measured.exposedMs,
        predictedExposedMs: metrics.exposedMs,
        difference: measured.worstRelativeDifference,
      },
    ];
  });
}
