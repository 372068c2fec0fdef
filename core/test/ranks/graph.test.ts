import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { createGraphBuilder, type Graph, type GraphValue } from '../../src/graph/index.ts';
import { allGroups, coordsOfRank, createMesh, openRankPool, runGraphOnRanks } from '../../src/ranks/index.ts';
import { runReferenceRanks } from '../../src/runtime/reference/index.ts';
import { createRng } from '../../src/base/index.ts';
import { createTensor, type Tensor } from '../../src/tensor/index.ts';

const pool = openRankPool();
after(() => pool.close());
const mesh = createMesh({ tp: 2, dp: 2 });
const [tp, dp] = [allGroups(mesh, 'tp'), allGroups(mesh, 'dp')];
/** Pairs have names of their own, which the mesh does not know. */
const pairs = { 'tp pair': tp, 'dp pair': dp };
const groups = { tp, dp, '': [[0, 1, 2, 3]], ...pairs };
const SHAPE = [4, 4];

interface Step {
  readonly op: string;
  readonly a: number;
  readonly b: number;
  readonly axis: number;
  readonly group: 'tp' | 'dp';
}

const steps = fc.array(
  fc.record({
    op: fc.constantFrom(
      'add',
      'sub',
      'relu',
      'tanh',
      'matMul',
      'sum',
      'mean',
      'worldMax',
      'gather',
      'scatter',
      'allToAll',
      'broadcast',
      'swap',
    ),
    a: fc.nat(100),
    b: fc.nat(100),
    axis: fc.nat(1),
    group: fc.constantFrom<'tp' | 'dp'>('tp', 'dp'),
  }),
  { minLength: 1, maxLength: 14 },
);

/** A straight-line program over values of shape [4, 4]; a state accumulates the last value. */
function graphOf(list: readonly Step[], rank: number): Graph {
  const g = createGraphBuilder('random');
  const values: GraphValue[] = [g.input('x', 'float32', SHAPE), g.state('memory', 'buffer', 'float32', SHAPE)];
  list.forEach(({ op, a: first, b: second, axis, group }, index) => {
    const a = values[first % values.length]!;
    const b = values[second % values.length]!;
    const options = { group, groupSize: 2 };
    const apply: Record<string, () => GraphValue> = {
      add: () => g.add(a, b),
      sub: () => g.sub(a, b),
      relu: () => g.relu(a),
      tanh: () => g.tanh(a),
      matMul: () => g.matMul(g.tanh(a), b),
      sum: () => g.allReduce(a, options),
      mean: () => g.allReduce(a, { ...options, reduction: 'mean' }),
      worldMax: () => g.allReduce(a, { group: '', groupSize: 4, reduction: 'max' }),
      gather: () => g.sliceAxis(g.allGather(a, axis, options), axis, 2, 6),
      scatter: () => g.concat([g.reduceScatter(a, axis, options), g.sliceAxis(b, axis, 0, 2)], axis),
      allToAll: () => g.reshape(g.allToAll(a, { ...options, splitAxis: axis, concatAxis: 1 - axis }), SHAPE),
      broadcast: () => g.broadcast(a, first % 2, options),
      swap: () => {
        const peer = 1 - coordsOfRank(mesh, rank)[group]!;
        const pair = { group: `${group} pair`, groupSize: 2, tag: index };
        g.send(a, peer, pair);
        return g.recv(peer, SHAPE, pair);
      },
    };
    values.push(apply[op]!());
  });
  g.output(values.at(-1)!, 'y');
  g.output(values[Math.floor(values.length / 2)]!, 'middle');
  g.setNextState(values[1]!, g.add(values[1]!, values.at(-1)!));
  return g.finish();
}

function randomTensor(seed: number, purpose: string): Tensor {
  const rng = createRng(seed, purpose);
  const tensor = createTensor('float32', SHAPE);
  for (let i = 0; i < tensor.data.length; i++) tensor.data[i] = rng.normal();
  return tensor;
}

