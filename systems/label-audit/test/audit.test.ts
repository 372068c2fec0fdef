import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import fc from 'fast-check';
import {
  auditLabels,
  auroc,
  averagePrecision,
  checkProbabilities,
  consensusOfVotes,
  findIssues,
  learnConfidently,
  reliability,
  symmetricNoise,
} from '../src/index.ts';
import type { Filter, Probabilities, Vote } from '../src/index.ts';
import { roundKeepingSum } from '../src/confident/rounding.ts';
import { selectSmallest } from '../src/confident/select.ts';
import { sortByScore } from '../src/confident/sort-by-score.ts';
import { compareWithTruth } from '../src/truth-check.ts';

const LABELS = Int32Array.of(0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2);
const ROWS = [
  [0.9, 0.05, 0.05],
  [0.8, 0.1, 0.1],
  [0.1, 0.8, 0.1],
  [0.6, 0.3, 0.1],
  [0.2, 0.2, 0.6],
  [0.1, 0.85, 0.05],
  [0.05, 0.9, 0.05],
  [0.7, 0.2, 0.1],
  [0.3, 0.4, 0.3],
  [0.1, 0.1, 0.8],
  [0.05, 0.05, 0.9],
  [0.1, 0.75, 0.15],
];

function probabilitiesOf(rows: readonly (readonly number[])[]): Probabilities {
  return { numRows: rows.length, numClasses: rows[0]!.length, data: Float64Array.from(rows.flat()) };
}

test('twelve samples have the thresholds, joints and flags that were worked out by hand', () => {
  const probabilities = probabilitiesOf(ROWS);
  const learned = learnConfidently(LABELS, probabilities);
  [0.52, 0.5875, 0.616667].forEach((t, k) => assert.ok(Math.abs(learned.thresholds[k]! - t) < 1e-6));
  assert.deepEqual([...learned.uncalibratedJoint], [3, 1, 0, 1, 2, 0, 0, 1, 2]);
  assert.deepEqual([...learned.joint], [4, 1, 0, 1, 3, 0, 0, 1, 2]);
  const flagged = (filter: Filter) => {
    const flags = findIssues(LABELS, probabilities, learned, { filter });
    return [...flags.keys()].filter((i) => flags[i] === 1);
  };
  for (const filter of ['prune_by_noise_rate', 'prune_by_class', 'both', 'confident_learning'] as const) {
    assert.deepEqual(flagged(filter), [2, 7, 11], filter);
  }
  assert.deepEqual(flagged('predicted_neq_given'), [2, 4, 7, 11]);
});

test('float32 and float64 probabilities give the same flags', () => {
  const { labels, probabilities } = noisyProblem(3000, 5, 0.2, 4);
  const narrow = { ...probabilities, data: Float32Array.from(probabilities.data) };
  const a = auditLabels(labels, probabilities);
  const b = auditLabels(labels, narrow);
  assert.deepEqual([...b.flags], [...a.flags]);
});

test('rounding keeps the sum and moves no entry by more than one', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 50, noNaN: true }), { minLength: 1, maxLength: 12 }), (values) => {
      const rounded = Float64Array.from(values);
      roundKeepingSum(rounded);
      const sum = values.reduce((a, b) => a + b, 0);
      assert.ok(Math.abs(rounded.reduce((a, b) => a + b, 0) - sum) <= 0.5 + 1e-9);
      rounded.forEach((value, i) => assert.ok(Number.isInteger(value) && Math.abs(value - values[i]!) <= 1.5));
    }),
  );
});

test('selection finds what sorting finds', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1 }), fc.nat(), (values, pick) => {
      const rank = pick % values.length;
      const sorted = values.toSorted((a, b) => a - b);
      assert.equal(selectSmallest(Float64Array.from(values), values.length, rank), sorted[rank]);
    }),
  );
});

test('at 20 % noise Bayes repair beats the most likely class and the given labels', () => {
  const { labels, truth, probabilities } = noisyProblem(6000, 10, 0.2, 1);
  const result = auditLabels(labels, probabilities);
  const check = compareWithTruth(result, labels, truth);
  assert.equal(result.repairRule, 'bayes');
  assert.ok(check.accuracyRepaired > check.accuracyArgmax + 0.01, JSON.stringify(check.accuracyRepaired));
  assert.ok(check.accuracyRepaired > check.accuracyGiven + 0.05);
  assert.ok(check.auroc > 0.9);
});

test('beyond 30 % noise the repair falls back and is never worse than the given labels', () => {
  for (const rate of [0.35, 0.5, 0.6]) {
    for (const skill of [0.35, 0.6, 0.9]) {
      const { labels, truth, probabilities } = noisyProblem(4000, 6, rate, 3, { skill });
      const result = auditLabels(labels, probabilities);
      const check = compareWithTruth(result, labels, truth);
      if (result.noise.rate >= 0.3) assert.notEqual(result.repairRule, 'bayes');
      assert.ok(
        check.accuracyRepaired >= check.accuracyGiven,
        `${rate} ${skill} ${result.repairRule}: ${check.accuracyRepaired} < ${check.accuracyGiven}`,
      );
    }
  }
});

