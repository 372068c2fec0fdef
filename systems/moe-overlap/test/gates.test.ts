import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { keptPairs, mergeParts, routeNaively, routeParts } from '../src/capacity-passing.ts';
import { routeWhole, type GateInput } from '../src/gates.ts';
import { randomTrial } from '../src/token-trial.ts';
import { GATE_NAMES } from '../src/types.ts';

/** Experts 0 0 0 1 0 1 1 0 for two experts with four rows each. */
const EIGHT_TOKENS: GateInput = {
  gate: 'switch',
  numTokens: 8,
  numExperts: 2,
  capacity: 4,
  scores: Float64Array.from([0, 0, 0, 1, 0, 1, 1, 0].flatMap((expert) => (expert === 0 ? [0.9, 0.1] : [0.2, 0.8]))),
};

test('of eight tokens the whole batch drops token 7, and so do two parts with capacity passing', () => {
  const whole = routeWhole(EIGHT_TOKENS);
  assert.deepEqual([...whole.place], [0, 1, 2, 0, 3, 1, 2, -1]);
  assert.deepEqual([...whole.count], [4, 3]);
  const parts = routeParts(EIGHT_TOKENS, 2);
  assert.deepEqual(
    parts.map(({ count }) => [...count]),
    [
      [3, 1],
      [1, 2],
    ],
  );
  assert.deepEqual(mergeParts(parts, 2), whole);
});

test('naive micro-batches drop as many of the eight tokens, but another one', () => {
  const dropped = routeNaively(EIGHT_TOKENS, 2).flatMap((part) =>
    [...part.place].flatMap((place, index) => (place < 0 ? [part.token[index]!] : [])),
  );
  assert.deepEqual(dropped, [2]);
  assert.equal(keptPairs(routeWhole(EIGHT_TOKENS)).length, 7);
});

test('batch-prioritised routing drops the lowest scores, wherever they stand', () => {
  const scores = Float64Array.from([0.6, 0.4, 0.9, 0.1, 0.7, 0.3, 0.8, 0.2]);
  const routing = routeWhole({ gate: 'bpr', numTokens: 4, numExperts: 2, capacity: 2, scores });
  assert.deepEqual([...routing.place], [-1, 0, -1, 1]);
});

for (const gate of GATE_NAMES) {
  test(`${gate}: 400 random layers in parts keep the same tokens, outputs and gradients bit for bit`, (context) => {
    const rng = createRng(17, gate);
    let numWithDrops = 0;
    let numNaiveDifferent = 0;
    let numSameCount = 0;
    for (let round = 0; round < 400; round++) {
      const trial = randomTrial({ gate }, rng);
      const { isSameSet, isSameOutput, isSameGradient, isSameUsed, isSameBuffer } = trial;
      assert.deepEqual(
        { isSameSet, isSameOutput, isSameGradient, isSameUsed, isSameBuffer },
        { isSameSet: true, isSameOutput: true, isSameGradient: true, isSameUsed: true, isSameBuffer: true },
      );
      if (trial.numDropped > 0) numWithDrops++;
      if (trial.isNaiveDifferent) numNaiveDifferent++;
      if (trial.isNaiveDifferent && trial.isNaiveCountEqual) numSameCount++;
    }
    assert.ok(gate === 'expert-choice' || numWithDrops > 200);
    assert.ok(numNaiveDifferent > 200);
    context.diagnostic(
      `drops in ${numWithDrops}; naive differs in ${numNaiveDifferent}, ${numSameCount} with equal counts`,
    );
  });
}

test('what cannot be routed is refused with a reason', () => {
  assert.throws(() => routeWhole({ ...EIGHT_TOKENS, capacity: 0 }), {
    message: 'routeWhole: a capacity of at least 1, got 0. TF-OVERLAP-003',
  });
  assert.throws(() => routeParts(EIGHT_TOKENS, 3), {
    message: 'routeParts: a number of parts that divides 8 tokens, got 3. TF-OVERLAP-003',
  });
});
