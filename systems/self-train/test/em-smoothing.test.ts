import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { emSmooth, smoothTarget } from '../src/index.ts';
import type { EmOptions } from '../src/index.ts';
import { IRIS_MEASURES, IRIS_SPECIES } from './iris.ts';

const close = (actual: ArrayLike<number>, expected: readonly number[], tolerance: number) => {
  assert.equal(actual.length, expected.length);
  expected.forEach((value, i) =>
    assert.ok(Math.abs(actual[i] - value) <= tolerance, `[${i}] ${actual[i]} is not ${value}`),
  );
};

test('six points on a line: one iteration moves the bases to the means and the likelihood stays there', () => {
  const features = { numRows: 6, width: 1, data: Float32Array.of(0, 1, 2, 10, 11, 12) };
  const options = { bases: [0, 12], numBases: 2, beta: 0, isShared: false, variances: [1, 1], tolerance: 0 };
  const one = emSmooth(features, { ...options, maxIterations: 1 });
  close(one.logLikelihood, [-14.672514283, -11.456118958], 1e-8);
  close(one.bases, [1, 11], 1e-8);
  close(one.variances, [2 / 3, 2 / 3], 1e-8);
  close(one.weights, [0.5, 0.5], 1e-12);
  const five = emSmooth(features, { ...options, maxIterations: 5 });
  close(five.logLikelihood.slice(1), new Array(5).fill(-11.456118958), 1e-8);
});

test('iris from class means converges to the known spherical mixture', () => {
  const numRows = 150;
  const bases = new Float64Array(12);
  for (let n = 0; n < numRows; n++)
    for (let a = 0; a < 4; a++) bases[IRIS_SPECIES[n] * 4 + a] += IRIS_MEASURES[n * 4 + a] / 50;
  let variance = 0;
  for (let a = 0; a < 4; a++) {
    let mean = 0;
    for (let n = 0; n < numRows; n++) mean += IRIS_MEASURES[n * 4 + a] / numRows;
    for (let n = 0; n < numRows; n++) variance += (IRIS_MEASURES[n * 4 + a] - mean) ** 2 / (4 * numRows);
  }
  const result = emSmooth(
    { numRows, width: 4, data: Float32Array.from(IRIS_MEASURES) },
    {
      bases,
      numBases: 3,
      beta: 0,
      isShared: false,
      variances: [variance, variance, variance],
      maxIterations: 2000,
      tolerance: 1e-14,
    },
  );
  close([result.logLikelihood.at(-1)! / numRows], [-2.562094], 1e-5);
  close(result.weights, [0.333333, 0.413937, 0.25273], 2e-4);
  close(result.variances, [0.075756, 0.16327, 0.162931], 2e-4);
  const means = [
    5.006, 3.428, 1.462, 0.246, 5.90521, 2.748867, 4.402602, 1.432622, 6.846375, 3.073676, 5.730499, 2.074621,
  ];
  close(result.bases, means, 2e-3);
  let right = 0;
  for (let n = 0; n < numRows; n++) {
    const row = result.responsibilities.subarray(n * 3, n * 3 + 3);
    right += Number(row.indexOf(Math.max(...row)) === IRIS_SPECIES[n]);
  }
  close([right / numRows], [0.893333], 1e-6);
});

/** Clusters, noise and random probabilities. */
function randomProblem(seed: number) {
  const rng = createRng(seed, 'em problems');
  const [numRows, width, numBases] = [20 + rng.integer(481), 1 + rng.integer(32), 1 + rng.integer(12)];
  const data = new Float32Array(numRows * width);
  const prior = new Float32Array(numRows * numBases);
  for (let n = 0; n < numRows; n++) {
    const cluster = rng.integer(4);
    for (let a = 0; a < width; a++)
      data[n * width + a] = ((cluster * 7 + a * 3) % 5) * 0.8 + (0.2 + 0.4 * cluster) * rng.normal();
    let sum = 0;
    for (let k = 0; k < numBases; k++) sum += prior[n * numBases + k] = rng.uniform() ** 6;
    for (let k = 0; k < numBases; k++) prior[n * numBases + k] /= sum;
  }
  const bases = Float64Array.from({ length: numBases * width }, () => 2 * rng.normal());
  const options: EmOptions = {
    bases,
    numBases,
    prior,
    beta: [0, 0.5, 1][rng.integer(3)],
    isShared: rng.uniform() < 0.5,
    tolerance: 0,
  };
  return { features: { numRows, width, data }, options };
}

