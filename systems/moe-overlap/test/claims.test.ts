import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { costAt } from '@tenfold/core/schedule';
import { findDataFolder } from '@tenfold/core/system';
import { runVerbInTest } from '@tenfold/core/system/test-kit';
import { checkTableRange } from '../src/device-costs.ts';
import { analyticDevice, loadDevice } from '../src/device-library.ts';
import { withExposedLane } from '../src/exposed-lane.ts';
import { parseCostsFile, parseGraphFile } from '../src/graph-file.ts';
import { manifest } from '../src/manifest.ts';
import { deviceFromNcclLog } from '../src/nccl-log.ts';
import { replaySetting } from '../src/replay.ts';

const MB = 1024 * 1024;

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moe-overlap-claims-'));
});
after(async () => {
  await rm(folder, { recursive: true });
});

async function fileOf(name: string, content: object): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, JSON.stringify(content));
  return file;
}

const EXCHANGE = { id: 'a2a', kind: 'a2a', ins: ['x'], outs: ['y'], moe: { layer: 0, part: 'a2a' } };
const FIRST = { id: 'first', kind: 'compute', ins: [], outs: ['x'], time: 0.002 };
const graphText = (...ops: object[]): string =>
  JSON.stringify({ version: 1, gate: 'switch', axes: { batch: 4 }, tensors: {}, ops });

test('an operation without time and sizes is refused, and a stated time of 0 stays 0', () => {
  const device = analyticDevice({ numDevices: 16 });
  assert.throws(() => parseGraphFile(graphText(FIRST, EXCHANGE), { device }), {
    message: 'parseGraphFile: "time", "costKey" or "bytes", got none of them (operation "a2a"). TF-OVERLAP-004',
  });
  assert.throws(() => parseGraphFile(graphText({ ...FIRST, time: undefined }), { device }), { code: 'TF-OVERLAP-004' });
  const free = parseGraphFile(graphText({ ...FIRST, time: 0 }, { ...EXCHANGE, bytes: MB }), { device });
  assert.deepEqual(
    free.ops.map(({ timeMs }) => timeMs),
    [0, costAt(device.allToAll, MB)],
  );
  const negative = graphText({ ...FIRST, time: undefined, flops: -1e15 });
  assert.throws(() => parseGraphFile(negative, { device }), { code: 'TF-OVERLAP-002' });
});

test('a profile is named as the origin of those tables only that it holds', () => {
  const profile = (comm: object) => parseCostsFile(JSON.stringify({ device: 'own', comm }), 16).device.origin;
  const table = { 16: [[1, 0.001], [2, 0.002]] }; // prettier-ignore
  assert.match(profile({}), /^All-to-alls: analytic; all-reduces: analytic; slow-down: none assumed/);
  assert.match(profile({ a2a: table }), /^All-to-alls: profile of own; all-reduces: analytic/);
  assert.throws(() => profile({ alltoall: table }), { code: 'TF-OVERLAP-002' });
});

test('a log of another test or another number of ranks is no profile of exchanges', () => {
  const line = (bytes: number, operation: string): string =>
    `${bytes} 262144 float ${operation} -1 52.40 20.01 9.38 0 51.90 20.20 9.47 0`;
  const log = (operation: string, numRanks: number): string =>
    [
      ...Array.from({ length: numRanks }, (_, rank) => `#  Rank  ${rank} Group  0 Pid 7 on host device ${rank}`),
      line(MB, operation),
      line(2 * MB, operation),
      '# Out of bounds values : 0 OK',
    ].join('\n');
  assert.equal(costAt(deviceFromNcclLog(log('none', 8), 8).allToAll, MB), 52.4 / 1000);
  assert.throws(() => deviceFromNcclLog(log('sum', 8), 8), {
    message: 'parseNcclLog: a log of alltoall_perf, got a test that reduces ("sum"). TF-OVERLAP-004',
  });
  assert.throws(() => deviceFromNcclLog(log('none', 8), 16), {
    message:
      'deviceFromNcclLog: a log of 16 ranks, got 8 ranks. Plan for them with --devices 8, or measure that size. TF-OVERLAP-004',
  });
});

test('the measured device takes tables of its own group size, and reductions by bus bandwidth', async (t) => {
  const dataFolder = findDataFolder();
  const of = (numDevices: number) => loadDevice({ dataFolder, numDevices });
  const four = await of(4);
  if (four.origin.startsWith('Analytic')) return t.skip('the data folder has no Galvatron tables');
  assert.deepEqual([costAt(four.allToAll, 64 * MB), costAt((await of(8)).allToAll, 64 * MB)], [0.3654, 0.3997]);
  assert.equal(costAt(four.allReduce, 1024 * MB), 7.187399999999999);
  // 44.682 GB/s of bus bandwidth: 2 · 15/16 of the payload at this rate, 30 µs to start.
  const expectedMs = 0.03 + (1000 * (2 * 15) * 1024 * MB) / 16 / 44.682e9;
  assert.ok(Math.abs(costAt((await of(16)).allReduce, 1024 * MB) - expectedMs) < 1e-9);
});

