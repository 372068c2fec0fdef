/** Gradients of collectives against finite differences of the summed loss of all ranks, in lockstep. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backward, copyToGroup, reduceFromGroup } from '../../src/autodiff/index.ts';
import { createGraphBuilder } from '../../src/graph/index.ts';
import type { Graph, GraphBuilder, GraphValue } from '../../src/graph/index.ts';
import { runReferenceRanks } from '../../src/runtime/reference/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';
import { normals } from './test-runner.ts';

const R = 3;
const STEP = 1e-4;
const GROUPS = { world: [Array.from({ length: R }, (_, rank) => rank)] };
const options = { groupSize: R, group: 'world' };

type Exchange = (b: GraphBuilder, x: GraphValue, rank: number) => GraphValue;

const CASES: Readonly<Record<string, Exchange>> = {
  'AllReduce sum': (b, x) => b.allReduce(x, options),
  'AllReduce mean': (b, x) => b.allReduce(x, { ...options, reduction: 'mean' }),
  'AllReduce max': (b, x) => b.allReduce(x, { ...options, reduction: 'max' }),
  'AllGather along axis 1': (b, x) => b.allGather(x, 1, options),
  'ReduceScatter sum': (b, x) => b.reduceScatter(x, 0, options),
  'ReduceScatter mean along axis 1': (b, x) => b.reduceScatter(x, 1, { ...options, reduction: 'mean' }),
  'AllToAll on one axis': (b, x) => b.allToAll(x, options),
  'AllToAll from axis 0 to axis 1': (b, x) => b.allToAll(x, { ...options, splitAxis: 0, concatAxis: 1 }),
  /** Rank r sends r' + 1 rows to rank r', so it receives r + 1 rows from each. */
  'AllToAll with unequal parts': (b, x, rank) =>
    b.allToAll(x, { ...options, splits: { send: [1, 2, 3], receive: new Array<number>(R).fill(rank + 1) } }),
  'Broadcast from rank 1': (b, x) => b.broadcast(x, 1, options),
};

/** Ranks weigh their outputs differently, so that a mix-up of ranks changes the loss. */
function rankGraph(rank: number, build: Exchange): Graph {
  const b = createGraphBuilder(`rank${rank}`);
  const x = b.input('x', 'float64', [6, 3]);
  const y = build(b, x, rank);
  const weights = b.constant(normals(`weights ${rank}`, y.shape));
  const loss = b.output(b.reduceSum(b.mul(b.mul(y, y), weights)), 'loss');
  const [gradient] = backward(b, loss, [x]);
  b.output(gradient!, 'grad');
  return b.finish();
}

const totalLoss = (graphs: readonly Graph[], inputs: readonly Tensor[]): number =>
  runReferenceRanks(
    graphs,
    inputs.map((x) => ({ x })),
    { groups: GROUPS, precision: 'float64' },
  ).reduce((sum, { outputs }) => sum + (outputs['loss']!.data[0] as number), 0);

for (const [title, build] of Object.entries(CASES)) {
  test(`the gradient of ${title} is that of the summed losses of all ranks`, () => {
    const graphs = Array.from({ length: R }, (_, rank) => rankGraph(rank, build));
    const inputs = graphs.map((_, rank) => normals(`${title} ${rank}`, [6, 3]));
    const results = runReferenceRanks(
      graphs,
      inputs.map((x) => ({ x })),
      { groups: GROUPS, precision: 'float64' },
    );
    for (let rank = 0; rank < R; rank++) {
      for (let i = 0; i < 18; i += 5) {
        const at = (distance: number): number =>
          totalLoss(
            graphs,
            inputs.map((x, r) => (r === rank ? { ...x, data: x.data.with(i, x.data[i]! + distance) } : x)),
          );
        const difference = (8 * (at(STEP) - at(-STEP)) - (at(2 * STEP) - at(-2 * STEP))) / (12 * STEP);
        const gradient = results[rank]!.outputs['grad']!.data[i] as number;
        assert.ok(
          Math.abs(gradient - difference) < 1e-7 * Math.max(1, Math.abs(difference)),
          `rank ${rank}, element ${i}: ${gradient}, difference ${difference}`,
        );
      }
    }
  });
}

test('a column- and row-parallel block with the tensor-parallel pair has the gradients of the whole block', () => {
  const [C, F] = [4, 6];
  const x = normals('x', [2, C]);
  const [up, down] = [normals('up', [C, F]), normals('down', [F, C])];
  const build = (upShard: Tensor, downShard: Tensor, isParallel: boolean): Graph => {
    const b = createGraphBuilder('block');
    const input = b.input('x', 'float64', [2, C]);
    const entered = isParallel ? copyToGroup(b, input, options) : input;
    const [w1, w2] = [b.constant(upShard), b.constant(downShard)];
    const partial = b.matMul(b.gelu(b.matMul(entered, w1)), w2);
    const y = isParallel ? reduceFromGroup(b, partial, options) : partial;
    const [dx, dw1] = backward(b, b.reduceSum(b.mul(y, y)), [input, w1]);
    b.output(dx!, 'dx');
    b.output(dw1!, 'dw1');
    return b.finish();
  };
  const shardOf = (rank: number): [Tensor, Tensor] => {
    const width = F / R;
    const columns = Float64Array.from(
      { length: C * width },
      (_, i) => up.data[Math.floor(i / width) * F + rank * width + (i % width)]!,
    );
    const rows = down.data.slice(rank * width * C, (rank + 1) * width * C);
    return [
      { dtype: 'float64', shape: [C, width], data: columns },
      { dtype: 'float64', shape: [width, C], data: rows },
    ];
  };
  const whole = runReferenceRanks([build(up, down, false)], [{ x }], { precision: 'float64' })[0]!.outputs;
  const sharded = runReferenceRanks(
    Array.from({ length: R }, (_, rank) => build(...shardOf(rank), true)),
    Array.from({ length: R }, () => ({ x })),
    { groups: GROUPS, precision: 'float64' },
  );
  sharded.forEach(({ outputs }, rank) => {
    const dx = outputs['dx']!.data as Float64Array;
    dx.forEach((value, i) => assert.ok(Math.abs(value - (whole['dx']!.data[i] as number)) < 1e-10));
    const width = F / R;
    (outputs['dw1']!.data as Float64Array).forEach((value, i) => {
      const column = rank * width + (i % width);
      const expected = whole['dw1']!.data[Math.floor(i / width) * F + column] as number;
      assert.ok(Math.abs(value - expected) < 1e-10);
    });
  });
});
