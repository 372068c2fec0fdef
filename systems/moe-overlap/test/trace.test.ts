import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseChromeTrace } from '@tenfold/core/schedule';
import { runVerbInTest } from '@tenfold/core/system/test-kit';
import { manifest } from '../src/manifest.ts';
import { graphFromTrace, overlapOfTrace, proposeOrder } from '../src/trace-import.ts';

interface Kernel {
  readonly range: string;
  readonly kernel?: string;
  readonly startMs: number;
  readonly ms: number;
}

/** A Kineto file: every kernel is launched inside its range by a runtime call with the same correlation. */
function kinetoText(kernels: readonly Kernel[], { hasGpu = true } = {}): string {
  const host = { ph: 'X', pid: 1, tid: 1 };
  const traceEvents = kernels.flatMap(({ range, kernel = 'gemm', startMs, ms }, index) => {
    const correlation = index + 1;
    const ts = 10 * index;
    const device = { ph: 'X', cat: 'kernel', pid: 0, tid: kernel === 'gemm' ? 7 : 9, args: { correlation } };
    return [
      { ...host, cat: 'user_annotation', name: range, ts, dur: 8 },
      { ...host, cat: 'cuda_runtime', name: 'cudaLaunchKernel', ts: ts + 1, dur: 2, args: { correlation } },
      ...(hasGpu ? [{ ...device, name: kernel, ts: 1000 * startMs, dur: 1000 * ms }] : []),
    ];
  });
  return JSON.stringify({ traceEvents });
}

const NCCL = 'ncclDevKernel_SendRecv';
/** A weight gradient of 3 ms stands before an exchange of 4 ms that does not need it. */
const DELAYED: readonly Kernel[] = [
  { range: 'layer2.dX', startMs: 1, ms: 3 },
  { range: 'layer2.dW', startMs: 4, ms: 3 },
  { range: 'a2a', kernel: NCCL, startMs: 7, ms: 4 },
  { range: 'layer1.dX', startMs: 11, ms: 2 },
];

const graphOf = (kernels: readonly Kernel[]) => graphFromTrace(parseChromeTrace(kinetoText(kernels)).trace);

test('a trace gives overlap per device', () => {
  const [metrics] = [...overlapOfTrace(parseChromeTrace(kinetoText(DELAYED)).trace).values()];
  assert.deepEqual([metrics!.communicationMs, metrics!.exposedMs, metrics!.overlapMs], [4, 4, 0]);
  const half = DELAYED.map((kernel) => (kernel.range === 'a2a' ? { ...kernel, startMs: 5 } : kernel));
  const [hidden] = [...overlapOfTrace(parseChromeTrace(kinetoText(half)).trace).values()];
  assert.deepEqual([hidden!.exposedMs, hidden!.overlapMs], [2, 2]);
});

test('an exchange waits for the gradient issued before it, and the proposal moves that gradient behind it', async () => {
  const { beforeMs, afterMs, moves, order } = await proposeOrder(graphOf(DELAYED));
  assert.deepEqual([beforeMs, afterMs], [12, 9]);
  assert.deepEqual(moves, [{ op: '1 layer2.dW', behind: '2 a2a' }]);
  assert.deepEqual(order, ['0 layer2.dX', '2 a2a', '1 layer2.dW', '3 layer1.dX']);
});

test('a gradient passes neither a reduction nor an optimiser step', async () => {
  const next: readonly Kernel[] = [
    { range: 'layer2.dX', startMs: 1, ms: 3 },
    { range: 'layer2.dW', startMs: 4, ms: 3 },
    { range: 'Optimizer.step#SGD.step', startMs: 7, ms: 1 },
    { range: 'a2a', kernel: NCCL, startMs: 8, ms: 4 },
  ];
  assert.deepEqual((await proposeOrder(graphOf(next))).moves, []);
  const reduced: readonly Kernel[] = [
    { range: 'layer2.dX', startMs: 1, ms: 3 },
    { range: 'layer2.dW', startMs: 4, ms: 3 },
    { range: 'reduce', kernel: 'ncclDevKernel_AllReduce_Sum', startMs: 7, ms: 2 },
    { range: 'a2a', kernel: NCCL, startMs: 9, ms: 4 },
  ];
  const graph = graphOf(reduced);
  assert.deepEqual(
    graph.ops.map(({ kind }) => kind),
    ['compute', 'compute', 'allreduce', 'a2a'],
  );
  // Behind the all-to-all it would delay the reduction that needs it by as much as it hides.
  const { beforeMs, afterMs } = await proposeOrder(graph);
  assert.ok(afterMs <= beforeMs);
});

