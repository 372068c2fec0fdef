import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  annotationOfGpuSpans,
  chromeTraceGzip,
  chromeTraceText,
  classifyGpuSpans,
  compareTraces,
  gpuOverlap,
  parseChromeTrace,
  readChromeTrace,
  simulate,
  timelineFromTrace,
  traceFromSimulation,
  traceFromSpans,
  type Trace,
} from '../../src/schedule/index.ts';
import { stageList } from './pipelines.ts';

const encode = (value: unknown) => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));

/** What a reader of the trace sees, without indices. */
function picture(trace: Trace) {
  return Array.from({ length: trace.numSpans }, (_, span) => ({
    lane: trace.lanes[trace.lane[span]!]!.label,
    name: trace.strings[trace.name[span]!],
    category: trace.strings[trace.category[span]!],
    start: Number(trace.startMs[span]!.toFixed(6)),
    end: Number(trace.endMs[span]!.toFixed(6)),
    depth: trace.depth[span],
  }));
}

test('a simulation exported as Chrome trace and read back shows the same spans and arrows', async () => {
  const trace = traceFromSimulation(simulate(stageList([6, 8, 4, 8, 6], 3)));
  for (const bytes of [encode(chromeTraceText(trace)), await chromeTraceGzip(trace)]) {
    const { trace: again, diagnostics } = await readChromeTrace(bytes);
    assert.deepEqual(diagnostics, []);
    assert.deepEqual(picture(again), picture(trace));
    const arrows = ({ flowFrom, flowTo }: Trace) => Array.from(flowFrom, (from, k) => `${from}>${flowTo[k]}`).sort();
    assert.deepEqual(arrows(again), arrows(trace));
    assert.equal(arrows(trace).length, 12);
  }
});

test('random measured spans survive export and import', () => {
  const span = fc.record({
    lane: fc.constantFrom('gpu', 'link "0"', 'häuser'),
    name: fc.string({ maxLength: 6 }),
    category: fc.constantFrom('', 'forward', 'backward'),
    startMs: fc.integer({ min: 0, max: 1000 }),
    length: fc.integer({ min: 0, max: 50 }),
  });
  fc.assert(
    fc.property(fc.array(span, { maxLength: 30 }), (list) => {
      const trace = traceFromSpans(list.map(({ length, ...rest }) => ({ ...rest, endMs: rest.startMs + length })));
      const again = parseChromeTrace(chromeTraceText(trace)).trace;
      assert.deepEqual(picture(again), picture(trace));
    }),
    { numRuns: 200 },
  );
});

test('nested, begin-end and asynchronous spans are read with depth, names and lanes', () => {
  const { trace, diagnostics } = parseChromeTrace(
    JSON.stringify([
      { ph: 'M', name: 'process_name', pid: 1, args: { name: 'trainer' } },
      { ph: 'M', name: 'thread_name', pid: 1, tid: 7, args: { name: 'main' } },
      { ph: 'B', name: 'outer', pid: 1, tid: 7, ts: 1000 },
      { ph: 'X', name: 'inner', cat: 'op', pid: 1, tid: 7, ts: 2000, dur: 500 },
      { ph: 'E', pid: 1, tid: 7, ts: 5000 },
      { ph: 'b', cat: 'io', id: '0x1', name: 'read', pid: 1, tid: 8, ts: 1500 },
      { ph: 'e', cat: 'io', id: '0x1', pid: 1, tid: 8, ts: 1750 },
      { ph: 'i', name: 'mark', pid: 1, tid: 7, ts: 1 },
      { ph: 'E', pid: 1, tid: 7, ts: 9000 },
    ]),
  );
  assert.deepEqual(picture(trace), [
    { lane: 'main', name: 'outer', category: '', start: 0, end: 4, depth: 0 },
    { lane: 'main', name: 'inner', category: 'op', start: 1, end: 1.5, depth: 1 },
    { lane: '8', name: 'read', category: 'io', start: 0.5, end: 0.75, depth: 0 },
  ]);
  assert.equal(trace.lanes[0]!.group, 'trainer (1)');
  assert.equal(trace.lanes[0]!.numLevels, 2);
  assert.equal(trace.originMs, 1);
  assert.deepEqual(
    diagnostics.map(({ actual }) => actual),
    ['1 "i" events, ignored', '1 ends without a beginning, ignored'],
  );
});

test('a file cut off in the middle is read as far as it goes, with a warning', () => {
  const whole = chromeTraceText(traceFromSimulation(simulate(stageList([6, 8, 4], 2))));
  const { trace, diagnostics } = parseChromeTrace(whole.slice(0, whole.indexOf('stage 2 part 1')));
  assert.equal(trace.numSpans, 3);
  assert.equal(diagnostics[0]!.severity, 'warning');
  assert.match(diagnostics[0]!.actual!, /an end in the middle; 8 events were kept/);
});

