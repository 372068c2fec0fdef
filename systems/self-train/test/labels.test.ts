import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import {
  addPass,
  cbstLabels,
  classThresholds,
  createPassStatistics,
  lrentLabels,
  poolLabels,
  selectBalanced,
  trustOf,
} from '../src/index.ts';
import { askOrder } from '../src/ask-next.ts';

/** Rows of softmax numbers from a fixed seed. */
function randomProbabilities(numRows: number, numClasses: number, seed: number) {
  const rng = createRng(seed, 'probabilities');
  const data = new Float32Array(numRows * numClasses);
  for (let n = 0; n < numRows; n++) {
    let sum = 0;
    for (let c = 0; c < numClasses; c++) sum += data[n * numClasses + c] = Math.exp(2.5 * rng.normal() + 0.3 * c);
    for (let c = 0; c < numClasses; c++) data[n * numClasses + c] /= sum;
  }
  return { numRows, numClasses, data };
}

test('CBST thresholds, labels and accepted rows follow the published rule on 1,000 × 10 probabilities', () => {
  const probabilities = randomProbabilities(1000, 10, 7);
  const { numRows, numClasses, data } = probabilities;
  const portion = 0.35;
  const thresholds = classThresholds(probabilities, portion);
  // The rule written down once more, from rows of plain arrays.
  const rows = Array.from({ length: numRows }, (_, n) =>
    Array.from(data.subarray(n * numClasses, (n + 1) * numClasses)),
  );
  const expected = Array.from({ length: numClasses }, (_, c) => {
    const confidences = rows.filter((row) => row.indexOf(Math.max(...row)) === c).map((row) => row[c]);
    const place = Math.floor(confidences.length * portion);
    return place === 0 ? 1 : confidences.toSorted((a, b) => b - a)[place - 1];
  });
  assert.deepEqual([...thresholds], expected);
  const { accepted, hard } = cbstLabels(probabilities, thresholds);
  let numAccepted = 0;
  rows.forEach((row, n) => {
    const ratios = row.map((p, c) => p / expected[c]);
    assert.equal(hard[n], ratios.indexOf(Math.max(...ratios)));
    assert.equal(accepted[n], Number(Math.max(...ratios) >= 1));
    numAccepted += accepted[n];
  });
  assert.ok(numAccepted > 300 && numAccepted < 500, `${numAccepted} accepted`);
});

test('CBST takes no row of a class that is predicted too rarely for its share', () => {
  const probabilities = { numRows: 3, numClasses: 2, data: Float32Array.of(0.9, 0.1, 0.8, 0.2, 0.3, 0.7) };
  assert.deepEqual([...classThresholds(probabilities, 0.5)], [Math.fround(0.9), 1]);
});

test('LRENT soft labels and accepted rows follow the published inequality to 1e-6', () => {
  const probabilities = randomProbabilities(1000, 10, 9);
  const { numRows, numClasses, data } = probabilities;
  const thresholds = classThresholds(probabilities, 0.35);
  const alpha = 0.25;
  const { accepted, soft } = lrentLabels(probabilities, thresholds, alpha);
  for (let n = 0; n < numRows; n++) {
    const row = Array.from(data.subarray(n * numClasses, (n + 1) * numClasses));
    const powers = row.map((p, c) => (p / thresholds[c]) ** (1 / alpha));
    const sum = powers.reduce((a, b) => a + b);
    const labels = powers.map((value) => value / sum);
    labels.forEach((value, c) => assert.ok(Math.abs(soft[n * numClasses + c] - value) < 1e-6));
    let [left, right] = [0, 0];
    labels.forEach((y, c) => {
      if (y === 0) return;
      left += -y * Math.log(row[c]) + alpha * y * Math.log(y);
      right -= y * Math.log(thresholds[c]);
    });
    if (Math.abs(left - right) > 1e-9) assert.equal(accepted[n], Number(left < right));
  }
});

test('the balanced choice takes the trusted share of each predicted class and at least one row', () => {
  const hard = Int32Array.of(0, 0, 0, 0, 1, 2, 2);
  const trust = Float64Array.of(0.1, 0.9, 0.5, 0.7, 0.2, 0.3, 0.4);
  assert.deepEqual([...selectBalanced(hard, trust, { numClasses: 4, portion: 0.5 })], [0, 1, 0, 1, 1, 0, 1]);
  const isAllowed = Uint8Array.of(1, 0, 1, 1, 0, 1, 1);
  assert.deepEqual([...selectBalanced(hard, trust, { numClasses: 4, portion: 0.5, isAllowed })], [0, 0, 1, 1, 0, 0, 1]);
});

