import assert from 'node:assert/strict';
import { test } from 'node:test';
import { orthogonalityLoss, readBases } from '../src/engine/basis-block.ts';
import { rowLoss } from '../src/engine/loss.ts';
import { assertGradients, evaluate, normals } from './float64.ts';

const TOKENS = 6;
const CLASSES = 3;

test('gradients of the whole loss through attention and orthogonality agree with differences', async () => {
  const feeds = {
    features: normals(1, TOKENS, 4),
    keys: normals(2, TOKENS, 3),
    queries: normals(3, CLASSES, 3),
    head: normals(4, CLASSES, 4),
  };
  const numCompared = await assertGradients(
    feeds,
    (g, { features, keys, queries, head }) => {
      const block = readBases(g, features, keys, queries);
      const logitsOf = (rows: typeof features) => g.gemm(rows, head, undefined, { transB: 1 });
      const constant = (shape: number[], valueAt: (i: number) => number) =>
        g.constant({
          dtype: 'float64',
          shape,
          data: Float64Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => valueAt(i)),
        });
      return rowLoss(true, { label: 0.5, reconstruction: 0.1, orthogonality: 0.4 })({
        g,
        net: undefined as never,
        outputs: { features, ...block, logits: logitsOf(features), basisLogits: logitsOf(block.reconstruction) },
        inputs: {
          y: constant([TOKENS, CLASSES], (i) => Number(i % CLASSES === Math.floor(i / CLASSES) % CLASSES)),
          weight: constant([TOKENS], (i) => (i === 2 ? 0 : 1)),
          uniform: constant([TOKENS], (i) => 0.1 * (i % 2)),
          entropy: constant([TOKENS], (i) => 0.2 * (i % 3)),
        },
      });
    },
    1e-5,
  );
  assert.equal(numCompared, 24 + 18 + 9 + 12);
});

const orthogonality = async (rows: readonly (readonly number[])[]) => {
  const bases = {
    dtype: 'float64' as const,
    shape: [rows.length, rows[0].length],
    data: Float64Array.from(rows.flat()),
  };
  return (await evaluate({ bases }, (g, values) => orthogonalityLoss(g, values['bases'])))[0];
};

test('orthogonality is zero for orthogonal bases of any length and the share of squared cosines for others', async () => {
  assert.ok(
    (await orthogonality([
      [2, 0],
      [0, 5],
    ])) < 1e-5,
  );
  const cosine = 1 / Math.hypot(1, 0.1);
  assert.ok(
    Math.abs(
      (await orthogonality([
        [10, 0],
        [10, 1],
      ])) -
        (2 * cosine ** 2) / 4,
    ) < 1e-5,
  );
});

test('three bases in a plane pay nothing where they are as far apart as a plane allows', async () => {
  const at = (degrees: number) => [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  assert.ok((await orthogonality([at(0), at(60), at(120)])) < 1e-5);
  assert.ok((await orthogonality([at(0), at(10), at(120)])) > 0.05);
});

test('a basis is the weighted mean of the features that its query attends to, and assignments sum to one', async () => {
  const feeds = { features: normals(5, TOKENS, 4), keys: normals(6, TOKENS, 3), queries: normals(7, CLASSES, 3) };
  const part = (name: 'bases' | 'assignment' | 'reconstruction') =>
    evaluate(feeds, (g, { features, keys, queries }) => readBases(g, features, keys, queries)[name]);
  const [bases, assignment, reconstruction] = [
    await part('bases'),
    await part('assignment'),
    await part('reconstruction'),
  ];
  for (let k = 0; k < CLASSES; k++) {
    const scores = Array.from({ length: TOKENS }, (_, n) => {
      let dot = 0;
      for (let a = 0; a < 3; a++) dot += feeds.queries.data[k * 3 + a] * feeds.keys.data[n * 3 + a];
      return Math.exp(dot / Math.sqrt(3));
    });
    const sum = scores.reduce((a, b) => a + b);
    for (let a = 0; a < 4; a++) {
      const mean = scores.reduce((total, score, n) => total + (score / sum) * feeds.features.data[n * 4 + a], 0);
      assert.ok(Math.abs(bases[k * 4 + a] - mean) < 1e-9);
    }
  }
  for (let n = 0; n < TOKENS; n++) {
    const row = assignment.slice(n * CLASSES, (n + 1) * CLASSES);
    assert.ok(Math.abs(row.reduce((a, b) => a + b) - 1) < 1e-12);
    for (let a = 0; a < 4; a++) {
      const expected = row.reduce((total, r, k) => total + r * bases[k * 4 + a], 0);
      assert.ok(Math.abs(reconstruction[n * 4 + a] - expected) < 1e-9);
    }
  }
});