test('the estimated noise lies near the injected noise and inside its interval', () => {
  const { labels, probabilities } = noisyProblem(6000, 10, 0.2, 6, { skill: 1.5, errorShare: 0 });
  const { noise } = auditLabels(labels, probabilities);
  assert.ok(Math.abs(noise.rate - 0.2) < 0.03, `${noise.rate}`);
  assert.ok(noise.low < noise.rate && noise.rate < noise.high);
});

test('symmetric noise changes exactly floor(rate · N) labels, each to another class', () => {
  for (const rate of [0.2, 0.33, 0.4]) {
    const clean = Int32Array.from({ length: 997 }, (_, i) => i % 7);
    const noisy = symmetricNoise(clean, 7, rate, createRng(2));
    assert.equal(noisy.filter((label, i) => label !== clean[i]).length, Math.floor(rate * 997));
    assert.deepEqual([...symmetricNoise(clean, 7, rate, createRng(2))], [...noisy]);
  }
});

test('rows that are not probabilities are refused with their row', () => {
  assert.throws(
    () =>
      checkProbabilities(
        probabilitiesOf([
          [0.5, 0.5],
          [NaN, 1],
        ]),
      ),
    {
      message: 'checkProbabilities: probabilities ≥ 0, got NaN in column 0 (row 1). TF-LABEL-001',
    },
  );
  assert.throws(
    () =>
      checkProbabilities(
        probabilitiesOf([
          [0.5, 0.5],
          [1.5, -0.5],
        ]),
      ),
    {
      message: 'checkProbabilities: probabilities ≥ 0, got -0.5 in column 1 (row 1). TF-LABEL-001',
    },
  );
  assert.throws(
    () =>
      checkProbabilities(
        probabilitiesOf([
          [0.5, 0.5],
          [0.9, 0.4],
        ]),
      ),
    {
      message: 'checkProbabilities: a row that sums to 1, got sum 1.30000 (row 1). TF-LABEL-001',
    },
  );
  assert.throws(() => checkProbabilities(probabilitiesOf([[1], [1]])), {
    message:
      'checkProbabilities: at least two classes, got 1 column. For two classes give both columns, 1 − p and p. TF-LABEL-004',
  });
  const { probabilities, warnings } = checkProbabilities(
    probabilitiesOf([
      [0.5, 0.5],
      [0.5, 0.49],
    ]),
  );
  assert.equal(warnings.length, 1);
  assert.ok(Math.abs(probabilities.data[2]! + probabilities.data[3]! - 1) < 1e-12);
});

test('labels that do not fit the probabilities are refused', () => {
  const probabilities = probabilitiesOf(ROWS);
  assert.throws(() => auditLabels(Int32Array.of(0, 1), probabilities), {
    message: 'auditLabels: one row of probabilities for each of the 2 labels, got 12 rows. TF-LABEL-002',
  });
  assert.throws(() => auditLabels(LABELS.with(3, 7), probabilities), {
    message: 'auditLabels: labels in 0 … 2, got 7 (row 3). TF-LABEL-003',
  });
});

test('a ranking that puts all wrong labels first has AUROC and average precision 1', () => {
  assert.equal(auroc([0.1, 0.2, 0.8, 0.9], [1, 1, 0, 0]), 1);
  assert.equal(auroc([0.5, 0.5, 0.5, 0.5], [1, 0, 1, 0]), 0.5);
  assert.equal(averagePrecision([0.1, 0.2, 0.8, 0.9], [1, 1, 0, 0]), 1);
});

test('confidence that is 0.8 and right in 8 of 10 cases has no calibration error', () => {
  const right = [1, 1, 1, 1, 1, 1, 1, 1, 0, 0];
  assert.ok(
    reliability(
      right.map(() => 0.8),
      right,
    ).ece < 1e-12,
  );
  assert.ok(
    Math.abs(
      reliability(
        right.map(() => 1),
        right,
      ).ece - 0.2,
    ) < 1e-12,
  );
});

test('the consensus listens to the annotator who is right, not to the two who guess', () => {
  const rng = createRng(8);
  const truth = Array.from({ length: 400 }, () => rng.integer(4));
  const votes: Vote[] = truth.flatMap((label, sample) =>
    [0.95, 0.35, 0.35].map((skill, annotator) => ({
      sample,
      annotator,
      label: rng.uniform() < skill ? label : rng.integer(4),
    })),
  );
  const consensus = consensusOfVotes(votes, { numSamples: 400, numAnnotators: 3, numClasses: 4 });
  const accuracy = (labels: ArrayLike<number>) => truth.filter((label, i) => label === labels[i]).length / 400;
  assert.ok(accuracy(consensus.labels) > accuracy(consensus.majority) + 0.05);
  // the prior, two thirds right, pulls estimates towards itself
  assert.ok(consensus.annotators[0]!.accuracy > 0.8);
  assert.ok(consensus.annotators[1]!.accuracy < 0.7);
});