test('the likelihood never falls in 1,000 random problems until the variance floor binds', () => {
  let numRuns = 0;
  for (let seed = 0; seed < 1000; seed++) {
    const { features, options } = randomProblem(seed);
    const { logLikelihood, isFloorReached } = emSmooth(features, options);
    if (isFloorReached) continue;
    numRuns++;
    for (let i = 1; i < logLikelihood.length; i++) {
      const fall = logLikelihood[i - 1] - logLikelihood[i];
      assert.ok(fall <= 1e-9 * Math.abs(logLikelihood[i]), `seed ${seed}, iteration ${i}: fell by ${fall}`);
    }
  }
  assert.ok(numRuns > 900, `${numRuns} runs without the floor`);
});

test('responsibilities are the softmax of log prior and Gaussian distance, and sum to one', () => {
  const { features, options } = randomProblem(3);
  const { numBases } = options;
  const variances = Array.from({ length: numBases }, (_, k) => 0.5 + 0.1 * k);
  const { responsibilities, logLikelihood } = emSmooth(features, {
    ...options,
    beta: 0.5,
    variances,
    maxIterations: 0,
  });
  let total = 0;
  for (let n = 0; n < features.numRows; n++) {
    const logs = Array.from({ length: numBases }, (_, k) => {
      let square = 0;
      for (let a = 0; a < features.width; a++) {
        square += (features.data[n * features.width + a] - options.bases[k * features.width + a]) ** 2;
      }
      const prior = 0.5 * Math.log(options.prior![n * numBases + k] + 1e-6);
      return prior - 0.5 * features.width * Math.log(2 * Math.PI * variances[k]) - square / (2 * variances[k]);
    });
    const largest = Math.max(...logs);
    const sum = logs.reduce((all, value) => all + Math.exp(value - largest), 0);
    total += largest + Math.log(sum);
    const expected = logs.map((value) => Math.exp(value - largest) / sum);
    close(responsibilities.subarray(n * numBases, (n + 1) * numBases), expected, 2e-6);
  }
  assert.ok(Math.abs(total - logLikelihood[0]) < 1e-7 * Math.abs(total));
});

test('constant features give the prior back at beta 1, and beta 0 does not look at it', () => {
  const [numRows, width, numBases] = [50, 3, 4];
  const constant = { numRows, width, data: new Float32Array(numRows * width).fill(0.7) };
  const rng = createRng(1, 'prior');
  const prior = new Float32Array(numRows * numBases);
  for (let n = 0; n < numRows; n++) {
    let sum = 0;
    for (let k = 0; k < numBases; k++) sum += prior[n * numBases + k] = 0.05 + rng.uniform();
    for (let k = 0; k < numBases; k++) prior[n * numBases + k] /= sum;
  }
  const bases = new Float64Array(numBases * width).fill(0.7);
  const { responsibilities } = emSmooth(constant, { bases, numBases, prior, beta: 1 });
  close(responsibilities, [...prior], 1e-5);

  const { features, options } = randomProblem(5);
  const without = emSmooth(features, { bases: options.bases, numBases: options.numBases, beta: 0 });
  const withPrior = emSmooth(features, { ...options, beta: 0, isShared: true, tolerance: 1e-5 });
  // Without a prior nothing can be reseeded; the problem is one where no basis starts empty.
  assert.deepEqual(withPrior.reseededBases, []);
  assert.deepEqual(without.responsibilities, withPrior.responsibilities);
});

test('a basis that starts without samples moves to the least likely row that the prior gives to it', () => {
  const features = { numRows: 5, width: 1, data: Float32Array.of(0, 0.1, -0.1, 5, 0.2) };
  const prior = Float32Array.of(0.9, 0.1, 0.9, 0.1, 0.9, 0.1, 0.2, 0.8, 0.4, 0.6);
  const result = emSmooth(features, {
    bases: [0, 100],
    numBases: 2,
    prior,
    beta: 0.5,
    variances: [1, 1],
    floor: 1e-3,
    maxIterations: 3,
    isShared: true,
  });
  assert.deepEqual(result.reseededBases, [1]);
  assert.ok(Math.abs(result.bases[1] - 5) < 0.5, `the second basis is at ${result.bases[1]}`);
});

