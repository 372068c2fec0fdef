import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TimelineBlock } from '@tenfold/core/report';
import { createRng } from '@tenfold/core/base';
import { placeAllReduces } from '../src/all-reduce-placement.ts';
import { evenPartCosts, partCostsOf, timeOnDevice, withTimes } from '../src/device-costs.ts';
import { analyticDevice } from '../src/device-library.ts';
import { simulateGraph } from '../src/dw-order.ts';
import { withExposedLane } from '../src/exposed-lane.ts';
import { gptMoe } from '../src/gpt-moe.ts';
import { peakLiveBytes } from '../src/memory-effect.ts';
import { dataflowOf } from '../src/op-graph.ts';
import { MODES, optimise } from '../src/plan.ts';
import { simulatePlan } from '../src/plan-simulation.ts';
import type { OverlapGraph, OverlapOp } from '../src/types.ts';
import { randomDag } from './examples.ts';

function lineOf(ops: readonly Partial<OverlapOp>[], tensors: OverlapGraph['tensors'] = {}): OverlapGraph {
  return {
    name: 'line',
    gate: 'switch',
    batch: 1,
    tensors,
    ops: ops.map((op, index) => ({
      id: `${index}`,
      kind: 'compute',
      role: 'dX',
      ins: [],
      outs: [`t${index}`],
      timeMs: 1,
      ...op,
    })),
  };
}

test('interference slows what runs at the same time, and only for as long as it does', () => {
  const graph = lineOf([{ kind: 'a2a', timeMs: 4, moe: { layer: 0, part: 'a2a' } }, { timeMs: 6 }]);
  const free = simulatePlan(graph);
  assert.deepEqual([free.makespanMs, free.metrics.exposedMs], [6, 0]);
  // Beside 4 ms of exchange, 4 / 1.25 = 3.2 ms of work get done; 2.8 ms are left.
  const slowed = simulatePlan(graph, { compute: 1.25, comm: 1 });
  assert.ok(Math.abs(slowed.makespanMs - 6.8) < 1e-9);
});

test('a reduction goes into a gap between all-to-alls where it delays none, and updates come last', () => {
  const a2a = { kind: 'a2a', timeMs: 2, moe: { layer: 0, part: 'a2a' } } as const;
  const graph = lineOf([
    { id: 'dW', role: 'dW', timeMs: 2 },
    { id: 'reduce', kind: 'allreduce', ins: ['t0'], timeMs: 3 },
    { id: 'update', role: 'opt', ins: ['t1'], timeMs: 1 },
    { ...a2a, id: 'first' },
    { id: 'dX', ins: ['t3'], timeMs: 7 },
    { ...a2a, id: 'second', ins: ['t4'] },
    { id: 'end', ins: ['t5'], timeMs: 1 },
  ]);
  const placed = placeAllReduces(graph);
  const order = placed.ops.map(({ id }) => id);
  assert.deepEqual(order, ['dW', 'first', 'dX', 'reduce', 'second', 'end', 'update']);
  const times = simulateGraph(placed);
  const endOf = (id: string): number => times.endMs[order.indexOf(id)]!;
  assert.equal(endOf('reduce') <= endOf('second') - 2, true);
  assert.ok(times.makespanMs <= simulateGraph(graph).makespanMs);
});

test('placing reductions keeps operations and dependencies of random graphs', () => {
  const rng = createRng(41, 'reductions');
  let numReductions = 0;
  for (let round = 0; round < 80; round++) {
    const graph = randomDag(rng, 24);
    numReductions += graph.ops.filter(({ kind }) => kind === 'allreduce').length;
    const placed = placeAllReduces(graph);
    dataflowOf(placed); // throws if a tensor is used before it is made
    assert.deepEqual(new Set(placed.ops), new Set(graph.ops));
  }
  assert.ok(numReductions > 20);
});

test('the peak of live tensors counts what lives between producer and last reader', () => {
  const shapes = { t0: { shape: [10] }, t1: { shape: [20] }, t2: { shape: [5] }, t3: { shape: [1] } };
  const graph = lineOf([{}, { ins: ['t0'] }, { ins: ['t1'] }, { ins: ['t2', 't0'] }], shapes);
  // t0, t1 and t2 live together while operation 2 runs.
  assert.equal(peakLiveBytes(graph), 4 * 35);
  const early = lineOf([{}, { ins: ['t0'] }, { ins: ['t1'] }, { ins: ['t2'] }], shapes);
  assert.equal(peakLiveBytes(early), 4 * 30);
});

test('a part of an operation with a measured time costs measured over predicted of the whole', () => {
  const device = analyticDevice({ numDevices: 16 });
  const op = { id: 'x', kind: 'compute', role: 'fwd', ins: [], outs: [], flops: 1e12, movedBytes: 0 } as const;
  const wholeMs = timeOnDevice(op, device);
  const measured = { ...op, timeMs: 3 * wholeMs };
  const part = partCostsOf(device).partMs(measured, 4);
  assert.ok(Math.abs(part - 3 * timeOnDevice(op, device, 4)) < 1e-9);
  assert.equal(partCostsOf(device).partMs(measured, 1), measured.timeMs);
});

test('the accepted plan beats every simpler one by more than 1 %, and where cutting costs too much nothing is cut', async () => {
  const device = analyticDevice({ numDevices: 16 });
  const graph = withTimes(
    gptMoe({ layers: 4, hidden: 64, heads: 2, seq: 32, batch: 8, numDevices: 16, vocabulary: 64 }),
    device,
  );
  for (const overheadMs of [0, 0.05, 10]) {
    const { plans, accepted } = await optimise(graph, { costs: evenPartCosts(overheadMs) });
    const best = plans[accepted].simulation.makespanMs;
    for (const mode of MODES.slice(0, MODES.indexOf(accepted))) {
      assert.ok(best < plans[mode].simulation.makespanMs * 0.99, `${accepted} against ${mode}`);
    }
    if (overheadMs === 10) assert.ok(plans.partition.ranges.length === 0 && !['tutel', 'partition'].includes(accepted));
    else assert.ok(overheadMs > 0 || plans.partition.ranges.length > 0);
  }
});

test('the exposed lane holds communication that no computation runs beside', () => {
  const span = (id: string, lane: string, startMs: number, endMs: number) => ({ id, lane, name: id, startMs, endMs });
  const shown: TimelineBlock = {
    kind: 'timeline',
    lanes: [
      { id: 'compute', label: 'compute' },
      { id: 'communication', label: 'communication' },
    ],
    spans: [
      span('a', 'compute', 0, 2),
      span('b', 'compute', 4, 6),
      span('x', 'communication', 1, 5),
      span('y', 'communication', 7, 8),
    ],
  };
  const block = withExposedLane(shown, shown.spans);
  assert.deepEqual(
    block.spans.filter(({ lane }) => lane === 'exposed').map(({ startMs, endMs }) => [startMs, endMs]),
    [
      [2, 4],
      [7, 8],
    ],
  );
});
