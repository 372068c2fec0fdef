import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findDataFolder } from '@tenfold/core/system';
import {
  auditLabels,
  findIssues,
  FILTERS,
  latentFromJoint,
  learnConfidently,
  SCORES,
  scoreLabels,
} from '../src/index.ts';
import type { Probabilities } from '../src/index.ts';

interface Case {
  readonly id: number;
  readonly K: number;
  readonly labels: number[];
  readonly pred_probs: number[][];
  readonly expected: Record<string, never>;
}

const file = join(findDataFolder() ?? '', 'label-audit/confident-learning-cases.json');
const cases: Case[] = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).cases : [];
const skip = cases.length === 0 ? 'the real data folder (TENFOLD_DATA) is not there' : false;

test('24 random problems give the joint, noise matrices, flags and scores of cleanlab 2.9', { skip }, () => {
  assert.equal(cases.length, 24);
  for (const { id, K, labels, pred_probs, expected } of cases) {
    const probabilities: Probabilities = {
      numRows: labels.length,
      numClasses: K,
      data: Float64Array.from(pred_probs.flat()),
    };
    const learned = learnConfidently(labels, probabilities);
    const rows = (matrix: Float64Array) => Array.from({ length: K }, (_, k) => [...matrix.subarray(k * K, k * K + K)]);
    assert.deepEqual(rows(learned.uncalibratedJoint), expected['confident_joint_uncalibrated'], `case ${id}`);
    assert.deepEqual(rows(learned.joint), expected['confident_joint'], `case ${id}`);
    assertClose([...learned.thresholds], expected['thresholds'], `case ${id} thresholds`);
    const latent = latentFromJoint(learned.joint, K);
    assertClose([...latent.prior], expected['py'], `case ${id} prior`);
    assertClose([...latent.noiseMatrix], (expected['noise_matrix'] as number[][]).flat(), `case ${id} noise matrix`);
    const inverse = (expected['inverse_noise_matrix'] as number[][]).flat();
    assertClose([...latent.inverseNoiseMatrix], inverse, `case ${id} inverse noise matrix`);
    for (const filter of FILTERS) {
      const flags = findIssues(labels, probabilities, learned, { filter });
      const flagged = [...flags.keys()].filter((i) => flags[i] === 1);
      assert.deepEqual(flagged, expected[`flag_${filter}`], `case ${id} ${filter}`);
    }
    for (const method of SCORES) {
      for (const isAdjusted of [false, true]) {
        const wanted = expected[`score_${method}${isAdjusted ? '_adjusted' : ''}`];
        if (wanted === undefined) continue; // the adjusted entropy score is not defined there
        const scores = scoreLabels(labels, probabilities, { method, isAdjusted });
        assertClose([...scores], wanted, `case ${id} ${method} ${isAdjusted}`);
      }
    }
    // The audit goes over each row once for joint and score: the same numbers.
    for (const filter of FILTERS) {
      for (const isAdjusted of [false, true]) {
        const audit = auditLabels(Int32Array.from(labels), probabilities, { filter, isAdjusted });
        assert.deepEqual(audit.learned, learned, `case ${id} audit`);
        assertClose(
          [...audit.scores],
          expected[`score_normalized_margin${isAdjusted ? '_adjusted' : ''}`],
          `case ${id}`,
        );
        const flagged = [...audit.flags.keys()].filter((i) => audit.flags[i] === 1);
        assert.deepEqual(flagged, expected[`flag_${filter}`], `case ${id} audit ${filter}`);
        assert.deepEqual(Uint32Array.from(audit.ranked).sort(), Uint32Array.from(flagged), `case ${id} ranking`);
      }
    }
  }
});

function assertClose(actual: readonly number[], expected: readonly number[], what: string): void {
  assert.equal(actual.length, expected.length, what);
  actual.forEach((value, i) => {
    assert.ok(Math.abs(value - expected[i]!) <= 1e-12, `${what}[${i}]: ${value} and ${expected[i]}`);
  });
}

test('with equal probabilities, many classes and f32 rows the flags are those of cleanlab with a stable sort', () => {
  const { stepsPerRow, cases: ties } = JSON.parse(
    readFileSync(join(import.meta.dirname, '../fixtures/cleanlab-ties.json'), 'utf8'),
  ) as { stepsPerRow: number; cases: TieCase[] };
  for (const { K, fracNoise, labels, steps, joint, flags } of ties) {
    const data = Float32Array.from(steps.flat(), (count) => count / stepsPerRow);
    const probabilities: Probabilities = { numRows: labels.length, numClasses: K, data };
    const learned = learnConfidently(labels, probabilities);
    assert.deepEqual([...learned.joint], joint.flat(), `K ${K} joint`);
    for (const filter of FILTERS) {
      const found = findIssues(labels, probabilities, learned, { filter, fracNoise });
      assert.deepEqual(
        [...found.keys()].filter((i) => found[i] === 1),
        flags[filter],
        `K ${K} ${filter}`,
      );
    }
  }
});

interface TieCase {
  readonly K: number;
  readonly fracNoise: number;
  readonly labels: number[];
  readonly steps: number[][];
  readonly joint: number[][];
  readonly flags: Readonly<Record<string, number[]>>;
}