/** Probabilities of a fictive model of given skill that did not see the labels: a share of the samples looks like any class. */
function noisyProblem(
  count: number,
  numClasses: number,
  rate: number,
  seed: number,
  { skill = 0.6, errorShare = 0.1 } = {},
) {
  const rng = createRng(seed, 'noisy problem');
  const truth = Int32Array.from({ length: count }, () => rng.integer(numClasses));
  const labels = symmetricNoise(truth, numClasses, rate, rng);
  const data = new Float64Array(count * numClasses);
  for (let i = 0; i < count; i++) {
    const row = data.subarray(i * numClasses, (i + 1) * numClasses);
    const seen = rng.uniform() < errorShare ? rng.integer(numClasses) : truth[i]!;
    let sum = 0;
    for (let k = 0; k < numClasses; k++) sum += row[k] = Math.exp(1.2 * rng.normal() + (k === seen ? 6 * skill : 0));
    for (let k = 0; k < numClasses; k++) row[k]! /= sum;
  }
  return { truth, labels, probabilities: { numRows: count, numClasses, data } };
}

test('rows are ranked as comparing would rank them: ties in order, negative scores, near-equal scores, one row, none', () => {
  const rng = createRng(9, 'ranking');
  const scoresOf: Readonly<Record<string, () => number>> = {
    even: () => rng.uniform(),
    signed: () => rng.normal(),
    ties: () => rng.integer(7) / 8,
    near: () => 0.5 + rng.integer(1000) * 2 ** -52,
    zeros: () => (rng.uniform() < 0.5 ? -0 : 0),
  };
  for (const [name, draw] of Object.entries(scoresOf)) {
    for (const numRows of [0, 1, 2, 5000]) {
      const scores = Float64Array.from({ length: numRows }, draw);
      const rows = Uint32Array.from(scores.keys()).filter((row) => row % 3 !== 1);
      const expected = Uint32Array.from([...rows].sort((a, b) => scores[a]! - scores[b]! || a - b));
      assert.deepEqual(sortByScore(rows, scores), expected, `${name}, ${numRows}`);
    }
  }
});

test('few votes are no certainty: a lone dissenter is no liar, and confidence is near the share of right labels', () => {
  const vote = (sample: number, annotator: number, label: number) => ({ sample, annotator, label });
  const few = [
    [0, 0, 1],
    [1, 1, 0],
    [0, 1, 0],
  ].flatMap((labels, sample) => labels.map((label, annotator) => vote(sample, annotator, label)));
  const { labels, majority, confidence } = consensusOfVotes(few, { numSamples: 3, numAnnotators: 3, numClasses: 2 });
  assert.deepEqual([...labels], [...majority]);
  assert.ok(Math.max(...confidence) < 0.99, `${Math.max(...confidence)}`);

  const rng = createRng(5);
  const [numSamples, numAnnotators, numClasses, votesPerSample] = [400, 10, 5, 3];
  const skill = Array.from({ length: numAnnotators }, () => 0.5 + 0.45 * rng.uniform());
  const truth = Array.from({ length: numSamples }, () => Math.floor(rng.uniform() * numClasses));
  const votes = truth.flatMap((label, sample) => {
    const first = Math.floor(rng.uniform() * numAnnotators);
    return Array.from({ length: votesPerSample }, (_, i) => {
      const annotator = (first + 3 * i) % numAnnotators;
      const isRight = rng.uniform() < skill[annotator];
      return vote(
        sample,
        annotator,
        isRight ? label : (label + 1 + Math.floor(rng.uniform() * (numClasses - 1))) % numClasses,
      );
    });
  });
  const many = consensusOfVotes(votes, { numSamples, numAnnotators, numClasses });
  const share = (labelled: ArrayLike<number>) =>
    truth.filter((label, sample) => labelled[sample] === label).length / numSamples;
  const mean = many.confidence.reduce((sum, value) => sum + value, 0) / numSamples;
  assert.ok(share(many.labels) >= share(many.majority));
  assert.ok(Math.abs(mean - share(many.labels)) < 0.03, `${mean} for ${share(many.labels)}`);
});

test('over small sets of votes the confidence is the share that is right, where two votes agree too', () => {
  let numRight = 0;
  let promised = 0;
  let count = 0;
  for (let seed = 0; seed < 20; seed++) {
    const rng = createRng(seed, 'few votes');
    const skill = Array.from({ length: 10 }, () => 0.5 + 0.45 * rng.uniform());
    const truth = Array.from({ length: 200 }, () => rng.integer(4));
    const votes = truth.flatMap((label, sample) =>
      rng
        .shuffle([...skill.keys()])
        .slice(0, 3)
        .map((annotator) => ({
          sample,
          annotator,
          label: rng.uniform() < skill[annotator]! ? label : (label + 1 + rng.integer(3)) % 4,
        })),
    );
    const { labels, confidence } = consensusOfVotes(votes, { numSamples: 200, numAnnotators: 10, numClasses: 4 });
    truth.forEach((label, i) => {
      count++;
      numRight += Number(labels[i] === label);
      promised += confidence[i]!;
    });
  }
  assert.ok(Math.abs(promised - numRight) / count < 0.022, `${promised / count} promised, ${numRight / count} right`);
});
