import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGraphBuilder } from '../../src/graph/index.ts';
import type { GraphBuilder, GraphValue } from '../../src/graph/index.ts';
import {
  binaryCrossEntropy,
  classificationMae,
  crossEntropy,
  generalisedCrossEntropy,
  klDivergence,
  meanAbsoluteError,
  meanSquaredError,
  softCrossEntropy,
  symmetricCrossEntropy,
} from '../../src/nn/index.ts';
import { openBackend } from '../../src/runtime/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';

const LOGITS = [
  [1.2, -0.3, 0.5],
  [-2, 0.1, 3],
];
const LABELS = [0, 1];
const TARGETS = [
  [0.2, 0.8, 0],
  [0.5, 0.25, 0.25],
];

const probabilities = LOGITS.map((row) => {
  const powers = row.map(Math.exp);
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
});
const labelProbability = LABELS.map((label, row) => probabilities[row][label]);
const mean = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b) / numbers.length;

async function valueOf(
  build: (g: GraphBuilder, logits: GraphValue, labels: GraphValue, targets: GraphValue) => GraphValue,
) {
  const g = createGraphBuilder('loss');
  const logits = g.input('logits', 'float32', [2, 3]);
  const labels = g.input('labels', 'int64', [2]);
  const targets = g.input('targets', 'float32', [2, 3]);
  g.output(build(g, logits, labels, targets), 'loss');
  await using session = await (await openBackend('cpu')).createSession(g.finish(), {});
  const matrix = (rows: readonly (readonly number[])[]): Tensor => ({
    dtype: 'float32',
    shape: [2, 3],
    data: Float32Array.from(rows.flat()),
  });
  const { loss } = await session.run({
    logits: matrix(LOGITS),
    labels: { dtype: 'int64', shape: [2], data: BigInt64Array.from(LABELS, BigInt) },
    targets: matrix(TARGETS),
  });
  assert.deepEqual(loss.shape, []);
  return Number(loss.data[0]);
}

const near = (actual: number, expected: number): void =>
  assert.ok(Math.abs(actual - expected) < 1e-5 * Math.max(1, Math.abs(expected)), `${actual} for ${expected}`);

test('cross-entropy is the mean of minus log p of the label', async () => {
  near(await valueOf((g, x, y) => crossEntropy(g, x, y)), mean(labelProbability.map((p) => -Math.log(p))));
});

test('label smoothing mixes in the cross-entropy with the uniform distribution', async () => {
  const expected = mean(
    LABELS.map((_, row) => {
      const uniform = mean(probabilities[row].map((p) => -Math.log(p)));
      return -0.8 * Math.log(labelProbability[row]) + 0.2 * uniform;
    }),
  );
  near(await valueOf((g, x, y) => crossEntropy(g, x, y, { labelSmoothing: 0.2 })), expected);
});

test('a row of weight zero does not count', async () => {
  const weights = { dtype: 'float32' as const, shape: [2], data: Float32Array.of(0, 3) };
  near(
    await valueOf((g, x, y) => crossEntropy(g, x, y, { weights: g.constant(weights) })),
    -Math.log(labelProbability[1]),
  );
});

test('soft cross-entropy and KL differ by the entropy of the targets', async () => {
  const cross = mean(TARGETS.map((row, i) => row.reduce((sum, p, k) => sum - p * Math.log(probabilities[i][k]), 0)));
  const entropy = mean(TARGETS.map((row) => row.reduce((sum, p) => sum - (p === 0 ? 0 : p * Math.log(p)), 0)));
  near(await valueOf((g, x, _y, t) => softCrossEntropy(g, x, t)), cross);
  near(await valueOf((g, x, _y, t) => klDivergence(g, x, t)), cross - entropy);
});

test('symmetric cross-entropy adds the reverse one with log 0 = −4', async () => {
  const forward = mean(labelProbability.map((p) => -Math.log(p)));
  const reverse = mean(labelProbability.map((p) => 4 * (1 - p)));
  near(
    await valueOf((g, x, y) => symmetricCrossEntropy(g, x, y, { alpha: 0.3, beta: 0.7 })),
    0.3 * forward + 0.7 * reverse,
  );
});

test('generalised cross-entropy is (1 − p^q)/q, and at q = 1 half the classification MAE', async () => {
  near(
    await valueOf((g, x, y) => generalisedCrossEntropy(g, x, y, { q: 0.7 })),
    mean(labelProbability.map((p) => (1 - p ** 0.7) / 0.7)),
  );
  const mae = await valueOf((g, x, y) => classificationMae(g, x, y));
  near(mae, mean(labelProbability.map((p) => 2 * (1 - p))));
  near(await valueOf((g, x, y) => generalisedCrossEntropy(g, x, y, { q: 1 })), mae / 2);
});

test('squared, absolute and binary losses are means over all elements', async () => {
  const pairs = LOGITS.flat().map((x, i): [number, number] => [x, TARGETS.flat()[i]]);
  near(await valueOf((g, x, _y, t) => meanSquaredError(g, x, t)), mean(pairs.map(([x, t]) => (x - t) ** 2)));
  near(await valueOf((g, x, _y, t) => meanAbsoluteError(g, x, t)), mean(pairs.map(([x, t]) => Math.abs(x - t))));
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
  near(
    await valueOf((g, x, _y, t) => binaryCrossEntropy(g, x, t)),
    mean(pairs.map(([x, t]) => -t * Math.log(sigmoid(x)) - (1 - t) * Math.log(1 - sigmoid(x)))),
  );
});
