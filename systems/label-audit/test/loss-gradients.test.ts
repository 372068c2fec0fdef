import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backward } from '@tenfold/core/autodiff';
import { createRng } from '@tenfold/core/base';
import { labelLoss } from '../src/index.ts';
import type { LabelLoss } from '../src/index.ts';
import { doubles, evaluate } from './float64.ts';

const [ROWS, CLASSES] = [5, 4] as const;
const REVERSE = -Math.log(1e-4);
const NOISE = [0.7, 0.1, 0, 0.1, 0.1, 0.8, 0.1, 0, 0.1, 0.1, 0.9, 0.2, 0.1, 0, 0, 0.7];

/** d loss / d p_k of one row, where the loss is a function of the row's probabilities p and its label y. */
const SLOPES: Readonly<Record<string, (p: readonly number[], y: number, k: number) => number>> = {
  ce: (p, y, k) => (k === y ? -1 / p[y]! : 0),
  sce: (p, y, k) => (k === y ? -0.1 / p[y]! - REVERSE : 0),
  gce: (p, y, k) => (k === y ? -(p[y]! ** (0.7 - 1)) : 0),
  mae: (_, y, k) => (k === y ? -2 : 0),
  'nce+rce': (p, y, k) => {
    const sum = p.reduce((total, q) => total + Math.log(q), 0);
    const normalised = (k === y ? 1 / p[y]! / sum : 0) - Math.log(p[y]!) / sum ** 2 / p[k]!;
    return normalised + (k === y ? -REVERSE : 0);
  },
  forward: (p, y, k) => -NOISE[y * CLASSES + k]! / p.reduce((total, q, j) => total + NOISE[y * CLASSES + j]! * q, 0),
};

test('the gradient of every label loss is the one worked out by hand, to 1e-5', async () => {
  const rng = createRng(12, 'loss gradients');
  const logits = Float64Array.from({ length: ROWS * CLASSES }, () => Math.fround(1.5 * rng.normal()));
  const labels = Array.from({ length: ROWS }, () => rng.integer(CLASSES));
  const feeds = {
    z: doubles([ROWS, CLASSES], logits),
    y: { dtype: 'int64' as const, shape: [ROWS], data: BigInt64Array.from(labels, BigInt) },
  };
  for (const [kind, slope] of Object.entries(SLOPES)) {
    const gradient = await evaluate(feeds, (g, { z, y }) => {
      const single = g.cast(z!, 'float32'); // losses compute in f32
      const loss = labelLoss(g, kind as LabelLoss, single, y!, { noiseMatrix: NOISE });
      return g.cast(backward(g, loss, [single])[0]!, 'float64');
    });
    for (let i = 0; i < ROWS; i++) {
      const row = [...logits.subarray(i * CLASSES, (i + 1) * CLASSES)].map(Math.exp);
      const sum = row.reduce((a, b) => a + b);
      const p = row.map((e) => e / sum);
      const slopes = p.map((_, k) => slope(p, labels[i]!, k));
      const mean = slopes.reduce((total, s, k) => total + s * p[k]!, 0);
      for (let k = 0; k < CLASSES; k++) {
        const expected = (p[k]! * (slopes[k]! - mean)) / ROWS; // chain rule through softmax, mean over rows
        const actual = gradient[i * CLASSES + k]!;
        assert.ok(
          Math.abs(actual - expected) <= 1e-5 * Math.max(1, Math.abs(expected)),
          `${kind} ${i} ${k}: ${actual} and ${expected}`,
        );
      }
    }
  }
});

test('reverse cross entropy is 9.2103 (1 − p), and generalised cross entropy lies between cross entropy and absolute error', async () => {
  const rng = createRng(13, 'loss values');
  for (let repeat = 0; repeat < 20; repeat++) {
    const z = Float64Array.from({ length: CLASSES }, () => 2 * rng.normal());
    const feeds = {
      z: doubles([1, CLASSES], z),
      y: { dtype: 'int64' as const, shape: [1], data: BigInt64Array.of(0n) },
    };
    const p = Math.exp(z[0]!) / z.reduce((sum, value) => sum + Math.exp(value), 0);
    const lossOf = async (kind: LabelLoss, options = {}) =>
      (await evaluate(feeds, (g, v) => labelLoss(g, kind, v['z']!, v['y']!, options)))[0]!;
    assert.ok(Math.abs((await lossOf('sce', { alpha: 0, beta: 1 })) - REVERSE * (1 - p)) < 1e-5);
    assert.ok(Math.abs((await lossOf('gce', { q: 1 })) - (1 - p)) < 1e-6);
    // (1 − p^q) / q = −log p + O(q log² p)
    assert.ok(Math.abs((await lossOf('gce', { q: 0.01 })) + Math.log(p)) < 0.006 * Math.log(p) ** 2 + 1e-4);
    assert.ok(Math.abs((await lossOf('gce')) - (1 - p ** 0.7) / 0.7) < 1e-6);
  }
});
