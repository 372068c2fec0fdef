/** Orders of marked ranges as timelines. */
import type { TimelineBlock } from '@tenfold/core/report';
import { timelineFromTrace, traceFromSpans } from '@tenfold/core/schedule';
import { withExposedLane } from './exposed-lane.ts';
import { isComm } from './op-graph.ts';
import type { IssuedOrder } from './trace-import.ts';

/** Beyond this a report holds the longest ranges only. */
const MAX_SPANS = 3000;

export function timelineOfOrder({ graph, times }: IssuedOrder, caption: string): TimelineBlock {
  const spans = graph.ops.map((op, index) => ({
    lane: isComm(op) ? 'communication' : 'compute',
    name: op.id,
    startMs: times.startMs[index]!,
    endMs: times.endMs[index]!,
    category: isComm(op) ? op.kind : op.role,
  }));
  const trace = traceFromSpans(spans, { lanes: [{ id: 'compute' }, { id: 'communication' }] });
  const block = timelineFromTrace(trace, {
    caption: `${caption}: ${times.makespanMs.toFixed(2)} ms`,
    maxSpans: MAX_SPANS,
    hasFlows: false,
  });
  return withExposedLane(block, spans);
}