test('files that are no traces are refused', async () => {
  await assert.rejects(readChromeTrace(encode('hello')), { code: 'TF-SCHEDULE-004' });
  await assert.rejects(readChromeTrace(encode({ events: [] })), {
    message: 'readChromeTrace: an array of events or an object with "traceEvents", got object. TF-SCHEDULE-004',
  });
  const cut = gzipSync(encode('[]')).subarray(0, 12);
  await assert.rejects(readChromeTrace(cut), { code: 'TF-SCHEDULE-004', expected: 'a complete gzip file' });
});

/** The shape of a PyTorch profiler file: host threads, a stream per tid, launches linked by correlation. */
function kinetoFile() {
  const host = { pid: 100, tid: 100 };
  const launch = (ts: number, correlation: number) => ({
    ph: 'X',
    cat: 'cuda_runtime',
    name: 'cudaLaunchKernel',
    ...host,
    ts,
    dur: 5,
    args: { correlation },
  });
  const kernel = (name: string, stream: number, ts: number, dur: number, correlation: number) => ({
    ph: 'X',
    cat: 'kernel',
    name,
    pid: 0,
    tid: stream,
    ts,
    dur,
    args: { correlation, stream },
  });
  return {
    schemaVersion: 1,
    deviceProperties: [{ id: 0, name: 'GPU' }],
    traceEvents: [
      { ph: 'X', cat: 'user_annotation', name: 'layer 0', ...host, ts: 1e9, dur: 100 },
      { ph: 'X', cat: 'user_annotation', name: 'layer 1', ...host, ts: 1e9 + 200, dur: 100 },
      launch(1e9 + 10, 1),
      launch(1e9 + 20, 2),
      launch(1e9 + 210, 3),
      kernel('ampere_sgemm', 7, 1e9 + 50, 1000, 1),
      kernel('ncclDevKernel_SendRecv', 20, 1e9 + 550, 1000, 2),
      kernel('gelu', 7, 1e9 + 2050, 500, 3),
      { ph: 's', id: 1, cat: 'ac2g', name: 'ac2g', ...host, ts: 1e9 + 10 },
      { ph: 'f', id: 1, cat: 'ac2g', name: 'ac2g', pid: 0, tid: 7, ts: 1e9 + 50, bp: 'e' },
    ],
  };
}

test('a Kineto file gives device work, communication and overlap', async () => {
  const { trace, properties } = await readChromeTrace(gzipSync(encode(kinetoFile())));
  assert.deepEqual(properties['deviceProperties'], [{ id: 0, name: 'GPU' }]);
  const { compute, communication } = classifyGpuSpans(trace);
  const names = (spans: Uint32Array) => Array.from(spans, (span) => trace.strings[trace.name[span]!]);
  assert.deepEqual(names(compute), ['ampere_sgemm', 'gelu']);
  assert.deepEqual(names(communication), ['ncclDevKernel_SendRecv']);
  const metrics = gpuOverlap(trace).get('0')!;
  const rounded = Object.fromEntries(Object.entries(metrics).map(([key, value]) => [key, Number(value.toFixed(6))]));
  assert.deepEqual(rounded, {
    spanMs: 2.5,
    computeMs: 1.5,
    communicationMs: 1,
    overlapMs: 0.5,
    exposedMs: 0.5,
    idleMs: 0.5,
  });
});

test('a kernel is traced to the annotation around its launch, not to what runs at its time', async () => {
  const { trace } = await readChromeTrace(encode(kinetoFile()));
  const annotations = annotationOfGpuSpans(trace);
  const labels = Array.from({ length: trace.numSpans }, (_, span) => span)
    .filter((span) => annotations[span]! >= 0)
    .map((span) => [trace.strings[trace.name[span]!], trace.strings[trace.name[annotations[span]!]!]]);
  assert.deepEqual(labels, [
    ['ampere_sgemm', 'layer 0'],
    ['gelu', 'layer 1'],
    ['ncclDevKernel_SendRecv', 'layer 0'],
  ]);
  assert.equal(trace.flowFrom.length, 1);
  assert.equal(trace.strings[trace.name[trace.flowFrom[0]!]!], 'cudaLaunchKernel');
  assert.equal(trace.strings[trace.name[trace.flowTo[0]!]!], 'ampere_sgemm');
});

/** Figures that make_kineto_trace.py counted on a 10 ns grid. */
const COUNTED = { spanMs: 2.85581, computeMs: 2.24661, communicationMs: 0.54417, overlapMs: 0.13117, idleMs: 0.1962 };

