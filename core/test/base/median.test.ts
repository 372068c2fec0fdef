import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { median } from '../../src/base/index.ts';

test('as many values lie below the median as above it, and the list keeps its order', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1 }), (values) => {
      const before = [...values];
      const middle = median(values);
      assert.deepEqual(values, before);
      const half = values.length / 2;
      assert.ok(values.filter((value) => value < middle).length <= half);
      assert.ok(values.filter((value) => value > middle).length <= half);
    }),
  );
});

test('an even number of values has the mean of the two middle ones; numbers are not sorted as text', () => {
  assert.equal(median([100, 9, 20, 1]), 14.5);
  assert.equal(median([10, 9, 100]), 10);
  assert.ok(Number.isNaN(median([])));
});
