import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '../../src/base/index.ts';
import {
  assertTensorsClose,
  castTensor,
  compareTensors,
  relativeFrobeniusError,
  tensorFromArray,
  TOLERANCES,
} from '../../src/tensor/index.ts';

const f32 = (...values: number[]) => tensorFromArray('float32', [values.length], Float32Array.from(values));

test('a comparison reports the largest differences, the norm and the first mismatch', () => {
  const actual = tensorFromArray('float64', [2, 2], Float64Array.of(1, 2.5, 3, 0));
  const expected = tensorFromArray('float64', [2, 2], Float64Array.of(1, 2, 4, 0));
  const comparison = compareTensors(actual, expected);
  assert.equal(comparison.isClose, false);
  assert.equal(comparison.numMismatches, 2);
  assert.deepEqual(comparison.firstMismatch, { offset: 1, indices: [0, 1], actual: 2.5, expected: 2 });
  assert.equal(comparison.maxAbs, 1);
  assert.equal(comparison.maxAbsOffset, 2);
  assert.equal(comparison.maxRel, 0.25);
  assert.equal(comparison.relFrobenius, Math.sqrt(1.25 / 21));
  assert.equal(relativeFrobeniusError(actual, expected), comparison.relFrobenius);
});

test('the tolerance of the coarser dtype decides', () => {
  const exact = tensorFromArray('float64', [3], Float64Array.of(1.2345678, -3.3333333, 100.77));
  const rounded = castTensor(exact, 'bfloat16');
  assert.equal(compareTensors(rounded, exact).isClose, true);
  assert.equal(compareTensors(castTensor(rounded, 'float64'), exact).isClose, false);
  assert.deepEqual(compareTensors(rounded, exact).tolerance, TOLERANCES.bfloat16);
  assert.equal(compareTensors(rounded, exact, { tolerance: { absolute: 0, relative: 1e-6 } }).isClose, false);
});

test('NaN differs from NaN unless allowed; equal infinities agree; both are counted', () => {
  const values = f32(NaN, Infinity, -Infinity, 1);
  const strict = compareTensors(values, values);
  assert.equal(strict.isClose, false);
  assert.equal(strict.numMismatches, 1);
  assert.deepEqual(strict.numNan, { actual: 1, expected: 1 });
  assert.deepEqual(strict.numInfinite, { actual: 2, expected: 2 });
  assert.equal(strict.relFrobenius, NaN);
  const lenient = compareTensors(values, values, { equalNan: true });
  assert.equal(lenient.isClose, true);
  assert.equal(lenient.relFrobenius, 0);
});

test('an infinity on one side is an infinite difference', () => {
  const comparison = compareTensors(f32(1, Infinity), f32(1, 2));
  assert.equal(comparison.maxAbs, Infinity);
  assert.equal(comparison.maxAbsOffset, 1);
  assert.equal(comparison.relFrobenius, Infinity);
});

test('figures of many elements do not depend on where values that are not finite stand', () => {
  const numElements = 5000;
  const rng = createRng(3, 'compare');
  const expected = f32(...Array.from({ length: numElements }, () => rng.normal()));
  const actual = f32(...Array.from(expected.data, (value) => value * (1 + 1e-6 * rng.normal())));
  actual.data[3000] += 0.5;
  const plain = compareTensors(actual, expected);
  const differences = Array.from(expected.data, (value, i) => Math.abs(actual.data[i] - value));
  assert.equal(plain.maxAbs, Math.max(...differences));
  assert.equal(plain.maxAbsOffset, 3000);
  assert.equal(plain.firstMismatch?.offset, 3000);
  assert.equal(plain.numMismatches, 1);
  assert.equal(plain.maxRel, Math.max(...differences.map((d, i) => d / Math.abs(expected.data[i]))));
  assert.ok(Math.abs(plain.relFrobenius / relativeFrobeniusError(actual, expected) - 1) < 1e-12);
  for (const infiniteAt of [0, 2999, 4999]) {
    const [a, e] = [f32(...actual.data), f32(...expected.data)];
    a.data[infiniteAt] = e.data[infiniteAt] = Infinity;
    const mixed = compareTensors(a, e);
    assert.equal(mixed.maxAbsOffset, 3000);
    assert.deepEqual([mixed.numMismatches, mixed.numInfinite.actual], [1, 1]);
  }
});

test('the Frobenius error of narrow floats is that of their decoded values, over any number of blocks', () => {
  const rng = createRng(4, 'frobenius');
  for (const numElements of [1, 2048, 5001]) {
    const expected = f32(...Array.from({ length: numElements }, () => 1 + rng.uniform()));
    for (const dtype of ['bfloat16', 'float16', 'float8e4m3fn', 'float8e5m2'] as const) {
      const narrow = castTensor(expected, dtype);
      const error = relativeFrobeniusError(narrow, expected);
      const reference = relativeFrobeniusError(castTensor(narrow, 'float64'), castTensor(expected, 'float64'));
      assert.equal(error, reference);
      assert.ok(error > 0 && error < TOLERANCES[dtype].relative);
    }
  }
});

test('64-bit integers that share a float64 are still told apart', () => {
  const actual = tensorFromArray('int64', [1], BigInt64Array.of(2n ** 60n + 1n));
  const expected = tensorFromArray('int64', [1], BigInt64Array.of(2n ** 60n));
  assert.equal(compareTensors(actual, expected).isClose, false);
  assert.equal(compareTensors(expected, expected).isClose, true);
});

test('the assertion names tensor, place, values and figures', () => {
  assert.doesNotThrow(() => assertTensorsClose(f32(1, 2), f32(1, 2)));
  assert.throws(
    () => assertTensorsClose(f32(1, 2.5), f32(1, 2), { name: 'logits', tolerance: { absolute: 0, relative: 0.125 } }),
    {
      message:
        'assertTensorsClose: values within 0 + 0.125 · |expected|, got 1 of 2 outside, the first 2.5 for 2 (tensor "logits" at [1]). ' +
        'Largest difference 0.5, relative Frobenius error 0.22360679774997896. TF-TENSOR-004',
    },
  );
});

test('shapes that differ are refused', () => {
  assert.throws(() => compareTensors(f32(1, 2), f32(1)), {
    message: 'compareTensors: shape [1], got [2]. TF-TENSOR-002',
  });
});
