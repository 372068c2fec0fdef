import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRng } from '../../src/base/index.ts';
import {
  batchesOf,
  groupKFold,
  kFold,
  shuffledIndices,
  stratifiedKFold,
  stratifiedSplit,
} from '../../src/data/index.ts';
import type { Fold } from '../../src/data/index.ts';

const labelsArbitrary = fc.array(fc.nat(3), { minLength: 40, maxLength: 120 });

function assertPartition(folds: readonly Fold[], numSamples: number): void {
  const tested = folds.flatMap(({ test: part }) => [...part]).sort((a, b) => a - b);
  assert.deepEqual(
    tested,
    Array.from({ length: numSamples }, (_, i) => i),
  );
  for (const { train, test: part } of folds) {
    assert.equal(new Set([...train, ...part]).size, numSamples);
    assert.equal(train.length + part.length, numSamples);
  }
}

test('an order is a permutation that its seed repeats and another seed changes', () => {
  const order = shuffledIndices(1000, createRng(1));
  assert.deepEqual(order, shuffledIndices(1000, createRng(1)));
  assert.notDeepEqual(order, shuffledIndices(1000, createRng(2)));
  assert.deepEqual(
    order.toSorted(),
    Uint32Array.from({ length: 1000 }, (_, i) => i),
  );
});

test('batches cover the order once, the short one last or left out', () => {
  const order = shuffledIndices(10, createRng(1));
  const batches = [...batchesOf(order, 4)];
  assert.deepEqual(
    batches.map(({ length }) => length),
    [4, 4, 2],
  );
  assert.deepEqual(Uint32Array.from(batches.flatMap((batch) => [...batch])), order);
  assert.equal([...batchesOf(order, 4, { dropLast: true })].length, 2);
  assert.throws(() => [...batchesOf(order, 0)], { message: 'batchesOf: a batch size ≥ 1, got 0. TF-DATA-013' });
});

test('k folds partition the samples into sizes that differ by at most one', () => {
  fc.assert(
    fc.property(fc.integer({ min: 5, max: 60 }), fc.integer({ min: 2, max: 5 }), (numSamples, k) => {
      const folds = kFold(numSamples, k, createRng(numSamples));
      assertPartition(folds, numSamples);
      const sizes = folds.map(({ test: part }) => part.length);
      assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1);
    }),
  );
});

test('stratified folds spread every class and the whole evenly', () => {
  fc.assert(
    fc.property(labelsArbitrary, (labels) => {
      const counts = [0, 1, 2, 3].map((label) => labels.filter((l) => l === label).length).filter(Boolean);
      fc.pre(Math.min(...counts) >= 3);
      const folds = stratifiedKFold(labels, 3, createRng(4));
      assertPartition(folds, labels.length);
      for (const label of new Set(labels)) {
        const perFold = folds.map(({ test: part }) => [...part].filter((i) => labels[i] === label).length);
        assert.ok(Math.max(...perFold) - Math.min(...perFold) <= 1);
      }
      const sizes = folds.map(({ test: part }) => part.length);
      assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1);
    }),
  );
});

test('group folds never divide a group', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9), { minLength: 60, maxLength: 90 }), (groups) => {
      fc.pre(new Set(groups).size >= 3);
      const folds = groupKFold(groups, 3, createRng(4));
      assertPartition(folds, groups.length);
      for (const { train, test: part } of folds) {
        const held = new Set(Array.from(part, (i) => groups[i]));
        assert.ok(train.every((i) => !held.has(groups[i])));
        assert.ok(part.length > 0);
      }
    }),
  );
});

test('a stratified split keeps every class in proportion to within one sample per part', () => {
  fc.assert(
    fc.property(labelsArbitrary, (labels) => {
      const fractions = [0.7, 0.2, 0.1];
      const parts = stratifiedSplit(labels, fractions, createRng(9));
      assert.equal(new Set(parts.flatMap((part) => [...part])).size, labels.length);
      assert.equal(
        parts.reduce((sum, { length }) => sum + length, 0),
        labels.length,
      );
      for (const label of new Set(labels)) {
        const total = labels.filter((l) => l === label).length;
        for (const [p, part] of parts.entries()) {
          const count = [...part].filter((i) => labels[i] === label).length;
          assert.ok(Math.abs(count - total * fractions[p]) < 1);
        }
      }
    }),
  );
});

test('impossible folds and fractions are refused', () => {
  const hint = 'Use fewer folds or more samples. TF-DATA-013';
  assert.throws(() => kFold(3, 5, createRng(1)), {
    message: `kFold: between 2 folds and one per member of the 3 samples, got 5 folds. ${hint}`,
  });
  assert.throws(() => stratifiedKFold([0, 0, 0, 1], 2, createRng(1)), {
    message: `stratifiedKFold: between 2 folds and one per member of the 1 samples of class 1, got 2 folds. ${hint}`,
  });
  assert.throws(() => groupKFold([1, 1, 1], 2, createRng(1)), {
    message: `groupKFold: between 2 folds and one per member of the 1 groups, got 2 folds. ${hint}`,
  });
  assert.throws(() => stratifiedSplit([0, 1], [0.5, 0.4], createRng(1)), {
    message: 'stratifiedSplit: positive fractions that sum to 1, got [0.5, 0.4]. TF-DATA-013',
  });
});