test('random graphs cut at collectives give the bits of the uncut reference on every rank', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(1e6), async (list, seed) => {
      const graphs = Array.from({ length: 4 }, (_, rank) => graphOf(list, rank));
      const feeds = graphs.map((_, rank) => ({ x: randomTensor(seed, `x${rank}`) }));
      const states = graphs.map((_, rank) => ({ memory: randomTensor(seed, `memory${rank}`) }));
      const first = runReferenceRanks(graphs, feeds, { groups, statesPerRank: states });
      const statesPerRank = first.map((result) => result.states);
      const second = runReferenceRanks(graphs, feeds, { groups, statesPerRank });
      const found = await runGraphOnRanks({
        mesh,
        graphs,
        states,
        feeds: [feeds, feeds],
        backend: 'reference',
        groups: pairs,
        pool,
        timeoutMs: 20_000,
      });
      for (let rank = 0; rank < 4; rank++) {
        for (const name of ['y', 'middle']) {
          assert.deepEqual(found.outputs[0]![rank]![name]!.data, first[rank]!.outputs[name]!.data, `${name} ${rank}`);
          assert.deepEqual(found.outputs[1]![rank]![name]!.data, second[rank]!.outputs[name]!.data, `${name} ${rank}`);
        }
        assert.deepEqual(found.states[rank]!['memory']!.data, second[rank]!.states['memory']!.data);
      }
    }),
    { numRuns: 60, endOnFailure: true },
  );
});

test('the engine gives the same values as the reference up to round-off', async () => {
  const list: Step[] = ['matMul', 'sum', 'tanh', 'gather', 'allToAll', 'swap', 'worldMax', 'matMul', 'scatter'].map(
    (op, i) => ({ op, a: 7 * i, b: 3 * i + 1, axis: i % 2, group: i % 2 ? 'tp' : 'dp' }),
  );
  const graphs = Array.from({ length: 4 }, (_, rank) => graphOf(list, rank));
  const feeds = graphs.map((_, rank) => ({ x: randomTensor(3, `x${rank}`) }));
  const states = graphs.map((_, rank) => ({ memory: randomTensor(4, `memory${rank}`) }));
  const expected = runReferenceRanks(graphs, feeds, { groups, statesPerRank: states });
  const found = await runGraphOnRanks({ mesh, graphs, states, feeds: [feeds], groups: pairs, pool, timeoutMs: 60_000 });
  for (let rank = 0; rank < 4; rank++) {
    const [a, b] = [found.outputs[0]![rank]!['y']!.data, expected[rank]!.outputs['y']!.data] as Float32Array[];
    for (let i = 0; i < a!.length; i++) assert.ok(Math.abs(a![i]! - b![i]!) <= 1e-5 * Math.max(1, Math.abs(b![i]!)));
  }
  assert.ok(found.spans.some(({ category }) => category === 'communication'));
});

test('a group that the mesh does not know is refused with the node', async () => {
  const g = createGraphBuilder('lost');
  g.output(g.allReduce(g.input('x', 'float32', SHAPE), { group: 'ep', groupSize: 2 }), 'y');
  const feeds = [Array.from({ length: 4 }, () => ({ x: createTensor('float32', SHAPE) }))];
  await assert.rejects(runGraphOnRanks({ mesh, graphs: g.finish(), feeds, backend: 'reference', pool }), {
    code: 'TF-RANKS-007',
    message: /AllReduce: a group of rank 0, got "ep" \(node "AllReduce"\)\. Did you mean "tp"\?/,
  });
});

test('a group of another size than the graph was built for is refused', async () => {
  const g = createGraphBuilder('small');
  g.output(g.allReduce(g.input('x', 'float32', SHAPE), { group: 'tp', groupSize: 3 }), 'y');
  const feeds = [Array.from({ length: 4 }, () => ({ x: createTensor('float32', SHAPE) }))];
  await assert.rejects(
    runGraphOnRanks({ mesh, graphs: g.finish(), feeds, backend: 'reference', pool }),
    /AllReduce: a group "tp" of 3 ranks, got 2/,
  );
});

test('missing states and a wrong number of feeds are refused', async () => {
  const graph = graphOf([], 0);
  const feed = { x: randomTensor(1, 'x') };
  await assert.rejects(
    runGraphOnRanks({ mesh, graphs: graph, feeds: [[feed, feed, feed, feed]], backend: 'reference', pool }),
    /buffer "memory" to be float32 \[4, 4\], got none \(rank 0\)/,
  );
  await assert.rejects(runGraphOnRanks({ mesh, graphs: graph, feeds: [[feed]], pool }), { code: 'TF-RANKS-001' });
});