test('labelled rows are held to their class and pull its basis', () => {
  const features = { numRows: 4, width: 1, data: Float32Array.of(0, 0.2, 3, 0.1) };
  const common = { bases: [0, 3], numBases: 2, beta: 0, isShared: true, variances: [1, 1], maxIterations: 1 };
  const clamped = Int32Array.of(-1, -1, -1, 1);
  const result = emSmooth(features, { ...common, clamped, clampWeight: 2 });
  assert.deepEqual([...result.responsibilities.subarray(6, 8)], [0, 1]);
  assert.ok(result.bases[1] < emSmooth(features, common).bases[1] - 0.5);
});

test('many bases a class fold to class labels that sum to one and follow the prior at beta 1', () => {
  const { features } = randomProblem(11);
  const numClasses = 3;
  const data = new Float32Array(features.numRows * numClasses);
  for (let n = 0; n < features.numRows; n++)
    data.set(
      [
        [0.8, 0.1, 0.1],
        [0.1, 0.8, 0.1],
        [0.1, 0.1, 0.8],
      ][n % 3],
      n * numClasses,
    );
  const smoothed = smoothTarget(
    features,
    { numRows: features.numRows, numClasses, data },
    { beta: 1, isShared: true, basesPerClass: 3, seed: 1 },
  );
  assert.equal(smoothed.em.bases.length, 9 * features.width);
  for (let n = 0; n < features.numRows; n++) {
    const row = smoothed.labels.data.subarray(n * 3, n * 3 + 3);
    assert.ok(Math.abs(row[0] + row[1] + row[2] - 1) < 1e-5);
  }
});

test('EM on every second row, then one E-step for all, gives the labels of EM on all rows', () => {
  const [numRows, width, numClasses] = [401, 4, 3];
  const rng = createRng(1, 'parts');
  const data = new Float32Array(numRows * width);
  const prior = new Float32Array(numRows * numClasses).fill(0.25);
  for (let n = 0; n < numRows; n++) {
    const k = rng.integer(numClasses);
    prior[n * numClasses + (rng.uniform() < 0.7 ? k : rng.integer(numClasses))] = 0.5;
    for (let a = 0; a < width; a++) data[n * width + a] = (a === k ? 3 : 0) + 0.5 * rng.normal();
  }
  const features = { numRows, width, data };
  const probabilities = { numRows, numClasses, data: prior };
  const common = { beta: 0.5, isShared: true, basesPerClass: 1, seed: 1 };
  const all = smoothTarget(features, probabilities, common);
  const half = smoothTarget(features, probabilities, { ...common, maxRows: 201 });
  assert.equal(half.numUsed, 201);
  assert.equal(half.labels.data.length, numRows * numClasses);
  let largest = 0;
  half.labels.data.forEach((value, i) => void (largest = Math.max(largest, Math.abs(value - all.labels.data[i]))));
  assert.ok(largest > 0 && largest < 0.1, `labels differ by up to ${largest}`);
});

test('features that are not finite are refused with row and column', () => {
  const data = Float32Array.of(1, 2, 3, NaN);
  const probabilities = { numRows: 2, numClasses: 2, data: Float32Array.of(0.5, 0.5, 0.5, 0.5) };
  assert.throws(
    () =>
      smoothTarget({ numRows: 2, width: 2, data }, probabilities, {
        beta: 0.5,
        isShared: true,
        basesPerClass: 1,
        seed: 0,
      }),
    {
      message: 'scaleFeatures: finite features, got NaN (row 1, column 1). TF-SELF-003',
    },
  );
});

test('a prior of another size is refused', () => {
  const features = { numRows: 2, width: 1, data: Float32Array.of(0, 1) };
  assert.throws(() => emSmooth(features, { bases: [0, 1], numBases: 2, prior: [0.5, 0.5], beta: 0.5 }), {
    code: 'TF-SELF-002',
    message: /a prior of 2 × 2 probabilities where beta > 0, got 2 numbers/,
  });
});
