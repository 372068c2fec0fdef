/** Properties of the whole room: symmetry, monotony, convexity, independence of the verifier. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { closedForm } from '../src/closed-form.ts';
import { searchExact } from '../src/exact/search.ts';
import { normaliseProblem, regimeOf } from '../src/problem.ts';
import { parseExpression } from '../src/quorum/parse.ts';
import { createQuorumSystem, plainNodes } from '../src/quorum/nodes.ts';
import { optimalStrategy } from '../src/quorum/strategy.ts';
import { sixNodeClasses } from '../src/quorum/six-nodes.ts';
import { verifyCertificate } from '../src/verify/verify.ts';
import { solve } from '../src/solve.ts';

const sizesOf = (n: number): fc.Arbitrary<number[]> =>
  fc.uniqueArray(fc.integer({ min: 1, max: n }), { minLength: 1, maxLength: n });
const question = fc
  .integer({ min: 2, max: 5 })
  .chain((n) => fc.tuple(fc.constant(n), fc.array(sizesOf(n), { minLength: 2, maxLength: 3 })));

const valueOf = (n: number, sizes: readonly (readonly number[])[]): bigint =>
  searchExact(normaliseProblem({ n, sizes }).problem, { counting: false }).value;

test('the order of the families does not matter', () => {
  fc.assert(
    fc.property(question, ([n, sizes]) => assert.equal(valueOf(n, sizes), valueOf(n, sizes.toReversed()))),
    { numRuns: 60 },
  );
});

test('one more allowed size never lowers the maximum', () => {
  fc.assert(
    fc.property(question, fc.integer({ min: 1, max: 5 }), ([n, sizes], k) => {
      fc.pre(k <= n);
      assert.ok(valueOf(n, [[...sizes[0]!, k], ...sizes.slice(1)]) >= valueOf(n, sizes));
    }),
    { numRuns: 60 },
  );
});

test('the closed form never exceeds the truth and equals it in range', () => {
  fc.assert(
    fc.property(question, ([n, sizes]) => {
      const { problem } = normaliseProblem({ n, sizes });
      const [formula, truth] = [closedForm(problem).value, valueOf(n, sizes)];
      assert.ok(formula <= truth);
      if (regimeOf(problem) === 'theorem') assert.equal(formula, truth);
    }),
    { numRuns: 100 },
  );
});

test('every certificate the solver writes is accepted by the verifier', async () => {
  await fc.assert(
    fc.asyncProperty(question, async ([n, sizes]) => {
      const { certificate } = await solve(normaliseProblem({ n, sizes }).problem);
      assert.deepEqual(verifyCertificate(certificate).failures, []);
    }),
    { numRuns: 60 },
  );
});

test('a tuple listed by a search that knew the value beforehand reaches it', () => {
  const listedValue = (n: number, sizes: number[][]): [bigint, bigint] => {
    const { problem } = normaliseProblem({ n, sizes });
    const { value } = searchExact(problem);
    const again = searchExact(problem, { counting: false, atLeast: Number(value) });
    const [tuple] = again.tuples();
    return [BigInt(tuple!.reduce((sum, family) => sum + family.length, 0)), value];
  };
  // The first tuple that this search meets has 9 sets, the best 10.
  const [listed, value] = listedValue(3, [
    [1, 2],
    [1, 2],
    [2, 3],
  ]);
  assert.deepEqual([listed, value], [10n, 10n]);
  fc.assert(
    fc.property(question, ([n, sizes]) => {
      const [sum, best] = listedValue(n, sizes);
      assert.equal(sum, best);
    }),
    { numRuns: 60 },
  );
});

test('the load of a fixed strategy is convex and piecewise linear in the share of reads', async () => {
  const system = createQuorumSystem(plainNodes([...'abcdef']), parseExpression('a*b*c + d*e*f'));
  const strategy = await optimalStrategy(system, [{ readFraction: 0.25, probability: 1 }]);
  const use = (side: 'reads' | 'writes', node: string): number =>
    strategy[side].reduce(
      (sum, { members, probability }) =>
        sum + (members.includes(node) ? Number(probability.num) / Number(probability.den) : 0),
      0,
    );
  const load = (share: number): number =>
    Math.max(...[...'abcdef'].map((node) => share * use('reads', node) + (1 - share) * use('writes', node)));
  for (let step = 1; step < 20; step++)
    assert.ok(load(step / 20) <= (load((step - 1) / 20) + load((step + 1) / 20)) / 2 + 1e-12);
});

test('there are 16,351 classes of systems on six equal nodes', () => {
  let numClasses = 0;
  for (const _ of sixNodeClasses([0, 0, 0, 0, 0, 0])) numClasses++;
  assert.equal(numClasses, 16351);
});

test('the verifier imports nothing of the solvers', () => {
  const folder = new URL('../src/verify/', import.meta.url).pathname;
  const files = globSync('*.ts', { cwd: folder });
  assert.ok(files.length >= 6);
  for (const file of files)
    for (const [, typed, path] of readFileSync(folder + file, 'utf8').matchAll(/^import (type )?.*from '(.*)';$/gm)) {
      const isOwn = path!.startsWith('./') || path === 'zod' || path === '../families-errors.ts';
      assert.ok(isOwn || (typed !== undefined && path === '../types.ts'), `${file} imports ${path}`);
    }
});
