/** Forward and backward graphs of every op's cases in f32: onnxruntime's CPU provider against the reference. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backward } from '../../src/autodiff/index.ts';
import { createRng } from '../../src/base/index.ts';
import { OP_NAMES, createGraphBuilder } from '../../src/graph/index.ts';
import type { Graph, GraphValue } from '../../src/graph/index.ts';
import { openBackend } from '../../src/runtime/index.ts';
import { runReference } from '../../src/runtime/reference/index.ts';
import { numel } from '../../src/tensor/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';
import { OP_CASES, type OpCase } from './op-cases.table.ts';
import { int64s, seed, worstError } from './test-runner.ts';
import { spreadValues } from './spread-values.ts';

/** Sums of a few hundred f32 products in another order. */
const TOLERANCE = 2e-5;

/** Cases whose forward op the engine itself refuses. */
const REFUSED: Readonly<Record<string, string>> = {
  'ConvTranspose: output padding beyond the stride': 'onnxruntime takes no output_padding beyond the stride',
};

const backend = await openBackend('cpu');

/** Loss: every float output, weighed; outputs: loss, the op's outputs, a gradient per float input. */
function trainingGraph({ inputs, build }: OpCase): { graph: Graph; feeds: Record<string, Tensor> } {
  const b = createGraphBuilder('case');
  const values = spreadValues(createRng(seed, 'inputs'));
  const feeds: Record<string, Tensor> = {};
  const inputsByName: Record<string, GraphValue> = {};
  for (const [name, { shape, dtype = 'float32', values: given }] of Object.entries(inputs)) {
    const numbers = given ?? Array.from({ length: numel(shape) }, () => values.next().value!);
    if (dtype === 'int64') feeds[name] = int64s(shape, numbers);
    else if (dtype === 'bool') feeds[name] = { dtype, shape, data: Uint8Array.from(numbers) };
    else feeds[name] = { dtype: 'float32', shape, data: Float32Array.from(numbers.slice(0, numel(shape))) };
    inputsByName[name] = b.input(name, feeds[name].dtype, shape);
  }
  const built = build(b, inputsByName);
  const outputs = (Array.isArray(built) ? built : [built]) as GraphValue[];
  let loss: GraphValue | undefined;
  outputs.forEach((output, i) => {
    b.output(output, `y${i}`);
    const count = numel(output.shape);
    const weights = b.constant({
      dtype: 'float32',
      shape: output.shape,
      data: Float32Array.from({ length: count }, (_, j) => Math.cos(j + i)),
    });
    const term = b.reduceSum(b.mul(output, weights));
    loss = loss === undefined ? term : b.add(loss, term);
  });
  b.output(loss!, 'loss');
  const wrt = Object.values(inputsByName).filter((value) => value.dtype === 'float32');
  backward(b, loss!, wrt).forEach((gradient, i) => b.output(gradient, `grad/${wrt[i]!.name}`));
  return { graph: b.finish(), feeds };
}

/** Nodes whose results nobody reads. */
function deadNodes(graph: Graph): string[] {
  const read = new Set([...graph.outputs, ...graph.nodes.flatMap((node) => node.inputs)]);
  return graph.nodes.filter((node) => !node.outputs.some((id) => read.has(id))).map((node) => node.name);
}

for (const op of OP_NAMES) {
  const cases = OP_CASES[op];
  if ('exempt' in cases) continue;
  for (const each of cases) {
    test(
      `onnxruntime computes ${op} and its gradients like the reference: ${each.title}`,
      { skip: REFUSED[`${op}: ${each.title}`] ?? false },
      async () => {
        const { graph, feeds } = trainingGraph(each);
        assert.deepEqual(deadNodes(graph), []);
        const expected = runReference(graph, feeds).outputs;
        await using session = await backend.createSession(graph, {});
        const actual = await session.run(feeds);
        assert.ok(Object.keys(expected).some((name) => name.startsWith('grad/')));
        for (const [name, tensor] of Object.entries(expected)) {
          const error = worstError(actual[name]!, tensor);
          assert.ok(error < TOLERANCE, `${name}: ${error}`);
        }
      },
    );
  }
}
