import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGraphBuilder } from '../../src/graph/index.ts';
import type { GraphBuilder } from '../../src/graph/index.ts';
import { findInPlaceStates } from '../../src/runtime/cpu/in-place.ts';
import { parsePlacements } from '../../src/runtime/webgpu/placements.ts';
import { lowerToEngine } from '../../src/runtime/engine/engine-graph.ts';
import { timingsFromTrace } from '../../src/runtime/engine/op-timings.ts';

function inPlace(build: (g: GraphBuilder) => void): string[] {
  const g = createGraphBuilder('states');
  build(g);
  const engine = lowerToEngine(g.finish());
  return [...findInPlaceStates(engine.graph, engine.states)];
}

test('a state whose readers all lead to its next value is written in place', () => {
  const names = inPlace((g) => {
    const m = g.optimizerState('m', [2]);
    g.setNextState(m, g.add(g.mul(m, 0.9), g.input('x', 'float32', [2])));
  });
  assert.deepEqual(names, ['m']);
});

test('a state that something else reads as well is not', () => {
  const names = inPlace((g) => {
    const w = g.parameter('w', [2]);
    g.setNextState(w, g.sub(w, g.input('x', 'float32', [2])));
    g.output(g.exp(w), 'y');
  });
  assert.deepEqual(names, []);
});

test('a reader that the engine may fuse passes the demand on to its own readers', () => {
  const names = inPlace((g) => {
    const w = g.parameter('w', [2, 2]);
    const x = g.input('x', 'float32', [2, 2]);
    const turned = g.transpose(w, [1, 0]);
    g.setNextState(w, g.sub(w, g.matMul(x, turned)));
    g.output(g.matMul(turned, x), 'y');
  });
  assert.deepEqual(names, []);
});

test('a state that its own producer broadcasts is not', () => {
  const names = inPlace((g) => {
    const count = g.buffer('count', []);
    const wide = g.buffer('wide', [2]);
    g.setNextState(wide, g.add(count, wide));
    g.setNextState(count, g.mul(g.reduceSum(wide), count));
  });
  assert.deepEqual(names, [], 'wide is read by the sum, count by the producer of wide');
});

test('placements are read from the log of the engine', () => {
  const log = [
    '[V:onnxruntime:, session_state.cc:1377 VerifyEachNodeIsAssignedToAnEp] Node placements',
    '[V:onnxruntime:, session_state.cc:1383 VerifyEachNodeIsAssignedToAnEp]  Node(s) placed on [CPUExecutionProvider]. Number of nodes: 1',
    '[V:onnxruntime:, session_state.cc:1385 VerifyEachNodeIsAssignedToAnEp]   Add (double sum)',
    '[V:onnxruntime:, session_state.cc:1383 VerifyEachNodeIsAssignedToAnEp]  Node(s) placed on [WebGpuExecutionProvider]. Number of nodes: 1',
    '[V:onnxruntime:, session_state.cc:1385 VerifyEachNodeIsAssignedToAnEp]   Neg (n)',
  ].join('\n');
  assert.deepEqual(parsePlacements(log), [
    { op: 'Add', node: 'double sum', provider: 'cpu' },
    { op: 'Neg', node: 'n', provider: 'webgpu' },
  ]);
});

test('kernel times are summed per node, also from a trace that was cut off', () => {
  const event = (name: string, dur: number) =>
    `{"cat":"Node","name":"${name}_kernel_time","dur":${dur},"args":{"op_name":"Mul","provider":"CPUExecutionProvider"}}`;
  const timings = timingsFromTrace(`[${event('a', 1000)},${event('b', 3000)},${event('a', 500)},`);
  assert.deepEqual(timings, [
    { op: 'Mul', node: 'b', provider: 'cpu', totalMs: 3, count: 1 },
    { op: 'Mul', node: 'a', provider: 'cpu', totalMs: 1.5, count: 2 },
  ]);
});
