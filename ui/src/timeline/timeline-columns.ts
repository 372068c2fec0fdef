/** A timeline as typed arrays, spans sorted by (row, start), so that each row can be searched by bisection.
 *  Spans that overlap on one lane are stacked on rows below each other. */
import type { Cell, TimelineBlock } from '@tenfold/core/report';
import { categoryOf } from './category-places.ts';

export interface TimelineLane {
  readonly id: string;
  readonly label: string;
  readonly group?: string | undefined;
}

/** Flat input for big traces; times in ms. Spans may come in any order. */
export interface TimelineInput {
  readonly lanes: readonly TimelineLane[];
  /** [N] index into lanes. */ readonly lane: Int32Array;
  /** [N] ms. */ readonly startMs: Float64Array;
  /** [N] ms, >= start. */ readonly endMs: Float64Array;
  /** [N] index into names. */ readonly name: Int32Array;
  readonly names: readonly string[];
  /** [N] index into categories; left out if there are none. */ readonly category?: Int32Array;
  readonly categories?: readonly string[];
  /** What 0 is, ms since 1970: ticks are then dates. */ readonly epochMs?: number | undefined;
  /** [F] span indices that an arrow joins. */ readonly flowFrom?: Int32Array;
  readonly flowTo?: Int32Array;
  /** Details of one span, read when it is pointed at. */
  readonly argsOf?: (span: number) => Readonly<Record<string, Cell>> | undefined;
}

export interface TimelineRow {
  readonly lane: number;
  /** 0 for the lane's own row, 1.. for rows of overlapping spans. */
  readonly depth: number;
  /** Half-open range in `order`. */
  readonly start: number;
  readonly end: number;
}

