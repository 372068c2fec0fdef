import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { createRng, TenfoldError } from '../../src/base/index.ts';
import {
  createGraphBuilder,
  describeOnnxInputs,
  printGraph,
  readOnnx,
  readOnnxFile,
  verifyGraph,
  writeOnnx,
  writeOnnxFile,
  type Graph,
} from '../../src/graph/index.ts';
import { MODEL_SCHEMA } from '../../src/graph/onnx/onnx-schema.ts';
import {
  ATTRIBUTE_TYPES,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
} from '../../src/graph/onnx/onnx-types.ts';
import { assertTensorsClose, createTensor, type Tensor } from '../../src/tensor/index.ts';
import { randomFeeds, runGraph, runOnnx } from './run-onnx.ts';

function message(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    assert.ok(error instanceof TenfoldError, String(error));
    return error.message;
  }
  return assert.fail('expected an error');
}

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
      message(() => readOnnx(model.subarray(0, length))),
      /^readOnnx: an ONNX model, got .* TF-GRAPH-010$/,
    );
  }
  assert.equal(
    message(() => readOnnx(model.subarray(0, 1000))),
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
    message(() => readOnnx(writeOnnx(graph, { stateValues, externalThresholdBytes: 1 }).model)),
    /Read it with readOnnxFile/,
  );
});

const floats = (name: string, dims: readonly number[], seed: number): OnnxTensor => {
  const rng = createRng(seed, name);
  const count = dims.reduce((product, size) => product * size, 1);
  return { name, dims: dims.map(BigInt), dataType: 1, floatData: Array.from({ length: count }, () => rng.normal()) };
};
const ints = (name: string, values: readonly number[]): OnnxTensor => ({
  name,
  dims: [BigInt(values.length)],
  dataType: 7,
  int64Data: values.map(BigInt),
});
const scalarInt = (name: string, value: number): OnnxTensor => ({
  name,
  dims: [],
  dataType: 7,
  int64Data: [BigInt(value)],
});
const intAttribute = (name: string, value: number): OnnxAttribute => ({
  name,
  type: ATTRIBUTE_TYPES.INT,
  i: BigInt(value),
});
const intsAttribute = (name: string, values: readonly number[]): OnnxAttribute => ({
  name,
  type: ATTRIBUTE_TYPES.INTS,
  ints: values.map(BigInt),
});
const floatAttribute = (name: string, value: number): OnnxAttribute => ({
  name,
  type: ATTRIBUTE_TYPES.FLOAT,
  f: value,
});
const node = (opType: string, input: string[], output: string[], ...attribute: OnnxAttribute[]): OnnxNode => ({
  opType,
  input,
  output,
  attribute,
});

interface ForeignModel extends OnnxGraph {
  readonly opset: number;
  readonly dims: readonly (number | string)[];
}

/** A model as another exporter would write it: input x, output y. */
function foreignModel({ opset, dims, ...graph }: ForeignModel): Uint8Array {
  const message = create(MODEL_SCHEMA, {
    irVersion: 8n,
    producerName: 'other',
    opsetImport: [{ domain: '', version: BigInt(opset) }],
    graph: {
      name: 'foreign',
      input: [
        {
          name: 'x',
          type: {
            tensorType: {
              elemType: 1,
              shape: {
                dim: dims.map((dim) => ({
                  value:
                    typeof dim === 'number'
                      ? { case: 'dimValue', value: BigInt(dim) }
                      : { case: 'dimParam', value: dim },
                })),
              },
            },
          },
        },
      ],
      output: [{ name: 'y', type: { tensorType: { elemType: 1 } } }],
      ...graph,
    },
  } as never);
  return toBinary(MODEL_SCHEMA, message);
}

/** Reads the model and compares our graph with what ONNX Runtime makes of the original file. */
async function assertSameAsOriginal(bytes: Uint8Array, shape: readonly number[]): Promise<Graph> {
  const { graph } = readOnnx(bytes, { inputShapes: { x: shape } });
  verifyGraph(graph);
  const feeds = randomFeeds(graph, 5);
  const [original, ours] = [await runOnnx(bytes, graph, feeds), await runGraph(graph, feeds)];
  assertTensorsClose(ours['y']!, original['y'] as Tensor);
  return graph;
}