test('the parts of the variance are not negative and sum to the total; the law of total variance holds', () => {
  const [numRows, numClasses, numPasses] = [200, 5, 7];
  const data = randomProbabilities(numRows, numClasses, 1);
  const passes = Array.from({ length: numPasses }, (_, m) => randomProbabilities(numRows, numClasses, 100 + m).data);
  const statistics = createPassStatistics(numRows, numClasses);
  for (const pass of passes) addPass(statistics, pass);
  const lambda = 0.3;
  const pooled = poolLabels(data, statistics, lambda);
  for (let n = 0; n < numRows; n++) {
    const parts = [pooled.varianceData[n], pooled.varianceModel[n], pooled.varianceDisagreement[n]];
    assert.ok(parts.every((part) => part >= 0));
    assert.ok(Math.abs(parts[0] + parts[1] + parts[2] - pooled.varianceTotal[n]) < 1e-9);
    const at = n * numClasses + pooled.hard[n];
    const q = data.data[at];
    const values = passes.map((pass) => pass[at]);
    const mean = values.reduce((a, b) => a + b) / numPasses;
    const model = values.reduce((sum, p) => sum + (p - mean) ** 2, 0) / numPasses;
    assert.ok(Math.abs(parts[0] - lambda ** 2 * q * (1 - q)) < 1e-9);
    assert.ok(Math.abs(parts[1] - (1 - lambda) ** 2 * model) < 1e-9);
    assert.ok(Math.abs(parts[2] - lambda * (1 - lambda) * (q - mean) ** 2) < 1e-9);
    assert.ok(Math.abs(pooled.confidence[n] - (lambda * q + (1 - lambda) * mean)) < 1e-9);
  }
});

test('equal passes leave no model variance and no mutual information; equal labels leave no disagreement', () => {
  const data = randomProbabilities(50, 4, 3);
  const statistics = createPassStatistics(50, 4);
  for (let m = 0; m < 5; m++) addPass(statistics, data.data);
  const pooled = poolLabels(data, statistics);
  assert.ok(pooled.varianceModel.every((value) => value < 1e-15));
  assert.ok(pooled.varianceDisagreement.every((value) => value < 1e-15));
  assert.ok(pooled.mutualInformation.every((value) => value < 1e-9));
  assert.ok(pooled.isAgreed.every((value) => value === 1));
});

test('passes that differ have mutual information, and ranks order by what they name', () => {
  const statistics = createPassStatistics(2, 2);
  addPass(statistics, [1, 0, 0.5, 0.5]);
  addPass(statistics, [0, 1, 0.5, 0.5]);
  const pooled = poolLabels({ numRows: 2, numClasses: 2, data: Float32Array.of(0.5, 0.5, 0.5, 0.5) }, statistics);
  assert.ok(Math.abs(pooled.mutualInformation[0] - Math.log(2)) < 1e-12);
  assert.ok(pooled.mutualInformation[1] < 1e-12);
  const [unsure, sure] = trustOf(pooled, 'bald');
  assert.ok(sure > unsure);
  assert.ok(trustOf(pooled, 'variance')[1] > trustOf(pooled, 'variance')[0]);
  assert.deepEqual([...trustOf(pooled, 'conf')], [...pooled.confidence]);
});

test('passes over other rows are refused', () => {
  const data = randomProbabilities(3, 2, 1);
  assert.throws(() => poolLabels(data, createPassStatistics(3, 2)), {
    message: 'poolLabels: at least one pass over 3 × 2, got 0 passes over 3 × 2. TF-SELF-002',
  });
});

test('questions go to classes by their expected wrong labels, most doubtful rows first, none twice', () => {
  const data = randomProbabilities(60, 3, 5);
  const statistics = createPassStatistics(60, 3);
  addPass(statistics, data.data);
  const pooled = poolLabels(data, statistics);
  const order = askOrder(pooled, 100);
  assert.deepEqual(
    order.toSorted((a, b) => a - b),
    Array.from({ length: 60 }, (_, n) => n),
  );
  for (let c = 0; c < 3; c++) {
    const variances = order.filter((n) => pooled.hard[n] === c).map((n) => pooled.varianceTotal[n]);
    variances.forEach((value, i) => assert.ok(i === 0 || value <= variances[i - 1]));
  }
  const expected = [0, 0, 0];
  pooled.hard.forEach((label, n) => void (expected[label] += 1 - pooled.confidence[n]));
  assert.equal(pooled.hard[order[0]], expected.indexOf(Math.max(...expected)));
});
