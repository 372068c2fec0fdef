import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TenfoldError } from '../../src/base/index.ts';
import {
  checkGraph,
  createGraphBuilder,
  parseGraph,
  verifyGraph,
  type Graph,
  type GraphNode,
} from '../../src/graph/index.ts';

function message(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    assert.ok(error instanceof TenfoldError, String(error));
    return error.message;
  }
  return assert.fail('expected an error');
}

function twoNodeGraph(): Graph {
  const g = createGraphBuilder('two');
  const x = g.input('x', 'float32', [2, 3]);
  const w = g.parameter('w', [2, 3]);
  g.output(g.relu(g.add(x, w)), 'y');
  g.setNextState('w', x);
  return g.finish();
}

const withNodes = (graph: Graph, change: (nodes: readonly GraphNode[]) => readonly GraphNode[]): Graph => ({
  ...graph,
  nodes: change(graph.nodes),
});

test('building with shapes or dtypes that do not fit names the op, the values, the node and a fix', () => {
  const g = createGraphBuilder('bad');
  const a = g.input('a', 'float32', [4, 8]);
  const b = g.input('b', 'float32', [3, 8]);
  const i = g.input('i', 'int64', [4]);
  const cases: [() => unknown, string][] = [
    [
      () => g.scope('proj', () => g.matMul(a, b)),
      'matMul: inner sizes must match, got a [4, 8] and b [3, 8] (node "proj/MatMul"). Transpose "b". TF-GRAPH-002',
    ],
    [
      () => g.add(a, b),
      'add: shapes must broadcast, got a [4, 8] and b [3, 8] (node "Add"). Sizes of an axis, counted from the end, must be equal or 1. TF-GRAPH-002',
    ],
    [
      () => g.add(a, i),
      'add: dtypes must match, got a float32 and i int64 (node "Add_1"). Cast "i" to float32. TF-GRAPH-003',
    ],
    [
      () => g.exp(i),
      'exp: i must be a float (float32, float64, float16, bfloat16), got int64 (node "Exp"). Insert a Cast before "i". TF-GRAPH-003',
    ],
    [
      () => g.softmax(a, 2),
      'softmax: attribute "axis" must lie in -2..1 for rank 2, got 2 (node "Softmax"). TF-GRAPH-004',
    ],
    [
      () => g.node('Softmax', [a], { axes: 1 }),
      'softmax: "axes" is not an attribute of Softmax (node "Softmax_1"). Did you mean "axis"? TF-GRAPH-004',
    ],
    [
      () => g.node('SoftMaxx', [a], {}),
      'createGraphBuilder: the op must be one of ours, got "SoftMaxx" (node "SoftMaxx"). Did you mean "Softmax"? TF-GRAPH-008',
    ],
    [() => g.node('Gather', [a], {}), 'gather: Gather takes data, indices, got 1 inputs (node "Gather"). TF-GRAPH-001'],
    [
      () => g.reshape(a, [5, -1]),
      'reshape: shape [5, -1] must hold 32 elements with one -1 (node "Reshape"). TF-GRAPH-002',
    ],
    [
      () => g.input('a', 'float32', []),
      'createGraphBuilder: value names must be unique, got "a" twice (graph "bad"). TF-GRAPH-006',
    ],
    [() => g.setNextState('v', a), 'setNextState: a state of the graph, got "v". TF-GRAPH-013'],
  ];
  for (const [body, expected] of cases) assert.equal(message(body), expected);
});

test('a value of another builder is refused', () => {
  const g = createGraphBuilder('one');
  const other = createGraphBuilder('other').input('x', 'float32', [1]);
  assert.equal(
    message(() => g.neg(other)),
    'createGraphBuilder: values must belong to graph "one", got "x" (node "Neg"). Build all nodes of a graph with one builder. TF-GRAPH-007',
  );
});

test('a sound graph has no findings', () => {
  assert.deepEqual(checkGraph(twoNodeGraph()), []);
});

