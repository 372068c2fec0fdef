/** A third lane under a timeline: communication that no computation runs beside. */
import type { TimelineBlock, TimelineSpan } from '@tenfold/core/report';
import { complementIntervals, intersectIntervals, intervalsFromSpans } from '@tenfold/core/schedule';

type Busy = Pick<TimelineSpan, 'lane' | 'startMs' | 'endMs'>;

/** @param block  has lanes with the ids `compute` and `communication`
 *  @param all  everything that ran; the block may show the longest spans only */
export function withExposedLane(block: TimelineBlock, all: readonly Busy[]): TimelineBlock {
  const busy = (lane: string) => {
    const spans = all.filter((span) => span.lane === lane);
    return intervalsFromSpans(
      Float64Array.from(spans, ({ startMs }) => startMs),
      Float64Array.from(spans, ({ endMs }) => endMs),
    );
  };
  const endMs = all.reduce((most, span) => Math.max(most, span.endMs), 0);
  const idle = complementIntervals(busy('compute'), { startMs: 0, endMs });
  const exposed = intersectIntervals(busy('communication'), idle);
  const spans: TimelineSpan[] = [];
  for (let at = 0; at < exposed.length; at += 2) {
    spans.push({
      id: `exposed ${at / 2}`,
      lane: 'exposed',
      name: 'exposed communication',
      startMs: exposed[at]!,
      endMs: exposed[at + 1]!,
      category: 'exposed',
    });
  }
  const group = block.lanes[0]?.group;
  return {
    ...block,
    lanes: [...block.lanes, { id: 'exposed', label: 'exposed', ...(group ? { group } : {}) }],
    spans: [...block.spans, ...spans],
  };
}
