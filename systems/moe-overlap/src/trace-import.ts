/** PyTorch profiler traces: what they hide and expose, and a better order for the marked ranges of the program.
 *
 *  A trace has no data dependencies. Assumed: marked ranges whose name says dW or wgrad need only the range before them
 *  that is none, and are needed by the next reduction or optimiser step; everything else runs in the order of the trace.
 *  An exchange waits for all computation issued before it, as collectives of PyTorch do: that is why a weight gradient
 *  issued before an exchange delays it, and one issued right behind it is hidden. The proposal says so. */
import {
  annotationOfGpuSpans,
  classifyGpuSpans,
  gpuOverlap,
  intervalsFromSpans,
  lengthOfIntervals,
  type OverlapMetrics,
  type Trace,
} from '@tenfold/core/schedule';
import { scheduleDw, type DwRule } from './dw-order.ts';
import { dataflowOf, isComm } from './op-graph.ts';
import { overlapError } from './overlap-errors.ts';
import { createLaneProgram, simulateLanes } from './two-lanes.ts';
import type { LaneTimes, OpKind, OpRole, OverlapGraph, OverlapOp } from './types.ts';

const DW_PATTERN = /(^|[^a-z])(dw|wgrad|weight[_ ]?grad)/i;
const UPDATE_PATTERN = /optimi[sz]er|(^|[^a-z])(update|zero_grad)([^a-z]|$)/i;
const REDUCTION_PATTERN = /all_?reduce|reduce_?scatter|all_?gather/i;

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

/** Marked ranges with GPU work as operations, in order of their first kernel; of several devices the one that
 *  communicates most.
 *  @throws TF-OVERLAP-005 if no range is marked */
export function graphFromTrace(trace: Trace, patterns?: readonly RegExp[]): OverlapGraph {
  const ranges = markedRanges(trace, patterns);
  if (ranges.length === 0) {
    throw overlapError('TF-OVERLAP-005', {
      subject: 'graphFromTrace',
      expected: 'GPU work inside marked ranges',
      actual: 'no range that launched a kernel',
      hints: ['Mark forward, dX, dW and exchange with torch.profiler.record_function.'],
    });
  }
  let before: string[] = [];
  let gradients: string[] = [];
  const ops = ranges.map(({ name, isExchange, isReduction, timeMs }, index): OverlapOp => {
    const id = `${index} ${name}`;
    const isComputation = !isExchange && !isReduction;
    const isDw = isComputation && DW_PATTERN.test(name);
    const isUpdate = isComputation && !isDw && UPDATE_PATTERN.test(name);
    const ins = isUpdate || isReduction ? [...before, ...gradients] : before;
    if (isDw) gradients.push(id);
    else if (!isReduction) before = [id];
    if (isUpdate) gradients = [];
    const kind: OpKind = isExchange ? 'a2a' : isReduction ? 'allreduce' : 'compute';
    const role: OpRole = isDw ? 'dW' : isUpdate ? 'opt' : 'dX';
    const moe = isExchange ? { moe: { layer: 0, part: 'a2a' as const } } : {};
    return { id, kind, role, ins, outs: [id], timeMs, ...moe };
  });
  return { name: 'trace', gate: 'switch', ops, tensors: {}, batch: 1 };
}

interface MarkedRange {
  readonly name: string;
  readonly isExchange: boolean;
  readonly isReduction: boolean;
  /** When any of its kernels runs; kernels of several streams at once count once. */
  readonly timeMs: number;
  readonly startMs: number;
}

interface KernelRuns extends Omit<MarkedRange, 'timeMs' | 'startMs'> {
  readonly starts: number[];
  readonly ends: number[];
}

function markedRanges(trace: Trace, patterns?: readonly RegExp[]): MarkedRange[] {
  const { compute, communication } = classifyGpuSpans(trace, patterns);
  const annotationOf = annotationOfGpuSpans(trace);
  const group = [...gpuOverlap(trace, patterns)].reduce<readonly [string, number]>(
    (most, [name, { communicationMs }]) => (communicationMs > most[1] ? [name, communicationMs] : most),
    ['', -1],
  )[0];
  const found = new Map<string, KernelRuns>();
  for (const [spans, isComm] of [
    [compute, false],
    [communication, true],
  ] as const) {
    for (const span of spans) {
      const annotation = annotationOf[span]!;
      if (annotation < 0 || trace.lanes[trace.lane[span]!]!.group !== group) continue;
      const isReduction = isComm && REDUCTION_PATTERN.test(trace.strings[trace.name[span]!]!);
      const key = `${annotation}/${isComm}/${isReduction}`;
      const name = trace.strings[trace.name[annotation]!]!;
      const runs = found.get(key) ?? { name, isExchange: isComm && !isReduction, isReduction, starts: [], ends: [] };
      runs.starts.push(trace.startMs[span]!);
      runs.ends.push(trace.endMs[span]!);
      found.set(key, runs);
    }
  }
  const ranges = [...found.values()].map(({ starts, ends, ...range }): MarkedRange => {
    const busy = intervalsFromSpans(Float64Array.from(starts), Float64Array.from(ends));
    return { ...range, timeMs: lengthOfIntervals(busy), startMs: starts.reduce((a, b) => Math.min(a, b)) };
  });
  return ranges.sort((a, b) => a.startMs - b.startMs);
}

export interface OrderProposal {
  readonly beforeMs: number;
  readonly afterMs: number;
  /** Operations that move, with the exchange that they go behind. */
  readonly moves: readonly { readonly op: string; readonly behind: string }[];
  readonly order: readonly string[];
  readonly before: IssuedOrder;
  readonly after: IssuedOrder;
}

export interface IssuedOrder {
  readonly graph: OverlapGraph;
  readonly times: LaneTimes;
}

/** Both times are simulated on two lanes under the assumed dependencies, so that they compare.
 *  If the new order is not faster, nothing moves. */
export async function proposeOrder(graph: OverlapGraph, rule: DwRule = 'exact'): Promise<OrderProposal> {
  const { graph: ordered, labels, assignment } = await scheduleDw(graph, { rule });
  const before = { graph, times: issuedTimes(graph) };
  const planned = { graph: ordered, times: issuedTimes(ordered) };
  const isFaster = planned.times.makespanMs < before.times.makespanMs;
  const after = isFaster ? planned : before;
  const moves = assignment.chosen.flatMap((dw) => {
    const [own, exchange] = [labels.candidates[dw]!, labels.allToAlls[assignment.a2aOf[dw]!]!];
    // Gradients that follow the exchange already, with nothing but gradients between, stay.
    const isThere = own > exchange && graph.ops.slice(exchange + 1, own).every(({ role }) => role === 'dW');
    return isThere ? [] : [{ op: graph.ops[own]!.id, behind: graph.ops[exchange]!.id }];
  });
  return {
    beforeMs: before.times.makespanMs,
    afterMs: after.times.makespanMs,
    moves: isFaster ? moves : [],
    order: after.graph.ops.map(({ id }) => id),
    before,
    after,
  };
}

/** Times in the written order where communication also waits for the computation issued just before it. */
function issuedTimes(graph: OverlapGraph): LaneTimes {
  const { producers } = dataflowOf(graph);
  let lastCompute = -1;
  return simulateLanes(
    createLaneProgram(
      graph.ops.map((op, index) => {
        const isOnLink = isComm(op);
        const own = producers[index]!;
        const needed = isOnLink && lastCompute >= 0 ? [...own, lastCompute] : own;
        if (!isOnLink) lastCompute = index;
        return { timeMs: op.timeMs, isComm: isOnLink, producers: needed };
      }),
    ),
  );
}
