/** Reading PyTorch profiler (Kineto) traces: which spans ran on the GPU, which of them communicate, who launched them. */
import { intervalsFromSpans } from './intervals.ts';
import { overlapMetrics, type OverlapMetrics } from './overlap.ts';
import type { Trace } from './trace.ts';

/** Categories of work on the device. */
export const GPU_CATEGORIES: readonly string[] = ['kernel', 'gpu_memcpy', 'gpu_memset'];

/** Categories of host calls that launch device work; they share its `correlation`. */
const RUNTIME_CATEGORIES: readonly string[] = ['cuda_runtime', 'cuda_driver', 'hip_runtime'];

/** Categories of ranges that a user marked (record_function, step marks) and of operators. */
const ANNOTATION_CATEGORIES: readonly string[] = ['user_annotation'];

/** Kernels whose name matches one of these communicate. */
export const COMMUNICATION_PATTERNS: readonly RegExp[] = [
  /nccl/i,
  /rccl/i,
  /SendRecv/i,
  /AllReduce|AllGather|ReduceScatter|AllToAll|all_to_all/i,
  /nvshmem|deep_ep|(?:^|[^a-z])(?:dispatch|combine|notify)/i,
];

export interface GpuSpans {
  /** Span indices of device work that computes (kernels, copies, sets). */
  readonly compute: Uint32Array;
  readonly communication: Uint32Array;
}

/** Splits the device work of a Kineto trace. Empty lists: the trace has no GPU events. */
export function classifyGpuSpans(trace: Trace, patterns: readonly RegExp[] = COMMUNICATION_PATTERNS): GpuSpans {
  const isGpu = trace.strings.map((text) => GPU_CATEGORIES.includes(text));
  const isCommunication = trace.strings.map((text) => patterns.some((pattern) => pattern.test(text)));
  const compute: number[] = [];
  const communication: number[] = [];
  for (let span = 0; span < trace.numSpans; span++) {
    if (!isGpu[trace.category[span]!]) continue;
    (isCommunication[trace.name[span]!] ? communication : compute).push(span);
  }
  return { compute: Uint32Array.from(compute), communication: Uint32Array.from(communication) };
}

/** Overlap per device (group of lanes), over the time from its first to its last GPU event. */
export function gpuOverlap(trace: Trace, patterns?: readonly RegExp[]): ReadonlyMap<string, OverlapMetrics> {
  const { compute, communication } = classifyGpuSpans(trace, patterns);
  const groupOf = (span: number): string => trace.lanes[trace.lane[span]!]!.group;
  const groups = new Set([...compute, ...communication].map(groupOf));
  const metrics = new Map<string, OverlapMetrics>();
  for (const group of groups) {
    const own = (spans: Uint32Array): Uint32Array => spans.filter((span) => groupOf(span) === group);
    const ownCompute = own(compute);
    const ownCommunication = own(communication);
    let startMs = Infinity;
    let endMs = 0;
    for (const spans of [ownCompute, ownCommunication]) {
      for (const span of spans) {
        startMs = Math.min(startMs, trace.startMs[span]!);
        endMs = Math.max(endMs, trace.endMs[span]!);
      }
    }
    const busy = (spans: Uint32Array) =>
      intervalsFromSpans(
        Float64Array.from(spans, (span) => trace.startMs[span]!),
        Float64Array.from(spans, (span) => trace.endMs[span]!),
      );
    metrics.set(group, overlapMetrics(busy(ownCompute), busy(ownCommunication), { startMs, endMs }));
  }
  return metrics;
}

/** For each span the innermost annotation around the call that launched it (through `args.correlation`), or -1.
 *  @param categories  which spans count as annotations, default `user_annotation`
 *  @returns [numSpans] span indices; only device work has entries */
export function annotationOfGpuSpans(trace: Trace, categories: readonly string[] = ANNOTATION_CATEGORIES): Int32Array {
  const isRuntime = trace.strings.map((text) => RUNTIME_CATEGORIES.includes(text));
  const isGpu = trace.strings.map((text) => GPU_CATEGORIES.includes(text));
  const isAnnotation = trace.strings.map((text) => categories.includes(text));
  const annotationOfCall = new Map<unknown, number>();
  for (const { firstSpan, numSpans } of trace.lanes) {
    const enclosing: number[] = [];
    for (let span = firstSpan; span < firstSpan + numSpans; span++) {
      while (enclosing.length > 0 && trace.endMs[enclosing.at(-1)!]! <= trace.startMs[span]!) enclosing.pop();
      if (isAnnotation[trace.category[span]!]) enclosing.push(span);
      else if (isRuntime[trace.category[span]!]) {
        const correlation = trace.args(span)?.['correlation'];
        if (correlation !== undefined && enclosing.length > 0) annotationOfCall.set(correlation, enclosing.at(-1)!);
      }
    }
  }
  const annotations = new Int32Array(trace.numSpans).fill(-1);
  for (let span = 0; span < trace.numSpans; span++) {
    if (!isGpu[trace.category[span]!]) continue;
    const found = annotationOfCall.get(trace.args(span)?.['correlation']);
    if (found !== undefined) annotations[span] = found;
  }
  return annotations;
}
