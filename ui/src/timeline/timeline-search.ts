/** Finding spans by name and by dependency. */
import type { Timeline } from './timeline-columns.ts';

export interface FoundSpans {
  /** [N] 1 where the span matches. */
  readonly matches: Uint8Array;
  /** Span indices by start. */
  readonly spans: readonly number[];
}

/** Spans whose name or category contains the text; names are few, so each is tested once.
 *  @returns undefined for an empty query */
export function searchSpans(timeline: Timeline, query: string): FoundSpans | undefined {
  const wanted = query.trim().toLowerCase();
  if (!wanted) return undefined;
  const nameHit = Uint8Array.from(timeline.names, (name) => (name.toLowerCase().includes(wanted) ? 1 : 0));
  const categoryHit = Uint8Array.from(timeline.categories ?? [], (name) =>
    name.toLowerCase().includes(wanted) ? 1 : 0,
  );
  const matches = new Uint8Array(timeline.startMs.length);
  const spans: number[] = [];
  for (let span = 0; span < matches.length; span++) {
    if (!nameHit[timeline.name[span]!] && !(timeline.category && categoryHit[timeline.category[span]!])) continue;
    matches[span] = 1;
    spans.push(span);
  }
  return { matches, spans: spans.sort((a, b) => timeline.startMs[a]! - timeline.startMs[b]! || a - b) };
}

/** Spans that a span waits for, and spans that wait for it. Cost: O(flows). */
export function dependenciesOf(
  timeline: Timeline,
  span: number,
): { readonly before: number[]; readonly after: number[] } {
  const before: number[] = [];
  const after: number[] = [];
  const { flowFrom = new Int32Array(0), flowTo = new Int32Array(0) } = timeline;
  for (let flow = 0; flow < flowFrom.length; flow++) {
    if (flowTo[flow] === span) before.push(flowFrom[flow]!);
    if (flowFrom[flow] === span) after.push(flowTo[flow]!);
  }
  return { before, after };
}
