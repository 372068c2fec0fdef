import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  lowerToStandardOnnx,
  NON_STANDARD_OPS,
  ONNX_FORMS,
  OP_NAMES,
  OP_PROPERTIES,
  parseGraph,
  printGraph,
  readOnnx,
  verifyGraph,
  writeOnnx,
} from '../../src/graph/index.ts';
import { assertTensorsClose } from '../../src/tensor/index.ts';
import { ALL_SAMPLES, graphFromSample } from './op-samples.ts';
import { randomFeeds, runGraph } from './run-onnx.ts';

const LOCAL_SAMPLES = ALL_SAMPLES.filter(({ op }) => !OP_PROPERTIES[op].isCollective);

test('every op of the union has a sample that verifies', () => {
  const sampled = new Set(ALL_SAMPLES.map(({ op }) => op));
  assert.deepEqual(
    OP_NAMES.filter((op) => !sampled.has(op)),
    [],
  );
  for (const { op, index } of ALL_SAMPLES) verifyGraph(graphFromSample(op, index));
});

test('the type rule of every op gives the dtype and shape that ONNX Runtime computes', async () => {
  for (const { op, index } of LOCAL_SAMPLES) {
    const graph = graphFromSample(op, index);
    const results = await runGraph(graph, randomFeeds(graph, 1));
    for (const id of graph.outputs) {
      const { name, dtype, shape } = graph.values[id]!;
      assert.deepEqual(
        [results[name]!.dtype, [...results[name]!.shape]],
        [dtype, [...shape]],
        `${op} ${index} ${name}`,
      );
    }
  }
});

test('every op survives the text form and the ONNX form unchanged', () => {
  for (const { op, index } of ALL_SAMPLES) {
    const graph = graphFromSample(op, index);
    const text = printGraph(graph);
    assert.equal(printGraph(parseGraph(text)), text, `text of ${op} ${index}`);
    assert.equal(printGraph(readOnnx(writeOnnx(graph).model).graph), text, `ONNX of ${op} ${index}`);
  }
});

test('every op outside the ONNX standard computes the same after lowering, and is gone', async () => {
  for (const op of NON_STANDARD_OPS) {
    for (const { index } of ALL_SAMPLES.filter((sample) => sample.op === op)) {
      const graph = graphFromSample(op, index);
      const lowered = verifyGraph(lowerToStandardOnnx(graph));
      assert.ok(
        lowered.nodes.every((node) => ONNX_FORMS[node.op].domain === '' && !NON_STANDARD_OPS.includes(node.op)),
      );
      const feeds = randomFeeds(graph, 2);
      const [before, after] = [await runGraph(graph, feeds), await runGraph(lowered, feeds)];
      for (const name of Object.keys(before)) assertTensorsClose(after[name]!, before[name]!);
    }
  }
});

test('ops of com.microsoft are all lowered', () => {
  const contrib = OP_NAMES.filter((op) => ONNX_FORMS[op].domain === 'com.microsoft');
  assert.ok(contrib.length > 0 && contrib.every((op) => NON_STANDARD_OPS.includes(op)));
});
