/** PyTorch profiler traces: what they hide and expose, and a better order for the marked ranges of the program.
 *
 *  A trace has no data dependencies. Assumed: marked ranges whose name says dW or wgrad need only the range before them
 *  that is none; everything else runs in the order of the trace. The proposal says so. */
import {
  annotationOfGpuSpans,
  classifyGpuSpans,
  gpuOverlap,
  type OverlapMetrics,
  type Trace,
} from '@tenfold/core/schedule';
import { scheduleDw, simulateGraph, type DwRule } from './dw-order.ts';
import { overlapError } from './overlap-errors.ts';
import type { OverlapGraph, OverlapOp } from './types.ts';

const DW_PATTERN = /(^|[^a-z])(dw|wgrad|weight[_ ]?grad)/i;

/** @throws TF-OVERLAP-005 if the trace has no GPU work */
export function overlapOfTrace(trace: Trace, patterns?: readonly RegExp[]): ReadonlyMap<string, OverlapMetrics> {
  const metrics = gpuOverlap(trace, patterns);
  if (metrics.size > 0) return metrics;
  throw overlapError('TF-OVERLAP-005', {
    subject: 'overlapOfTrace',
    expected: 'kernels, copies or sets of a GPU',
    actual: `${trace.numSpans} spans, none of them on a GPU`,
    hints: ['Profile with ProfilerActivity.CUDA.'],
  });
}

/** Marked ranges with GPU work as operations, in order of their first kernel.
 *  @throws TF-OVERLAP-005 if no range is marked */
export function graphFromTrace(trace: Trace, patterns?: readonly RegExp[]): OverlapGraph {
  const { compute, communication } = classifyGpuSpans(trace, patterns);
  const annotationOf = annotationOfGpuSpans(trace);
  const found = new Map<string, { readonly name: string; isComm: boolean; timeMs: number; startMs: number }>();
  for (const [spans, isComm] of [
    [compute, false],
    [communication, true],
  ] as const) {
    for (const span of spans) {
      const annotation = annotationOf[span]!;
      if (annotation < 0) continue;
      const key = `${annotation}/${isComm}`;
      const timeMs = trace.endMs[span]! - trace.startMs[span]!;
      const known = found.get(key);
      if (known) {
        known.timeMs += timeMs;
        known.startMs = Math.min(known.startMs, trace.startMs[span]!);
      } else {
        const name = trace.strings[trace.name[annotation]!]!;
        found.set(key, { name, isComm, timeMs, startMs: trace.startMs[span]! });
      }
    }
  }
  if (found.size === 0) {
    throw overlapError('TF-OVERLAP-005', {
      subject: 'graphFromTrace',
      expected: 'GPU work inside marked ranges',
      actual: 'no range that launched a kernel',
      hints: ['Mark forward, dX, dW and exchange with torch.profiler.record_function.'],
    });
  }
  const ranges = [...found.values()].sort((a, b) => a.startMs - b.startMs);
  let before: string | undefined;
  const ops = ranges.map(({ name, isComm, timeMs }, index): OverlapOp => {
    const id = `${index} ${name}`;
    const isDw = !isComm && DW_PATTERN.test(name);
    const ins = before === undefined ? [] : [before];
    if (!isDw) before = id;
    return {
      id,
      kind: isComm ? 'a2a' : 'compute',
      role: isDw ? 'dW' : 'dX',
      ins,
      outs: [id],
      timeMs,
      ...(isComm ? { moe: { layer: 0, part: 'a2a' as const } } : {}),
    };
  });
  return { name: 'trace', gate: 'switch', ops, tensors: {}, batch: 1 };
}

export interface OrderProposal {
  readonly beforeMs: number;
  readonly afterMs: number;
  /** Operations that move, with the exchange that they go behind. */
  readonly moves: readonly { readonly op: string; readonly behind: string }[];
  readonly order: readonly string[];
}

/** Both times are simulated on two lanes under the assumed dependencies, so that they compare. */
export async function proposeOrder(graph: OverlapGraph, rule: DwRule = 'exact'): Promise<OrderProposal> {
  const { graph: ordered, labels, assignment } = await scheduleDw(graph, { rule });
  const moves = assignment.chosen.map((dw) => ({
    op: graph.ops[labels.candidates[dw]!]!.id,
    behind: graph.ops[labels.allToAlls[assignment.a2aOf[dw]!]!]!.id,
  }));
  return {
    beforeMs: simulateGraph(graph).makespanMs,
    afterMs: simulateGraph(ordered).makespanMs,
    moves,
    order: ordered.ops.map(({ id }) => id),
  };
}
