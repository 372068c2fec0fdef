/** Levels, tables and the trust radius. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { levelFromDistance } from '../src/bench/geometry.ts';
import type { ViewScore } from '../src/bench/evaluate.ts';
import { averageDrops, summariseLevels } from '../src/bench/level-table.ts';
import { csvFromTable, latexFromTable, resultTable } from '../src/bench/result-table.ts';
import { computeTrustRadius, fallingFit } from '../src/bench/trust-radius.ts';
import type { Level } from '../src/types.ts';

function view(level: Level, psnr: number, pathM = 0): ViewScore {
  const unknown = {
    lpips: null,
    featureCosine: null,
    psnrSeen: null,
    psnrUnseen: null,
    psnrSky: null,
    unseenShare: null,
    depth: null,
    agreement: null,
    traversal: null,
  };
  return {
    ...unknown,
    name: `${level}${pathM}`,
    level,
    psnr,
    pathM,
    nearestM: pathM,
    turnDeg: 0,
    ssim: psnr / 40,
    squaredError: { all: 0.01, unseen: null, sky: null },
  };
}

const evaluation = (views: readonly ViewScore[]) => ({ profile: 'correct', spacingM: 1, views }) as const;

test('the trust radius is where the curve falls through the threshold', () => {
  const trust = computeTrustRadius(
    evaluation([view('control', 20), view('level1', 19, 1), view('level1', 16, 3), view('level1', 12, 7)]),
    3,
  )!;
  // 17 dB lies two thirds of the way from 19 dB at 1 m to 16 dB at 3 m.
  assert.ok(Math.abs(trust.radiusM - (1 + (2 / 3) * 2)) < 1e-12);
  assert.equal(trust.isLowerBound, false);
});

test('the trust radius is a lower bound where no view falls below, and zero where the nearest does', () => {
  const safe = computeTrustRadius(evaluation([view('control', 20), view('level1', 19, 1), view('level1', 18, 4)]), 3)!;
  assert.deepEqual([safe.radiusM, safe.isLowerBound], [4, true]);
  const steep = computeTrustRadius(evaluation([view('control', 20), view('level1', 10, 1)]), 3)!;
  assert.ok(steep.radiusM < 0.31 && !steep.isLowerBound);
  assert.equal(computeTrustRadius(evaluation([view('control', 20)]), 3), undefined);
});

test('the workshop score adds PSNR in dB, and is left out where a part is missing', () => {
  const whole = { ...view('level1', 20), ssim: 0.6, lpips: 0.3, featureCosine: 0.5 };
  const [row] = summariseLevels(evaluation([whole]));
  assert.ok(Math.abs(row!.workshopScore! - (0.15 + 3 + 0.245 + 0.125)) < 1e-12);
  assert.equal(summariseLevels(evaluation([{ ...whole, lpips: null }]))[0]!.workshopScore, null);
});

test('the monotone fit never rises and keeps the weighted mean', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.double({ min: 5, max: 40, noNaN: true }), fc.integer({ min: 1, max: 9 })), {
        minLength: 1,
        maxLength: 12,
      }),
      (pairs) => {
        const values = pairs.map(([value]) => value);
        const weights = pairs.map(([, weight]) => weight);
        const fit = fallingFit(values, weights);
        for (let k = 1; k < fit.length; k++) assert.ok(fit[k]! <= fit[k - 1]! + 1e-9);
        const total = (list: readonly number[]) => list.reduce((sum, value, k) => sum + value * weights[k]!, 0);
        assert.ok(Math.abs(total(fit) - total(values)) < 1e-6);
      },
    ),
  );
});

test('drops are averaged as ratio of means and as mean of ratios, which differ', () => {
  const { ratioOfMeans, meanOfRatios } = averageDrops([
    { train: 30, test: 15 },
    { train: 10, test: 9 },
  ]);
  assert.ok(Math.abs(ratioOfMeans - 0.4) < 1e-12);
  assert.ok(Math.abs(meanOfRatios - 0.3) < 1e-12);
  assert.ok(Math.abs(averageDrops([{ train: 0.2, test: 0.3 }], true).meanOfRatios - 0.5) < 1e-12);
});

test('published level means give the published drop', () => {
  // 3DGS at level 1: 21.36 to 16.37 dB is a drop of 23.4 %.
  const [, row] = summariseLevels(evaluation([view('train', 21.36), view('level1', 16.37, 1)]));
  assert.equal((100 * row!.dropPsnr!).toFixed(1), '23.4');
});

test('levels follow from distance and turn', () => {
  const at = (nearestM: number, turnDeg: number) => levelFromDistance({ nearestM, pathM: nearestM, turnDeg }, 2);
  assert.deepEqual([at(1, 5), at(5, 5), at(0, 90), at(9, 90)], ['control', 'level1', 'level2', 'level3']);
});

test('tables become CSV with all digits and LaTeX with the best value bold', () => {
  const levels = (psnr: number) => summariseLevels(evaluation([view('train', 30), view('level1', psnr, 1)]));
  const table = resultTable([
    { name: '3dgs', levels: levels(20.123456) },
    { name: 'mcmc & more', levels: levels(22) },
  ]);
  const csv = csvFromTable(table);
  assert.ok(csv.startsWith('name,train.psnr'));
  assert.ok(csv.includes('20.123456'));
  const latex = latexFromTable(table);
  assert.ok(latex.includes('\\textbf{22.00}') && latex.includes('mcmc \\& more') && !latex.includes('\\textbf{20.12}'));
});
