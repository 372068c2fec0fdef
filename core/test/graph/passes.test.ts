import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRng } from '../../src/base/index.ts';
import {
  applyPrecision,
  cleanUp,
  countUses,
  createGraphBuilder,
  cutAtCollectives,
  foldConstants,
  fuseMatMul,
  groupByCollectiveStage,
  mergeCommonSubexpressions,
  OP_PROPERTIES,
  optimizeGraph,
  printGraph,
  removeDeadCode,
  scalarTensor,
  tensorFromNumbers,
  verifyGraph,
  type Graph,
  type GraphBuilder,
  type GraphValue,
} from '../../src/graph/index.ts';
import { assertTensorsClose, numbersFromTensor } from '../../src/tensor/index.ts';
import { randomFeeds, runGraph } from './run-onnx.ts';

/** A random graph over [3, 4]-like values: matrix products, transposes, scalars, reshapes, casts, dead ends. */
function randomGraph(seed: number): Graph {
  const rng = createRng(seed, 'graph');
  const g = createGraphBuilder(`random-${seed}`);
  const pool: GraphValue[] = [g.input('x', 'float32', [3, 4]), g.parameter('w', [4, 3])];
  const pick = () => pool[rng.integer(pool.length)]!;
  const steps: readonly ((x: GraphValue, y: GraphValue) => GraphValue)[] = [
    (x, y) => (x.shape[1] === y.shape[0] ? g.mul(g.matMul(x, y), 0.25) : g.matMul(x, g.transpose(x))),
    (x, y) =>
      x.shape.join() === y.shape.join()
        ? g.add(x, y)
        : g.add(x, g.transpose(y, [1, 0]).shape.join() === x.shape.join() ? g.transpose(y, [1, 0]) : 1),
    (x) => g.transpose(x, [1, 0]),
    (x) => g.transpose(g.transpose(x, [1, 0]), [1, 0]),
    (x) => g.reshape(g.flatten(g.unsqueeze(x, [0]), 1), x.shape),
    (x) => g.cast(g.cast(x, 'float64'), 'float32'),
    (x) => g.identity(x),
    (x) => g.tanh(x),
    (x) => g.mul(x, g.add(g.scalar(2), 0.5)),
    (x) => g.pad(x, [0, 0, 0, 0]),
    (x, y) => g.transpose(g.matMul(g.transpose(x, [1, 0]), x.shape[0] === y.shape[0] ? y : x), [1, 0]),
  ];
  for (let i = 0; i < 14; i++) pool.push(steps[rng.integer(steps.length)]!(pick(), pick()));
  g.output(g.reduceMean(pick(), { axes: [0] }), 'out0');
  g.output(pool.at(-1)!);
  g.setNextState(
    'w',
    pool.findLast((value) => value.shape.join() === '4,3')!,
  );
  return g.finish();
}

const evaluate = (
  node: Graph['nodes'][number],
  inputs: readonly (Parameters<typeof numbersFromTensor>[0] | undefined)[],
) => {
  // Only Add of two scalars is constant in randomGraph.
  assert.equal(node.op, 'Add');
  return [scalarTensor('float32', numbersFromTensor(inputs[0]!)[0]! + numbersFromTensor(inputs[1]!)[0]!)];
};

const PASSES: Readonly<Record<string, (graph: Graph) => Graph>> = {
  removeDeadCode,
  mergeCommonSubexpressions,
  cleanUp,
  fuseMatMul: (graph) => fuseMatMul(graph),
  foldConstants: (graph) => foldConstants(graph, evaluate),
  groupByCollectiveStage,
  optimizeGraph: (graph) => optimizeGraph(graph, { evaluate }),
};

