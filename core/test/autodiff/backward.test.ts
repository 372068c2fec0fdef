/** The backward pass as a graph: roles, leanness, errors, custom gradients, checkpoints, size. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  backward,
  backwardGraph,
  checkpoint,
  customGradient,
  straightThrough,
  vectorJacobianProduct,
} from '../../src/autodiff/index.ts';
import { createGraphBuilder } from '../../src/graph/index.ts';
import type { GraphBuilder, GraphNode, GraphValue } from '../../src/graph/index.ts';
import { int64s, normals, run64, worstError } from './test-runner.ts';

const opsOf = (nodes: readonly GraphNode[]): string[] => nodes.map((node) => node.op);
const backwardNodes = (b: GraphBuilder): GraphNode[] => b.nodes.filter((node) => node.notes.phase === 'backward');

/** x [B, T, C] → linear → loss, with its parameters. */
function linearLoss(b: GraphBuilder) {
  const x = b.input('x', 'float32', [2, 3, 4]);
  const w = b.parameter('w', [4, 5]);
  const bias = b.parameter('bias', [5]);
  const y = b.scope('fc', () => b.add(b.matMul(x, w), bias));
  return { x, w, bias, loss: b.reduceSum(b.mul(y, y)) };
}

test('a linear layer gets one Gemm per operand, no Transpose, and a ReduceSum for its bias', () => {
  const b = createGraphBuilder('linear');
  const { x, w, bias, loss } = linearLoss(b);
  backward(b, loss, [x, w, bias]);
  const made = backwardNodes(b);
  assert.equal(opsOf(made).filter((op) => op === 'Gemm').length, 2);
  assert.equal(opsOf(made).filter((op) => op === 'ReduceSum').length, 1);
  assert.deepEqual(
    opsOf(made).filter((op) => !['Gemm', 'ReduceSum', 'Reshape', 'Mul', 'Expand'].includes(op)),
    [],
  );
});

test('gradient nodes carry phase, role and the module of the forward node', () => {
  const b = createGraphBuilder('linear');
  const { x, w, bias, loss } = linearLoss(b);
  const forwardCount = b.nodes.length;
  backward(b, loss, [x, w, bias]);
  const made = b.nodes.slice(forwardCount);
  assert.ok(made.every((node) => node.notes.phase === 'backward'));
  const products = made.filter((node) => node.op === 'Gemm');
  assert.deepEqual(products.map((node) => node.notes.role).sort(), ['dW', 'dX']);
  assert.ok(products.every((node) => node.notes.module === 'fc'));
  assert.equal(made.find((node) => node.op === 'ReduceSum')?.notes.role, 'dW');
});

test('nothing is built for operands that need no gradient', () => {
  const b = createGraphBuilder('linear');
  const { w, loss } = linearLoss(b);
  backward(b, loss, [w]);
  assert.equal(opsOf(backwardNodes(b)).filter((op) => op === 'Gemm').length, 1);
});

test('cross entropy scatters into −softmax/N in one node', () => {
  const b = createGraphBuilder('ce');
  const x = b.input('x', 'float32', [6, 10]);
  const labels = b.input('labels', 'int64', [6, 1]);
  const loss = b.neg(b.reduceMean(b.gatherElements(b.logSoftmax(x, 1), labels, 1)));
  backward(b, loss, [x]);
  assert.deepEqual(opsOf(backwardNodes(b)).sort(), ['Exp', 'Expand', 'Mul', 'ScatterElements']);
});

