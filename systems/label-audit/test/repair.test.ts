import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { auditLabels, fitTemperature, posteriorOfTruth } from '../src/index.ts';
import { createPowerTable, powerOf } from '../src/repair/power-table.ts';
import { smallestOf } from '../src/repair/smallest.ts';

test('the posterior is P · Q over its sum, worked out by hand', () => {
  const probabilities = { numRows: 2, numClasses: 2, data: Float64Array.of(0.6, 0.4, 0.1, 0.9) };
  // p(given | true): class 0 keeps its label in 9 of 10 cases, class 1 in 7 of 10.
  const noiseMatrix = Float64Array.of(0.9, 0.3, 0.1, 0.7);
  const { suggested, givenProbability } = posteriorOfTruth(Int32Array.of(0, 0), probabilities, noiseMatrix);
  assert.ok(Math.abs(givenProbability[0]! - 0.54 / (0.54 + 0.12)) < 1e-12);
  assert.ok(Math.abs(givenProbability[1]! - 0.09 / (0.09 + 0.27)) < 1e-12);
  assert.deepEqual([...suggested], [0, 1]);
});

test('where label and row exclude each other the row decides', () => {
  const probabilities = { numRows: 1, numClasses: 3, data: Float64Array.of(0, 0.3, 0.7) };
  const noiseMatrix = Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);
  const { suggested, givenProbability } = posteriorOfTruth(Int32Array.of(0), probabilities, noiseMatrix);
  assert.equal(suggested[0], 2);
  assert.equal(givenProbability[0], 0);
});

test('rows raised by the table differ from those raised exactly by less than a millionth', () => {
  const rng = createRng(4, 'powers');
  for (const exponent of [0.1, 0.5, 1, 1.7, 3]) {
    const { octaves, mantissas } = createPowerTable(exponent);
    const power = (word: number) => powerOf(octaves, mantissas, word);
    assert.equal(power(0), 0);
    assert.equal(power(0x3f80_0000), 1);
    for (let i = 0; i < 2000; i++) {
      const x = Math.fround(i < 1000 ? rng.uniform() : 10 ** (-12 * rng.uniform()));
      const [bits] = new Uint32Array(Float32Array.of(x).buffer);
      assert.ok(Math.abs(power(bits!) / x ** exponent - 1) < 1e-6, `${x} ^ ${exponent}`);
    }
  }
});

test('the temperature undoes what sharpened the rows, although a fifth of the labels is wrong', () => {
  const rng = createRng(5, 'temperature');
  const numClasses = 4;
  const count = 20_000;
  const labels = new Int32Array(count);
  const data = new Float64Array(count * numClasses);
  const noiseMatrix = Float64Array.from({ length: 16 }, (_, at) => (at % 5 === 0 ? 0.8 : 0.2 / 3));
  for (let i = 0; i < count; i++) {
    const row = data.subarray(i * numClasses, (i + 1) * numClasses);
    const normalise = () => {
      const sum = row.reduce((a, b) => a + b);
      for (let k = 0; k < numClasses; k++) row[k]! /= sum;
    };
    for (let k = 0; k < numClasses; k++) row[k] = Math.exp(2 * rng.normal());
    normalise();
    // The truth is drawn from the row itself, so the row is calibrated before it is sharpened.
    let u = rng.uniform();
    let truth = 0;
    while (truth < numClasses - 1 && (u -= row[truth]!) >= 0) truth++;
    labels[i] = rng.uniform() < 0.8 ? truth : (truth + 1 + rng.integer(numClasses - 1)) % numClasses;
    for (let k = 0; k < numClasses; k++) row[k]! **= 3;
    normalise();
  }
  const { temperature, lossBefore, lossAfter } = fitTemperature(
    labels,
    { numRows: count, numClasses, data },
    noiseMatrix,
  );
  assert.ok(Math.abs(temperature - 3) < 0.25, `${temperature}`);
  assert.ok(lossAfter < lossBefore);
});

test('of equal posteriors the lowest class is suggested, whichever label was given', () => {
  const even = Float64Array.of(0.4, 0.4, 0.2);
  const noiseMatrix = new Float64Array(9).fill(1 / 3);
  for (const data of [even, Float32Array.from(even)]) {
    for (const [given, best] of [
      [0, 0],
      [1, 0],
      [2, 0],
    ] as const) {
      const probabilities = { numRows: 1, numClasses: 3, data };
      assert.equal(posteriorOfTruth(Int32Array.of(given), probabilities, noiseMatrix).suggested[0], best);
    }
  }
});

