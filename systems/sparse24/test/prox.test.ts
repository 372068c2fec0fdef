import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRng } from '@tenfold/core/base';
import { kktResidual, proxBlock, proxInPlace, proxObjective } from '../src/index.ts';

/** Vectors of the official solver: λ, block, proximal point. */
const GOLDEN: readonly (readonly [number, readonly number[], readonly number[]])[] = [
  [0.25, [0.04, -0.03, 0.02, -0.01], [0.03973983, -0.02966703, 0.01954274, -0.00936616]],
  [1, [1, 0.9, 0.2, 0.1], [1, 0.9, 0, 0]],
  [1, [0.6, 0.5, 0.4, 0.3], [0.52381668, 0.40031269, 0.19030953, 0]],
  [0.5, [1, 1, 1, 1], [0.548584, 0.548584, 0.548584, 0.548584]],
  [0.2, [-0.7, 0, 0.4, 0.9], [-0.65034968, 0, 0.28780622, 0.86256506]],
  [3, [0.5, 0.5, 0.5, 0.5], [0.5, 0.5, 0, 0]],
  [0.8, [1.2, 1.1, 1.05, 1], [0.890894, 0.71468, 0.540637, 0]],
  [0.9, [1.1, 1.05, 1.02, 1], [0.76329, 0.661447, 0.565612, 0]],
  [0.9, [1.2, 1.1, 1.05, 1], [1.2, 1.1, 0, 0]],
];

const solve = (block: readonly number[], lambda: number, solver: 'enum-alm' | 'exact' = 'exact'): number[] => {
  const w = new Float64Array(4);
  proxBlock(block, lambda, w, solver);
  return [...w];
};

const weight = fc.double({ min: -1.5, max: 1.5, noNaN: true }).map((value) => Math.round(value * 1e6) / 1e6);
const block = fc.tuple(weight, weight, weight, weight);
const strength = fc.double({ min: 0.01, max: 20, noNaN: true });

for (const [lambda, input, expected] of GOLDEN) {
  test(`the proximal point of [${input.join(', ')}] at λ ${lambda} is the official one`, () => {
    const w = solve(input, lambda, 'enum-alm');
    // Equal blocks may keep any two: compare what stays in order of size.
    const bySize = (values: readonly number[]): number[] =>
      values.toSorted((a, b) => Math.abs(b) - Math.abs(a) || b - a);
    bySize(w).forEach((value, i) => assert.ok(Math.abs(value - bySize(expected)[i]!) < 1e-6, w.join(', ')));
  });
}

test('signs, places and scale carry through: prox(λ; c·P·z) = c·P·prox(c·λ; z)', () => {
  fc.assert(
    fc.property(block, strength, fc.double({ min: 0.1, max: 10, noNaN: true }), (z, lambda, c) => {
      const plain = solve(z, c * lambda);
      const turned = solve([-c * z[2], c * z[0], c * z[3], -c * z[1]], lambda);
      const expected = [-c * plain[2]!, c * plain[0]!, c * plain[3]!, -c * plain[1]!];
      // Two minima of one value may be swapped by rounding; then the objectives agree instead.
      const gap = Math.abs(
        proxObjective(turned, [-c * z[2], c * z[0], c * z[3], -c * z[1]], lambda) -
          proxObjective(expected, [-c * z[2], c * z[0], c * z[3], -c * z[1]], lambda),
      );
      assert.ok(gap <= 1e-6 * c * c, `gap ${gap}`);
    }),
    { numRuns: 5000 },
  );
});

test('entries keep their sign, never grow, keep their order, and the point is stationary', () => {
  fc.assert(
    fc.property(block, strength, (z, lambda) => {
      const w = solve(z, lambda);
      const order = [0, 1, 2, 3].toSorted((a, b) => Math.abs(z[b]!) - Math.abs(z[a]!));
      for (let i = 0; i < 4; i++) {
        assert.ok(w[i] === 0 || Math.sign(w[i]!) === Math.sign(z[i]!));
        assert.ok(Math.abs(w[i]!) <= Math.abs(z[i]!) + 1e-12);
        if (i > 0 && Math.abs(z[order[i]!]!) < Math.abs(z[order[i - 1]!]!))
          assert.ok(Math.abs(w[order[i]!]!) <= Math.abs(w[order[i - 1]!]!) + 1e-9);
      }
      // The two largest alone are the best point of their kind even where a third would lower the objective no further.
      if (w.filter((value) => value !== 0).length > 2) assert.ok(kktResidual(w, z, lambda) < 1e-5);
    }),
    { numRuns: 5000 },
  );
});

