/** Lexicographic order, cascades and partner counts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { binomial } from '../src/binomial.ts';
import { cascade, lexPrefix, partnerCount, partnerSteps, rankLex, shadowBound, unrankLex } from '../src/order.ts';

test('rank and unrank are inverse, and the prefix lists sets in rank order', () => {
  for (let n = 1; n <= 9; n++)
    for (let k = 0; k <= n; k++) {
      let rank = 1n;
      for (const set of lexPrefix(n, k, binomial(n, k))) {
        assert.equal(rankLex(n, set), rank);
        assert.deepEqual(unrankLex(n, k, rank), set);
        rank++;
      }
      assert.equal(rank - 1n, binomial(n, k));
    }
});

test('a cascade adds up to its number with strictly falling tops', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 10n ** 12n), fc.integer({ min: 1, max: 12 }), (x, k) => {
      const terms = cascade(x, k);
      assert.equal(
        terms.reduce((sum, [a, i]) => sum + binomial(a, i), 0n),
        x,
      );
      for (let p = 1; p < terms.length; p++) assert.ok(terms[p - 1]![0] > terms[p]![0]);
    }),
  );
});

test('the partner count is the number of first l-sets that meet all of the first x k-sets', () => {
  let numPoints = 0;
  for (let n = 2; n <= 8; n++)
    for (let k = 1; k <= n; k++)
      for (let l = 1; k + l <= n; l++) {
        const left = [...lexPrefix(n, k, binomial(n, k))];
        const right = [...lexPrefix(n, l, binomial(n, l))];
        for (let x = 0; x <= left.length; x++) {
          const stop = right.findIndex((set) => left.slice(0, x).some((other) => other.every((e) => !set.includes(e))));
          assert.equal(partnerCount(n, k, l, BigInt(x)), BigInt(stop < 0 ? right.length : stop));
          numPoints++;
        }
      }
  assert.ok(numPoints > 1000);
});

test('p_{k→l} drops at exactly C(k+l, k) places for every n ≥ k + l', () => {
  assert.equal(partnerSteps(8, 3, 4).length - 1, 35);
  for (const n of [5, 9, 40, 300]) assert.equal(partnerSteps(n, 2, 3).length - 1, 10);
  for (const n of [7, 20, 200]) assert.equal(partnerSteps(n, 3, 4).length - 1, 35);
});

test('partner counts fall and form a Galois connection', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 0, max: 20 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (k, l, more, share) => {
        const n = k + l + more;
        const x = (binomial(n, k) * BigInt(Math.floor(share * 1e6))) / 1_000_000n;
        const y = partnerCount(n, k, l, x);
        assert.ok(partnerCount(n, l, k, y) >= x);
        if (x < binomial(n, k)) assert.ok(partnerCount(n, k, l, x + 1n) <= y);
      },
    ),
  );
});

test('the shadow of the first colex sets has the cascade size', () => {
  assert.equal(shadowBound(7n, 3), 10n - 1n);
  assert.equal(shadowBound(10n, 3), 10n);
  assert.equal(shadowBound(20n, 3, 2), 6n);
});
