import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  counterHash,
  createRng,
  fmix32,
  fmix32Second,
  fnv1a32,
  integerAt,
  normalAt,
  streamFromId,
  uniformAt,
} from '@tenfold/core/base';

test('the hashes give their published check values', () => {
  assert.equal(fnv1a32(''), 0x811c9dc5);
  assert.equal(fnv1a32('a'), 0xe40c292c);
  assert.equal(fnv1a32('foobar'), 0xbf9cf968);
  assert.equal(fmix32(0), 0);
  assert.equal(fmix32(1), 0x514e28b7);
});

test('both finalisers are injective on a sample of consecutive integers', () => {
  for (const hash of [fmix32, fmix32Second]) {
    const seen = new Set<number>();
    for (let i = 0; i < 100_000; i++) seen.add(hash(i));
    assert.equal(seen.size, 100_000);
  }
});

test('normals have mean 0, variance 1, kurtosis 2.7 and stay within 3.47', () => {
  const stream = streamFromId('layers.0.weight', 7);
  const n = 400_000;
  let [sum, square, fourth, max] = [0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    const x = normalAt(stream, i);
    sum += x;
    square += x * x;
    fourth += x ** 4;
    max = Math.max(max, Math.abs(x));
  }
  assert.ok(Math.abs(sum / n) < 0.006);
  assert.ok(Math.abs(square / n - 1) < 0.01);
  assert.ok(Math.abs(fourth / n / (square / n) ** 2 - 2.7) < 0.03);
  assert.ok(max < 3.47);
});

test('value i depends on stream and i alone, also beyond 2^32', () => {
  const stream = streamFromId('x', 1);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 52 }), (index) => {
      assert.equal(counterHash(stream, index), counterHash(stream, index));
      const u = uniformAt(stream, index);
      assert.ok(u >= 0 && u < 1);
      assert.ok(integerAt(stream, index, 512) < 512);
    }),
  );
  assert.notEqual(counterHash(stream, 5), counterHash(stream, 5 + 2 ** 32));
});

test('a fork is independent of how far its parent has read', () => {
  const a = createRng(3, 'run');
  const before = a.fork('child').uniform();
  for (let i = 0; i < 10; i++) a.uniform();
  assert.equal(a.fork('child').uniform(), before);
  assert.notEqual(a.fork('other').uniform(), before);
});

test('shuffle keeps every item and is repeatable from the seed', () => {
  const items = Array.from({ length: 50 }, (_, i) => i);
  const once = createRng(9).shuffle([...items]);
  assert.deepEqual(
    once.toSorted((a, b) => a - b),
    items,
  );
  assert.deepEqual(createRng(9).shuffle([...items]), once);
  assert.notDeepEqual(once, items);
});

test('neighbouring seeds share no numbers, not even in another order', () => {
  const draws = (seed: number): Set<number> => {
    const rng = createRng(seed);
    return new Set(Array.from({ length: 1024 }, () => rng.uniform()));
  };
  const first = draws(4);
  const shared = (other: Set<number>): number => [...other].filter((value) => first.has(value)).length;
  for (const seed of [0, 1, 5, 6, 7, 1028]) {
    assert.ok(shared(draws(seed)) <= 2, `seed 4 and ${seed} share numbers`);
  }
});