test('softmax takes four nodes, layer norm at most ten', () => {
  const b = createGraphBuilder('norms');
  const x = b.input('x', 'float32', [6, 10]);
  const weights = b.input('weights', 'float32', [6, 10]);
  const loss = b.reduceSum(b.mul(b.softmax(x), weights));
  backward(b, loss, [x]);
  assert.deepEqual(opsOf(backwardNodes(b)).sort(), ['Mul', 'Mul', 'ReduceSum', 'Sub']);
  const c = createGraphBuilder('layer norm');
  const [p, s, t, v] = [
    c.input('x', 'float32', [6, 10]),
    c.parameter('s', [10]),
    c.parameter('t', [10]),
    c.input('v', 'float32', [6, 10]),
  ] as const;
  backward(c, c.reduceSum(c.mul(c.layerNorm(p, s, t), v)), [p, s, t]);
  const counted = opsOf(backwardNodes(c)).filter((op) => op !== 'ConstantOfShape');
  assert.ok(counted.length <= 12, `${counted.length}: ${counted.join(' ')}`);
});

test('the gradient of a value that the loss does not depend on is zeros', () => {
  const b = createGraphBuilder('zeros');
  const x = b.input('x', 'float64', [2]);
  const unused = b.input('unused', 'float64', [3]);
  const [, gradient] = backward(b, b.reduceSum(x), [x, unused]);
  b.output(gradient!, 'g');
  const { g } = run64(b.finish(), { x: normals('x', [2]), unused: normals('u', [3]) });
  assert.deepEqual([...(g!.data as Float64Array)], [0, 0, 0]);
});

test('values used several times accumulate, intermediate values have gradients too', () => {
  const b = createGraphBuilder('uses');
  const x = b.input('x', 'float64', [3]);
  const h = b.exp(x);
  const loss = b.reduceSum(b.add(b.mul(h, h), h));
  const [dx, dh] = backward(b, loss, [x, h]);
  b.output(dx!, 'dx');
  b.output(dh!, 'dh');
  const input = normals('x', [3]);
  const out = run64(b.finish(), { x: input });
  for (let i = 0; i < 3; i++) {
    const e = Math.exp(input.data[i]!);
    assert.ok(Math.abs((out['dh']!.data[i] as number) - (2 * e + 1)) < 1e-12);
    assert.ok(Math.abs((out['dx']!.data[i] as number) - (2 * e * e + e)) < 1e-9);
  }
});

for (const dtype of ['float64', 'float32', 'float16', 'bfloat16'] as const) {
  test(`a ${dtype} loss has ${dtype} gradients`, () => {
    const b = createGraphBuilder('dtype');
    const x = b.input('x', dtype, [4]);
    const [gradient] = backward(b, b.reduceMean(b.mul(x, x)), [x]);
    assert.equal(gradient!.dtype, dtype);
    assert.deepEqual(gradient!.shape, [4]);
  });
}

test('stopGradient ends the path and keeps the value', () => {
  const b = createGraphBuilder('stop');
  const x = b.input('x', 'float64', [3]);
  const loss = b.reduceSum(b.mul(x, b.stopGradient(b.exp(x))));
  const [gradient] = backward(b, loss, [x]);
  b.output(gradient!, 'g');
  const input = normals('x', [3]);
  const { g } = run64(b.finish(), { x: input });
  for (let i = 0; i < 3; i++) assert.ok(Math.abs((g!.data[i] as number) - Math.exp(input.data[i]!)) < 1e-12);
});

test('straightThrough rounds forward and passes the gradient unchanged', () => {
  const b = createGraphBuilder('ste');
  const x = b.input('x', 'float64', [3]);
  const y = straightThrough(b, x, (value) => b.round(value));
  b.output(y, 'y');
  const [gradient] = backward(b, b.reduceSum(b.mul(y, y)), [x]);
  b.output(gradient!, 'g');
  const input = { dtype: 'float64', shape: [3], data: Float64Array.of(0.4, 1.6, -2.3) } as const;
  const out = run64(b.finish(), { x: input });
  assert.deepEqual([...(out['y']!.data as Float64Array)].map(Math.abs), [0, 2, 2]);
  assert.deepEqual(
    [...(out['g']!.data as Float64Array)].map((value) => value + 0),
    [0, 4, -4],
  );
});

