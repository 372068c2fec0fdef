/** Models as other exporters write them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { createRng } from '../../src/base/index.ts';
import { describeOnnxInputs, readOnnx, verifyGraph, type Graph } from '../../src/graph/index.ts';
import { MODEL_SCHEMA } from '../../src/graph/onnx/onnx-schema.ts';
import {
  ATTRIBUTE_TYPES,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
} from '../../src/graph/onnx/onnx-types.ts';
import { assertTensorsClose, type Tensor } from '../../src/tensor/index.ts';
import { messageOf } from './error-message.ts';
import { randomFeeds, runGraph, runOnnx } from './run-onnx.ts';

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
    messageOf(() => readOnnx(bytes)),
    'readOnnx: every input dim must be known, got "batch" of "x". Give named dims with `sizes`, others with `inputShapes`. TF-GRAPH-011',
  );
});

test('modules come from PyTorch’s own scopes, else from the path in a node’s name', () => {
  const scoped = (name: string, scopes: string): OnnxNode => ({
    ...node('Relu', [name], [`${name}+`]),
    name: `node_${name}`,
    metadataProps: [{ key: 'pkg.torch.onnx.name_scopes', value: scopes }],
  });
  const {
    graph: { nodes },
  } = readOnnx(
    foreignModel({
      opset: 18,
      dims: [2],
      node: [
        scoped('x', "['', 'layers.0', 'layers.0.attn', 'relu_1']"),
        scoped('x+', "['', 'relu']"),
        { ...node('Relu', ['x++'], ['y']), name: '/layers.1/ffn/Relu' },
      ],
    }),
  );
  assert.deepEqual(
    nodes.map(({ notes }) => notes.module),
    ['layers.0.attn', '', 'layers.1.ffn'],
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
    messageOf(() => readOnnx(foreignModel({ opset: 17, dims: [2, 3], node: nodes, ...extra })));
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
