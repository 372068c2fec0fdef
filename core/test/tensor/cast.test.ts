import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { castTensor, createDtypeArray, DTYPES, roundToDtype, tensorFromArray } from '../../src/tensor/index.ts';
import type { Dtype } from '../../src/tensor/index.ts';

const DTYPE_NAMES = Object.keys(DTYPES) as Dtype[];
const castNumbers = (from: Dtype, values: readonly number[], to: Dtype) => {
  const source = castTensor(tensorFromArray('float64', [values.length], Float64Array.from(values)), from);
  return [...castTensor(source, to).data].map(Number);
};

test('small integers survive every pair of dtypes', () => {
  for (const from of DTYPE_NAMES)
    for (const to of DTYPE_NAMES) {
      const values = from === 'bool' || to === 'bool' ? [0, 1, 1] : [0, 1, 7];
      const source = castTensor(tensorFromArray('float64', [3], Float64Array.from(values)), from);
      const back = castTensor(castTensor(source, to), 'float64');
      assert.deepEqual([...back.data], values, `${from} to ${to}`);
    }
});

test('float to integer truncates towards zero, clamps, and maps NaN to 0', () => {
  const values = [-1e30, -129.9, -1.5, -0.5, 1.5, 200.7, 1e30, NaN];
  assert.deepEqual(castNumbers('float64', values, 'int8'), [-128, -128, -1, 0, 1, 127, 127, 0]);
  assert.deepEqual(castNumbers('float32', values, 'uint8'), [0, 0, 0, 0, 1, 200, 255, 0]);
  const wide = castTensor(tensorFromArray('float64', [3], Float64Array.of(-1e30, 1e30, -2.5)), 'int64');
  assert.deepEqual([...wide.data], [-(2n ** 63n), 2n ** 63n - 1n, -2n]);
});

test('integer to integer wraps modulo the width', () => {
  const source = tensorFromArray('int64', [3], BigInt64Array.of(-1n, 256n + 5n, 2n ** 40n + 7n));
  assert.deepEqual([...castTensor(source, 'uint8').data], [255, 5, 7]);
  assert.deepEqual([...castTensor(source, 'uint64').data], [2n ** 64n - 1n, 261n, 2n ** 40n + 7n]);
  assert.deepEqual([...castTensor(tensorFromArray('int32', [2], Int32Array.of(-1, 70000)), 'int16').data], [-1, 4464]);
});

test('int64 to float32 rounds once', () => {
  const trap = 2n ** 54n + 2n ** 30n + 1n; // float64 drops the last bit, float32 would then see a tie
  const source = tensorFromArray('int64', [2], BigInt64Array.of(trap, -trap));
  const above = 2 ** 54 + 2 ** 31;
  assert.deepEqual([...castTensor(source, 'float32').data], [above, -above]);
});

test('NaN is true and zero of either sign is false', () => {
  assert.deepEqual(castNumbers('float32', [0, -0, NaN, 1e-30], 'bool'), [0, 0, 1, 1]);
});

test('a cast never shares memory, and shared results live in a SharedArrayBuffer', () => {
  const source = tensorFromArray('float32', [2], Float32Array.of(1, 2));
  assert.notEqual(castTensor(source, 'float32').data.buffer, source.data.buffer);
  assert.ok(castTensor(source, 'bfloat16', { shared: true }).data.buffer instanceof SharedArrayBuffer);
});

test('roundToDtype agrees with castTensor for every dtype', () => {
  fc.assert(
    fc.property(fc.constantFrom(...DTYPE_NAMES), fc.double({ min: -1e25, max: 1e25 }), (dtype, value) => {
      const data = createDtypeArray('float64', 1);
      data[0] = value;
      const cast = castTensor(castTensor(tensorFromArray('float64', [], data), dtype), 'float64').data[0];
      assert.equal(roundToDtype(dtype, value), cast);
    }),
  );
});
