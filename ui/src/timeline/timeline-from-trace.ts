/** A timeline from a trace in columns (core/schedule: simulations, measurements, imported Chrome and Kineto files). */
import type { Cell } from '@tenfold/core/report';
import { createTimeline, type Timeline } from './timeline-columns.ts';

/** The part of core/schedule's `Trace` that is drawn. */
export interface TraceColumns {
  readonly lanes: readonly { readonly id: string; readonly label: string; readonly group?: string }[];
  /** [N] ms. */ readonly startMs: Float64Array;
  readonly endMs: Float64Array;
  /** [N] index into lanes. */ readonly lane: Uint32Array;
  /** [N] indices into strings. */ readonly name: Uint32Array;
  readonly category: Uint32Array;
  readonly strings: readonly string[];
  /** [F] span indices. */ readonly flowFrom: Uint32Array;
  readonly flowTo: Uint32Array;
  args(span: number): Readonly<Record<string, unknown>> | undefined;
}

/** Spans without a category are coloured by name. Cost: O(N log N) unless the spans are sorted by start already. */
export function timelineFromTraceColumns(trace: TraceColumns): Timeline {
  const hasCategories = trace.category.some((category) => trace.strings[category] !== '');
  return createTimeline({
    lanes: trace.lanes,
    lane: asInt32(trace.lane),
    startMs: trace.startMs,
    endMs: trace.endMs,
    name: asInt32(trace.name),
    names: trace.strings,
    ...denseCategories(hasCategories ? trace.category : trace.name, trace.strings),
    flowFrom: asInt32(trace.flowFrom),
    flowTo: asInt32(trace.flowTo),
    argsOf: (span) => cellsOf(trace.args(span)),
  });
}

/** Categories numbered by first appearance, so that the first ten have ten different colours. */
function denseCategories(
  indices: Uint32Array,
  strings: readonly string[],
): { readonly category: Int32Array; readonly categories: readonly string[] } {
  const denseOf = new Int32Array(strings.length).fill(-1);
  const categories: string[] = [];
  const category = new Int32Array(indices.length);
  for (let span = 0; span < indices.length; span++) {
    const index = indices[span]!;
    if (denseOf[index] === -1) denseOf[index] = categories.push(strings[index]!) - 1;
    category[span] = denseOf[index]!;
  }
  return { category, categories };
}

/** The same bytes; indices stay below 2³¹. */
function asInt32(values: Uint32Array): Int32Array {
  return new Int32Array(values.buffer as ArrayBuffer, values.byteOffset, values.length);
}

function cellsOf(args: Readonly<Record<string, unknown>> | undefined): Readonly<Record<string, Cell>> | undefined {
  if (!args) return undefined;
  return Object.fromEntries(
    Object.entries(args).map(([key, value]): [string, Cell] => {
      const isCell =
        value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
      return [key, isCell ? value : JSON.stringify(value)];
    }),
  );
}
