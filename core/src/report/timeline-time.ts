/** Times on the axis of a timeline: durations from its start, or dates where the timeline says when 0 was. */
import { formatDuration } from '../base/index.ts';
import type { TimelineBlock } from './types.ts';

/** @param ms  from the timeline's 0
 *  @returns `1.5 s`, or with `epochMs` an ISO date: `1969-07-20`, `-0043-03-15` (44 BC) */
export function timelineTime({ epochMs }: Pick<TimelineBlock, 'epochMs'>, ms: number): string {
  return epochMs === undefined ? formatDuration(ms) : isoDate(epochMs + ms);
}

/** Text at the left end of the axis. */
export function timelineStart(block: Pick<TimelineBlock, 'epochMs'>): string {
  return block.epochMs === undefined ? '0' : timelineTime(block, 0);
}

/** Day of a moment in UTC, years of four digits or more, astronomical before year 1. */
export function isoDate(epochMs: number): string {
  const date = new Date(epochMs);
  const year = date.getUTCFullYear();
  const two = (value: number) => String(value).padStart(2, '0');
  return `${year < 0 ? '-' : ''}${String(Math.abs(year)).padStart(4, '0')}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`;
}