test('a custom gradient replaces the built one and sees full output gradients', () => {
  const b = createGraphBuilder('custom');
  const x = b.input('x', 'float64', [2, 2]);
  const [y] = customGradient(
    b,
    [x],
    ([value]) => [b.exp(b.sin(value!))],
    ({ builder, outputs, outputGradients: [dy] }) => {
      assert.deepEqual(dy!.shape, [2, 2]);
      return [builder.mul(dy!, builder.mul(outputs[0]!, 3))];
    },
  );
  const [gradient] = backward(b, b.reduceSum(y!), [x]);
  b.output(gradient!, 'g');
  const input = normals('x', [2, 2]);
  const { g } = run64(b.finish(), { x: input });
  for (let i = 0; i < 4; i++) {
    assert.ok(Math.abs((g!.data[i] as number) - 3 * Math.exp(Math.sin(input.data[i]!))) < 1e-12);
  }
});

test('a custom gradient of the wrong shape is refused by name', () => {
  const b = createGraphBuilder('custom');
  const x = b.input('x', 'float32', [2, 2]);
  const [y] = customGradient(
    b,
    [x],
    ([value]) => [b.exp(value!)],
    ({ builder }) => [builder.full([3], 1)],
  );
  assert.throws(() => backward(b, b.reduceSum(y!), [x]), {
    message: 'customGradient: a gradient of float32 [2, 2] for "x", got float32 [3]. TF-GRAD-004',
  });
});

test('vectorJacobianProduct starts from given gradients of several values', () => {
  const b = createGraphBuilder('vjp');
  const x = b.input('x', 'float64', [3]);
  const [s, c] = [b.sin(x), b.cos(x)];
  const seed = b.input('seed', 'float64', [3]);
  const [gradient] = vectorJacobianProduct(
    b,
    [
      { value: s, gradient: seed },
      { value: c, gradient: b.scalar(2, 'float64') },
    ],
    [x],
  );
  b.output(gradient!, 'g');
  const [input, weights] = [normals('x', [3]), normals('seed', [3])];
  const { g } = run64(b.finish(), { x: input, seed: weights });
  for (let i = 0; i < 3; i++) {
    const expected = weights.data[i]! * Math.cos(input.data[i]!) - 2 * Math.sin(input.data[i]!);
    assert.ok(Math.abs((g!.data[i] as number) - expected) < 1e-12);
  }
});

test('backwardGraph leaves its argument as it was and adds outputs', () => {
  const b = createGraphBuilder('graph');
  const x = b.input('x', 'float32', [3]);
  b.output(b.reduceSum(b.mul(x, x)), 'loss');
  const graph = b.finish();
  const numNodes = graph.nodes.length;
  const withGradients = backwardGraph(graph, 'loss', ['x']);
  assert.equal(graph.nodes.length, numNodes);
  assert.deepEqual(
    withGradients.outputs.map((id) => withGradients.values[id]!.name),
    ['loss', 'grad/x'],
  );
});

test('an op without a rule on the way to the loss is named with its place', () => {
  const b = createGraphBuilder('router');
  const x = b.input('x', 'float32', [2, 3]);
  const y = b.node(
    'ScatterElements',
    [x, b.input('i', 'int64', [2, 3]), x],
    { reduction: 'max' },
    { name: 'router/gate' },
  );
  const loss = b.output(b.reduceSum(y[0]!), 'loss');
  assert.throws(() => backward(b, loss, [x]), {
    code: 'TF-GRAD-002',
    message:
      'backward: no gradient rule for "ScatterElements" reached from loss through "router/gate". ' +
      'Reason: reduction "max" has none. Mark it stopGradient. TF-GRAD-002',
  });
});

test('a gradient that reaches a saved statistic is refused, not lost', () => {
  const b = createGraphBuilder('by-product');
  const x = b.input('x', 'float32', [2, 3]);
  const [, mean] = b.multi('LayerNormalization', [x, b.parameter('s', [3])], {}, { numOutputs: 3, name: 'ln' });
  assert.throws(() => backward(b, b.output(b.reduceSum(mean!), 'loss'), [x]), {
    message:
      'backward: no gradient rule for "LayerNormalization" reached from loss through "ln". ' +
      'Reason: its output Mean? has none. Mark it stopGradient. TF-GRAD-002',
  });
});

