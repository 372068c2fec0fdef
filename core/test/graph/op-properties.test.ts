import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GRADIENT_RULES } from '../../src/autodiff/index.ts';
import { broadcastShapes, OP_NAMES, OP_PROPERTIES, type Graph, type GraphNode } from '../../src/graph/index.ts';
import { ALL_SAMPLES, graphFromSample } from './op-samples.ts';
import { randomFeeds, runGraph } from './run-onnx.ts';

const samplesOf = (op: string) => ALL_SAMPLES.filter((sample) => sample.op === op);

test('isDifferentiable says what the gradient table says', () => {
  const differing = OP_NAMES.filter(
    (op) => OP_PROPERTIES[op].isDifferentiable !== (typeof GRADIENT_RULES[op] === 'function'),
  );
  assert.deepEqual(differing, []);
});

test('ops that commute give the same bits with swapped inputs, the other binary ops do not', async () => {
  for (const op of OP_NAMES) {
    if (!OP_PROPERTIES[op].isElementwise) continue;
    for (const { index } of samplesOf(op)) {
      const graph = graphFromSample(op, index);
      const node = graph.nodes.at(-1)!;
      if (node.inputs.length !== 2) continue;
      const swapped: Graph = {
        ...graph,
        nodes: graph.nodes.map((each): GraphNode =>
          each === node ? { ...each, inputs: each.inputs.toReversed() } : each,
        ),
      };
      const feeds = randomFeeds(graph, 8);
      const name = graph.values[node.outputs[0]!]!.name;
      const [first, second] = [(await runGraph(graph, feeds))[name]!, (await runGraph(swapped, feeds))[name]!];
      const isSame = Buffer.compare(Buffer.from(first.data.buffer), Buffer.from(second.data.buffer)) === 0;
      assert.equal(isSame, OP_PROPERTIES[op].commutes, `${op} ${index}`);
    }
  }
});

test('elementwise ops have the broadcast shape of their inputs', () => {
  for (const { op, index } of ALL_SAMPLES) {
    if (!OP_PROPERTIES[op].isElementwise) continue;
    const graph = graphFromSample(op, index);
    for (const node of graph.nodes.filter((each) => each.op === op)) {
      const shapes = node.inputs.map((id) => graph.values[id]!.shape);
      const wide = shapes.reduce((left, right) => broadcastShapes(left, right)!);
      assert.deepEqual(graph.values[node.outputs[0]!]!.shape, wide, op);
    }
  }
});

test('collectives, and only they, carry a group size', () => {
  for (const { op, index } of ALL_SAMPLES) {
    const node = graphFromSample(op, index).nodes.find((each) => each.op === op)!;
    assert.equal(Object.hasOwn(node.attributes, 'group_size'), OP_PROPERTIES[op].isCollective, op);
    assert.equal(node.notes.group !== undefined, OP_PROPERTIES[op].isCollective, op);
  }
});
