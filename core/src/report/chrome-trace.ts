/** Timelines as Chrome trace JSON (Trace Event Format), for Perfetto and chrome://tracing.
 *  Groups of lanes become processes, lanes threads, spans complete events, flows arrows. */
import type { Cell, TimelineBlock } from './types.ts';

export interface ChromeTraceEvent {
  readonly name: string;
  /** M metadata, X complete, s flow start, f flow end. */
  readonly ph: 'M' | 'X' | 's' | 'f';
  readonly pid: number;
  readonly tid: number;
  /** Microseconds. */
  readonly ts?: number;
  readonly dur?: number;
  readonly cat?: string;
  readonly id?: number;
  readonly bp?: 'e';
  readonly args?: Readonly<Record<string, Cell>>;
}

export interface ChromeTrace {
  readonly displayTimeUnit: 'ms';
  readonly traceEvents: readonly ChromeTraceEvent[];
}

const US_PER_MS = 1000;

/** The trace of a timeline. Flows whose ends are unknown are left out. Cost: O(lanes + spans + flows). */
export function chromeTraceFromTimeline(block: TimelineBlock): ChromeTrace {
  const groups = [...new Set(block.lanes.map((lane) => lane.group ?? ''))];
  const pidOf = new Map(groups.map((group, index) => [group, index + 1]));
  const threadOf = new Map(
    block.lanes.map((lane, index) => [lane.id, { pid: pidOf.get(lane.group ?? '')!, tid: index + 1 }]),
  );
  const events: ChromeTraceEvent[] = [];
  for (const [group, pid] of pidOf) {
    events.push({ name: 'process_name', ph: 'M', pid, tid: 0, args: { name: group || block.caption || 'timeline' } });
  }
  for (const lane of block.lanes) {
    events.push({ name: 'thread_name', ph: 'M', ...threadOf.get(lane.id)!, args: { name: lane.label } });
  }
  const spanOf = new Map(block.spans.map((span) => [span.id, span]));
  for (const span of block.spans) {
    events.push({
      name: span.name,
      ph: 'X',
      ...(threadOf.get(span.lane) ?? { pid: 0, tid: 0 }),
      ts: span.startMs * US_PER_MS,
      dur: (span.endMs - span.startMs) * US_PER_MS,
      cat: span.category ?? 'work',
      ...(span.args === undefined ? {} : { args: span.args }),
    });
  }
  for (const [id, flow] of (block.flows ?? []).entries()) {
    const [from, to] = [spanOf.get(flow.from), spanOf.get(flow.to)];
    if (!from || !to) continue;
    const shared = { name: 'flow', cat: 'flow', id };
    events.push({ ...shared, ph: 's', ...threadOf.get(from.lane)!, ts: from.endMs * US_PER_MS });
    events.push({ ...shared, ph: 'f', bp: 'e', ...threadOf.get(to.lane)!, ts: to.startMs * US_PER_MS });
  }
  return { displayTimeUnit: 'ms', traceEvents: events };
}