test('the search finds the bottom of smooth valleys, at the ends too, in few steps', () => {
  const valleys: readonly [name: string, bottom: number, f: (x: number) => number][] = [
    ['parabola', 0.3, (x) => (x - 0.3) ** 2],
    ['skew', Math.log(2), (x) => Math.exp(x) - 2 * x],
    ['flat', -1, (x) => (x + 1) ** 4],
    ['left end', -2.3, (x) => x],
    ['right end', 2.3, (x) => -x],
  ];
  for (const [name, bottom, f] of valleys) {
    let numCalls = 0;
    const { place } = smallestOf((x) => (numCalls++, f(x)), [-2.3, 2.3], 3e-3);
    assert.ok(Math.abs(place - bottom) < (name === 'flat' ? 0.05 : 5e-3), `${name}: ${place}`);
    assert.ok(numCalls <= 25, `${name}: ${numCalls} calls`);
  }
});

/** Rows that are right in their doubts, then sharpened; a tenth of the labels is wrong. */
function sharpenedProblem(count: number, seed: number) {
  const rng = createRng(seed, 'sharpened');
  const numClasses = 4;
  const truth = new Int32Array(count);
  const data = new Float64Array(count * numClasses);
  for (let i = 0; i < count; i++) {
    const row = data.subarray(i * numClasses, (i + 1) * numClasses);
    for (let k = 0; k < numClasses; k++) row[k] = Math.exp(2 * rng.normal());
    const sum = row.reduce((a, b) => a + b);
    let u = rng.uniform() * sum;
    while (truth[i]! < numClasses - 1 && (u -= row[truth[i]!]!) >= 0) truth[i]!++;
    for (let k = 0; k < numClasses; k++) row[k]! **= 2;
    const sharpened = row.reduce((a, b) => a + b);
    for (let k = 0; k < numClasses; k++) row[k]! /= sharpened;
  }
  const labels = truth.map((k) => (rng.uniform() < 0.1 ? (k + 1 + rng.integer(numClasses - 1)) % numClasses : k));
  return { truth, labels, probabilities: { numRows: count, numClasses, data } };
}

test('where the model errs with confidence, a flagged label is not called more surely wrong than it is', () => {
  const { truth, labels, probabilities } = sharpenedProblem(6000, 7);
  const { flags, givenProbability, latent, repairNoiseMatrix, temperature } = auditLabels(labels, probabilities);
  const flagged = [...labels.keys()].filter((i) => flags[i] === 1);
  const mean = (of: (i: number) => number) => flagged.reduce((sum, i) => sum + of(i), 0) / flagged.length;
  const wrong = mean((i) => Number(labels[i] !== truth[i]));
  const promised = mean((i) => 1 - givenProbability[i]!);
  assert.ok(Math.abs(promised - wrong) < 0.06, `${promised} promised, ${wrong} wrong`);
  const { temperature: alone } = fitTemperature(labels, probabilities, latent.noiseMatrix);
  const counted = posteriorOfTruth(labels, probabilities, latent.noiseMatrix, { exponent: 1 / alone });
  const promisedByCounts = mean((i) => 1 - counted.givenProbability[i]!);
  assert.ok(promisedByCounts > wrong + 0.2, `${promisedByCounts} with the joint as it is counted`);
  assert.ok(Math.abs(temperature.temperature - 2) < 0.2, `${temperature.temperature}`);
  // the joint of confident learning takes the mistakes of the model for wrong labels
  const noiseOf = (matrix: Float64Array) => 1 - [0, 5, 10, 15].reduce((sum, at) => sum + matrix[at]!, 0) / 4;
  assert.ok(Math.abs(noiseOf(repairNoiseMatrix) - 0.1) < 0.03, `${noiseOf(repairNoiseMatrix)}`);
  assert.ok(noiseOf(latent.noiseMatrix) > 0.2);
});

test('a dozen samples make no label certainly wrong, and the columns of the fitted noise sum to 1', () => {
  for (let seed = 0; seed < 20; seed++) {
    const { labels, probabilities } = sharpenedProblem(12, seed);
    const { givenProbability, repairNoiseMatrix } = auditLabels(labels, probabilities);
    for (const right of givenProbability) assert.ok(right > 0 && right < 1);
    for (let k = 0; k < 4; k++) {
      const sum = [0, 1, 2, 3].reduce((total, given) => total + repairNoiseMatrix[given * 4 + k]!, 0);
      assert.ok(Math.abs(sum - 1) < 1e-9);
      for (let given = 0; given < 4; given++) assert.ok(repairNoiseMatrix[given * 4 + k]! > 0);
    }
  }
});