test('a real two-GPU trace gives the figures that were counted without interval algebra', async () => {
  const bytes = readFileSync(new URL('./fixtures/kineto-two-gpus.json.gz', import.meta.url));
  const { trace, properties } = await readChromeTrace(bytes);
  assert.equal((properties['distributedInfo'] as { nccl_version: string }).nccl_version, '2.28.9');
  const metrics = gpuOverlap(trace).get('python GPU 0 (0)')!;
  for (const [name, counted] of Object.entries(COUNTED))
    assert.ok(Math.abs(metrics[name as keyof typeof COUNTED] - counted) < 2e-4, name);
  const { compute, communication } = classifyGpuSpans(trace);
  assert.deepEqual([compute.length, communication.length], [15, 3]);
  const annotations = annotationOfGpuSpans(trace);
  const annotated = (span: number) => trace.strings[trace.name[annotations[span]!]!];
  assert.deepEqual(
    Array.from(compute, annotated),
    ['layer 0', 'layer 1', 'layer 2'].flatMap((name) => Array(5).fill(name)),
  );
  assert.ok(Array.from(communication, annotated).every((name) => name === 'nccl:all_to_all'));
  for (const span of communication) assert.equal(trace.lanes[trace.lane[span]!]!.label, 'stream 17');
});

test('lanes follow the sort indices of the file', () => {
  const { trace } = parseChromeTrace(
    JSON.stringify([
      { ph: 'X', name: 'late', pid: 1, tid: 1, ts: 0, dur: 1 },
      { ph: 'X', name: 'second', pid: 2, tid: 1, ts: 0, dur: 1 },
      { ph: 'X', name: 'first', pid: 2, tid: 0, ts: 5, dur: 1 },
      { ph: 'M', name: 'process_sort_index', pid: 1, args: { sort_index: 9 } },
      { ph: 'M', name: 'thread_sort_index', pid: 2, tid: 1, args: { sort_index: 4 } },
    ]),
  );
  assert.deepEqual(
    picture(trace).map(({ name }) => name),
    ['first', 'second', 'late'],
  );
});

test('the comparison joins spans by name and occurrence and measures the error', () => {
  const predicted = traceFromSpans([
    { lane: 'gpu', name: 'f', startMs: 0, endMs: 10 },
    { lane: 'gpu', name: 'f', startMs: 10, endMs: 20 },
    { lane: 'gpu', name: 'ghost', startMs: 20, endMs: 21 },
  ]);
  const measured = traceFromSpans([
    { lane: 'a', name: 'f', startMs: 100, endMs: 108 },
    { lane: 'b', name: 'f', startMs: 110, endMs: 130 },
    { lane: 'b', name: 'extra', startMs: 130, endMs: 142 },
  ]);
  const comparison = compareTraces(predicted, measured);
  assert.deepEqual(
    comparison.spans.map(({ occurrence, predictedMs, measuredMs }) => [occurrence, predictedMs, measuredMs]),
    [
      [0, 10, 8],
      [1, 10, 20],
    ],
  );
  assert.deepEqual([comparison.onlyPredicted, comparison.onlyMeasured], [['ghost'], ['extra']]);
  assert.equal(comparison.makespanError, 0.5);
  assert.equal(comparison.meanSpanError, (2 / 8 + 10 / 20) / 2);
  assert.equal(comparison.weightedSpanError, 12 / 28);
});

test('a timeline block carries lanes, spans and arrows as plain JSON', () => {
  const block = timelineFromTrace(traceFromSimulation(simulate(stageList([6, 8, 4], 1))), { caption: 'plan' });
  assert.deepEqual(JSON.parse(JSON.stringify(block)), block);
  assert.deepEqual(block.lanes, [
    { id: 'compute', label: 'compute', group: 'gpu' },
    { id: 'link', label: 'link', group: 'gpu' },
  ]);
  assert.deepEqual(
    block.spans.map(({ name, lane, startMs, endMs }) => [name, lane, startMs, endMs]),
    [
      ['stage 0 part 0', 'compute', 0, 6],
      ['stage 2 part 0', 'compute', 14, 18],
      ['stage 1 part 0', 'link', 6, 14],
    ],
  );
  assert.deepEqual(block.flows, [
    { from: '0', to: '2' },
    { from: '2', to: '1' },
  ]);
});

test('a long trace is thinned to its longest spans and the caption says so', () => {
  const block = timelineFromTrace(traceFromSimulation(simulate(stageList([6, 8, 4], 1))), { maxSpans: 2 });
  assert.equal(block.caption, 'showing the 2 longest of 3 spans');
  assert.deepEqual(
    block.spans.map(({ name }) => name),
    ['stage 0 part 0', 'stage 1 part 0'],
  );
});
