/** Reading Chrome Trace Event files (JSON array or object form, plain or gzipped), PyTorch's Kineto files among them.
 *  Times in the file are µs. Read: X, B/E, b/e (asynchronous), M (names), s/t/f (flows).
 *  Instants and counters are counted as ignored. */
import { throwIfCancelled, type Diagnostic } from '../base/index.ts';
import { scheduleError } from './schedule-errors.ts';
import { arrangeTrace, createStringTable, type LaneSpec, type Trace } from './trace.ts';

export interface ChromeTraceImport {
  readonly trace: Trace;
  /** Top-level fields beside the events (Kineto: deviceProperties, distributedInfo, …). */
  readonly properties: Readonly<Record<string, unknown>>;
  readonly diagnostics: readonly Diagnostic[];
}

interface ChromeEvent {
  readonly ph?: string;
  readonly name?: string;
  readonly cat?: string;
  readonly ts?: number | string;
  readonly dur?: number | string;
  readonly pid?: number | string;
  readonly tid?: number | string;
  readonly id?: number | string;
  readonly bp?: string;
  readonly args?: Record<string, unknown>;
}

const MS_PER_US = 1e-3;
const GZIP_MAGIC = [0x1f, 0x8b] as const;

/** @param bytes  the file's content
 *  @throws TF-SCHEDULE-004 if it is not a Chrome trace. A file cut off in the middle is read as far as it goes (warning). */
export async function readChromeTrace(bytes: Uint8Array, signal?: AbortSignal): Promise<ChromeTraceImport> {
  const isGzip = bytes[0] === GZIP_MAGIC[0] && bytes[1] === GZIP_MAGIC[1];
  const plain = isGzip ? await gunzip(bytes) : bytes;
  throwIfCancelled(signal, 'readChromeTrace');
  return parseChromeTrace(new TextDecoder().decode(plain));
}

/** The same from text. Cost: a 24 MB file takes about a second on one core. */
export function parseChromeTrace(text: string): ChromeTraceImport {
  const diagnostics: Diagnostic[] = [];
  const { events, properties } = eventsFromText(text, diagnostics);
  return { trace: traceFromEvents(events, diagnostics), properties, diagnostics };
}

