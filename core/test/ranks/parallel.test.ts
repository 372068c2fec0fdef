import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createRng } from '../../src/base/index.ts';
import { applyPrecision } from '../../src/graph/index.ts';
import { initialStates } from '../../src/nn/index.ts';
import { createMesh, openRankPool, runGraphOnRanks } from '../../src/ranks/index.ts';
import { openBackend, type Feeds, type StateValues } from '../../src/runtime/index.ts';
import {
  relativeFrobeniusError,
  sliceView,
  tensorFromView,
  viewFromTensor,
  type Tensor,
} from '../../src/tensor/index.ts';
import { CONFIG, dataParallelStep, pipelineStep, tensorParallelStep } from './parallel-gpt.ts';

/** Round-off of float32 sums: the bound that a correct parallel step must keep. */
const ROUND_OFF = 1e-6;
const BATCH = 4;

const pool = openRankPool();
after(() => pool.close());

const states: StateValues = initialStates(dataParallelStep(BATCH, 1).states, { seed: 7 });
const tokens = tokenTensor('tokens');
const labels = tokenTensor('labels');
let single: { readonly outputs: Readonly<Record<string, Tensor>>; readonly states: StateValues };

before(async () => {
  const { graph } = dataParallelStep(BATCH, 1);
  await using session = await (await openBackend('cpu')).createSession(graph, states, { numThreads: 1 });
  const outputs = await session.run({ tokens, labels });
  const next: Record<string, Tensor> = {};
  for (const name of Object.keys(states)) next[name] = await session.readState(name);
  single = { outputs, states: next };
});

test('data parallel over 4 ranks: gradients equal one rank up to round-off, and the error is real', async () => {
  const mesh = createMesh({ dp: 4 });
  const feeds = Array.from({ length: 4 }, (_, rank) => ({
    tokens: rowsOf(tokens, rank, 1),
    labels: rowsOf(labels, rank, 1),
  }));
  const { graph } = dataParallelStep(1, 4);
  const found = await runGraphOnRanks({ mesh, graphs: graph, states, feeds: [feeds], pool });
  const losses = found.outputs[0]!.map(({ loss }) => (loss!.data as Float32Array)[0]!);
  const mean = losses.reduce((sum, loss) => sum + loss, 0) / 4;
  assert.ok(Math.abs(mean / singleLoss() - 1) < ROUND_OFF);
  for (const outputs of found.outputs[0]!) assertSameGradients(outputs);
  for (const rank of found.states) assertSameStates(rank);
  for (const name of Object.keys(states)) assert.deepEqual(found.states[3]![name]!.data, found.states[0]![name]!.data);
});

test('tensor parallel over 2 and 4 ranks: joined shards equal one rank up to round-off, and the error is real', async () => {
  for (const size of [2, 4]) {
    const mesh = createMesh({ tp: size });
    const shards = Array.from({ length: size }, (_, rank) => shardStates(states, rank, size));
    const graphs = shards.map(() => tensorParallelStep(BATCH, size));
    const feeds: Feeds[] = shards.map(() => ({ tokens, labels }));
    const found = await runGraphOnRanks({ mesh, graphs, states: shards, feeds: [feeds], pool });
    assertSameLoss(found.outputs[0]![0]!);
    assertSameGradients(joinShards(found.outputs[0]!, 'grad.'));
    assertSameStates(joinShards(found.states, ''));
  }
});

test('pipeline over 2 stages with 2 micro-batches: all gradients equal one rank up to round-off, and the error is real', async () => {
  const mesh = createMesh({ pp: 2 });
  const graphs = [0, 1].map((stage) => pipelineStep(stage, 2, 2));
  const ofStage = graphs.map((graph) => {
    const own = graph.states.map(({ name }) => [name, states[name]!] as const);
    return Object.fromEntries(own);
  });
  const feeds = graphs.map((_, stage) => {
    const [name, source] = stage === 0 ? (['tokens', tokens] as const) : (['labels', labels] as const);
    return { [`${name}.0`]: rowsOf(source, 0, 2), [`${name}.1`]: rowsOf(source, 2, 2) };
  });
  const found = await runGraphOnRanks({ mesh, graphs, states: ofStage, feeds: [feeds], pool });
  assertSameLoss(found.outputs[0]![1]!);
  assertSameGradients({ ...found.outputs[0]![0]!, ...found.outputs[0]![1]! });
  assertSameStates({ ...found.states[0]!, ...found.states[1]! });
  const tied = found.states.map((stage) => stage['wte.weight']!.data);
  assert.deepEqual(tied[0], tied[1]);
});

test('bf16 activations travel as bf16: the parallel error is real and of the size of the recipe itself', async () => {
  const shards = [0, 1].map((rank) => shardStates(states, rank, 2));
  const recipe = { storage: 'bfloat16' } as const;
  const { graph } = applyPrecision(tensorParallelStep(BATCH, 2), recipe);
  const forward = graph.nodes.filter(({ op, notes }) => op === 'AllReduce' && notes.phase === 'forward');
  assert.ok(forward.length > 0 && forward.every(({ inputs }) => graph.values[inputs[0]!]!.dtype === 'bfloat16'));
  const feeds: Feeds[] = shards.map(() => ({ tokens, labels }));
  const mesh = createMesh({ tp: 2 });
  const found = await runGraphOnRanks({ mesh, graphs: graph, states: shards, feeds: [feeds], pool });
  const parallel = joinShards(found.outputs[0]!, 'grad.');
  const alone = applyPrecision(dataParallelStep(BATCH, 1).graph, recipe);
  await using session = await (await openBackend('cpu')).createSession(alone.graph, states, { numThreads: 1 });
  const one = await session.run({ tokens, labels });
  for (const name of ['grad.layers.0.attn.q.weight', 'grad.layers.1.mlp.fc.weight', 'grad.wpe.weight']) {
    const ofRecipe = relativeFrobeniusError(one[name]!, single.outputs[name]!);
    const ofRanks = relativeFrobeniusError(parallel[name]!, one[name]!);
    assert.ok(ofRecipe > 1e-4 && ofRecipe < 0.2, `${name}: recipe ${ofRecipe}`);
    assert.ok(ofRanks > 0 && ofRanks < 2 * ofRecipe, `${name}: ranks ${ofRanks} against recipe ${ofRecipe}`);
  }
});

