/** Predicted against measured: joins two traces by span name and occurrence. */
import type { Trace } from './trace.ts';

export interface SpanComparison {
  readonly name: string;
  /** 0 for the first span of the name (by start), 1 for the second, … */
  readonly occurrence: number;
  readonly predictedMs: number;
  readonly measuredMs: number;
  readonly predictedStartMs: number;
  readonly measuredStartMs: number;
}

export interface TraceComparison {
  /** By predicted start. */
  readonly spans: readonly SpanComparison[];
  readonly onlyPredicted: readonly string[];
  readonly onlyMeasured: readonly string[];
  readonly predictedSpanMs: number;
  readonly measuredSpanMs: number;
  /** |predicted − measured| / measured of the whole duration; NaN if nothing was measured. */
  readonly makespanError: number;
  /** Mean of |predicted − measured| / measured over joined spans with a measured length above 0. */
  readonly meanSpanError: number;
  /** Sum of |predicted − measured| over sum of measured: long spans weigh more. */
  readonly weightedSpanError: number;
}

/** Spans named alike on several lanes (a collective) are joined in order of start, then lane. */
export function compareTraces(predicted: Trace, measured: Trace): TraceComparison {
  const measuredByKey = new Map(occurrences(measured).map((found) => [found.key, found]));
  const spans: SpanComparison[] = [];
  const onlyPredicted: string[] = [];
  let sumOfRatios = 0;
  let numRatios = 0;
  let sumOfErrors = 0;
  let sumOfMeasured = 0;
  for (const { key, span, name, occurrence } of occurrences(predicted)) {
    const match = measuredByKey.get(key);
    if (!match) {
      onlyPredicted.push(name);
      continue;
    }
    measuredByKey.delete(key);
    const predictedMs = predicted.endMs[span]! - predicted.startMs[span]!;
    const measuredMs = measured.endMs[match.span]! - measured.startMs[match.span]!;
    const predictedStartMs = predicted.startMs[span]!;
    const measuredStartMs = measured.startMs[match.span]!;
    spans.push({ name, occurrence, predictedMs, measuredMs, predictedStartMs, measuredStartMs });
    sumOfErrors += Math.abs(predictedMs - measuredMs);
    sumOfMeasured += measuredMs;
    if (measuredMs > 0) {
      sumOfRatios += Math.abs(predictedMs - measuredMs) / measuredMs;
      numRatios++;
    }
  }
  return {
    spans,
    onlyPredicted,
    onlyMeasured: [...measuredByKey.values()].map(({ name }) => name),
    predictedSpanMs: predicted.durationMs,
    measuredSpanMs: measured.durationMs,
    makespanError: Math.abs(predicted.durationMs - measured.durationMs) / measured.durationMs,
    meanSpanError: numRatios > 0 ? sumOfRatios / numRatios : NaN,
    weightedSpanError: sumOfMeasured > 0 ? sumOfErrors / sumOfMeasured : NaN,
  };
}

interface Occurrence {
  readonly key: string;
  readonly span: number;
  readonly name: string;
  readonly occurrence: number;
}

function occurrences(trace: Trace): Occurrence[] {
  const order = Uint32Array.from({ length: trace.numSpans }, (_, span) => span);
  order.sort((a, b) => trace.startMs[a]! - trace.startMs[b]! || a - b);
  const counts = new Map<string, number>();
  return Array.from(order, (span) => {
    const name = trace.strings[trace.name[span]!]!;
    const occurrence = counts.get(name) ?? 0;
    counts.set(name, occurrence + 1);
    return { key: `${occurrence}\u0000${name}`, span, name, occurrence };
  });
}
