/** Traces in columns: the common form of simulations, measurements and imported files; views and exports read it.
 *
 *  Invariants: spans are sorted by lane, then start, then longer first, so that a lane's spans lie in
 *  [firstSpan, firstSpan + numSpans); times are ms from the first event; `depth` is the nesting level inside the lane. */
import type { Cell } from '../report/index.ts';
import type { Simulation } from './types.ts';

export interface TraceLane {
  readonly id: string;
  readonly label: string;
  /** Process or device: lanes of a group are drawn together. */
  readonly group: string;
  readonly firstSpan: number;
  readonly numSpans: number;
  /** Nesting levels: 1 if no span lies inside another. */
  readonly numLevels: number;
}

export interface Trace {
  readonly lanes: readonly TraceLane[];
  readonly numSpans: number;
  readonly startMs: Float64Array;
  readonly endMs: Float64Array;
  readonly lane: Uint32Array;
  readonly depth: Uint16Array;
  /** Index into `strings`. */
  readonly name: Uint32Array;
  /** Index into `strings`. */
  readonly category: Uint32Array;
  readonly strings: readonly string[];
  /** Arrows between spans (indices). */
  readonly flowFrom: Uint32Array;
  readonly flowTo: Uint32Array;
  /** Latest end. */
  readonly durationMs: number;
  /** Time of the file's clock that became 0 here, in ms. */
  readonly originMs: number;
  /** Details of a span; undefined if it has none. */
  args(span: number): Readonly<Record<string, unknown>> | undefined;
}

export interface SpanSpec {
  /** Lane id. */
  readonly lane: string;
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly category?: string;
  readonly args?: Readonly<Record<string, unknown>>;
}

export interface LaneSpec {
  readonly id: string;
  readonly label?: string;
  readonly group?: string;
}

/** A trace from measured spans.
 *  @param lanes  in display order; lanes that only spans name follow in order of appearance
 *  @param flows  pairs of indices into `spans` */
export function traceFromSpans(
  spans: readonly SpanSpec[],
  { lanes = [], flows = [] }: { lanes?: readonly LaneSpec[]; flows?: readonly (readonly [number, number])[] } = {},
): Trace {
  const laneIndex = new Map<string, number>();
  const laneSpecs: LaneSpec[] = [];
  const indexOfLane = (lane: LaneSpec): number => {
    let index = laneIndex.get(lane.id);
    if (index === undefined) {
      index = laneSpecs.push(lane) - 1;
      laneIndex.set(lane.id, index);
    }
    return index;
  };
  for (const lane of lanes) indexOfLane(lane);
  const table = createStringTable();
  const numSpans = spans.length;
  const columns = {
    startMs: new Float64Array(numSpans),
    endMs: new Float64Array(numSpans),
    lane: new Uint32Array(numSpans),
    name: new Uint32Array(numSpans),
    category: new Uint32Array(numSpans),
  };
  for (let i = 0; i < numSpans; i++) {
    const { lane, name, startMs, endMs, category = '' } = spans[i]!;
    columns.startMs[i] = startMs;
    columns.endMs[i] = endMs;
    columns.lane[i] = indexOfLane({ id: lane });
    columns.name[i] = table.indexOf(name);
    columns.category[i] = table.indexOf(category);
  }
  return arrangeTrace({
    ...columns,
    lanes: laneSpecs,
    strings: table.strings,
    flows: { from: Uint32Array.from(flows, ([from]) => from), to: Uint32Array.from(flows, ([, to]) => to) },
    args: (span) => spans[span]!.args,
  });
}

/** A trace of a simulation: one lane per resource, grouped by device, with dependencies as flows. */
export function traceFromSimulation({ program, startMs, endMs }: Simulation): Trace {
  const { resources, numOps, opNames, opCategories, resourceStarts, resourceIds, dependencyStarts, dependencyIds } =
    program;
  const table = createStringTable();
  const numSpans = resourceIds.length;
  const opOfSpan = new Uint32Array(numSpans);
  const name = new Uint32Array(numSpans);
  const category = new Uint32Array(numSpans);
  for (let op = 0; op < numOps; op++) {
    const nameIndex = table.indexOf(opNames[op]!);
    const categoryIndex = table.indexOf(opCategories[op]!);
    for (let span = resourceStarts[op]!; span < resourceStarts[op + 1]!; span++) {
      opOfSpan[span] = op;
      name[span] = nameIndex;
      category[span] = categoryIndex;
    }
  }
  const flowTo = new Uint32Array(dependencyIds.length);
  for (let op = 0; op < numOps; op++)
    flowTo.fill(resourceStarts[op]!, dependencyStarts[op]!, dependencyStarts[op + 1]!);
  return arrangeTrace({
    startMs: Float64Array.from(opOfSpan, (op) => startMs[op]!),
    endMs: Float64Array.from(opOfSpan, (op) => endMs[op]!),
    lane: Uint32Array.from(resourceIds),
    name,
    category,
    lanes: resources.map(({ name: id, device }) => ({ id, label: id, group: device })),
    strings: table.strings,
    flows: { from: Uint32Array.from(dependencyIds, (op) => resourceStarts[op]!), to: flowTo },
    args: (span) => ({ op: opOfSpan[span]! }),
  });
}

