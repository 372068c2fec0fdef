import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  costOfGraph,
  costOfNode,
  createGraphBuilder,
  lowerToStandardOnnx,
  OP_PROPERTIES,
  type GraphBuilder,
  type GraphValue,
} from '../../src/graph/index.ts';
import { ALL_SAMPLES, graphFromSample } from './op-samples.ts';

function costOf(build: (g: GraphBuilder) => GraphValue) {
  const g = createGraphBuilder('cost');
  g.output(build(g));
  const graph = g.finish();
  return costOfNode(graph, graph.nodes.at(-1)!);
}

test('matrix products cost two FLOPs a multiply-add however they are written', () => {
  const expected = 2 * 5 * 4 * 8 * 3;
  const a = (g: GraphBuilder, ...shape: number[]) => g.input('a', 'float32', shape);
  const b = (g: GraphBuilder, ...shape: number[]) => g.input('b', 'float32', shape);
  assert.equal(costOf((g) => g.matMul(a(g, 5, 4, 8), b(g, 5, 8, 3))).flops, expected);
  assert.equal(costOf((g) => g.fusedMatMul(a(g, 5, 8, 4), b(g, 5, 3, 8), { transA: 1, transB: 1 })).flops, expected);
  assert.equal(costOf((g) => g.fusedMatMul(a(g, 4, 5, 8), b(g, 5, 8, 3), { transBatchA: 1 })).flops, expected);
  assert.equal(
    costOf((g) => g.fusedMatMul(a(g, 8, 5, 4), b(g, 5, 8, 3), { transBatchA: 1, transA: 1 })).flops,
    expected,
  );
  assert.equal(costOf((g) => g.einsum('bik,bkj->bij', a(g, 5, 4, 8), b(g, 5, 8, 3))).flops, expected);
  assert.equal(costOf((g) => g.gemm(a(g, 8, 4), b(g, 3, 8), undefined, { transA: 1, transB: 1 })).flops, expected / 5);
});

test('the FLOPs of FusedMatMul equal those of its lowering, for all samples', () => {
  for (const { op, index } of ALL_SAMPLES.filter((sample) => sample.op === 'FusedMatMul')) {
    const graph = graphFromSample(op, index);
    const lowered = lowerToStandardOnnx(graph);
    const matMul = lowered.nodes.find((node) => node.op === 'MatMul')!;
    assert.equal(costOfNode(graph, graph.nodes[0]!).flops, costOfNode(lowered, matMul).flops, `sample ${index}`);
  }
});

test('a convolution costs two FLOPs a kernel tap, group channel and output, plus its bias', () => {
  const cost = costOf((g) =>
    g.conv(g.input('x', 'float32', [2, 4, 9, 9]), g.input('w', 'float32', [6, 2, 3, 3]), {
      group: 2,
      bias: g.input('b', 'float32', [6]),
    }),
  );
  const outputs = 2 * 6 * 7 * 7;
  assert.equal(cost.flops, 2 * outputs * 2 * 9 + outputs);
  assert.equal(cost.bytesRead, 4 * (2 * 4 * 81 + 6 * 2 * 9 + 6));
  assert.equal(cost.bytesWritten, 4 * outputs);
});

test('a gather reads what it returns, a reshape moves nothing', () => {
  const gather = costOf((g) => g.gather(g.input('table', 'float32', [1000, 16]), g.input('ids', 'int64', [3])));
  assert.equal(gather.bytesRead, 3 * 16 * 4 + 3 * 8);
  assert.deepEqual(
    costOf((g) => g.reshape(g.input('x', 'float32', [4, 4]), [16])),
    { flops: 0, bytesRead: 0, bytesWritten: 0, bytesSent: 0 },
  );
});

test('collectives send the bandwidth-optimal volume', () => {
  const options = { group: 'tp', groupSize: 4 };
  const x = (g: GraphBuilder) => g.input('x', 'float32', [8, 2]);
  assert.equal(costOf((g) => g.allReduce(x(g), options)).bytesSent, 2 * 0.75 * 64);
  assert.equal(costOf((g) => g.allGather(x(g), 0, options)).bytesSent, 0.75 * 4 * 64);
  assert.equal(costOf((g) => g.reduceScatter(x(g), 0, options)).bytesSent, 0.75 * 64);
  assert.equal(costOf((g) => g.allToAll(x(g), options)).bytesSent, 0.75 * 64);
});

test('costs of all samples are finite and not negative, and elementwise ops cost at most ten FLOPs an element', () => {
  for (const { op, index } of ALL_SAMPLES) {
    const graph = graphFromSample(op, index);
    const total = costOfGraph(graph);
    for (const figure of Object.values(total)) assert.ok(Number.isFinite(figure) && figure >= 0, `${op} ${index}`);
    if (!OP_PROPERTIES[op].isElementwise) continue;
    const node = graph.nodes.at(-1)!;
    const elements = graph.values[node.outputs[0]!]!.shape.reduce((product, size) => product * size, 1);
    assert.ok(costOfNode(graph, node).flops <= 10 * elements);
  }
});