test('index arithmetic of exporters folds into static shapes', async () => {
  const bytes = foreignModel({
    opset: 17,
    dims: ['batch', 6, 4],
    initializer: [scalarInt('zero', 0), ints('minus', [-1]), ints('axis0', [0]), scalarInt('two', 2)],
    node: [
      node('Shape', ['x'], ['shape']),
      node('Gather', ['shape', 'zero'], ['batch'], intAttribute('axis', 0)),
      node('Mul', ['batch', 'two'], ['double']),
      node('Unsqueeze', ['double', 'axis0'], ['double1']),
      node('Concat', ['double1', 'minus'], ['target'], intAttribute('axis', 0)),
      node('Reshape', ['x', 'target'], ['y']),
    ],
  });
  assert.deepEqual(describeOnnxInputs(bytes), ['x float32 [batch, 6, 4]']);
  const graph = await assertSameAsOriginal(bytes, [3, 6, 4]);
  assert.deepEqual(
    graph.nodes.map((each) => each.op),
    ['Reshape'],
  );
  assert.deepEqual(
    readOnnx(bytes, { sizes: { batch: 5 } }).graph.values.find((value) => value.name === 'y')!.shape,
    [10, 12],
  );
  assert.equal(
    message(() => readOnnx(bytes)),
    'readOnnx: every input dim must be known, got "batch" of "x". Give named dims with `sizes`, others with `inputShapes`. TF-GRAPH-011',
  );
});

const FOREIGN_CASES: Readonly<
  Record<string, { opset: number; shape: number[]; initializer?: OnnxTensor[]; node: OnnxNode[] }>
> = {
  'variadic Sum, Max and Mean': {
    opset: 17,
    shape: [2, 3],
    initializer: [floats('a', [3], 1), floats('b', [2, 1], 2)],
    node: [node('Sum', ['x', 'a', 'b'], ['s']), node('Max', ['s', 'a', 'x'], ['m']), node('Mean', ['m', 'x'], ['y'])],
  },
  'activations that are not ours': {
    opset: 18,
    shape: [2, 9],
    initializer: [floats('slope', [9], 3)],
    node: [
      node('HardSwish', ['x'], ['a']),
      node('Selu', ['a'], ['b']),
      node('Mish', ['b'], ['c']),
      node('PRelu', ['c', 'slope'], ['d']),
      node('Softsign', ['d'], ['e']),
      node('Celu', ['e'], ['f'], floatAttribute('alpha', 0.7)),
      node('ThresholdedRelu', ['f'], ['h'], floatAttribute('alpha', 0.1)),
      node('HardSigmoid', ['h'], ['y']),
    ],
  },
  'attributes of opset 10 (axes, pads, softmax over a matrix)': {
    opset: 10,
    shape: [2, 1, 3, 4],
    node: [
      node('Squeeze', ['x'], ['a'], intsAttribute('axes', [1])),
      node('Pad', ['a'], ['b'], intsAttribute('pads', [0, 1, 0, 0, 0, 2]), floatAttribute('value', 0.5)),
      node('Clip', ['b'], ['c'], floatAttribute('min', -1), floatAttribute('max', 1)),
      node('Softmax', ['c'], ['d'], intAttribute('axis', 1)),
      node('ReduceSum', ['d'], ['e'], intsAttribute('axes', [2]), intAttribute('keepdims', 0)),
      node('Unsqueeze', ['e'], ['y'], intsAttribute('axes', [0])),
    ],
  },
  'auto_pad, strided convolution and transposed convolution': {
    opset: 17,
    shape: [1, 2, 7, 7],
    initializer: [floats('w', [4, 2, 3, 3], 4), floats('v', [4, 3, 3, 3], 5)],
    node: [
      node(
        'Conv',
        ['x', 'w'],
        ['a'],
        { name: 'auto_pad', type: ATTRIBUTE_TYPES.STRING, s: new TextEncoder().encode('SAME_LOWER') },
        intsAttribute('strides', [2, 2]),
        intsAttribute('kernel_shape', [3, 3]),
      ),
      node(
        'ConvTranspose',
        ['a', 'v'],
        ['b'],
        { name: 'auto_pad', type: ATTRIBUTE_TYPES.STRING, s: new TextEncoder().encode('SAME_UPPER') },
        intsAttribute('strides', [2, 2]),
      ),
      node('MaxPool', ['b'], ['y'], intsAttribute('kernel_shape', [3, 3]), {
        name: 'auto_pad',
        type: ATTRIBUTE_TYPES.STRING,
        s: new TextEncoder().encode('SAME_UPPER'),
      }),
    ],
  },
  'depth to space and back, resize by scales': {
    opset: 17,
    shape: [1, 8, 3, 5],
    initializer: [{ name: 'scales', dims: [4n], dataType: 1, floatData: [1, 1, 1.5, 2] }],
    node: [
      node('DepthToSpace', ['x'], ['a'], intAttribute('blocksize', 2)),
      node('Resize', ['a', '', 'scales'], ['b'], {
        name: 'mode',
        type: ATTRIBUTE_TYPES.STRING,
        s: new TextEncoder().encode('linear'),
      }),
      node('MaxPool', ['b'], ['c'], intsAttribute('kernel_shape', [2, 2])),
      node('Slice', ['c', 'starts', 'ends', 'axes'], ['d']),
      node('SpaceToDepth', ['d'], ['y'], intAttribute('blocksize', 2)),
    ],
  },
  'group norm with one scale a group': {
    opset: 18,
    shape: [2, 6, 4],
    initializer: [floats('scale', [3], 6), floats('bias', [3], 7)],
    node: [node('GroupNormalization', ['x', 'scale', 'bias'], ['y'], intAttribute('num_groups', 3))],
  },
  'RMSNormalization and hidden outputs of Dropout': {
    opset: 23,
    shape: [2, 6],
    initializer: [floats('scale', [6], 8)],
    node: [node('RMSNormalization', ['x', 'scale'], ['a']), node('Dropout', ['a'], ['y', 'unused'])],
  },
};
FOREIGN_CASES['depth to space and back, resize by scales']!.initializer!.push(
  ints('starts', [0, 0]),
  ints('ends', [8, 18]),
  ints('axes', [2, 3]),
);

