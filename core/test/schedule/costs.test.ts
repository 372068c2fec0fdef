import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  allGatherMs,
  allReduceMs,
  allToAllMs,
  broadcastMs,
  costAt,
  createCostTable,
  createProgramBuilder,
  extrapolationFactor,
  reduceScatterMs,
  simulate,
  trackMemory,
} from '../../src/schedule/index.ts';

test('a cost table is exact at its points and takes the segment that holds the size', () => {
  const table = createCostTable([
    [4, 10],
    [1, 1],
    [2, 2],
    [8, 12],
  ]);
  assert.deepEqual(
    [1, 2, 4, 8].map((size) => costAt(table, size)),
    [1, 2, 10, 12],
  );
  assert.deepEqual(
    [1.5, 3, 6].map((size) => costAt(table, size)),
    [1.5, 6, 11],
  );
});

test('below the least size the least time holds, beyond the largest the last slope goes on', () => {
  const table = createCostTable([
    [10, 5],
    [20, 6],
  ]);
  assert.deepEqual(
    [0, 3, 30, 120].map((size) => costAt(table, size)),
    [5, 5, 7, 16],
  );
  assert.deepEqual(
    [5, 10, 15, 20, 80].map((size) => extrapolationFactor(table, size)),
    [2, 1, 1, 1, 4],
  );
});

test('a time that falls with size is raised and named', () => {
  const table = createCostTable([
    [1, 5],
    [2, 4],
    [3, 7],
  ]);
  assert.deepEqual([...table.timesMs], [5, 5, 7]);
  assert.deepEqual(table.raised, [1]);
});

test('points of the same size are averaged', () => {
  const table = createCostTable([
    [1, 2],
    [1, 4],
    [2, 4],
  ]);
  assert.deepEqual([...table.timesMs], [3, 4]);
});

test('one point, NaN and negative times are refused', () => {
  assert.throws(() => createCostTable([[1, 2]]), {
    message: 'createCostTable: at least two different sizes, got 1. TF-SCHEDULE-003',
  });
  assert.throws(
    () =>
      createCostTable([
        [1, NaN],
        [2, 1],
      ]),
    { code: 'TF-SCHEDULE-003' },
  );
  assert.throws(
    () =>
      createCostTable([
        [1, -1],
        [2, 1],
      ]),
    { code: 'TF-SCHEDULE-003' },
  );
});

test('costs never fall with size and agree with a linear scan over segments', () => {
  const points = fc.uniqueArray(fc.tuple(fc.nat(100), fc.nat(50)), { minLength: 2, selector: ([size]) => size });
  fc.assert(
    fc.property(points, fc.double({ min: 0, max: 150, noNaN: true }), (list, size) => {
      const table = createCostTable(list);
      assert.ok(costAt(table, size) <= costAt(table, size + 1) + 1e-9);
      const { sizes, timesMs } = table;
      const left = sizes.findIndex((x, i) => i + 1 < sizes.length && x <= size && size <= sizes[i + 1]!);
      if (left < 0) return;
      const share = (size - sizes[left]!) / (sizes[left + 1]! - sizes[left]!);
      const expected = timesMs[left]! * (1 - share) + timesMs[left + 1]! * share;
      assert.ok(Math.abs(costAt(table, size) - expected) < 1e-9);
    }),
    { numRuns: 500 },
  );
});

test('collective times by hand: 4 ranks, α = 1 ms, 1 MB at 1 GB/s', () => {
  const link = { latencyMs: 1, bytesPerSec: 1e9 };
  assert.equal(allReduceMs(link, 1e6, 4), 2 * 3 * (1 + 0.25));
  assert.equal(reduceScatterMs(link, 1e6, 4), 3 * 1.25);
  assert.equal(allGatherMs(link, 1e6, 4), 3 * 2);
  assert.equal(allToAllMs(link, 1e6, 4), 3 * 1.25);
  assert.equal(broadcastMs(link, 1e6, 5), 3 * 2);
  assert.equal(allReduceMs(link, 1e6, 1), 0);
});

test('memory peaks where buffers overlap, with frees before allocations', () => {
  const builder = createProgramBuilder();
  const lane = builder.addResource({ name: 'gpu' });
  const [a, b, c] = ['a', 'b', 'c'].map((name) => builder.addOp({ name, on: lane, durationMs: 10 })) as [
    number,
    number,
    number,
  ];
  const [memory] = trackMemory(simulate(builder.build()), [
    { name: 'weights', device: 'gpu', bytes: 100 },
    { name: 'x', device: 'gpu', bytes: 10, allocatedBy: a, usedBy: [b] },
    { name: 'y', device: 'gpu', bytes: 20, allocatedBy: b, usedBy: [c] },
    { name: 'z', device: 'gpu', bytes: 5, allocatedBy: c, usedBy: [] },
  ]);
  assert.deepEqual([memory!.peakBytes, memory!.peakMs], [130, 10]);
  assert.deepEqual(
    memory!.atPeak.map(({ name }) => name),
    ['weights', 'y', 'x'],
  );
  assert.deepEqual([...memory!.timesMs], [0, 10, 20, 30]);
  assert.deepEqual([...memory!.bytes], [110, 130, 125, 100]);
});

test('a buffer of an unknown operation is refused', () => {
  const builder = createProgramBuilder();
  builder.addOp({ name: 'a', on: builder.addResource({ name: 'gpu' }), durationMs: 1 });
  const simulation = simulate(builder.build());
  assert.throws(() => trackMemory(simulation, [{ name: 'x', device: 'gpu', bytes: 1, allocatedBy: 3 }]), {
    message: 'trackMemory: operations below 1, got 3 (buffer "x"). TF-SCHEDULE-007',
  });
});
