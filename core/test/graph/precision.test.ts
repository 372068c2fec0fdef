import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  applyPrecision,
  cleanUp,
  createGraphBuilder,
  OP_PROPERTIES,
  verifyGraph,
  type Graph,
  type PrecisionRecipe,
} from '../../src/graph/index.ts';
import { castTensor, numbersFromTensor, roundToDtype, tensorFromArray, type Tensor } from '../../src/tensor/index.ts';
import { randomFeeds, runGraph, type NamedTensors } from './run-onnx.ts';

function linear(): Graph {
  const g = createGraphBuilder('linear');
  const x = g.input('x', 'float32', [4, 6]);
  const w = g.parameter('w', [6, 3]);
  const y = g.matMul(x, w);
  g.output(y, 'y');
  const gradient = g.input('dy', 'float32', [4, 3]);
  g.withNotes({ phase: 'backward' }, () => {
    const scaled = g.mul(gradient, 3);
    const dw = g.withNotes({ role: 'dW' }, () => g.fusedMatMul(x, scaled, { transA: 1 }));
    g.output(dw, 'dw');
    g.withNotes({ phase: 'update', role: 'none' }, () => g.setNextState(w, g.sub(w, g.mul(dw, 0.1))));
  });
  return g.finish();
}

const rounded = (tensor: Tensor, dtype: 'bfloat16' | 'float16') => castTensor(castTensor(tensor, dtype), 'float32');

function product(a: Tensor, b: Tensor): Float64Array {
  const [rows, inner] = a.shape as [number, number];
  const columns = b.shape[1]!;
  const [left, right] = [numbersFromTensor(a), numbersFromTensor(b)];
  const sums = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++)
    for (let k = 0; k < inner; k++)
      for (let j = 0; j < columns; j++) sums[i * columns + j]! += left[i * inner + k]! * right[k * columns + j]!;
  return sums;
}

async function run(recipe: PrecisionRecipe, feeds?: NamedTensors) {
  const graph = linear();
  const { graph: changed, stateValues } = applyPrecision(graph, recipe);
  verifyGraph(changed);
  const all = { ...(feeds ?? randomFeeds(graph, 5)), ...stateValues };
  return { feeds: all, results: await runGraph(changed, all), changed, stateValues };
}

for (const storage of ['bfloat16', 'float16'] as const) {
  test(`${storage} storage rounds operands and results, keeps dW and the update in f32`, async () => {
    const { feeds, results, changed } = await run({ storage });
    const exact = product(rounded(feeds['x']!, storage), rounded(feeds['w']!, storage));
    const y = results['y']!.data as Float32Array;
    // The f32 sum may sit on the other side of a rounding border: at most one step of the 16-bit grid.
    const step = storage === 'bfloat16' ? 2 ** -7 : 2 ** -10;
    y.forEach((each, i) => {
      assert.equal(roundToDtype(storage, each), each);
      assert.ok(Math.abs(each - exact[i]!) <= step * Math.abs(exact[i]!) + 1e-6);
    });
    const dw = results['dw']!.data as Float32Array;
    assert.ok(
      dw.some((each) => roundToDtype(storage, each) !== each),
      'dW is not on the 16-bit grid',
    );
    const sub = changed.nodes.find((node) => node.op === 'Sub')!;
    assert.equal(sub.inputs[0], changed.states[0]!.value, 'the update reads the master weights');
  });
}

test('rounding casts survive cleanUp', () => {
  const { graph } = applyPrecision(linear(), { storage: 'bfloat16' });
  const casts = (each: Graph) => each.nodes.filter((node) => node.op === 'Cast').length;
  assert.ok(casts(graph) > 0);
  assert.equal(casts(cleanUp(graph)), casts(graph));
});

test('float32 storage without fp8 changes nothing', () => {
  const graph = linear();
  assert.equal(applyPrecision(graph, { storage: 'float32' }).graph.nodes.length, graph.nodes.length);
});

/** Values that cast(x · scale) / scale can take. */
function fp8(tensor: Tensor, format: 'float8e4m3fn' | 'float8e5m2', scale: number): Tensor {
  const scaled = tensorFromArray(
    'float32',
    tensor.shape,
    (tensor.data as Float32Array).map((each) => each * Math.fround(scale)),
  );
  const back = castTensor(castTensor(scaled, format), 'float32');
  return tensorFromArray(
    'float32',
    tensor.shape,
    back.data.map((each) => each / Math.fround(scale)),
  );
}

const amax = (tensor: Tensor) =>
  Array.from(numbersFromTensor(tensor)).reduce((most, each) => Math.max(most, Math.abs(each)), 0);

function assertNear(actual: Tensor, expected: Float64Array): void {
  const most = expected.reduce((largest, each) => Math.max(largest, Math.abs(each)), 0);
  (actual.data as Float32Array).forEach((each, i) =>
    assert.ok(Math.abs(each - expected[i]!) < 1e-5 * most, `${each} ${expected[i]}`),
  );
}

test('current scaling uses E4M3 at max/amax forward and E5M2 for the gradient operand', async () => {
  const { feeds, results } = await run({ storage: 'float32', fp8: { scaling: 'current' } });
  const [x, w] = [feeds['x']!, feeds['w']!];
  assertNear(results['y']!, product(fp8(x, 'float8e4m3fn', 448 / amax(x)), fp8(w, 'float8e4m3fn', 448 / amax(w))));
  const dy = tensorFromArray(
    'float32',
    [4, 3],
    (feeds['dy']!.data as Float32Array).map((each) => each * 3),
  );
  const xT = tensorFromArray(
    'float32',
    [6, 4],
    Float32Array.from({ length: 24 }, (_, i) => x.data[(i % 4) * 6 + Math.floor(i / 4)] as number),
  );
  const quantisedX = fp8(xT, 'float8e4m3fn', 448 / amax(x));
  assertNear(results['dw']!, product(quantisedX, fp8(dy, 'float8e5m2', 57344 / amax(dy))));
});