export interface StringTable {
  readonly strings: string[];
  indexOf(text: string): number;
}

export function createStringTable(): StringTable {
  const strings: string[] = [];
  const indices = new Map<string, number>();
  return {
    strings,
    indexOf(text) {
      let index = indices.get(text);
      if (index === undefined) {
        index = strings.push(text) - 1;
        indices.set(text, index);
      }
      return index;
    },
  };
}

export interface UnsortedTrace {
  readonly startMs: Float64Array;
  readonly endMs: Float64Array;
  readonly lane: Uint32Array;
  readonly name: Uint32Array;
  readonly category: Uint32Array;
  readonly lanes: readonly LaneSpec[];
  readonly strings: readonly string[];
  readonly flows: { readonly from: Uint32Array; readonly to: Uint32Array };
  readonly args: (span: number) => Readonly<Record<string, unknown>> | undefined;
}

/** Sorts spans, shifts times to 0 and computes nesting. Mutates: nothing. Cost: O(n log n). */
export function arrangeTrace(raw: UnsortedTrace): Trace {
  const numSpans = raw.startMs.length;
  const order = new Uint32Array(numSpans);
  for (let i = 0; i < numSpans; i++) order[i] = i;
  const { startMs: rawStart, endMs: rawEnd, lane: rawLane } = raw;
  order.sort((a, b) => rawLane[a]! - rawLane[b]! || rawStart[a]! - rawStart[b]! || rawEnd[b]! - rawEnd[a]! || a - b);
  let originMs = Infinity;
  for (let i = 0; i < numSpans; i++) if (rawStart[i]! < originMs) originMs = rawStart[i]!;
  if (originMs === Infinity) originMs = 0;

  const positionOf = new Uint32Array(numSpans);
  const startMs = new Float64Array(numSpans);
  const endMs = new Float64Array(numSpans);
  const lane = new Uint32Array(numSpans);
  const name = new Uint32Array(numSpans);
  const category = new Uint32Array(numSpans);
  let durationMs = 0;
  for (let k = 0; k < numSpans; k++) {
    const i = order[k]!;
    positionOf[i] = k;
    startMs[k] = rawStart[i]! - originMs;
    endMs[k] = rawEnd[i]! - originMs;
    lane[k] = rawLane[i]!;
    name[k] = raw.name[i]!;
    category[k] = raw.category[i]!;
    if (endMs[k]! > durationMs) durationMs = endMs[k]!;
  }
  const depth = new Uint16Array(numSpans);
  const lanes: TraceLane[] = [];
  for (let k = 0, index = 0; index < raw.lanes.length; index++) {
    const firstSpan = k;
    const openEnds: number[] = [];
    let numLevels = 0;
    for (; k < numSpans && lane[k] === index; k++) {
      while (openEnds.length > 0 && openEnds[openEnds.length - 1]! <= startMs[k]!) openEnds.pop();
      depth[k] = Math.min(openEnds.length, 65535);
      openEnds.push(endMs[k]!);
      if (openEnds.length > numLevels) numLevels = openEnds.length;
    }
    const { id, label = id, group = '' } = raw.lanes[index]!;
    lanes.push({ id, label, group, firstSpan, numSpans: k - firstSpan, numLevels });
  }
  return {
    lanes,
    numSpans,
    startMs,
    endMs,
    lane,
    depth,
    name,
    category,
    strings: raw.strings,
    flowFrom: raw.flows.from.map((span) => positionOf[span]!),
    flowTo: raw.flows.to.map((span) => positionOf[span]!),
    durationMs,
    originMs,
    args: (span) => raw.args(order[span]!),
  };
}

/** Args as table cells: nested values become JSON text. */
export function cellsFromArgs(args: Readonly<Record<string, unknown>>): Record<string, Cell> {
  const cells: Record<string, Cell> = {};
  for (const [key, value] of Object.entries(args)) {
    const isPlain = value === null || ['string', 'number', 'boolean'].includes(typeof value);
    cells[key] = isPlain ? (value as Cell) : JSON.stringify(value);
  }
  return cells;
}