test('every pass keeps names, soundness and results of random graphs, and does not change its argument', async () => {
  for (let seed = 0; seed < 25; seed++) {
    const graph = verifyGraph(randomGraph(seed));
    const text = printGraph(graph);
    const feeds = randomFeeds(graph, seed, 0.5);
    const expected = await runGraph(graph, feeds);
    for (const [name, pass] of Object.entries(PASSES)) {
      const changed = verifyGraph(pass(graph));
      assert.equal(printGraph(graph), text, `${name} leaves its argument alone`);
      const outputNames = (each: Graph) => each.outputs.map((id) => each.values[id]!.name);
      assert.deepEqual(outputNames(changed), outputNames(graph));
      const actual = await runGraph(changed, feeds);
      const nextOf = (each: Graph) => each.values[each.states[0]!.next!]!.name;
      assertTensorsClose(actual[nextOf(changed)]!, expected[nextOf(graph)]!);
      for (const output of outputNames(graph)) assertTensorsClose(actual[output]!, expected[output]!);
    }
  }
});

test('passes are idempotent on random graphs', () => {
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 10_000 }), (seed) => {
      for (const name of ['removeDeadCode', 'mergeCommonSubexpressions', 'cleanUp', 'fuseMatMul', 'optimizeGraph']) {
        const once = PASSES[name]!(randomGraph(seed));
        assert.equal(printGraph(PASSES[name]!(once)), printGraph(once), name);
      }
    }),
    { numRuns: 30 },
  );
});

function graphOf(build: (g: GraphBuilder) => void): Graph {
  const g = createGraphBuilder('g');
  build(g);
  return g.finish();
}

const opsOf = (graph: Graph) => graph.nodes.map((node) => node.op);

test('removeDeadCode drops unread nodes and constants but keeps Send', () => {
  const graph = graphOf((g) => {
    const x = g.input('x', 'float32', [2]);
    g.constant(tensorFromNumbers('float32', [1, 2]), 'unread');
    g.exp(x);
    g.send(x, 1, { group: 'pp', groupSize: 2 });
    g.output(g.neg(x), 'y');
  });
  const lean = removeDeadCode(graph);
  assert.deepEqual(opsOf(lean), ['Send', 'Neg']);
  assert.equal(lean.initializers.size, 0);
});

test('mergeCommonSubexpressions merges swapped operands of commuting ops, but not across phases', () => {
  const graph = graphOf((g) => {
    const [x, y] = [g.input('x', 'float32', [2]), g.input('y', 'float32', [2])];
    const again = g.withNotes({ phase: 'backward' }, () => g.add(x, y));
    g.output(g.sub(g.mul(g.add(x, y), g.add(y, x)), g.sub(x, y)));
    g.output(g.mul(again, g.sub(y, x)));
  });
  const counts = opsOf(mergeCommonSubexpressions(graph)).filter((op) => op === 'Add' || op === 'Sub');
  assert.deepEqual(counts, ['Add', 'Add', 'Sub', 'Sub', 'Sub']);
});

test('fuseMatMul leaves one node of (alpha · Aᵀ·B)ᵀ and reads its operands unchanged', () => {
  const graph = graphOf((g) => {
    const a = g.input('a', 'float32', [2, 8, 4]);
    const b = g.input('b', 'float32', [2, 8, 3]);
    const product = g.matMul(g.transpose(a, [0, 2, 1]), b);
    g.output(g.transpose(g.div(g.mul(product, 3), 2), [0, 2, 1]), 'y');
  });
  const fused = fuseMatMul(graph);
  assert.equal(
    printGraph(fused),
    'graph g\ninput a : float32[2, 8, 4]\ninput b : float32[2, 8, 3]\n' +
      'y = FusedMatMul(b, a) {alpha=1.5, transA=1} : float32[2, 3, 4] as Transpose_1\noutput y\n',
  );
});

test('fuseMatMul keeps a scalar factor whose product has a second reader', () => {
  const graph = graphOf((g) => {
    const product = g.matMul(g.input('a', 'float32', [2, 3]), g.input('b', 'float32', [3, 2]));
    g.output(g.add(g.mul(product, 2), product), 'y');
  });
  assert.deepEqual(opsOf(fuseMatMul(graph)), ['MatMul', 'Mul', 'Add']);
});

