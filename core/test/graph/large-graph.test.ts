import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  cleanUp,
  costOfGraph,
  createGraphBuilder,
  cutAtCollectives,
  fuseMatMul,
  mergeCommonSubexpressions,
  parseGraph,
  printGraph,
  readOnnx,
  removeDeadCode,
  verifyGraph,
  writeOnnx,
  type Graph,
} from '../../src/graph/index.ts';

/** 20,000 nodes: layers of a transposed product, a scale, a residual and a collective. */
function largeGraph(): Graph {
  const g = createGraphBuilder('large');
  let x = g.input('x', 'float32', [4, 4]);
  for (let layer = 0; layer < 4000; layer++) {
    x = g.scope(`layers.${layer}`, () => {
      const w = g.parameter(`layers.${layer}.w`, [4, 4]);
      const product = g.mul(g.matMul(x, g.transpose(w)), 0.5);
      const residual = g.add(x, product);
      return layer % 10 === 0 ? g.allReduce(residual, { group: 'tp', groupSize: 2 }) : g.tanh(residual);
    });
  }
  g.output(x, 'y');
  return g.finish();
}

test('a graph of 20,000 nodes survives text, ONNX and every pass', () => {
  const graph = verifyGraph(largeGraph());
  assert.equal(graph.nodes.length, 20_000);
  const text = printGraph(graph);
  assert.equal(printGraph(parseGraph(text)), text);
  assert.equal(printGraph(readOnnx(writeOnnx(graph).model).graph), text);
  const fused = fuseMatMul(cleanUp(mergeCommonSubexpressions(removeDeadCode(graph))));
  assert.equal(fused.nodes.length, 12_000);
  assert.equal(costOfGraph(graph).flops > costOfGraph(fused).flops, true);
  assert.equal(cutAtCollectives(graph).filter((step) => step.kind === 'issue').length, 400);
});
