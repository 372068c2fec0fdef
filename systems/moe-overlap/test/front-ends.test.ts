import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readOnnxFile, writeOnnxFile } from '@tenfold/core/graph';
import { costAt } from '@tenfold/core/schedule';
import { runVerbInTest } from '@tenfold/core/system/test-kit';
import { delayIrregular } from '../src/all-reduce-placement.ts';
import { overlapGraphFromCore } from '../src/core-graph-import.ts';
import { checkTableRange, partCostsOf, tableFromPoints, withTimes } from '../src/device-costs.ts';
import { analyticDevice } from '../src/device-library.ts';
import { simulateGraph } from '../src/dw-order.ts';
import { groupForward } from '../src/forward-groups.ts';
import { gptMoe, gptMoeCoreGraph } from '../src/gpt-moe.ts';
import { parseCostsFile, parseGraphFile } from '../src/graph-file.ts';
import { manifest } from '../src/manifest.ts';
import { deviceFromNcclLog, parseNcclLog } from '../src/nccl-log.ts';
import { dataflowOf } from '../src/op-graph.ts';
import { MODES, optimise } from '../src/plan.ts';
import { priceRanges } from '../src/range-costs.ts';
import { stepFromForward } from '../src/training-step.ts';

const TORCH_MOE = fileURLToPath(new URL('../fixtures/torch-moe.onnx', import.meta.url));
const TINY = { layers: 4, hidden: 16, heads: 2, seq: 8, batch: 4, numDevices: 2, vocabulary: 32 } as const;

test('the builder emits four all-to-alls a layer of experts, and products for dX and dW apart', () => {
  const graph = gptMoe(TINY);
  const a2a = graph.ops.filter(({ kind }) => kind === 'a2a');
  assert.equal(a2a.length, 2 * 4);
  assert.equal(a2a.filter(({ role }) => role === 'dX').length, 2 * 2);
  assert.ok(graph.ops.filter(({ role }) => role === 'dW').length >= 4 * 4);
  assert.ok(graph.ops.some(({ kind }) => kind === 'allreduce'));
  const all = graph.ops.flatMap(({ outs }) => outs);
  assert.equal(new Set(all).size, all.length);
});

test('a training step read back from ONNX has the same exchanges and can be planned', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'moe-overlap-'));
  try {
    const file = join(folder, 'step.onnx');
    await writeOnnxFile(file, gptMoeCoreGraph(TINY));
    const { graph: core } = await readOnnxFile(file);
    const read = overlapGraphFromCore(core, { gate: 'switch', batch: TINY.batch });
    const built = gptMoe(TINY);
    const count = (graph: typeof read, kind: string) => graph.ops.filter((op) => op.kind === kind).length;
    assert.equal(count(read, 'a2a'), count(built, 'a2a'));
    assert.equal(count(read, 'allreduce'), count(built, 'allreduce'));
    const device = { ...analyticDevice({ numDevices: 16 }), launchMs: 1e-4 };
    const [ofRead, ofBuilt] = await Promise.all(
      [read, built].map((graph) => optimise(withTimes(graph, device), { costs: partCostsOf(device) })),
    );
    for (const mode of MODES) {
      const [own, other] = [ofRead!.plans[mode].simulation.makespanMs, ofBuilt!.plans[mode].simulation.makespanMs];
      assert.ok(Math.abs(own - other) < 1e-9 * other, `${mode}: ${own} and ${other}`);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a forward pass exported from PyTorch becomes a whole step: exchanges and gradients both ways, experts not reduced', async () => {
  const { graph: forward } = await readOnnxFile(TORCH_MOE);
  const modules = new Set(forward.nodes.map(({ notes }) => notes.module));
  for (const part of ['gate.choose', 'encode', 'experts', 'decode'])
    assert.ok(modules.has(`layers.1.moe.${part}`), part);
  const step = stepFromForward(forward, 2)!;
  const graph = overlapGraphFromCore(step, { gate: 'switch', batch: 4 });
  const count = (test: (op: (typeof graph.ops)[number]) => boolean) => graph.ops.filter(test).length;
  assert.equal(
    count(({ kind, role }) => kind === 'a2a' && role === 'fwd'),
    2,
  );
  assert.equal(
    count(({ kind, role }) => kind === 'a2a' && role === 'dX'),
    2,
  );
  const parameters = step.states.filter(({ kind }) => kind === 'parameter').map(({ name }) => name);
  const experts = ['layers.1.moe.experts.first', 'layers.1.moe.experts.second'];
  assert.deepEqual(
    parameters.filter((name) => name.includes('experts')),
    experts,
  );
  assert.equal(
    count(({ kind }) => kind === 'allreduce'),
    parameters.length - experts.length,
  );
  const products = forward.nodes.filter(
    ({ op, inputs }) => ['MatMul', 'Gemm'].includes(op) && forward.initializers.has(inputs[1]!),
  );
  assert.ok(products.length >= 8);
  assert.ok(count(({ role }) => role === 'dW') >= products.length);
  assert.equal(stepFromForward(step, 2), undefined, 'a whole step stays as it is');
  // Named submodules make the range around the layer one that can be cut along the batch.
  const device = analyticDevice({ numDevices: 2 });
  const timed = withTimes(graph, device);
  const pricer = priceRanges(timed, groupForward(timed), { costs: partCostsOf(device), maxParts: 2 });
  const at = (id: string) => timed.ops.findIndex((op) => op.id === id);
  const found = pricer.cutRange(at('layers.1.moe.encode/forward'), at('layers.1.moe.decode/forward') + 1, 2);
  assert.ok('axisOf' in found, JSON.stringify(found));
});