export interface Timeline extends TimelineInput {
  readonly rows: readonly TimelineRow[];
  /** [N] span indices by row, then by start. */
  readonly order: Int32Array;
  /** [N] starts and ends in `order`, for bisection without indirection. */
  readonly orderedStart: Float64Array;
  readonly orderedEnd: Float64Array;
  /** [N] row of each span. */
  readonly rowOf: Int32Array;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Cost: O(N log N) time, about 60 bytes a span. Mutates: nothing. */
export function createTimeline(input: TimelineInput): Timeline {
  const numSpans = input.startMs.length;
  const sorted = sortedSpans(input);
  const rowOf = new Int32Array(numSpans);
  const depthOf = new Int32Array(numSpans);
  const maxDepth = stackDepths(input, sorted, depthOf);
  const firstRowOfLane = new Int32Array(input.lanes.length + 1);
  for (let lane = 0; lane < input.lanes.length; lane++)
    firstRowOfLane[lane + 1] = firstRowOfLane[lane]! + maxDepth[lane]! + 1;
  const numRows = firstRowOfLane[input.lanes.length]!;
  const rowStart = new Int32Array(numRows + 1);
  for (let span = 0; span < numSpans; span++) {
    const row = firstRowOfLane[input.lane[span]!]! + depthOf[span]!;
    rowOf[span] = row;
    rowStart[row + 1]!++;
  }
  for (let row = 0; row < numRows; row++) rowStart[row + 1]! += rowStart[row]!;
  const cursor = rowStart.slice(0, numRows);
  const order = new Int32Array(numSpans);
  const orderedStart = new Float64Array(numSpans);
  const orderedEnd = new Float64Array(numSpans);
  let firstMs = Infinity;
  let lastMs = -Infinity;
  for (let i = 0; i < numSpans; i++) {
    const span = sorted[i]!;
    const place = cursor[rowOf[span]!]!++;
    order[place] = span;
    orderedStart[place] = input.startMs[span]!;
    orderedEnd[place] = input.endMs[span]!;
    if (input.startMs[span]! < firstMs) firstMs = input.startMs[span]!;
    if (input.endMs[span]! > lastMs) lastMs = input.endMs[span]!;
  }
  const rows: TimelineRow[] = [];
  for (let lane = 0; lane < input.lanes.length; lane++)
    for (let row = firstRowOfLane[lane]!; row < firstRowOfLane[lane + 1]!; row++)
      rows.push({ lane, depth: row - firstRowOfLane[lane]!, start: rowStart[row]!, end: rowStart[row + 1]! });
  if (numSpans === 0) [firstMs, lastMs] = [0, 1];
  return { ...input, rows, order, orderedStart, orderedEnd, rowOf, firstMs, lastMs: Math.max(lastMs, firstMs + 1e-6) };
}

/** Span indices by start; of equal starts the longer first, so that parents stand above children. */
function sortedSpans({ startMs, endMs }: TimelineInput): Int32Array {
  const sorted = new Int32Array(startMs.length);
  let inOrder = true;
  for (let i = 0; i < sorted.length; i++) {
    sorted[i] = i;
    if (i > 0 && (startMs[i]! < startMs[i - 1]! || (startMs[i] === startMs[i - 1] && endMs[i]! > endMs[i - 1]!)))
      inOrder = false;
  }
  return inOrder ? sorted : sorted.sort((a, b) => startMs[a]! - startMs[b]! || endMs[b]! - endMs[a]! || a - b);
}

const MAX_DEPTH = 24;

/** First free row of its lane for each span. Mutates: depthOf. @returns deepest row per lane */
function stackDepths(
  { lanes, lane, startMs, endMs }: TimelineInput,
  sorted: Int32Array,
  depthOf: Int32Array,
): Int32Array {
  const maxDepth = new Int32Array(lanes.length);
  const busyUntil = new Float64Array(lanes.length * MAX_DEPTH).fill(-Infinity);
  for (let i = 0; i < sorted.length; i++) {
    const span = sorted[i]!;
    const base = lane[span]! * MAX_DEPTH;
    const tolerance = 1e-9 * Math.max(1, Math.abs(startMs[span]!)); // ends that equal starts up to round-off do not overlap
    let depth = 0;
    while (depth < MAX_DEPTH - 1 && busyUntil[base + depth]! > startMs[span]! + tolerance) depth++;
    busyUntil[base + depth] = Math.max(busyUntil[base + depth]!, endMs[span]!);
    depthOf[span] = depth;
    if (depth > maxDepth[lane[span]!]!) maxDepth[lane[span]!] = depth;
  }
  return maxDepth;
}

/** A timeline from a report block. Spans on lanes that the block does not list get a lane of their own name. */
export function timelineFromBlock(block: TimelineBlock): Timeline {
  const lanes: TimelineLane[] = [...block.lanes];
  const laneIndex = new Map(lanes.map((lane, index) => [lane.id, index]));
  const interned = { names: new Map<string, number>(), categories: new Map<string, number>() };
  const numSpans = block.spans.length;
  const lane = new Int32Array(numSpans);
  const name = new Int32Array(numSpans);
  const category = new Int32Array(numSpans);
  const spanIndex = new Map<string, number>();
  block.spans.forEach((span, index) => {
    let place = laneIndex.get(span.lane);
    if (place === undefined) {
      place = lanes.push({ id: span.lane, label: span.lane }) - 1;
      laneIndex.set(span.lane, place);
    }
    lane[index] = place;
    name[index] = intern(interned.names, span.name);
    category[index] = intern(interned.categories, categoryOf(span));
    spanIndex.set(span.id, index);
  });
  const flows = (block.flows ?? []).filter((flow) => spanIndex.has(flow.from) && spanIndex.has(flow.to));
  return createTimeline({
    lanes,
    lane,
    startMs: Float64Array.from(block.spans, (span) => span.startMs),
    endMs: Float64Array.from(block.spans, (span) => span.endMs),
    name,
    names: [...interned.names.keys()],
    category,
    categories: [...interned.categories.keys()],
    epochMs: block.epochMs,
    flowFrom: Int32Array.from(flows, (flow) => spanIndex.get(flow.from)!),
    flowTo: Int32Array.from(flows, (flow) => spanIndex.get(flow.to)!),
    argsOf: (span) => block.spans[span]?.args,
  });
}

function intern(table: Map<string, number>, text: string): number {
  let index = table.get(text);
  if (index === undefined) table.set(text, (index = table.size));
  return index;
}

/** First place in `order` of the row whose span ends after `timeMs`. Cost: O(log n). */
export function findFirstEndingAfter(timeline: Timeline, row: TimelineRow, timeMs: number): number {
  let low = row.start;
  let high = row.end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (timeline.orderedEnd[middle]! > timeMs) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The span at a time on a row, if any. */
export function findSpanAt(timeline: Timeline, row: TimelineRow, timeMs: number, slackMs: number): number | undefined {
  const place = findFirstEndingAfter(timeline, row, timeMs - slackMs);
  if (place >= row.end || timeline.orderedStart[place]! > timeMs + slackMs) return undefined;
  return timeline.order[place];
}