test('a bandwidth between nodes is refused where nothing crosses it or a profile holds the link', async () => {
  const costs = await fileOf('costs.json', { device: 'own', comm: { a2a: { 16: [[MB, 0.001], [8 * MB, 0.002]] } } }); // prettier-ignore
  await assert.rejects(runVerbInTest(manifest, 'optimise', { bandwidth: 2, devices: 8 }), {
    message:
      'moe-overlap: a bandwidth between nodes where it counts, got 8 devices, all in one node (--bandwidth). Use more than 8 devices. TF-OVERLAP-003',
  });
  await assert.rejects(runVerbInTest(manifest, 'sweep', { costs }), { code: 'TF-OVERLAP-003' });
});

test('a sweep over a graph of fixed times says that the bandwidth changes nothing', async () => {
  const ops = [FIRST, { ...EXCHANGE, time: 0.004 }];
  const graph = await fileOf('fixed.json', JSON.parse(graphText(...ops)) as object);
  const { report } = await runVerbInTest(manifest, 'sweep', { graph });
  assert.match(report!.verdict.text, /The bandwidth changes nothing/);
});

test('an overhead of a range is added in full to every part of a computation', async () => {
  const at = async (overhead: number) => {
    const { result } = await runVerbInTest(manifest, 'range', { overhead }, { dataFolder: undefined });
    const { grid } = result as { grid: { reach: number; parts: number; ms: number | null }[] };
    return grid.find(({ reach, parts }) => reach === 0 && parts === 2)!.ms!;
  };
  // Experts alone, beside exchanges that take longer: the first overheads hide, then each ms counts for every operation.
  const [ms10, ms20] = [await at(10), await at(20)];
  assert.ok(ms20 - ms10 >= 2 * 10 - 1e-6, `${ms10} ${ms20}`);
});

test('the exposed lane counts computation that a shortened timeline leaves out', () => {
  const span = (lane: string, startMs: number, endMs: number) => ({ id: lane, name: lane, lane, startMs, endMs });
  const all = [span('compute', 0, 1), span('communication', 0, 4)];
  const block = {
    kind: 'timeline' as const,
    lanes: ['compute', 'communication'].map((id) => ({ id, label: id })),
    spans: [all[1]!],
  };
  const exposed = withExposedLane(block, all).spans.filter(({ lane }) => lane === 'exposed');
  assert.deepEqual(
    exposed.map(({ startMs, endMs }) => [startMs, endMs]),
    [[1, 4]],
  );
});

test('a size far below the measured ones is warned of like one far above', () => {
  const device = analyticDevice({ numDevices: 16 });
  const graph = parseGraphFile(graphText(FIRST, { ...EXCHANGE, bytes: 16 }), { device });
  assert.match(checkTableRange(graph, device)[0]!.actual!, /^16 bytes/);
});

test('a replay without times of the written order predicts nothing', () => {
  const sizes = { layers: 2, hidden: 8, inner: 8, seq: 2, batch: 2, gate: 'switch', numRanks: 2, expertsPerRank: 1, capacity: 1 } as const; // prettier-ignore
  const op = { id: 'a', source: 'a', part: 0, of: 1, isComm: false, isMerge: false, ins: [], outs: ['x'] };
  const plans = { version: 1, sizes, ratio: 0, plans: [{ mode: 'both', predictedMs: 1, ops: [op] }] } as const;
  const run = { stepMs: 1, exposedMs: 0, worstRelativeDifference: 0, spanMs: {} };
  const setting = { file: 'a.json', sizes, asked: null, native: 1, repeat: 1, modes: { both: run } };
  assert.throws(() => replaySetting(plans as never, setting as never, 0), {
    message:
      'moe-overlap replay: a time of every operation in the written order, got no mode "none" (a.json). Give the plans that were run; the runner measures the written order first. TF-OVERLAP-003',
  });
});

test('a trace without communication kernels is not said to hide a share of them', async () => {
  const host = { ph: 'X', pid: 1, tid: 1 };
  const trace = await fileOf('trace.json', {
    traceEvents: [
      { ...host, cat: 'user_annotation', name: 'forward', ts: 0, dur: 9 },
      { ...host, cat: 'cuda_runtime', name: 'cudaLaunchKernel', ts: 1, dur: 2, args: { correlation: 1 } },
      { ph: 'X', cat: 'kernel', name: 'gemm', pid: 0, tid: 7, ts: 20, dur: 100, args: { correlation: 1 } },
    ],
  });
  const { report } = await runVerbInTest(manifest, 'trace-stats', { file: trace });
  assert.match(report!.verdict.text, /^1 device: no communication kernels; name them with --communication\./);
});

