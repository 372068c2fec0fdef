/** Writing traces as Chrome Trace Event JSON, which Perfetto and chrome://tracing open. Times there are µs. */
import type { Trace } from './trace.ts';

const US_PER_MS = 1e3;

/** The file's text: `{"traceEvents":[…]}` with X spans, s/f flows and names. Reading it back gives the same spans, up to
 *  the rounding of ms to µs. */
export function chromeTraceText(trace: Trace): string {
  const { lanes, strings, numSpans, startMs, endMs, name, category, lane, flowFrom, flowTo } = trace;
  const quoted = strings.map((text) => JSON.stringify(text));
  const groups = [...new Set(lanes.map(({ group }) => group))];
  const pidOf = lanes.map(({ group }) => groups.indexOf(group));
  const lines: string[] = [];
  groups.forEach((group, pid) =>
    lines.push(`{"ph":"M","name":"process_name","pid":${pid},"args":{"name":${JSON.stringify(group)}}}`),
  );
  lanes.forEach(({ label }, tid) => {
    const owner = `"pid":${pidOf[tid]},"tid":${tid}`;
    lines.push(`{"ph":"M","name":"thread_name",${owner},"args":{"name":${JSON.stringify(label)}}}`);
    lines.push(`{"ph":"M","name":"thread_sort_index",${owner},"args":{"sort_index":${tid}}}`);
  });
  for (let span = 0; span < numSpans; span++) {
    const args = trace.args(span);
    const start = startMs[span]! * US_PER_MS;
    lines.push(
      `{"ph":"X","name":${quoted[name[span]!]},"cat":${quoted[category[span]!]},"pid":${pidOf[lane[span]!]},` +
        `"tid":${lane[span]},"ts":${start},"dur":${(endMs[span]! - startMs[span]!) * US_PER_MS}` +
        `${args ? `,"args":${JSON.stringify(args)}` : ''}}`,
    );
  }
  for (let flow = 0; flow < flowFrom.length; flow++) {
    // A point at a span's end would bind to the span that starts there, so arrows leave from the middle.
    const from = flowFrom[flow]!;
    const to = flowTo[flow]!;
    lines.push(flowPoint('s', flow, from, (startMs[from]! + endMs[from]!) / 2), flowPoint('f', flow, to, startMs[to]!));
  }
  return `{"displayTimeUnit":"ms","traceEvents":[\n${lines.join(',\n')}\n]}\n`;

  function flowPoint(phase: 's' | 'f', id: number, span: number, timeMs: number): string {
    const owner = `"pid":${pidOf[lane[span]!]},"tid":${lane[span]},"ts":${timeMs * US_PER_MS}`;
    return `{"ph":"${phase}","name":"dependency","cat":"flow","id":${id},${owner}${phase === 'f' ? ',"bp":"e"' : ''}}`;
  }
}

/** The same, gzipped (`.json.gz`). */
export async function chromeTraceGzip(trace: Trace): Promise<Uint8Array> {
  const stream = new Blob([chromeTraceText(trace)]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