test('optimise says what it made of a forward pass, and that without a loss it plans the forward pass alone', async () => {
  const params = { graph: TORCH_MOE, devices: 2, batch: 4 };
  const { status, result, diagnostics } = await runVerbInTest(manifest, 'optimise', params);
  assert.equal(status, 'done');
  assert.ok(result);
  assert.match(diagnostics[0]!.actual!, /^a forward pass: its backward pass, all-reduces of dense gradients and SGD/);
  const { graph: forward } = await readOnnxFile(TORCH_MOE);
  const logits = forward.nodes.find(({ op }) => op === 'LogSoftmax')!.inputs[0]!;
  assert.equal(stepFromForward({ ...forward, outputs: [logits] }, 2), undefined);
});

test('explain names the exchanges of a graph of one’s own, whose operations have other names than the default range', async () => {
  await assert.rejects(
    () => runVerbInTest(manifest, 'explain', { graph: TORCH_MOE, devices: 2, batch: 4 }),
    /Name --from and --to of your graph; its exchanges are layers\.1\.moe\/node__symbolic, /,
  );
});

test('every plan keeps the dependencies, and none is predicted slower than the accepted one by more than rounding', async () => {
  const device = { ...analyticDevice({ numDevices: 16 }), launchMs: 1e-4 };
  const graph = withTimes(gptMoe({ ...TINY, hidden: 64, seq: 64, batch: 8, numDevices: 16 }), device);
  const { plans, accepted } = await optimise(graph, { costs: partCostsOf(device) });
  for (const { graph: planned } of Object.values(plans)) {
    dataflowOf(planned); // throws if a tensor is used before it is made
    const writtenBy = new Set(planned.ops.flatMap(({ outs }) => outs));
    for (const op of planned.ops) {
      for (const name of op.ins) if (name.includes('#')) assert.ok(writtenBy.has(name), `${op.id} reads ${name}`);
    }
    const sum = (ops: typeof graph.ops, role: string) =>
      ops.filter((op) => op.role === role && op.kind === 'compute').length;
    assert.equal(sum(planned.ops, 'dW'), sum(graph.ops, 'dW'));
  }
  const best = plans[accepted].simulation.makespanMs;
  assert.ok(best <= plans.none.simulation.makespanMs);
  const delayed = delayIrregular(plans.partition.graph);
  assert.equal(simulateGraph(delayed).makespanMs, simulateGraph(plans.partition.graph).makespanMs);
});

