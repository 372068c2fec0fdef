/** Traces as report blocks. Blocks are plain JSON inside a report, so very long traces are thinned; the full trace
 *  belongs into a file (chromeTraceText) beside it. */
import type { TimelineBlock } from '../report/index.ts';
import { cellsFromArgs, type Trace } from './trace.ts';

/** More spans than this are of no use in a report. */
const DEFAULT_MAX_SPANS = 20_000;

export interface TimelineOptions {
  readonly caption?: string;
  /** Default 20 000; beyond it the shortest spans are left out and the caption says so. */
  readonly maxSpans?: number;
  /** Draw dependency arrows. Default true. */
  readonly hasFlows?: boolean;
}

/** A trace as a block of a report. Of more than `maxSpans` spans the longest are kept and the caption says so. */
export function timelineFromTrace(trace: Trace, options: TimelineOptions = {}): TimelineBlock {
  const { caption, maxSpans = DEFAULT_MAX_SPANS, hasFlows = true } = options;
  const kept = longestSpans(trace, maxSpans);
  const isKept = new Uint8Array(trace.numSpans);
  for (const span of kept) isKept[span] = 1;
  const note =
    kept.length < trace.numSpans ? `showing the ${kept.length} longest of ${trace.numSpans} spans` : undefined;
  const text = [caption, note].filter((part) => part !== undefined).join('; ');
  const flows: { from: string; to: string }[] = [];
  const numFlows = hasFlows ? trace.flowFrom.length : 0;
  for (let flow = 0; flow < numFlows; flow++) {
    const from = trace.flowFrom[flow]!;
    const to = trace.flowTo[flow]!;
    if (isKept[from] && isKept[to]) flows.push({ from: String(from), to: String(to) });
  }
  return {
    kind: 'timeline',
    ...(text ? { caption: text } : {}),
    lanes: trace.lanes.map(({ id, label, group }) => ({ id, label, ...(group ? { group } : {}) })),
    spans: Array.from(kept, (span) => {
      const category = trace.strings[trace.category[span]!]!;
      const args = trace.args(span);
      return {
        id: String(span),
        lane: trace.lanes[trace.lane[span]!]!.id,
        name: trace.strings[trace.name[span]!]!,
        startMs: trace.startMs[span]!,
        endMs: trace.endMs[span]!,
        ...(category ? { category } : {}),
        ...(args ? { args: cellsFromArgs(args) } : {}),
      };
    }),
    ...(flows.length > 0 ? { flows } : {}),
  };
}

function longestSpans({ numSpans, startMs, endMs }: Trace, maxSpans: number): Uint32Array {
  const all = Uint32Array.from({ length: numSpans }, (_, span) => span);
  if (numSpans <= maxSpans) return all;
  all.sort((a, b) => endMs[b]! - startMs[b]! - (endMs[a]! - startMs[a]!) || a - b);
  return all.slice(0, maxSpans).sort();
}