test('optimise shows the timeline and the ranges of the plan that it writes', async () => {
  const { report } = await runVerbInTest(manifest, 'optimise', { mode: 'dw' }, { dataFolder: undefined });
  const captions = report!.blocks.flatMap((block) => ('caption' in block && block.caption ? [block.caption] : []));
  const { stepMs } = report!.blocks
    .flatMap((block) => (block.kind === 'table' ? block.rows : []))
    .find(({ mode }) => mode === 'dw') as { stepMs: number };
  assert.ok(captions.includes(`Predicted, after, mode dw: ${stepMs.toFixed(1)} ms`), captions.join('; '));
  assert.ok(captions.includes('Forward ranges in parts, mode dw'), captions.join('; '));
});

test('what a JSON graph states itself, and times that no operation asks for, are warned of', async () => {
  const graph = await fileOf('stated.json', JSON.parse(graphText(FIRST, { ...EXCHANGE, time: 0.004 })) as object);
  const stated = await runVerbInTest(manifest, 'optimise', { graph, gate: 'bpr', batch: 8 });
  assert.deepEqual(
    stated.diagnostics.map(({ location, actual }) => [location, actual]),
    [
      ['--gate', 'bpr, and switch in the graph, which counts'],
      ['--batch', '8, and 4 in the graph, which counts'],
    ],
  );
  const costs = await fileOf('ops.json', { device: 'own', ops: { product: 0.1 } });
  const idle = await runVerbInTest(manifest, 'explain', { costs }, { dataFolder: undefined });
  assert.deepEqual(
    idle.diagnostics.map(({ location }) => location),
    ['--costs'],
  );
});

test('tokens that no expert chooses are counted, though none that was chosen is dropped', async () => {
  const { report, result } = await runVerbInTest(manifest, 'tokens', { gate: 'expert-choice', skew: 0 });
  const { whole } = result as { whole: { token: number }[] };
  const table = report!.blocks.find((block) => block.kind === 'table')!;
  const [row] = table.rows;
  assert.deepEqual([row!['dropped'], row!['without']], [0, 48 - new Set(whole.map(({ token }) => token)).size]);
  assert.ok((row!['without'] as number) > 0);
});

test('a replay of plans without parts fits no overhead of parts', async () => {
  const sizes = { layers: 2, hidden: 8, inner: 8, seq: 2, batch: 2, gate: 'switch', numRanks: 2, expertsPerRank: 1, capacity: 1 }; // prettier-ignore
  const op = { id: 'a', source: 'a', part: 0, of: 1, isComm: false, isMerge: false, ins: [], outs: ['x'] };
  const plans = await fileOf('plans.json', { version: 1, sizes, ratio: 0, plans: [{ mode: 'none', predictedMs: 1, ops: [op] }] }); // prettier-ignore
  const none = { stepMs: 1.1, exposedMs: 0, worstRelativeDifference: 0, spanMs: { a: 1 } };
  const settings = [{ file: 'plans.json', sizes, asked: null, native: 1, repeat: 1, modes: { none } }];
  const measured = await fileOf('measured.json', { device: 'own', torch: '2', settings });
  const { report, result } = await runVerbInTest(manifest, 'replay', { measured, plans });
  assert.match(report!.verdict.text, /by 10\.0 % \(median\).*nothing is said about their overhead/);
  assert.equal((result as { fitted: object | null }).fitted, null);
});

test('no peak of tensors is stated for a graph without their shapes, and an order that stays is drawn once', async () => {
  const ops = [FIRST, { ...EXCHANGE, time: 0.004 }];
  const graph = await fileOf('shapeless.json', JSON.parse(graphText(...ops)) as object);
  const { result, report } = await runVerbInTest(manifest, 'optimise', { graph });
  const { modes, accepted } = result as { modes: { peakBytes: number | null }[]; accepted: string };
  assert.ok(modes.every(({ peakBytes }) => peakBytes === null));
  assert.equal(accepted, 'none');
  assert.equal(report!.blocks.filter(({ kind }) => kind === 'timeline').length, 1);
  const known = await runVerbInTest(manifest, 'optimise', {}, { dataFolder: undefined });
  assert.ok((known.result as typeof result & { modes: typeof modes }).modes.every(({ peakBytes }) => peakBytes! > 1e9));
});