test('a loss with several elements and an integer to differentiate by are refused', () => {
  const b = createGraphBuilder('bad');
  const x = b.input('x', 'float32', [3]);
  const n = b.input('n', 'int64', [3]);
  assert.throws(() => backward(b, x, [x]), {
    message:
      'backward: the loss must be one floating-point number, got float32 [3] (value "x"). ' +
      'Reduce it, or use vectorJacobianProduct with a seed gradient. TF-GRAD-001',
  });
  assert.throws(() => backward(b, b.reduceSum(x), [n]), {
    message: 'backward: floating-point values to differentiate by, got "n" int64. TF-GRAD-003',
  });
});

/** A stack of residual blocks, each checkpointed or not. */
function residualStack(b: GraphBuilder, isCheckpointed: boolean): { loss: GraphValue; wrt: GraphValue[] } {
  const wrt: GraphValue[] = [];
  let h: GraphValue = b.input('x', 'float64', [3, 4]);
  wrt.push(h);
  for (let layer = 0; layer < 3; layer++) {
    const w = b.parameter(`w${layer}`, [4, 4], 'float64');
    wrt.push(w);
    const block = (): GraphValue =>
      b.scope(`block${layer}`, () => b.add(h, b.matMul(b.gelu(b.softmax(b.matMul(h, w))), w)));
    h = isCheckpointed ? checkpoint(b, block) : block();
  }
  return { loss: b.reduceSum(b.mul(h, h)), wrt };
}

test('checkpointing changes no gradient, and keeps no inner value of a segment for the backward pass', () => {
  const results = [false, true].map((isCheckpointed) => {
    const b = createGraphBuilder('stack');
    const { loss, wrt } = residualStack(b, isCheckpointed);
    b.output(loss, 'loss');
    const forwardNodes = [...b.nodes];
    const gradients = backward(b, loss, wrt);
    gradients.forEach((gradient, i) => b.output(gradient, `g${i}`));
    const feeds = Object.fromEntries(wrt.map((value) => [value.name, normals(value.name, value.shape)]));
    return { b, forwardNodes, outputs: run64(b.finish(), feeds) };
  });
  const [plain, checkpointed] = results as [(typeof results)[0], (typeof results)[0]];
  for (const name of Object.keys(plain.outputs)) {
    assert.ok(worstError(checkpointed.outputs[name]!, plain.outputs[name]!) < 1e-12);
  }
  const inner = new Set(
    checkpointed.forwardNodes
      .filter((node) => ['MatMul', 'Softmax', 'Gelu'].includes(node.op))
      .flatMap((node) => node.outputs),
  );
  const readers = checkpointed.b.nodes
    .slice(checkpointed.forwardNodes.length)
    .filter((node) => node.inputs.some((id) => inner.has(id)));
  assert.deepEqual(readers, []);
  const isRead = new Set(checkpointed.b.finish().outputs.concat(checkpointed.b.nodes.flatMap((node) => node.inputs)));
  const dead = checkpointed.b.nodes.filter((node) => !node.outputs.some((id) => isRead.has(id)));
  assert.deepEqual(opsOf(dead), []);
});

test('recomputed nodes hang on the arrived gradient, so no engine can merge or hoist them', () => {
  const b = createGraphBuilder('stack');
  const { loss, wrt } = residualStack(b, true);
  const forwardCount = b.nodes.length;
  backward(b, loss, wrt.slice(0, 1));
  const made = b.nodes.slice(forwardCount);
  assert.equal(made.filter((node) => node.op === 'Less').length, 2, 'one barrier per block whose input is computed');
});

