import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { partitionByBruteForce } from '../src/partition/brute-force.ts';
import { partition, scalarPartitions } from '../src/partition/partition.ts';
import { evaluatePartition } from '../src/partition/problem.ts';
import { randomProblem } from '../src/random-problem.ts';

test('the exact dynamic program equals brute force on 500 random instances; the scalar one never beats it', () => {
  let numWorse = 0;
  for (let seed = 0; seed < 500; seed++) {
    const rng = createRng(seed, 'partition');
    const numStages = 1 + rng.integer(4);
    const numLayers = numStages + rng.integer(9 - numStages);
    const numDevices = numStages + rng.integer(7 - numStages);
    const problem = randomProblem(rng, numLayers, numDevices, 1 + rng.integer(12));
    const exact = partition(problem, numStages)!;
    const brute = partitionByBruteForce(problem, numStages)!;
    assert.ok(Math.abs(exact.boundMs - brute.boundMs) <= 1e-9 * brute.boundMs, `seed ${seed}`);
    const again = evaluatePartition(problem, exact.ends, exact.replicas);
    assert.ok(Math.abs(again.boundMs - exact.boundMs) <= 1e-9 * exact.boundMs);
    const scalar = partition(problem, numStages, { method: 'paper' })!;
    assert.ok(scalar.boundMs >= exact.boundMs * (1 - 1e-12));
    if (scalar.boundMs > exact.boundMs * (1 + 1e-9)) numWorse++;
    scalarPartitions(problem, numStages).forEach((found, index) => {
      const best = partitionByBruteForce(problem, index + 1);
      assert.equal(found === undefined, best === undefined);
      if (found && best) assert.ok(found.boundMs >= best.boundMs * (1 - 1e-12));
    });
  }
  assert.ok(numWorse > 0, 'the scalar program is strictly worse on some seed');
});

test('a stage that does not fit is never chosen', () => {
  const problem = randomProblem(createRng(3, 'fits'), 8, 4, 6);
  const found = partition(problem, 3, { fits: (start, end) => end - start <= 3 })!;
  found.ends.forEach((end, stage) => assert.ok(end - (found.ends[stage - 1] ?? 0) <= 3));
  assert.equal(partition(problem, 2, { fits: (start, end) => end - start <= 3 }), undefined);
});