test('a cycle is printed as the path around it', () => {
  const graph = twoNodeGraph();
  const [add, relu] = graph.nodes as [GraphNode, GraphNode];
  const cyclic = withNodes(graph, () => [{ ...add, inputs: [relu.outputs[0]!, add.inputs[1]!] }, relu]);
  assert.equal(
    message(() => verifyGraph(cyclic)),
    'verifyGraph: the graph must have no cycle, got "Relu" → "Add" → "Relu" (graph "two"). TF-GRAPH-005',
  );
});

test('nodes out of order, double names, wrong types, undefined and foreign parts are each named', () => {
  const graph = twoNodeGraph();
  const [add, relu] = graph.nodes as [GraphNode, GraphNode];
  const values = graph.values;
  const cases: [Graph, string][] = [
    [
      withNodes(graph, () => [relu, add]),
      'verifyGraph: nodes must be in topological order, got "Relu" before "Add" that it reads (graph "two"). Sort the nodes. TF-GRAPH-005',
    ],
    [
      withNodes(graph, () => [add, { ...relu, name: 'Add' }]),
      'verifyGraph: node names must be unique and not empty, got "Add" twice. TF-GRAPH-006',
    ],
    [
      { ...graph, values: values.map((value) => (value.name === 'y' ? { ...value, shape: [3, 2] } : value)) },
      'verifyGraph: "y" must be float32 [2, 3], got float32 [3, 2] (node "Relu"). TF-GRAPH-002',
    ],
    [
      {
        ...graph,
        values: values.map((value) => (value.name === 'y' ? { ...value, dtype: 'float64' as const } : value)),
      },
      'verifyGraph: "y" must be float32 [2, 3], got float64 [2, 3] (node "Relu"). TF-GRAPH-003',
    ],
    [withNodes(graph, () => [relu]), 'verifyGraph: "Add" must be defined before use (node "Relu"). TF-GRAPH-007'],
    [
      withNodes(graph, () => [add, { ...relu, op: 'Relux' as 'Relu' }]),
      'verifyGraph: the op must be one of ours, got "Relux" (node "Relu"). Did you mean "Relu"? TF-GRAPH-008',
    ],
    [
      withNodes(graph, () => [add, add, relu]),
      'verifyGraph: node names must be unique and not empty, got "Add" twice. TF-GRAPH-006',
    ],
  ];
  for (const [broken, expected] of cases)
    assert.equal(
      message(() => verifyGraph(broken)),
      expected,
    );
});

test('text that cannot be read names its line', () => {
  const head = 'graph g\ninput x : float32[2]\n';
  const cases: [string, string][] = [
    ['', 'parseGraph: a first line "graph <name>", got no lines. TF-GRAPH-009'],
    [`${head}y = Reluu(x)\n`, 'parseGraph: an op of ours, got "Reluu" (line 3). Did you mean "Relu"? TF-GRAPH-009'],
    [
      `${head}y = Relu(z)\n`,
      'parseGraph: a value that is defined above, got "z" (line 3). Did you mean "x"? TF-GRAPH-009',
    ],
    [`${head}y = Relu(x) : float32[3]\n`, 'parseGraph: the type float32[2], got float32[3] (line 3). TF-GRAPH-009'],
    [`${head}input x : float32[2]\n`, 'parseGraph: names must be unique, got "x" twice (line 3). TF-GRAPH-009'],
    [
      `${head}const c : float33[2] = [1, 2]\n`,
      'parseGraph: a dtype, got "float33" (line 3). Did you mean "float32"? TF-GRAPH-009',
    ],
    [`${head}const c : float32[3] = [1, 2]\n`, 'parseGraph: 3 elements, got 2 (line 3). TF-GRAPH-009'],
    [`${head}output x x\n`, 'parseGraph: the end of the line, got "x" (line 3). TF-GRAPH-009'],
  ];
  for (const [text, expected] of cases)
    assert.equal(
      message(() => parseGraph(text)),
      expected,
    );
});