test('a checkpointed segment that ends in a scalar is recomputed without slicing it', () => {
  const b = createGraphBuilder('mean');
  const x = b.input('x', 'float64', [3, 4]);
  const w = b.parameter('w', [3, 4], 'float64');
  const h = b.mul(x, w);
  // The square root is a computed gradient, so it reaches the segment as a value of rank 0.
  const loss = b.sqrt(checkpoint(b, () => b.reduceSum(b.exp(b.mul(h, h)))));
  b.output(loss, 'loss');
  const [gradient] = backward(b, loss, [w]);
  b.output(gradient!, 'dw');
  assert.deepEqual(
    opsOf(backwardNodes(b)).filter((op) => op === 'Slice'),
    [],
  );
  assert.ok(opsOf(backwardNodes(b)).includes('Less'), 'the barrier is there');
  const [xs, ws] = [normals('x', [3, 4]), normals('w', [3, 4])];
  const { dw, loss: value } = run64(b.finish(), { x: xs, w: ws });
  const expected = Float64Array.from(xs.data as Float64Array, (xi, i) => {
    const wi = (ws.data as Float64Array)[i]!;
    return (Math.exp((xi * wi) ** 2) * xi * xi * wi) / Number(value!.data[0]);
  });
  assert.ok(worstError(dw!, { dtype: 'float64', shape: [3, 4], data: expected }) < 1e-12);
});

test('twenty thousand nodes differentiate in a few seconds', () => {
  const b = createGraphBuilder('deep');
  const x = b.input('x', 'float32', [4, 8]);
  const w = b.parameter('w', [8, 8]);
  let h: GraphValue = x;
  for (let i = 0; i < 5000; i++) h = b.add(h, b.tanh(b.add(b.matMul(h, w), 0.1)));
  const loss = b.reduceMean(h);
  const numForward = b.nodes.length;
  assert.ok(numForward >= 20_000);
  backward(b, loss, [w]);
  assert.ok(b.nodes.length > 2 * numForward);
});

test('integer indices pass gradients to embeddings through their rows', () => {
  const b = createGraphBuilder('embed');
  const table = b.parameter('table', [5, 2], 'float64');
  const rows = b.gather(table, b.input('ids', 'int64', [4]));
  const [gradient] = backward(b, b.reduceSum(b.mul(rows, rows)), [table]);
  b.output(gradient!, 'g');
  const values = normals('table', [5, 2]);
  const { g } = run64(b.finish(), { ids: int64s([4], [1, 3, 1, 1]), table: values });
  const counts = [0, 3, 0, 1, 0];
  for (let i = 0; i < 10; i++) {
    assert.ok(Math.abs((g!.data[i] as number) - 2 * counts[i >> 1]! * values.data[i]!) < 1e-12);
  }
});

test('a half-precision embedding sums its rows in f32 and hands that on to its f32 master copy', () => {
  const b = createGraphBuilder('embed');
  const table = b.parameter('table', [5, 2]);
  const rows = b.gather(b.cast(table, 'float16'), b.input('ids', 'int64', [4]));
  const forwardCount = b.nodes.length;
  const [gradient] = backward(b, b.reduceSum(b.cast(b.mul(rows, rows), 'float32')), [table]);
  const made = b.nodes.slice(forwardCount);
  const scatter = made.find((node) => node.op === 'ScatterND');
  assert.equal(b.values[scatter!.outputs[0]!]!.dtype, 'float32');
  assert.equal(gradient!.id, scatter!.outputs[0]);
  assert.equal(made.filter((node) => node.op === 'Cast').length, 2, 'one for the loss, one to widen the rows');
});

test('the backward pass can be differentiated again', () => {
  const b = createGraphBuilder('twice');
  const x = b.input('x', 'float64', [3]);
  const [gradient] = backward(b, b.reduceSum(b.mul(b.mul(x, x), x)), [x]);
  const [second] = backward(b, b.reduceSum(b.mul(gradient!, gradient!)), [x]);
  b.output(second!, 'g');
  const input = normals('x', [3]);
  const { g } = run64(b.finish(), { x: input });
  // d/dx (3x²)² = 36x³
  for (let i = 0; i < 3; i++) assert.ok(Math.abs((g!.data[i] as number) - 36 * input.data[i]! ** 3) < 1e-9);
});
