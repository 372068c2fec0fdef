import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  createGraphBuilder,
  parseGraph,
  printGraph,
  readOnnx,
  tensorFromNumbers,
  verifyGraph,
  writeOnnx,
} from '../../src/graph/index.ts';

const AWKWARD = [
  '_',
  '-',
  'as',
  'output',
  'input',
  'const',
  'graph',
  '=',
  '->',
  ':',
  '//',
  '"',
  ' ',
  '\n',
  'a, b',
  'x[0]',
  '@',
  'Relu',
  'é',
];
const name = fc.oneof(
  fc.constantFrom(...AWKWARD),
  fc.string({ minLength: 1, unit: 'grapheme' }),
  fc.string({ minLength: 1 }),
);
const names = fc.uniqueArray(name, { minLength: 5, maxLength: 5 });

test('any names of graph, values, states, modules and outputs survive the text form and the ONNX form', () => {
  fc.assert(
    fc.property(names, ([graphName, inputName, stateName, outputName, module]) => {
      const g = createGraphBuilder(graphName!);
      const x = g.input(inputName!, 'float32', [2]);
      const w = g.parameter(stateName!, [2]);
      const y = g.scope(module!, () => g.clip(g.add(x, g.mul(w, g.constant(tensorFromNumbers('float32', [1, 2]))))));
      g.output(y, outputName!);
      g.setNextState(w, y);
      const graph = verifyGraph(g.finish());
      const text = printGraph(graph);
      assert.equal(printGraph(parseGraph(text)), text);
      assert.equal(printGraph(readOnnx(writeOnnx(graph).model).graph), text);
    }),
    { numRuns: 300 },
  );
});

test('constants of any bits survive the text form', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 8, maxLength: 96 }),
      fc.constantFrom('float32', 'float64', 'bfloat16', 'int64'),
      (bytes, dtype) => {
        const whole = bytes.slice(0, Math.floor(bytes.length / 8) * 8);
        const data = { float32: Float32Array, float64: Float64Array, bfloat16: Uint16Array, int64: BigInt64Array };
        const array = new data[dtype](whole.buffer);
        const g = createGraphBuilder('bits');
        g.output(g.identity(g.constant({ dtype, shape: [array.length], data: array } as never, 'c')), 'y');
        const graph = g.finish();
        const back = parseGraph(printGraph(graph));
        const [tensor] = [...back.initializers.values()];
        assert.deepEqual(new Uint8Array(tensor!.data.buffer as ArrayBuffer, 0, whole.length), whole);
      },
    ),
    { numRuns: 300 },
  );
});
