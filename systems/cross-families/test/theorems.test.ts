/** Every theorem of the catalogue against exhaustive search or the layer program in its range. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { ballValue, closedForm } from '../src/closed-form.ts';
import { exampleConjectures, exploreConjecture } from '../src/conjecture.ts';
import type { ConjectureGrid } from '../src/conjecture.ts';
import { parseFormula } from '../src/conjecture-formula.ts';
import { searchExact } from '../src/exact/search.ts';
import { chooseLayers } from '../src/layer-choice.ts';
import { countSearchVertices, normaliseProblem, regimeOf } from '../src/problem.ts';
import { qClosedForm, qSearch } from '../src/q-analogue.ts';
import { checkTheorem, sizeMultisets } from '../src/theorem-check.ts';
import { applyTheorem, complete, theorems } from '../src/theorems.ts';
import type { Problem } from '../src/types.ts';

async function exactValue(problem: Problem): Promise<bigint | undefined> {
  if (problem.objective === 'product') return (await chooseLayers(problem)).value;
  return countSearchVertices(problem) <= 256n ? searchExact(problem, { counting: false }).value : undefined;
}

for (const theorem of theorems) {
  if (!theorem.problem) continue;
  test(`${theorem.id} agrees with an exact method on all small instances of its range`, async () => {
    let numChecked = 0;
    const check = async (input: Parameters<typeof complete>[0]): Promise<void> => {
      if (theorem.hypotheses(complete(input)).length > 0) return;
      const truth = await exactValue(theorem.problem!(complete(input)));
      if (truth === undefined) return;
      assert.equal(applyTheorem(theorem, input), truth, JSON.stringify(input));
      numChecked++;
    };
    const needs = new Set(theorem.needs);
    for (let n = 2; n <= (needs.has('sizes') ? 5 : 6); n++)
      for (let t = 1; t <= (needs.has('t') ? Math.min(n, 3) : 1); t++) {
        if (needs.has('sizes')) {
          for (const m of [2, 3])
            for (const sizes of sizeMultisets(n, m)) {
              // Three families: uniform ones, and a slice of the rest.
              if (m === 3 && (sizes.some((list) => list.length > 2) || n > 4) && sizes.some((list) => list.length > 1))
                continue;
              await check({ n, sizes, t });
            }
          continue;
        }
        for (let k = 1; k <= (needs.has('k') ? n : 1); k++)
          for (let l = 1; l <= (needs.has('l') ? n : 1); l++)
            for (let m = 2; m <= (needs.has('m') ? 3 : 2); m++) await check({ n, k, l, m, t });
      }
    assert.ok(numChecked >= 5, `${numChecked} instances`);
  });
}

test('theorem and search agree on value and labelled count of every instance up to n = 4, m = 4', async () => {
  const check = await checkTheorem({ maxN: 4, maxFamilies: 4 });
  assert.deepEqual(check.disagreements, []);
  assert.equal(check.numFormulaTooLarge, 0);
  assert.ok(check.numInRange > 50);
  assert.ok(check.numFormulaTooSmall > 0, 'out of range the closed form is wrong somewhere');
});

test('out of range at n = 6, m = 2 the closed form is wrong 700 times of 1,948, and never used', () => {
  let numOut = 0;
  let numWrong = 0;
  for (const sizes of sizeMultisets(6, 2)) {
    const { problem } = normaliseProblem({ n: 6, sizes });
    if (regimeOf(problem) === 'theorem') continue;
    numOut++;
    const truth = searchExact(problem, { counting: false }).value;
    const formula = closedForm(problem).value;
    assert.ok(formula <= truth);
    if (formula !== truth) numWrong++;
  }
  assert.deepEqual([numOut, numWrong], [1948, 700]);
});

test('BALL(j, s) over s is highest at an end in the range n ≥ K1 + K2', () => {
  const rng = createRng(3, 'curve');
  for (let round = 0; round < 200; round++) {
    const n = 6 + rng.integer(60);
    const half = Math.floor(n / 2);
    const sizes = Array.from({ length: 2 + rng.integer(4) }, () => [1 + rng.integer(half), 1 + rng.integer(half)]);
    const { problem } = normaliseProblem({ n, sizes });
    const form = closedForm(problem);
    for (const { j, s } of form.balls)
      for (let inner = 1; inner <= s; inner++) {
        const value = ballValue(problem, j, inner);
        assert.ok(value <= form.star || value <= ballValue(problem, j, s));
      }
  }
});

test('the layer program and the search agree in and out of range, with flags and conflict graphs', async () => {
  const rng = createRng(5, 'layers');
  for (let round = 0; round < 60; round++) {
    const n = 3 + rng.integer(3);
    const m = 2 + rng.integer(2);
    const sizes = Array.from({ length: m }, () => {
      const list = Array.from({ length: n }, (_, e) => e + 1).filter(() => rng.uniform() < 0.45);
      return list.length > 0 ? list : [1 + rng.integer(n)];
    });
    const { problem } = normaliseProblem({
      n,
      sizes,
      weights: sizes.map((list) => list.map(() => BigInt(1 + rng.integer(9)))),
      ...(rng.uniform() < 0.3 ? { selfIntersecting: [0] } : {}),
      ...(m === 3 && rng.uniform() < 0.4
        ? {
            conflicts: [
              [0, 1],
              [1, 2],
            ] as const,
          }
        : {}),
    });
    const choice = await chooseLayers(problem);
    assert.ok(choice.complete);
    assert.equal(choice.value, searchExact(problem, { counting: false }).value, JSON.stringify(sizes));
  }
});

test('vector spaces over F_2 up to n = 4: formula and search agree in range, dual stars included', () => {
  let numChecked = 0;
  for (let n = 2; n <= 4; n++)
    for (const m of [2, 3])
      for (const sizes of sizeMultisets(n, m)) {
        const { problem } = normaliseProblem({ n, sizes });
        if (regimeOf(problem) !== 'theorem') continue;
        assert.equal(qClosedForm(problem, 2n), qSearch(problem, 2).value, JSON.stringify(sizes));
        numChecked++;
      }
  assert.equal(numChecked, 32);
  assert.equal(qSearch(normaliseProblem({ n: 4, sizes: [[2], [2], [2]] }).problem, 2).labelled, 135n);
});

const GRID: ConjectureGrid = {
  minN: 2,
  maxN: 5,
  minFamilies: 2,
  maxFamilies: 3,
  generator: 'all',
  range: 'in',
  target: 'value',
  samples: 1,
};

async function explore(name: string, more: Partial<ConjectureGrid> = {}) {
  const { formula, grid } = exampleConjectures[name]!;
  return exploreConjecture(parseFormula(formula), { ...GRID, ...grid, ...more }, { rng: createRng(0) });
}

test('the theorem as a conjecture has no counterexample, its j fixed to the largest family fails first at n = 4', async () => {
  assert.equal((await explore('theorem')).first, undefined);
  const { smallest } = await explore('largest-family');
  assert.deepEqual([smallest!.problem.n, smallest!.problem.sizes], [4, [[2], [1, 2]]]);
  assert.deepEqual([smallest!.truth, smallest!.claimed], [8n, 7n]);
});

test('uniqueness in the uniform mixed theorem fails at n = 5 with sizes 3, 3, 2, 2', async () => {
  const { smallest } = await explore('mixed-count', { maxN: 6 });
  assert.equal(smallest!.problem.n, 5);
  assert.deepEqual(smallest!.problem.sizes.flat().sort(), [2, 2, 3, 3]);
  assert.deepEqual([smallest!.truth, smallest!.claimed], [75n, 15n]);
});

test('formulas that cannot be read name the place', () => {
  assert.throws(() => parseFormula('max(star, bal)'), {
    message:
      'parseFormula: one of n, m, t, star, balls, mixed, last, jmax, i, size, family, got "bal" (column 11 of "max(star, bal)"). TF-FAMILIES-005',
  });
  assert.throws(() => parseFormula('binom(n)'), /2 arguments of binom, got 1/);
  assert.equal(
    parseFormula('layers(binom(n-1, size-1))').evaluate(normaliseProblem({ n: 5, sizes: [[3], [1, 2]] }).problem),
    11n,
  );
  assert.equal(
    parseFormula('2^3^2 - sum(1, 3, i*i)').evaluate(normaliseProblem({ n: 2, sizes: [[1], [1]] }).problem),
    498n,
  );
});