async function gunzip(bytes: Uint8Array): Promise<Uint8Array> {
  try {
    const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream('gzip'));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (cause) {
    throw notATrace('a complete gzip file', cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function eventsFromText(
  text: string,
  diagnostics: Diagnostic[],
): { events: readonly ChromeEvent[]; properties: Record<string, unknown> } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    parsed = repairedEvents(text, diagnostics);
    if (parsed === undefined) throw notATrace('JSON', (cause as Error).message, cause);
  }
  if (Array.isArray(parsed)) return { events: parsed as ChromeEvent[], properties: {} };
  if (
    parsed !== null &&
    typeof parsed === 'object' &&
    Array.isArray((parsed as { traceEvents?: unknown }).traceEvents)
  ) {
    const { traceEvents, ...properties } = parsed as { traceEvents: ChromeEvent[] };
    return { events: traceEvents, properties };
  }
  throw notATrace('an array of events or an object with "traceEvents"', parsed === null ? 'null' : typeof parsed);
}

/** Chrome leaves the closing bracket away when it is killed: keep the whole events. */
function repairedEvents(text: string, diagnostics: Diagnostic[]): unknown {
  const listStart = text.indexOf('[');
  if (listStart < 0 || !/^\s*(\[|\{[^[]*"traceEvents"\s*:\s*\[)/.test(text.slice(0, listStart + 1))) return undefined;
  for (let end = text.lastIndexOf('}'), tries = 0; end > listStart && tries < 16; tries++) {
    try {
      const events: unknown = JSON.parse(`${text.slice(listStart, end + 1)}]`);
      diagnostics.push({
        severity: 'warning',
        code: 'TF-SCHEDULE-004',
        subject: 'readChromeTrace',
        expected: 'a complete file',
        actual: `an end in the middle; ${(events as unknown[]).length} events were kept`,
      });
      return events;
    } catch {
      end = text.lastIndexOf('}', end - 1);
    }
  }
  return undefined;
}

function traceFromEvents(events: readonly ChromeEvent[], diagnostics: Diagnostic[]): Trace {
  const table = createStringTable();
  const lanes = createLaneTable();
  const capacity = events.length;
  const startMs = new Float64Array(capacity);
  const endMs = new Float64Array(capacity);
  const lane = new Uint32Array(capacity);
  const name = new Uint32Array(capacity);
  const category = new Uint32Array(capacity);
  const eventOf = new Uint32Array(capacity);
  const open = new Map<string, number[]>(); // B or b events waiting for their end
  const flowEnds = new Map<string, { laneIndex: number; timeMs: number; isEnclosing: boolean }[]>();
  const ignored = new Map<string, number>();
  let numSpans = 0;

  const addSpan = (event: ChromeEvent, index: number, laneIndex: number, from: number, to: number): void => {
    startMs[numSpans] = from;
    endMs[numSpans] = to;
    lane[numSpans] = laneIndex;
    name[numSpans] = table.indexOf(String(event.name ?? ''));
    category[numSpans] = table.indexOf(String(event.cat ?? ''));
    eventOf[numSpans++] = index;
  };
  const ignore = (what: string): void => void ignored.set(what, (ignored.get(what) ?? 0) + 1);

  for (let index = 0; index < events.length; index++) {
    const event = events[index]!;
    const phase = event?.ph;
    if (phase === 'M') {
      lanes.addName(event);
      continue;
    }
    const timeMs = Number(event?.ts) * MS_PER_US;
    if (phase === undefined || Number.isNaN(timeMs)) {
      ignore('events without phase or time');
      continue;
    }
    if (phase === 'X') {
      const lengthMs = event.dur === undefined ? 0 : Number(event.dur) * MS_PER_US;
      if (lengthMs >= 0) addSpan(event, index, lanes.indexOf(event), timeMs, timeMs + lengthMs);
      else ignore('spans of negative or unknown length');
    } else if (phase === 'B' || phase === 'b') {
      const key = openKey(event);
      const stack = open.get(key);
      if (stack) stack.push(index);
      else open.set(key, [index]);
    } else if (phase === 'E' || phase === 'e') {
      const begin = open.get(openKey(event))?.pop();
      if (begin === undefined) ignore('ends without a beginning');
      else addSpan(events[begin]!, begin, lanes.indexOf(event), Number(events[begin]!.ts) * MS_PER_US, timeMs);
    } else if (phase === 's' || phase === 't' || phase === 'f') {
      const key = `${event.cat ?? ''}\u0000${event.name ?? ''}\u0000${event.id ?? ''}`;
      const point = { laneIndex: lanes.indexOf(event), timeMs, isEnclosing: phase !== 'f' || event.bp === 'e' };
      const points = flowEnds.get(key);
      if (points) points.push(point);
      else flowEnds.set(key, [point]);
    } else ignore(`"${phase}" events`);
  }
  let numOpen = 0;
  for (const stack of open.values()) numOpen += stack.length;
  if (numOpen > 0) ignored.set('beginnings without an end', numOpen);
  for (const [what, count] of ignored) {
    diagnostics.push({
      severity: 'info',
      code: 'TF-SCHEDULE-004',
      subject: 'readChromeTrace',
      expected: 'spans, names and flows',
      actual: `${count} ${what}, ignored`,
    });
  }

  const order = lanes.displayOrder();
  const placeOf = new Uint32Array(order.length);
  order.forEach((index, place) => (placeOf[index] = place));
  const spans = arrangeTrace({
    startMs: startMs.subarray(0, numSpans),
    endMs: endMs.subarray(0, numSpans),
    lane: lane.subarray(0, numSpans).map((index) => placeOf[index]!),
    name: name.subarray(0, numSpans),
    category: category.subarray(0, numSpans),
    lanes: order.map((index) => lanes.spec(index)),
    strings: table.strings,
    flows: { from: new Uint32Array(0), to: new Uint32Array(0) },
    args: (span) => events[eventOf[span]!]!.args,
  });
  return { ...spans, ...flowsBetween(spans, flowEnds, placeOf) };
}

/** Asynchronous events pair by category and id, synchronous ones by thread. */
function openKey({ ph, pid, tid, cat, id }: ChromeEvent): string {
  return ph === 'B' || ph === 'E' ? `${pid}/${tid}` : `${pid}:${cat}:${id}`;
}

/** Lanes are (pid, tid) pairs in order of process_sort_index, first sight of the process, thread_sort_index, first sight. */
function createLaneTable() {
  const indices = new Map<unknown, Map<unknown, number>>();
  const keys: { readonly pid: unknown; readonly tid: unknown }[] = [];
  const names = new Map<string, string>(); // metadata kind / pid / tid → value
  const metaOf = (kind: string, pid: unknown, tid?: unknown): string | undefined =>
    names.get(kind.startsWith('thread') ? `${kind}/${pid}/${tid}` : `${kind}/${pid}`);
  return {
    indexOf({ pid, tid }: ChromeEvent): number {
      let threads = indices.get(pid);
      if (!threads) indices.set(pid, (threads = new Map()));
      let index = threads.get(tid);
      if (index === undefined) threads.set(tid, (index = keys.push({ pid, tid }) - 1));
      return index;
    },
    addName({ name = '', pid, tid, args }: ChromeEvent): void {
      const value = args?.['name'] ?? args?.['labels'] ?? args?.['sort_index'];
      if (value !== undefined)
        names.set(name.startsWith('thread') ? `${name}/${pid}/${tid}` : `${name}/${pid}`, String(value));
    },
    /** Lane numbers (in order of first sight) in display order. */
    displayOrder(): number[] {
      const processes = [...indices.keys()];
      const rank = (kind: string, pid: unknown, tid?: unknown): number => Number(metaOf(kind, pid, tid) ?? 0);
      return keys
        .map((_, index) => index)
        .sort((a, b) => {
          const [x, y] = [keys[a]!, keys[b]!];
          return (
            rank('process_sort_index', x.pid) - rank('process_sort_index', y.pid) ||
            processes.indexOf(x.pid) - processes.indexOf(y.pid) ||
            rank('thread_sort_index', x.pid, x.tid) - rank('thread_sort_index', y.pid, y.tid) ||
            a - b
          );
        });
    },
    spec(index: number): LaneSpec {
      const { pid, tid } = keys[index]!;
      const process = [metaOf('process_name', pid), metaOf('process_labels', pid)].filter(Boolean).join(' ');
      return {
        id: `${pid}/${tid}`,
        label: metaOf('thread_name', pid, tid)?.trim() || String(tid ?? 'events'),
        group: process ? `${process} (${pid})` : String(pid ?? ''),
      };
    },
  };
}

/** A flow point belongs to the innermost span of its lane that holds its time; an `f` without bp=e binds to the next span. */
function flowsBetween(
  spans: Trace,
  points: ReadonlyMap<string, readonly { laneIndex: number; timeMs: number; isEnclosing: boolean }[]>,
  placeOf: Uint32Array,
): Pick<Trace, 'flowFrom' | 'flowTo'> {
  const from: number[] = [];
  const to: number[] = [];
  for (const chain of points.values()) {
    const ordered = [...chain].sort((a, b) => a.timeMs - b.timeMs);
    let previous = -1;
    for (const { laneIndex, timeMs, isEnclosing } of ordered) {
      const span = findSpanAt(spans, placeOf[laneIndex]!, timeMs - spans.originMs, isEnclosing);
      if (span < 0) continue;
      if (previous >= 0 && previous !== span) {
        from.push(previous);
        to.push(span);
      }
      previous = span;
    }
  }
  return { flowFrom: Uint32Array.from(from), flowTo: Uint32Array.from(to) };
}

function findSpanAt({ lanes, startMs, endMs, depth }: Trace, laneIndex: number, timeMs: number, isEnclosing: boolean) {
  const { firstSpan, numSpans } = lanes[laneIndex]!;
  let low = firstSpan; // first span that starts after timeMs
  for (let high = firstSpan + numSpans; low < high;) {
    const middle = (low + high) >> 1;
    if (startMs[middle]! <= timeMs) low = middle + 1;
    else high = middle;
  }
  for (let span = low - 1; span >= firstSpan; span--) {
    if (endMs[span]! >= timeMs) return span;
    if (depth[span] === 0) break;
  }
  return !isEnclosing && low < firstSpan + numSpans ? low : -1;
}

function notATrace(expected: string, actual: string, cause?: unknown): Error {
  return scheduleError('TF-SCHEDULE-004', { subject: 'readChromeTrace', expected, actual, cause });
}
