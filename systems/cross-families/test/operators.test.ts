/** Operators on families and minimal transversals. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { popcount32 } from '../src/binomial.ts';
import {
  colexPrefix,
  complementFamily,
  compress,
  deletion,
  dualFamily,
  findMissingPair,
  link,
  minimalMembers,
  shadow,
  shift,
  upClosure,
  upperShadow,
} from '../src/operators.ts';
import { shadowBound } from '../src/order.ts';
import { minimalTransversals } from '../src/transversals.ts';

const N = 6;
const family = fc.uniqueArray(fc.integer({ min: 1, max: 2 ** N - 1 }), { minLength: 1, maxLength: 14 });
const sizesOf = (sets: readonly number[]): number[] => sets.map(popcount32).sort();

test('shifts keep sizes and numbers of sets, and cross-t-intersection of all families together', () => {
  fc.assert(
    fc.property(family, family, fc.integer({ min: 1, max: N - 1 }), fc.integer({ min: 2, max: N }), (a, b, i, j) => {
      fc.pre(i < j);
      const [x, y] = [shift(a, i, j), shift(b, i, j)];
      assert.deepEqual(sizesOf(x), sizesOf(a));
      assert.equal(new Set(x).size, a.length);
      for (const t of [1, 2]) if (!findMissingPair(a, b, N, t)) assert.equal(findMissingPair(x, y, N, t), undefined);
    }),
  );
});

test('compression ends in families that no shift moves', () => {
  fc.assert(
    fc.property(family, (sets) => {
      const end = compress([sets], N).at(-1)?.families[0] ?? [...sets].sort((a, b) => a - b);
      for (let i = 1; i < N; i++)
        for (let j = i + 1; j <= N; j++)
          assert.deepEqual(
            shift(end, i, j),
            [...end].sort((a, b) => a - b),
          );
    }),
  );
});

test('the dual of the dual of an up-set is the up-set itself', () => {
  fc.assert(
    fc.property(family, (sets) => {
      const up = upClosure(sets, N);
      assert.deepEqual(dualFamily(dualFamily(up, N), N), up);
      const all = 2 ** N - 1;
      const byComplement = Array.from({ length: all + 1 }, (_, set) => set).filter((set) => !up.includes(all & ~set));
      assert.deepEqual(dualFamily(up, N), byComplement);
    }),
    { numRuns: 40 },
  );
});

test('minimal transversals are the minimal members of the dual', () => {
  fc.assert(
    fc.property(family, (sets) => {
      const found = [...minimalTransversals(sets.map(BigInt))].map(Number).sort((a, b) => a - b);
      assert.deepEqual(
        found,
        minimalMembers(dualFamily(sets, N)).sort((a, b) => a - b),
      );
    }),
  );
});

test('shadows of colex segments meet the cascade bound, others lie above it', () => {
  for (let x = 1; x <= 35; x++) {
    assert.equal(BigInt(shadow(colexPrefix(7, 3, x)).length), shadowBound(BigInt(x), 3));
  }
  fc.assert(
    fc.property(fc.uniqueArray(fc.constantFrom(...colexPrefix(7, 3, 35)), { minLength: 1 }), (sets) => {
      assert.ok(BigInt(shadow(sets).length) >= shadowBound(BigInt(sets.length), 3));
    }),
  );
});

test('link, deletion, complement and upper shadow follow their definitions', () => {
  const sets = [0b0011, 0b0110, 0b1001];
  assert.deepEqual(link(sets, 1), [0b0010, 0b1000]);
  assert.deepEqual(deletion(sets, 1), [0b0110]);
  assert.deepEqual(complementFamily([0b0011], 4), [0b1100]);
  assert.deepEqual(upperShadow([0b0011], 4), [0b0111, 0b1011]);
});