test('what a pass adds keeps clear of names that come later in the graph', () => {
  const graph = graphOf((g) => {
    const x = g.input('x', 'float32', [2, 2]);
    const w = g.parameter('w', [2, 2]);
    const product = g.matMul(x, w);
    g.output(g.cast(g.add(g.mul(product, g.scalar(1)), g.scalar(448)), 'float16'));
  });
  const { graph: changed } = applyPrecision(graph, { storage: 'bfloat16', fp8: { scaling: 'current' } });
  verifyGraph(changed);
  assert.deepEqual(
    changed.outputs.map((id) => changed.values[id]!.name),
    graph.outputs.map((id) => graph.values[id]!.name),
  );
  const named = [...changed.initializers].find(([id]) => changed.values[id]!.name === 'const/float32:1');
  assert.equal(named?.[1].data[0], 1);
});

test('cleanUp keeps a rounding Cast pair and drops a widening one', () => {
  const graph = graphOf((g) => {
    const x = g.input('x', 'float32', [2]);
    g.output(g.neg(g.cast(g.cast(x, 'bfloat16'), 'float32')), 'rounded');
    g.output(g.exp(g.cast(g.cast(x, 'float64'), 'float32')), 'same');
  });
  assert.deepEqual(opsOf(cleanUp(graph)), ['Cast', 'Cast', 'Neg', 'Exp']);
});

test('foldConstants replaces constant nodes up to the size limit', () => {
  const graph = graphOf((g) => {
    const sum = g.add(g.scalar(1), g.scalar(2));
    g.output(g.mul(g.input('x', 'float32', [2]), sum), 'y');
  });
  const folded = foldConstants(graph, evaluate);
  assert.deepEqual(opsOf(folded), ['Mul']);
  assert.deepEqual(
    [...folded.initializers.values()].map((tensor) => tensor.data[0]),
    [3],
  );
  assert.deepEqual(opsOf(foldConstants(graph, evaluate, { maxElements: 0 })), ['Add', 'Mul']);
});

function distributedGraph(): Graph {
  return graphOf((g) => {
    const options = { group: 'tp', groupSize: 2 };
    const x = g.input('x', 'float32', [4, 4]);
    const w = g.parameter('w', [4, 4]);
    const gathered = g.allGather(g.matMul(x, w), 0, options);
    const independent = g.tanh(x);
    const summed = g.allReduce(g.relu(gathered), options);
    g.output(g.add(g.reduceSum(summed), g.reduceSum(independent)), 'loss');
    g.setNextState(w, g.sub(w, 0.5));
  });
}

test('cutAtCollectives gives compute steps without collectives, each issued once before it is waited for once', () => {
  const graph = distributedGraph();
  const steps = cutAtCollectives(graph);
  assert.deepEqual(
    steps.map((step) =>
      step.kind === 'compute' ? step.graph.nodes.map((node) => node.op).join('+') : `${step.kind} ${step.node.op}`,
    ),
    [
      'MatMul',
      'issue AllGather',
      'Tanh',
      'wait AllGather',
      'Relu',
      'issue AllReduce',
      'wait AllReduce',
      'ReduceSum+ReduceSum+Add+Sub',
    ],
  );
  const known = new Set(['x', 'w']);
  for (const step of steps) {
    if (step.kind === 'issue') assert.ok(known.has(step.input!.name));
    if (step.kind === 'wait') known.add(step.output!.name);
    if (step.kind !== 'compute') continue;
    verifyGraph(step.graph);
    assert.ok(step.graph.nodes.every((node) => !OP_PROPERTIES[node.op].isCollective));
    for (const id of step.graph.inputs) assert.ok(known.has(step.graph.values[id]!.name));
    for (const id of step.graph.outputs) known.add(step.graph.values[id]!.name);
  }
  assert.ok(known.has('loss'));
  assert.ok(known.has(graph.values[graph.states[0]!.next!]!.name));
});

test('groupByCollectiveStage moves independent work before the first collective', () => {
  const grouped = verifyGraph(groupByCollectiveStage(distributedGraph()));
  assert.deepEqual(opsOf(grouped), [
    'MatMul',
    'Tanh',
    'ReduceSum',
    'Sub',
    'AllGather',
    'Relu',
    'AllReduce',
    'ReduceSum',
    'Add',
  ]);
  assert.ok(countUses(grouped).length > 0);
});
