/** Reads the trace that ONNX Runtime writes when profiling is on: one event per kernel call. */
import type { OpTiming } from '../types.ts';

interface TraceEvent {
  readonly cat?: string;
  readonly name?: string;
  /** Microseconds. */
  readonly dur?: number;
  readonly args?: { readonly op_name?: string; readonly provider?: string };
}

const PROVIDERS: Readonly<Record<string, string>> = {
  CPUExecutionProvider: 'cpu',
  WebGpuExecutionProvider: 'webgpu',
};
const KERNEL_SUFFIX = '_kernel_time';
const MICROSECONDS_PER_MILLISECOND = 1000;

/** Our word for an engine's provider. */
export function providerName(engineName: string): string {
  return PROVIDERS[engineName] ?? engineName;
}

/** Sums kernel times per node, slowest first. Times of GPU kernels come from the device where it reports them
 *  (`&node&Op` events) and otherwise cover the call alone. */
export function timingsFromTrace(text: string): OpTiming[] {
  // A trace that was cut off lacks its closing bracket.
  const events = JSON.parse(
    text.trimEnd().endsWith(']') ? text : `${text.trimEnd().replace(/,$/, '')}]`,
  ) as TraceEvent[];
  const onDevice = events.some(isDeviceEvent);
  const totals = new Map<string, { op: string; node: string; totalMs: number; count: number; provider: string }>();
  for (const event of events) {
    const timed = isDeviceEvent(event) ? deviceTiming(event) : kernelTiming(event);
    if (timed === undefined || (onDevice && timed.provider === 'webgpu' && !isDeviceEvent(event))) continue;
    const known = totals.get(timed.node);
    const totalMs = (event.dur ?? 0) / MICROSECONDS_PER_MILLISECOND;
    if (known === undefined) totals.set(timed.node, { ...timed, totalMs, count: 1 });
    else {
      known.totalMs += totalMs;
      known.count++;
    }
  }
  return [...totals.values()].toSorted((a, b) => b.totalMs - a.totalMs);
}

function isDeviceEvent(event: TraceEvent): boolean {
  return event.cat === 'Api' && event.name?.startsWith('&') === true;
}

function deviceTiming(event: TraceEvent) {
  const [, node = '', op = ''] = event.name!.split('&');
  return { op, node, provider: 'webgpu' };
}

function kernelTiming(event: TraceEvent) {
  const { name, args } = event;
  if (event.cat !== 'Node' || !name?.endsWith(KERNEL_SUFFIX) || args?.op_name === undefined) return undefined;
  return { op: args.op_name, node: name.slice(0, -KERNEL_SUFFIX.length), provider: providerName(args.provider ?? '') };
}
