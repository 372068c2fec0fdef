import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { collapseAlarms, fitTemperature, measureQuality, totalVariation, withTemperature } from '../src/index.ts';

const sound = {
  acceptedPerClass: [50, 50],
  agreement: 0.9,
  priorShift: 0.05,
  sourceAccuracy: 0.95,
  numHeldOut: 500,
  score: 0.85,
};

test('a sound round raises no alarm, and the first round cannot have fallen', () => {
  assert.deepEqual(collapseAlarms([sound]), []);
  assert.deepEqual(collapseAlarms([sound, { ...sound, agreement: 0.92 }]), []);
  assert.deepEqual(collapseAlarms([]), []);
});

test('each sign of collapse raises its own alarm', () => {
  const alarms = (change: object) => collapseAlarms([sound, { ...sound, ...change }]);
  assert.deepEqual(alarms({ priorShift: 0.3 }), ['accepted classes are 30.0 % away from the source classes']);
  assert.deepEqual(alarms({ acceptedPerClass: [90, 10] }), ['accepted classes moved by 40.0 % since the round before']);
  assert.deepEqual(alarms({ agreement: 0.8 }), ['agreement fell from 90.0 % to 80.0 %']);
  assert.deepEqual(alarms({ score: 0.79 }), ['score fell from 0.850 to 0.790']);
  assert.deepEqual(alarms({ sourceAccuracy: 0.9 }), ['held-out source accuracy fell from 95.0 % to 90.0 %']);
});

test('agreement is compared with its best round, not with the first', () => {
  const rounds = [sound, { ...sound, agreement: 0.99 }, { ...sound, agreement: 0.93 }];
  assert.deepEqual(collapseAlarms(rounds), ['agreement fell from 99.0 % to 93.0 %']);
});

test('a fall of source accuracy that few held-out samples explain is no alarm', () => {
  const few = { ...sound, numHeldOut: 20 };
  assert.deepEqual(collapseAlarms([few, { ...few, sourceAccuracy: 0.9 }]), []);
  assert.equal(collapseAlarms([few, { ...few, sourceAccuracy: 0.6 }]).length, 1);
});

test('limits can be set', () => {
  assert.equal(collapseAlarms([sound, { ...sound, agreement: 0.88 }], { maxAgreementLoss: 0.01 }).length, 1);
});

test('total variation is half the sum of differences of shares, and 0 where a side is empty', () => {
  assert.ok(Math.abs(totalVariation([1, 3], [2, 2]) - 0.25) < 1e-12);
  assert.equal(totalVariation([10, 0], [0, 3]), 1);
  assert.equal(totalVariation([0, 0], [1, 2]), 0);
});

test('calibration error is zero where confidence equals accuracy and its gap where it does not', () => {
  const data = Float32Array.of(0.75, 0.25, 0.75, 0.25, 0.75, 0.25, 0.75, 0.25);
  const probabilities = { numRows: 4, numClasses: 2, data };
  const right = measureQuality(probabilities, Int32Array.of(0, 0, 0, 1));
  assert.ok(Math.abs(right.ece) < 1e-7);
  assert.equal(right.accuracy, 0.75);
  assert.ok(Math.abs(measureQuality(probabilities, Int32Array.of(0, 0, 0, 0)).ece - 0.25) < 1e-7);
});

test('void rows count nowhere', () => {
  const probabilities = { numRows: 2, numClasses: 2, data: Float32Array.of(0.9, 0.1, 0.9, 0.1) };
  const quality = measureQuality(probabilities, Int32Array.of(0, -1));
  assert.equal(quality.accuracy, 1);
  assert.equal(quality.bins[0].count, 1);
});

test('the temperature undoes a known sharpening and lowers the calibration error', () => {
  const rng = createRng(4, 'temperature');
  const [numRows, numClasses, sharpening] = [4000, 4, 2.5];
  const data = new Float32Array(numRows * numClasses);
  const labels = new Int32Array(numRows);
  for (let n = 0; n < numRows; n++) {
    const logits = Array.from({ length: numClasses }, () => rng.normal());
    const powers = logits.map((value) => Math.exp(value));
    const sum = powers.reduce((a, b) => a + b);
    let rest = rng.uniform() * sum;
    labels[n] = powers.findIndex((power) => (rest -= power) < 0);
    const sharp = logits.map((value) => Math.exp(sharpening * value));
    const sharpSum = sharp.reduce((a, b) => a + b);
    sharp.forEach((value, c) => void (data[n * numClasses + c] = value / sharpSum));
  }
  const probabilities = { numRows, numClasses, data };
  const temperature = fitTemperature(probabilities, labels);
  assert.ok(Math.abs(temperature - sharpening) < 0.25, `temperature ${temperature}`);
  const before = measureQuality(probabilities, labels).ece;
  const after = measureQuality(withTemperature(probabilities, temperature), labels).ece;
  assert.ok(after < 0.03 && before > 0.15, `${before} → ${after}`);
});

test('a handful of rows, or rows that are all right, give no temperature', () => {
  const few = { numRows: 3, numClasses: 2, data: Float32Array.of(0.6, 0.4, 0.6, 0.4, 0.6, 0.4) };
  assert.equal(fitTemperature(few, Int32Array.of(0, 1, 0)), 1);
  const right = {
    numRows: 100,
    numClasses: 2,
    data: Float32Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? 0.7 : 0.3)),
  };
  assert.equal(fitTemperature(right, new Int32Array(100)), 1);
});
