import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNetworkCosts, placeStages } from '../src/network.ts';
import type { Cluster } from '../src/types.ts';

/** Two nodes of four: 1 byte takes 1 ms inside, 10 ms through a network card. */
const cluster: Cluster = {
  numDevices: 8,
  devicesPerNode: 4,
  memoryBytes: 1,
  intra: { latencyMs: 0.1, bytesPerSec: 1000 },
  inter: { latencyMs: 2, bytesPerSec: 100 },
};
const near = (found: number, expected: number): void =>
  assert.ok(Math.abs(found - expected) < 1e-9 * Math.max(1, expected), `${found} and ${expected}`);

test('replicas inside a node share a transfer over links of their own, across nodes they share one network card', () => {
  const network = createNetworkCosts(cluster, 8, 'pipeline-inner');
  const inside = network.transfer({ start: 0, count: 2 }, { start: 2, count: 2 });
  near(inside.msPerByte, 0.5);
  near(inside.latencyMs, 0.1);
  const across = network.transfer({ start: 0, count: 4 }, { start: 4, count: 4 });
  near(across.msPerByte, 10);
  near(across.latencyMs, 2);
});

test('unequal replicas are as slow as the side with fewer, and a stage over two nodes sends only a part across', () => {
  const network = createNetworkCosts(cluster, 8, 'pipeline-inner');
  near(network.transfer({ start: 0, count: 1 }, { start: 1, count: 2 }).msPerByte, 1);
  near(network.transfer({ start: 0, count: 3 }, { start: 3, count: 1 }).msPerByte, 1);
  // Devices 2, 3 send to 4, 5 in the other node, 6 and 7 are not part of it: everything crosses once.
  near(network.transfer({ start: 2, count: 2 }, { start: 4, count: 2 }).msPerByte, 10);
  // 3 (node 0) and 4 (node 1) send halves to 5 and 6 (node 1): only the half of device 3 crosses.
  near(network.transfer({ start: 3, count: 2 }, { start: 5, count: 2 }).msPerByte, 5);
});

test('groups that span nodes of one another load the same card', () => {
  // dp-inner: positions of two groups are neighbours, so position 0 is on ranks 0 and 1, position 3 on 6 and 7.
  const network = createNetworkCosts(cluster, 4, 'dp-inner');
  near(network.transfer({ start: 1, count: 1 }, { start: 2, count: 1 }).msPerByte, 20);
  near(network.transfer({ start: 0, count: 1 }, { start: 1, count: 1 }).msPerByte, 1);
});

test('an all-reduce leaves the node exactly where its ranks do, and then occupies those cards', () => {
  const inner = createNetworkCosts(cluster, 4, 'pipeline-inner');
  // Two groups on two nodes: every stage reduces across.
  assert.deepEqual(inner.sync(0, 1).cards, [0, 1]);
  near(inner.sync(0, 1).msPerByte, 10);
  const one = createNetworkCosts(cluster, 8, 'pipeline-inner');
  assert.deepEqual(one.sync(0, 4).cards, []);
  near(one.sync(0, 4).msPerByte, (2 * 3) / 4);
  assert.deepEqual(one.sync(2, 4).cards, [0, 1]);
  assert.equal(one.sync(0, 1).msPerByte, 0);
  const outer = createNetworkCosts(cluster, 4, 'dp-inner');
  assert.deepEqual(outer.sync(0, 1).cards, []);
  near(outer.sync(0, 1).msPerByte, 1);
});

test('placements give every rank once', () => {
  for (const placement of ['pipeline-inner', 'dp-inner'] as const) {
    const ranks = placeStages(2, [1, 3], placement).flat(2);
    assert.deepEqual(
      [...ranks].sort((a, b) => a - b),
      [0, 1, 2, 3, 4, 5, 6, 7],
    );
  }
  assert.deepEqual(placeStages(2, [1, 3], 'dp-inner')[1], [[1], [3, 5, 7]]);
});
