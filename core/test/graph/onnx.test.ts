import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createRng, TenfoldError } from '../../src/base/index.ts';
import {
  createGraphBuilder,
  printGraph,
  readOnnx,
  readOnnxFile,
  verifyGraph,
  writeOnnx,
  writeOnnxFile,
  type Graph,
} from '../../src/graph/index.ts';
import { assertTensorsClose, createTensor, type Tensor } from '../../src/tensor/index.ts';
import { messageOf } from './error-message.ts';
import { randomFeeds, runGraph, runOnnx } from './run-onnx.ts';

/** A training step with notes, two states, a renamed output and an input that is an output. */
function trainingStep(): Graph {
  const g = createGraphBuilder('step');
  const x = g.input('x', 'float32', [4, 8]);
  const w = g.parameter('w', [8, 2]);
  g.parameter('unread', [1]);
  const momentum = g.optimizerState('w.momentum', [8, 2]);
  const y = g.scope('layers.0', () => g.scope('fc', () => g.relu(g.matMul(x, w))));
  const loss = g.output(g.reduceMean(y), 'loss');
  g.output(x);
  g.withNotes({ phase: 'backward', role: 'dW', module: 'layers.0.fc' }, () => {
    const summed = g.allReduce(g.mul(g.add(w, g.zerosLike(w)), loss), { group: 'dp', groupSize: 2, algorithm: 'ring' });
    g.withNotes({ phase: 'update', role: 'none' }, () => {
      const next = g.add(g.mul(momentum, 0.9), summed);
      g.setNextState(momentum, next);
      g.setNextState(w, g.sub(w, g.mul(next, 0.01)));
    });
  });
  return g.finish();
}

test('a training step comes back with notes, states and outputs', () => {
  const graph = trainingStep();
  assert.equal(printGraph(verifyGraph(readOnnx(writeOnnx(graph).model).graph)), printGraph(graph));
});

test('state values that are given travel as initializers and come back as state values', async () => {
  const g = createGraphBuilder('frozen');
  const w = g.parameter('w', [3, 2]);
  g.output(g.matMul(g.input('x', 'float32', [1, 3]), w), 'y');
  const graph = g.finish();
  const feeds = randomFeeds(graph, 1);
  const { model } = writeOnnx(graph, { stateValues: { w: feeds['w']! } });
  const back = readOnnx(model);
  assert.deepEqual(back.stateValues['w'], feeds['w']);
  assert.equal(printGraph(back.graph), printGraph(graph));
  const expected = await runGraph(graph, feeds);
  assertTensorsClose((await runOnnx(model, graph, { x: feeds['x']! }))['y']!, expected['y']!);
});

test('with a batch name the first axis of a file takes any number of rows', async () => {
  const g = createGraphBuilder('rows');
  const w = g.parameter('w', [3, 2]);
  g.output(g.softmax(g.matMul(g.input('x', 'float32', [1, 3]), w)), 'y');
  const graph = g.finish();
  const feeds = randomFeeds(graph, 1);
  const { model } = writeOnnx(graph, { stateValues: { w: feeds['w']! }, batchName: 'batch' });
  const rng = createRng(3);
  const x: Tensor = { dtype: 'float32', shape: [5, 3], data: Float32Array.from({ length: 15 }, () => rng.normal()) };
  const all = (await runOnnx(model, graph, { x }))['y']!;
  assert.deepEqual(all.shape, [5, 2]);
  for (let row = 0; row < 5; row++) {
    const one = await runGraph(graph, {
      ...feeds,
      x: { dtype: 'float32', shape: [1, 3], data: (x.data as Float32Array).slice(3 * row, 3 * row + 3) },
    });
    assertTensorsClose(
      { dtype: 'float32', shape: [1, 2], data: (all.data as Float32Array).slice(2 * row, 2 * row + 2) },
      one['y']!,
    );
  }
  const back = readOnnx(model, { sizes: { batch: 4 } }).graph;
  assert.deepEqual(back.values[back.outputs[0]!]!.shape, [4, 2]);
});

