/** Growth keeps what it promises: clones, splits, pruning, shared opacity, optimiser moments. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { createCloud } from '../src/cloud.ts';
import { logitFromProbability, sigmoid } from '../src/reals.ts';
import { createAdamState, moveAdamRows } from '../src/train/adam.ts';
import { densifyCloud } from '../src/train/densify.ts';
import { relocateDead, splitOpacity } from '../src/train/mcmc.ts';

const OPTIONS = { gradientThreshold: 1, splitScaleM: 0.5, minOpacity: 0.005, maxScaleM: Infinity, cap: 100 };

/** Row 0 small and pulled, row 1 large and pulled, row 2 calm, row 3 faint. */
function fourRows() {
  const cloud = createCloud(4, 1);
  for (let i = 0; i < 4; i++) {
    cloud.quats[4 * i] = 1;
    cloud.means.set([i, 2 * i, 3 * i], 3 * i);
    cloud.logScales.fill(Math.log(i === 1 ? 2 : 0.1), 3 * i, 3 * i + 3);
    cloud.opacityLogits[i] = logitFromProbability(i === 3 ? 0.001 : 0.5);
    cloud.sh.fill(i + 0.5, 12 * i, 12 * i + 12);
  }
  return cloud;
}

test('clones copy every parameter, splits replace their parent by two children 1.6 times smaller, faint rows go', () => {
  const cloud = fourRows();
  const {
    cloud: grown,
    sources,
    numCloned,
    numSplit,
    numPruned,
  } = densifyCloud(cloud, Float32Array.of(2, 2, 0, 2), OPTIONS, createRng(1));
  assert.deepEqual([numCloned, numSplit, numPruned, grown.count], [1, 1, 1, 5]);
  assert.deepEqual([...sources], [0, 2, -1, -1, -1]);
  assert.deepEqual([...grown.means.subarray(6, 9)], [...cloud.means.subarray(0, 3)]);
  assert.deepEqual([...grown.sh.subarray(24, 36)], [...cloud.sh.subarray(0, 12)]);
  for (const child of [3, 4]) {
    assert.ok(Math.abs(Math.exp(grown.logScales[3 * child]) - 2 / 1.6) < 1e-6);
    assert.notDeepEqual([...grown.means.subarray(3 * child, 3 * child + 3)], [...cloud.means.subarray(3, 6)]);
  }
});

test('no growth beyond the cap', () => {
  const { cloud } = densifyCloud(fourRows(), Float32Array.of(2, 2, 2, 0), { ...OPTIONS, cap: 5 }, createRng(1));
  assert.ok(cloud.count <= 5);
});

test('moments of kept rows move along and those of new rows are zero', () => {
  const adam = createAdamState(fourRows());
  adam.first.means.forEach((_, k) => (adam.first.means[k] = k + 1));
  moveAdamRows(adam, Int32Array.of(2, -1, 0), 1);
  assert.deepEqual([...adam.first.means], [7, 8, 9, 0, 0, 0, 1, 2, 3]);
});

test('copies that share an opacity cover as much as the one', () => {
  for (const opacity of [0.05, 0.5, 0.95]) {
    for (const copies of [2, 5, 20]) {
      const { opacity: part, factor } = splitOpacity(opacity, copies);
      assert.ok(Math.abs(1 - (1 - part) ** copies - opacity) < 1e-12);
      assert.ok(factor > 0 && factor <= 1, `${factor}`);
    }
  }
  assert.ok(Math.abs(splitOpacity(0.7, 1).factor - 1) < 1e-12);
});

test('dead rows move onto living ones', () => {
  const cloud = fourRows();
  const moved = relocateDead(cloud, createRng(1));
  assert.ok(moved.includes(3));
  assert.ok(sigmoid(cloud.opacityLogits[3]) > 0.005);
  assert.ok([0, 1, 2].some((i) => cloud.means[9] === cloud.means[3 * i]));
});