test('delayed fp8 scaling reduces amax over the group: both ranks keep the same scales', async () => {
  const shards = [0, 1].map((rank) => shardStates(states, rank, 2));
  const amaxGroup = { group: 'tp', groupSize: 2 };
  const fp8 = { scaling: 'delayed', historyLength: 4, amaxGroup } as const;
  const { graph, stateValues } = applyPrecision(tensorParallelStep(BATCH, 2), { storage: 'bfloat16', fp8 });
  const feeds: Feeds[] = shards.map(() => ({ tokens, labels }));
  const found = await runGraphOnRanks({
    mesh: createMesh({ tp: 2 }),
    graphs: graph,
    states: shards.map((shard) => ({ ...shard, ...stateValues })),
    feeds: [feeds, feeds],
    pool,
  });
  let numMoved = 0;
  for (const name of Object.keys(stateValues)) {
    const [first, second] = found.states.map((rank) => rank[name]!.data);
    assert.deepEqual(second, first, name);
    if (stateValues[name]!.data.some((value, i) => value !== first![i])) numMoved++;
  }
  assert.ok(numMoved > 0);
});

function singleLoss(): number {
  return (single.outputs['loss']!.data as Float32Array)[0]!;
}

function assertSameLoss({ loss }: Readonly<Record<string, Tensor>>): void {
  assert.ok(Math.abs((loss!.data as Float32Array)[0]! / singleLoss() - 1) < ROUND_OFF);
}

/** All gradients within round-off; not all of them bit-equal, since the order of additions differs. */
function assertSameGradients(outputs: Readonly<Record<string, Tensor>>): void {
  let largest = 0;
  for (const name of Object.keys(states)) {
    const error = relativeFrobeniusError(outputs[`grad.${name}`]!, single.outputs[`grad.${name}`]!);
    assert.ok(error < ROUND_OFF, `${name}: ${error}`);
    largest = Math.max(largest, error);
  }
  assert.ok(largest > 0, 'the parallel step must not be a copy of the single one');
}

function assertSameStates(found: StateValues): void {
  for (const name of Object.keys(states)) {
    assert.ok(relativeFrobeniusError(found[name]!, single.states[name]!) < ROUND_OFF, name);
    assert.ok(relativeFrobeniusError(found[name]!, states[name]!) > 1e-4, `${name} must have moved`);
  }
}

/** Axis on which a parameter is cut for tensor parallelism; undefined: replicated. */
function shardAxis(name: string): number | undefined {
  if (/\.(q|k|v|fc)\.weight$/.test(name)) return 0;
  return name.endsWith('.proj.weight') ? 1 : undefined;
}

function shardStates(whole: StateValues, rank: number, size: number): StateValues {
  return Object.fromEntries(
    Object.entries(whole).map(([name, tensor]) => {
      const axis = shardAxis(name);
      if (axis === undefined) return [name, tensor];
      const length = tensor.shape[axis]! / size;
      const view = sliceView(viewFromTensor(tensor), axis, { start: rank * length, end: (rank + 1) * length });
      return [name, tensorFromView(view)];
    }),
  );
}

function joinShards(ranks: readonly Readonly<Record<string, Tensor>>[], prefix: string): Record<string, Tensor> {
  const joined: Record<string, Tensor> = {};
  for (const name of Object.keys(states)) {
    const parts = ranks.map((rank) => rank[prefix + name]!);
    const axis = shardAxis(name);
    if (axis === undefined) {
      for (const part of parts) assert.deepEqual(part.data, parts[0]!.data, `${name} is replicated`);
      joined[prefix + name] = parts[0]!;
    } else joined[prefix + name] = concatenated(parts as Tensor<'float32'>[], axis);
  }
  return joined;
}

function concatenated(parts: readonly Tensor<'float32'>[], axis: number): Tensor {
  const [rows, columns] = parts[0]!.shape as [number, number];
  if (axis === 0) {
    const data = Float32Array.from(parts.flatMap((part) => [...part.data]));
    return { dtype: 'float32', shape: [rows * parts.length, columns], data };
  }
  const data = new Float32Array(rows * columns * parts.length);
  parts.forEach((part, index) => {
    for (let row = 0; row < rows; row++)
      data.set(part.data.subarray(row * columns, (row + 1) * columns), (row * parts.length + index) * columns);
  });
  return { dtype: 'float32', shape: [rows, columns * parts.length], data };
}

function tokenTensor(purpose: string): Tensor<'int64'> {
  const rng = createRng(11, purpose);
  const data = BigInt64Array.from({ length: BATCH * CONFIG.context }, () => BigInt(rng.integer(CONFIG.vocabulary)));
  return { dtype: 'int64', shape: [BATCH, CONFIG.context], data };
}

function rowsOf(tensor: Tensor<'int64'>, start: number, count: number): Tensor<'int64'> {
  const width = tensor.shape[1]!;
  const data = tensor.data.slice(start * width, (start + count) * width);
  return { dtype: 'int64', shape: [count, width], data };
}
