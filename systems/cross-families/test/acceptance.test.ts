/** The developer tables of the room's specification, row for row. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { uniformMixed } from '../src/closed-form.ts';
import { searchExact } from '../src/exact/search.ts';
import { normaliseProblem } from '../src/problem.ts';
import type { ProblemInput } from '../src/problem.ts';
import { solve } from '../src/solve.ts';
import { verifyCertificate } from '../src/verify/verify.ts';
import {
  CROSS_T_ROWS,
  EXTREMAL_ROWS,
  LAYER_ROWS,
  MIXED_ROWS,
  PRODUCT_ROWS,
  SELF_ROWS,
  WEIGHTED_ROWS,
} from './acceptance-rows.ts';

function problemOf(n: number, digits: string, more: Partial<ProblemInput> = {}) {
  return normaliseProblem({ n, sizes: digits.split('|').map((family) => [...family].map(Number)), ...more }).problem;
}

/** `n5:3|12=13/10/1` → its parts. */
function parseRow(row: string): { n: number; digits: string; value: bigint; labelled?: bigint; orbits?: bigint } {
  const match = /n(\d+):(.*)=(\d+)(?:\/(\d+))?(?:\/(\d+))?$/.exec(row)!;
  return {
    n: Number(match[1]),
    digits: match[2]!,
    value: BigInt(match[3]!),
    ...(match[4] ? { labelled: BigInt(match[4]) } : {}),
    ...(match[5] ? { orbits: BigInt(match[5]) } : {}),
  };
}

for (const { n, inRange, rows } of EXTREMAL_ROWS) {
  const first = rows.split('; ')[0]!.split('=')[0]!;
  const m = first.split('|').length;
  test(`n = ${n}, m = ${m}, ${inRange ? 'in' : 'out of'} range: values, counts and orbits are as listed`, async () => {
    for (const row of rows.split('; ')) {
      const { digits, value, labelled, orbits } = parseRow(`n${n}:${row}`);
      const problem = problemOf(n, digits);
      const solution = await solve(problem, { want: orbits === undefined ? 'count' : 'orbits' });
      assert.equal(solution.value, value, `value of ${row}`);
      assert.equal(solution.labelled, labelled, `labelled count of ${row}`);
      if (orbits !== undefined) assert.equal(solution.numOrbits, orbits, `orbits of ${row}`);
      assert.equal(solution.regime === 'theorem', inRange, `regime of ${row}`);
      // The closed form answers out of range only for what is left beside families that are always full.
      if (!inRange && solution.status === 'exact-closed') {
        assert.equal(solution.regime, 'theorem-for-rest', `${row} is not answered by the closed form`);
        assert.equal(searchExact(problem).value, value, row);
      }
      assert.deepEqual(verifyCertificate(solution.certificate).failures, [], `certificate of ${row}`);
    }
  });
}

test('layer programs reach the listed maxima out of range, with gap 0 where no search is possible', async () => {
  for (const row of LAYER_ROWS.split('; ')) {
    const { n, digits, value } = parseRow(row);
    const solution = await solve(problemOf(n, digits));
    assert.equal(solution.value, value, row);
    assert.notEqual(solution.status, 'bounds', row);
    const { upper } = solution.certificate;
    if (upper.type === 'mip') assert.equal(upper.gap, 0, row);
  }
});

test('the uniform mixed theorem gives star and mixed values as listed', async () => {
  for (const row of MIXED_ROWS.split('; ')) {
    const match = /n(\d+):([\d,]+)=\((\d+),(\d+)\)→(\d+)/.exec(row)!;
    const sizes = match[2]!.split(',').map((size) => [Number(size)]);
    const { problem } = normaliseProblem({ n: Number(match[1]), sizes });
    const mixed = uniformMixed(problem);
    assert.deepEqual([mixed.star, mixed.mixed], [BigInt(match[3]!), BigInt(match[4]!)], row);
    const solution = await solve(problem);
    assert.equal(solution.regime, 'uniform-mixed', row);
    assert.equal(solution.value, BigInt(match[5]!), row);
  }
});

test('weighted sums are as listed', async () => {
  for (const row of WEIGHTED_ROWS.split('; ')) {
    const match = /n(\d+):(.*)=(\d+)$/.exec(row)!;
    const layers = match[2]!.split('|').map((family) => family.split(',').map((layer) => layer.split(':')));
    const { problem } = normaliseProblem({
      n: Number(match[1]),
      sizes: layers.map((family) => family.map(([size]) => Number(size))),
      weights: layers.map((family) => family.map(([, weight]) => BigInt(weight!))),
    });
    const solution = await solve(problem);
    assert.equal(solution.value, BigInt(match[3]!), row);
    assert.deepEqual(verifyCertificate(solution.certificate).failures, [], row);
  }
});