for (const [name, { shape, ...model }] of Object.entries(FOREIGN_CASES)) {
  test(`a foreign model with ${name} computes what ONNX Runtime computes from the file`, async () => {
    await assertSameAsOriginal(foreignModel({ ...model, dims: shape }), shape);
  });
}

test('initializers of a foreign model become parameters on request', () => {
  const bytes = foreignModel({
    opset: 17,
    dims: [2, 3],
    initializer: [floats('w', [3, 4], 1)],
    node: [node('MatMul', ['x', 'w'], ['y'])],
  });
  const { graph, stateValues } = readOnnx(bytes, { weights: 'parameters' });
  assert.deepEqual(
    graph.states.map((state) => [state.name, state.kind]),
    [['w', 'parameter']],
  );
  assert.equal(stateValues['w']!.data.length, 12);
});

test('what cannot come in is named with its op and node', () => {
  const bad = (nodes: OnnxNode[], extra: Partial<OnnxGraph> = {}) =>
    message(() => readOnnx(foreignModel({ opset: 17, dims: [2, 3], node: nodes, ...extra })));
  assert.equal(
    bad([{ ...node('LSTM', ['x'], ['y']), name: 'encoder/lstm' }]),
    'readOnnx: an op that Tenfold has, got "LSTM" (node "encoder/lstm", op LSTM). Export the model without LSTM, with simpler ops in its place. TF-GRAPH-012',
  );
  assert.equal(
    bad([{ ...node('Foo', ['x'], ['y']), domain: 'my.ops' }]),
    'readOnnx: an op of a known domain, got "my.ops" (node "y", op Foo). TF-GRAPH-012',
  );
  assert.equal(
    bad([node('NonZero', ['x'], ['z']), node('Reshape', ['x', 'z'], ['y'])]),
    'readOnnx: an op that Tenfold has, got "NonZero" (node "z", op NonZero). Export the model without NonZero, with simpler ops in its place. TF-GRAPH-012',
  );
  assert.equal(
    bad([node('Cast', ['x'], ['i'], intAttribute('to', 7)), node('Reshape', ['x', 'i'], ['y'])]),
    'readOnnx: input "shape" to be a constant, got "i", which is computed (node "y", op Reshape). Export the model with static shapes. TF-GRAPH-012',
  );
  assert.equal(
    bad([node('Relu', ['gone'], ['y'])]),
    'readOnnx: "gone" must be defined before use (node "y", op Relu). The file is damaged or its nodes are not sorted; export it again. TF-GRAPH-007',
  );
  assert.equal(
    bad([node('Relu', ['x'], ['y'], intAttribute('speed', 2))]),
    'relu: "speed" is not an attribute of Relu (node "Relu"). TF-GRAPH-004',
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