test('every truncation of a file is reported as such', () => {
  const { model } = writeOnnx(trainingStep());
  for (let length = 0; length < model.length; length += 97) {
    assert.match(
      messageOf(() => readOnnx(model.subarray(0, length))),
      /^readOnnx: an ONNX model, got .* TF-GRAPH-010$/,
    );
  }
  assert.equal(
    messageOf(() => readOnnx(model.subarray(0, 1000))),
    'readOnnx: an ONNX model, got 1000 bytes that cannot be decoded. The file looks truncated or is no .onnx file; copy or export it again. TF-GRAPH-010',
  );
});

test('random bytes and damaged files end in a TenfoldError, never in another exception', () => {
  const { model } = writeOnnx(trainingStep());
  const rng = createRng(9, 'damage');
  for (let round = 0; round < 300; round++) {
    const damaged = model.slice();
    for (let i = 0; i < 1 + rng.integer(4); i++) damaged[rng.integer(damaged.length)] = rng.integer(256);
    try {
      readOnnx(damaged);
    } catch (error) {
      assert.ok(error instanceof TenfoldError, String((error as Error).stack));
    }
  }
});

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-onnx-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

test('above the threshold, weights go to a data file that ONNX Runtime and the reader both find', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'model.onnx');
  const g = createGraphBuilder('large');
  const w = g.parameter('w', [64, 32]);
  const small = g.parameter('b', [32]);
  g.output(g.add(g.matMul(g.input('x', 'float32', [2, 64]), w), small), 'y');
  const graph = g.finish();
  const feeds = randomFeeds(graph, 3);
  const stateValues = { w: feeds['w']!, b: feeds['b']! };
  await writeOnnxFile(path, graph, { stateValues, externalThresholdBytes: 4096 });
  assert.equal((await readFile(`${path}.data`)).length, 64 * 32 * 4);
  const back = await readOnnxFile(path);
  assert.deepEqual(back.stateValues['w']!.data, feeds['w']!.data);
  assert.deepEqual(back.stateValues['b']!.data, feeds['b']!.data);

  const { InferenceSession, Tensor: OrtTensor } = await import('onnxruntime-node');
  const session = await InferenceSession.create(path);
  const x = feeds['x']!;
  const results = await session.run({ x: new OrtTensor('float32', x.data as Float32Array, [...x.shape]) });
  const expected = await runGraph(graph, feeds);
  assert.deepEqual(results['y']!.data, expected['y']!.data);
  await session.release();

  await assert.rejects(writeOnnxFile(path, graph), {
    message: `writeOnnxFile: a new file, got "${path}", which exists. TF-GRAPH-015`,
  });
  await writeFile(`${path}.data`, new Uint8Array(100));
  await assert.rejects(
    readOnnxFile(path),
    /external data "model\.onnx\.data" beside the model, got 100 bytes where 8192 are needed/,
  );
  await rm(`${path}.data`);
  await assert.rejects(readOnnxFile(path), /external data "model\.onnx\.data" beside the model, got no such file/);
  assert.match(
    messageOf(() => readOnnx(writeOnnx(graph, { stateValues, externalThresholdBytes: 1 }).model)),
    /Read it with readOnnxFile/,
  );
});

test('a tensor of every dtype keeps its bits', () => {
  const dtypes = [
    'float32',
    'float64',
    'float16',
    'bfloat16',
    'float8e4m3fn',
    'float8e5m2',
    'int8',
    'uint8',
    'int16',
    'uint16',
    'int32',
    'uint32',
    'int64',
    'uint64',
    'bool',
  ] as const;
  const g = createGraphBuilder('dtypes');
  for (const dtype of dtypes) {
    const tensor = createTensor(dtype, [3]);
    new Uint8Array(tensor.data.buffer).forEach((_, i, bytes) => (bytes[i] = dtype === 'bool' ? i % 2 : 37 * i + 1));
    g.output(g.identity(g.constant(tensor, dtype)));
  }
  const graph = g.finish();
  const back = readOnnx(writeOnnx(graph).model).graph;
  for (const [id, tensor] of back.initializers) {
    const original = graph.initializers.get(graph.values.find((value) => value.name === back.values[id]!.name)!.id)!;
    assert.deepEqual(tensor, original);
  }
  assert.equal(back.initializers.size, dtypes.length);
});