test('delayed scaling starts with scale 1 and uses the history of amax from step 2 on', async () => {
  const recipe: PrecisionRecipe = { storage: 'float32', fp8: { scaling: 'delayed', historyLength: 3, margin: 1 } };
  const first = await run(recipe);
  const [x, w] = [first.feeds['x']!, first.feeds['w']!];
  assertNear(first.results['y']!, product(fp8(x, 'float8e4m3fn', 1), fp8(w, 'float8e4m3fn', 1)));
  const nextOf = (name: string) => {
    const state = first.changed.states.find((each) => each.name === name)!;
    return first.results[first.changed.values[state.next!]!.name]!;
  };
  assert.deepEqual([...nextOf('x.fp8_amax_history').data], [Math.fround(amax(x)), 0, 0]);
  const scale = 224 / amax(x);
  assert.ok(Math.abs((nextOf('x.fp8_scale').data[0] as number) / scale - 1) < 1e-6);
  assert.deepEqual(
    Object.keys(first.stateValues).filter((name) => name.startsWith('x.')),
    ['x.fp8_scale', 'x.fp8_amax_history'],
  );
});

test('an amax of 0 or infinity keeps the old delayed scale', async () => {
  for (const bad of [0, Infinity]) {
    const graph = linear();
    const x = tensorFromArray('float32', [4, 6], new Float32Array(24).fill(bad));
    const { changed, results } = await run(
      { storage: 'float32', fp8: { scaling: 'delayed', historyLength: 1 } },
      { ...randomFeeds(graph, 5), x },
    );
    const state = changed.states.find((each) => each.name === 'x.fp8_scale')!;
    assert.equal(results[changed.values[state.next!]!.name]!.data[0], 1);
  }
});

for (const scaling of ['block', 'mx'] as const) {
  test(`${scaling} scaling rounds each block under its own power of two`, async () => {
    const block = scaling === 'block' ? 128 : 32;
    const g = createGraphBuilder('blocks');
    const x = g.input('x', 'float32', [2, 200]);
    const eye = g.input('eye', 'float32', [200, 200]);
    g.output(g.matMul(x, eye), 'y');
    const graph = g.finish();
    const feeds = { ...randomFeeds(graph, 6) };
    const data = feeds['x']!.data as Float32Array;
    data.forEach((each, i) => (data[i] = each * 10 ** (Math.floor((i % 200) / block) - 3)));
    feeds['eye'] = tensorFromArray(
      'float32',
      [200, 200],
      Float32Array.from({ length: 40_000 }, (_, i) => Number(i % 201 === 0)),
    );
    const { graph: changed } = applyPrecision(graph, { storage: 'float32', fp8: { scaling } });
    const y = (await runGraph(verifyGraph(changed), feeds))['y']!.data as Float32Array;
    for (let row = 0; row < 2; row++) {
      for (let start = 0; start < 200; start += block) {
        const values = data.subarray(row * 200 + start, row * 200 + Math.min(start + block, 200));
        const most = values.reduce((largest, each) => Math.max(largest, Math.abs(each)), 0);
        const scale =
          scaling === 'block' ? 2 ** Math.floor(Math.log2(448 / most)) : 2 ** (8 - Math.floor(Math.log2(most)));
        const expected = fp8(tensorFromArray('float32', [values.length], values.slice()), 'float8e4m3fn', scale);
        assert.deepEqual(y.slice(row * 200 + start, row * 200 + start + values.length), expected.data);
      }
    }
  });
}

test('keepFloat32 leaves a node and its operands alone', async () => {
  const graph = linear();
  const { graph: changed } = applyPrecision(graph, {
    storage: 'bfloat16',
    keepFloat32: (node) => node.op === 'MatMul',
  });
  const matMul = changed.nodes.find((node) => node.op === 'MatMul')!;
  assert.deepEqual(
    matMul.inputs.map((id) => changed.values[id]!.name),
    ['x', 'w'],
  );
});

test('activations travel in the storage dtype, weight gradients in f32', () => {
  const g = createGraphBuilder('ranks');
  const options = { group: 'tp', groupSize: 2 };
  const x = g.input('x', 'float32', [4, 2]);
  g.output(g.allReduce(x, options), 'y');
  g.send(x, 1, options);
  g.output(g.recv(1, [4], options), 'received');
  g.withNotes({ phase: 'backward', role: 'dW' }, () => g.output(g.allReduce(x, options), 'dw'));
  const { graph } = applyPrecision(g.finish(), { storage: 'bfloat16' });
  verifyGraph(graph);
  const wires = graph.nodes
    .filter((node) => OP_PROPERTIES[node.op].isCollective)
    .map((node) => `${node.op} ${graph.values[node.outputs[0] ?? node.inputs[0]!]!.dtype}`);
  assert.deepEqual(wires, ['AllReduce bfloat16', 'Send bfloat16', 'Recv bfloat16', 'AllReduce float32']);
  assert.ok(graph.outputs.every((id) => graph.values[id]!.dtype === 'float32'));
});