test('products of two families are as listed', async () => {
  for (const row of PRODUCT_ROWS.split('; ')) {
    const { n, digits, value } = parseRow(row);
    const solution = await solve(problemOf(n, digits, { objective: 'product' }));
    assert.equal(solution.value, value, row);
    assert.notEqual(solution.status, 'bounds', row);
  }
});

test('cross-t-intersecting maxima, counts and orbits are as listed', async () => {
  for (const row of CROSS_T_ROWS.split('; ')) {
    const t = Number(/^t(\d)/.exec(row)![1]);
    const { n, digits, value, labelled, orbits } = parseRow(row);
    const solution = await solve(problemOf(n, digits, { t }), { want: 'orbits' });
    assert.deepEqual([solution.value, solution.labelled, solution.numOrbits], [value, labelled, orbits], row);
    assert.deepEqual(verifyCertificate(solution.certificate).failures, [], row);
  }
});

test('maxima with a self-intersecting family are as listed', async () => {
  for (const row of SELF_ROWS.split('; ')) {
    const { n, digits, value, labelled, orbits } = parseRow(row);
    const solution = await solve(problemOf(n, digits, { selfIntersecting: [0] }), { want: 'orbits' });
    assert.deepEqual([solution.value, solution.labelled, solution.numOrbits], [value, labelled, orbits], row);
    assert.deepEqual(verifyCertificate(solution.certificate).failures, [], row);
  }
});

const LARGE: readonly [number, number[][], string, string, number][] = [
  [500, [[181], [7, 11]], '50403008', '35071097', 141],
  [50, [[1, 3], [2]], '2307', '2307', 4],
  [
    1000,
    [
      [19, 30, 41, 78],
      [7, 16, 22, 66],
    ],
    '40276386',
    '52453149',
    118,
  ],
  [20, [[9], [2, 6, 8]], '167741', '167741', 6],
  [1000, [[102, 280], [72, 104, 151, 172], [89, 134], [49, 96], [114]], '92230649', '55521716', 256],
];

test('the closed form is exact on hundreds of digits and its certificate is checked symbolically', async () => {
  for (const [n, sizes, head, tail, numDigits] of LARGE) {
    const solution = await solve(normaliseProblem({ n, sizes }).problem);
    const text = String(solution.value);
    assert.equal(text.length, numDigits);
    assert.ok(text.startsWith(head) && text.endsWith(tail), text);
    assert.equal(solution.status, 'exact-closed');
    assert.deepEqual(verifyCertificate(solution.certificate), { ok: true, failures: [], upper: 'proved' });
  }
});

test('the spec anchors hold: exceptional uniform classes, complement and halving worlds, balls over all families', async () => {
  const check = async (n: number, sizes: number[][], want: readonly (string | undefined)[]): Promise<void> => {
    const solution = await solve(normaliseProblem({ n, sizes }).problem, { want: 'orbits' });
    const got = [solution.value, solution.labelled, solution.numOrbits].map(String);
    for (const [p, value] of want.entries())
      if (value !== undefined) assert.equal(got[p], value, `n = ${n} ${JSON.stringify(sizes)}`);
  };
  await check(5, [[3], [1, 2]], ['13', '10', '1']);
  await check(4, [[2], [2]], ['6', '62', '6']);
  await check(6, [[3], [3], [3]], ['30', '1024', '13']);
  await check(5, [[2], [3]], ['10', '1022', '32']);
  await check(5, [[2], [2]], ['8', '25', '2']);
  await check(5, [[2], [2], [2]], ['12', '5', '1']);
  await check(5, [[3], [3], [2], [2]], [undefined, '75']);
  await check(6, [[4], [4], [2], [2]], [undefined, '191']);
  await check(7, [[5], [5], [2], [2]], [undefined, '455']);
  await check(3, [[2], [2]], ['6']);
  await check(3, [[2], [2], [3]], ['7']);
  await check(5, [[3], [3]], ['20']);
});

test('orbit sizes of the worked examples are as listed', async () => {
  const sizesOf = async (n: number, sizes: number[][]): Promise<number[]> => {
    const solution = await solve(normaliseProblem({ n, sizes }).problem, { want: 'orbits' });
    return solution.orbits!.map((orbit) => Number(orbit.size)).sort((a, b) => a - b);
  };
  assert.deepEqual(await sizesOf(4, [[2], [2]]), [4, 4, 6, 12, 12, 24]);
  assert.deepEqual(await sizesOf(5, [[2], [2]]), [5, 20]);
  assert.deepEqual(
    await sizesOf(5, [
      [2, 3],
      [1, 2],
    ]),
    [10],
  );
});