test('a range with computation and communication becomes one operation on each lane', () => {
  const graph = graphOf([
    { range: 'moe', startMs: 0, ms: 1 },
    { range: 'other', startMs: 1, ms: 1 },
  ]);
  assert.deepEqual(
    graph.ops.map(({ id, kind, timeMs }) => [id, kind, timeMs]),
    [
      ['0 moe', 'compute', 1],
      ['1 other', 'compute', 1],
    ],
  );
});

test('a trace without GPU work and one without marked ranges say what is missing', () => {
  const host = parseChromeTrace(kinetoText(DELAYED, { hasGpu: false })).trace;
  assert.throws(() => overlapOfTrace(host), {
    message:
      'overlapOfTrace: kernels, copies or sets of a GPU, got 8 spans, none of them on a GPU. Profile with ProfilerActivity.CUDA. TF-OVERLAP-005',
  });
  const unmarked = kinetoText(DELAYED).replaceAll('user_annotation', 'cpu_op');
  assert.throws(() => graphFromTrace(parseChromeTrace(unmarked).trace), {
    message:
      'graphFromTrace: GPU work inside marked ranges, got no range that launched a kernel. Mark forward, dX, dW and exchange with torch.profiler.record_function. TF-OVERLAP-005',
  });
});

test('trace-stats reports overlap and proposal of a file, and refuses a broken pattern', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'moe-overlap-'));
  try {
    const file = join(folder, 'trace.json');
    await writeFile(file, kinetoText(DELAYED));
    const { status, result } = await runVerbInTest(manifest, 'trace-stats', { file });
    assert.equal(status, 'done');
    const { devices, proposal } = result as {
      devices: { hidden: number }[];
      proposal: { beforeMs: number; afterMs: number };
    };
    assert.deepEqual([devices.map(({ hidden }) => hidden), proposal.beforeMs, proposal.afterMs], [[0], 12, 9]);
    await assert.rejects(runVerbInTest(manifest, 'trace-stats', { file, communication: 'nccl(' }), {
      message:
        'moe-overlap trace-stats: patterns of kernel names, separated by commas, got Invalid regular expression: /nccl(/i: Unterminated group (--communication). TF-OVERLAP-006',
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a gradient that follows its exchange already is not listed as moved', async () => {
  const twice: readonly Kernel[] = [
    ...DELAYED.slice(0, 3),
    { range: 'layer3.dW', startMs: 11, ms: 1 },
    { range: 'layer1.dX', startMs: 12, ms: 2 },
  ];
  const { moves, order } = await proposeOrder(graphOf(twice));
  assert.deepEqual(moves, [{ op: '1 layer2.dW', behind: '2 a2a' }]);
  assert.deepEqual(order.slice(1, 2), ['2 a2a']);
});

test('kernels of one range that run at the same time on several streams count once', () => {
  const text = kinetoText(DELAYED);
  const { traceEvents } = JSON.parse(text) as { traceEvents: Record<string, unknown>[] };
  // A second kernel of the first range, on another stream: from 2 to 5 ms beside the one from 1 to 4 ms.
  const beside = {
    ph: 'X',
    cat: 'kernel',
    pid: 0,
    tid: 8,
    name: 'gemm',
    ts: 2000,
    dur: 3000,
    args: { correlation: 1 },
  };
  const graph = graphFromTrace(parseChromeTrace(JSON.stringify({ traceEvents: [...traceEvents, beside] })).trace);
  assert.equal(graph.ops[0]!.timeMs, 4);
});