test('the exact point is never worse than the official one, the two largest, z itself or random points', () => {
  fc.assert(
    fc.property(block, strength, fc.array(block, { minLength: 20, maxLength: 20 }), (z, lambda, others) => {
      const value = proxObjective(solve(z, lambda), z, lambda);
      assert.ok(value <= proxObjective(solve(z, lambda, 'enum-alm'), z, lambda) + 1e-12);
      assert.ok(value <= proxObjective(z, z, lambda) + 1e-12);
      const cut = [0, 1, 2, 3].toSorted((a, b) => Math.abs(z[b]!) - Math.abs(z[a]!)).slice(2);
      assert.ok(
        value <=
          proxObjective(
            z.map((x, i) => (cut.includes(i) ? 0 : x)),
            z,
            lambda,
          ) +
            1e-12,
      );
      for (const other of others) assert.ok(value <= proxObjective(other, z, lambda) + 1e-9);
    }),
    { numRuns: 2000 },
  );
});

test('near-equal blocks around λz = 1 are where coordinate minimisation stalls and the exact solver gains', () => {
  const rng = createRng(1, 'near-equal');
  let gained = 0;
  for (let i = 0; i < 400; i++) {
    const z = [1, 2, 3, 4].map(() => 1 + 0.1 * rng.uniform());
    const gap = proxObjective(solve(z, 1, 'enum-alm'), z, 1) - proxObjective(solve(z, 1), z, 1);
    assert.ok(gap >= -1e-12);
    if (gap > 1e-6) gained++;
  }
  assert.ok(gained > 100, `${gained} of 400`);
});

test('λ = 0 and blocks of two leave weights alone; a whole matrix is solved block by block', () => {
  assert.deepEqual(solve([0.1, -0.2, 0.3, 0.4], 0), [0.1, -0.2, 0.3, 0.4]);
  assert.deepEqual(solve([0.1, 0, 0, -0.4], 5), [0.1, 0, 0, -0.4]);
  const w = Float32Array.of(1, 0.9, 0.2, 0.1, 0.5, 0, 0, 0.25);
  const { support } = proxInPlace(w, 1);
  assert.deepEqual([...w], [1, Math.fround(0.9), 0, 0, 0.5, 0, 0, 0.25]);
  assert.deepEqual([...support], [0, 0, 2, 0, 0]);
});

test('a negative λ and a length that is no multiple of four are refused', () => {
  assert.throws(() => proxInPlace(new Float32Array(4), -1), { message: 'prox: lambda ≥ 0, got -1. TF-SPARSE-005' });
  assert.throws(() => proxInPlace(new Float32Array(6), 1), { code: 'TF-SPARSE-001' });
});

test('a float32 matrix is solved to the numbers that its blocks give one by one', () => {
  const rng = createRng(5, 'matrix');
  for (const [lambda, scale] of [
    [0, 1],
    [0.25, 0.02],
    [20, 0.02],
    [1, 1],
    [1.5, 0.5],
  ] as const) {
    for (const numBlocks of [1, 3, 4, 30_001]) {
      const matrix = Float32Array.from({ length: 4 * numBlocks }, () => (rng.integer(20) ? rng.normal() * scale : 0));
      const blocks = matrix.slice();
      const support = new Float64Array(5);
      for (let at = 0; at < blocks.length; at += 4) {
        proxBlock(blocks, lambda, blocks, 'enum-alm', at);
        const numKept = blocks.subarray(at, at + 4).filter((value) => value !== 0).length;
        support[numKept] = support[numKept]! + 1;
      }
      assert.deepEqual(proxInPlace(matrix, lambda).support, support);
      assert.ok(matrix.every((value, i) => value === blocks[i]));
    }
  }
});