const GRAPH = {
  version: 1,
  gate: 'switch',
  axes: { batch: 4 },
  tensors: { x: { shape: [4, 2] }, y: { shape: [4, 2] }, z: { shape: [4, 2] } },
  ops: [
    { id: 'first', kind: 'compute', ins: ['x'], outs: ['y'], time: 0.001 },
    { id: 'second', kind: 'a2a', ins: ['y'], outs: ['z'], bytes: 64, moe: { layer: 0, part: 'a2a' } },
  ],
};
const BROKEN: readonly (readonly [string, object, string])[] = [
  [
    'a gate that is unknown',
    { gate: 'swich' },
    'verifyOverlapGraph: a gate of switch, topk, topk-ranked, bpr, hash, expert-choice, got "swich". Did you mean "switch"? TF-OVERLAP-002',
  ],
  [
    'a tensor used before it is made',
    { ops: GRAPH.ops.toReversed() },
    'dataflowOf: tensors made before they are used, got "y" used by "second" at position 0 (operation "second"). TF-OVERLAP-001',
  ],
  [
    'two producers',
    { ops: [GRAPH.ops[0], { ...GRAPH.ops[1], outs: ['y'] }] },
    'dataflowOf: one producer per tensor, got "first" and "second" for "y" (operation "second"). TF-OVERLAP-001',
  ],
  [
    'a circle',
    { ops: [{ ...GRAPH.ops[0], ins: ['z'] }, GRAPH.ops[1]] },
    'dataflowOf: no circle, got second → first → second (operation "first"). TF-OVERLAP-001',
  ],
  [
    'an all-to-all without a layer',
    { ops: [GRAPH.ops[0], { ...GRAPH.ops[1], moe: undefined }] },
    'verifyOverlapGraph: a "moe" tag on every all-to-all, got none (operation "second"). TF-OVERLAP-002',
  ],
];
for (const [name, change, message] of BROKEN) {
  test(`${name} is refused with its place`, () => {
    assert.throws(() => parseGraphFile(JSON.stringify({ ...GRAPH, ...change })), { message });
  });
}

test('a sound graph file is read, and costs name their table', () => {
  const graph = parseGraphFile(JSON.stringify(GRAPH));
  assert.deepEqual(
    graph.ops.map(({ timeMs }) => timeMs),
    [1, 0],
    'sizes are priced on a device; none was given',
  );
  const costs = (points: number[][]) => JSON.stringify({ device: 'own', comm: { a2a: { 4: points } } });
  assert.throws(() => parseCostsFile(costs([[1024, 0.1]]), 4), {
    message: 'tableFromPoints: at least two points, got 1 (table "a2a"). TF-OVERLAP-004',
  });
  assert.throws(
    () =>
      tableFromPoints(
        [
          [2, 1],
          [1, 2],
        ],
        'a2a',
      ),
    {
      message: 'tableFromPoints: sizes in rising order, got 1 after 2 (table "a2a"). TF-OVERLAP-004',
    },
  );
  const { device } = parseCostsFile(
    costs([
      [1024, 0.001],
      [2048, 0.002],
    ]),
    4,
  );
  const far = { ...graph, ops: graph.ops.map((op) => ({ ...op, bytes: 1e6 })) };
  assert.equal(checkTableRange(far, device).length, 1);
  assert.equal(
    checkTableRange(graph, {
      ...device,
      allToAll: tableFromPoints(
        [
          [16, 1],
          [64, 2],
        ],
        'a2a',
      ),
    }).length,
    0,
  );
});

test('nccl-tests logs are read by column, and a cut-off log is refused', () => {
  const line =
    '     1048576        262144     float    none      -1    52.40   20.01    9.38      0    51.90   20.20    9.47      0';
  const points = parseNcclLog(`# header\n${line}\n# Out of bounds values : 0 OK\n`);
  assert.deepEqual(points, [[1048576, 52.4 / 1000]]);
  const inPlace = parseNcclLog(`${line}\n# Out of bounds values : 0 OK\n`, true);
  assert.deepEqual(inPlace, [[1048576, 51.9 / 1000]]);
  assert.throws(() => parseNcclLog(line), {
    message:
      'parseNcclLog: a complete nccl-tests log with its "Out of bounds" line. The log looks cut off; run the test again. TF-OVERLAP-004',
  });
  const longer = line.replace('1048576', '2097152').replace('52.40', '90.00');
  const device = deviceFromNcclLog(`${line}\n${longer}\n# Out of bounds values : 0 OK\n`, 16);
  assert.ok(Math.abs(costAt(device.allToAll, 1572864) - 0.0712) < 1e-12);
});
