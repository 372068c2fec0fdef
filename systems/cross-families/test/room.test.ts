/** The room as a user meets it: manifest, verbs, tour, errors, cancellation. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertManifest, runTour, runVerbInTest } from '../../../core/src/system/test-kit.ts';
import { manifest } from '../src/manifest.ts';
import { normaliseProblem } from '../src/problem.ts';
import { extremalTuples, solve } from '../src/solve.ts';
import { solveCancellably } from '../src/solve-in-worker.ts';
import { verifyCertificate } from '../src/verify/verify.ts';

/** The fields of answers that tests read. */
interface Answer {
  readonly value: string;
  readonly status: string;
  readonly labelled: string;
  readonly notes: readonly string[];
  readonly tuples: readonly unknown[];
  readonly isListComplete: boolean;
  readonly theorem: { readonly numDisagreements: number; readonly numInRange: number };
  readonly plan: { readonly plans: readonly { readonly isProved: boolean; readonly gap: string }[] };
}

test('the manifest keeps its rules', () => assertManifest(manifest));

test('the tour plans five regions with proof and finds no disagreement with the theorem', async () => {
  const outcome = await runTour(manifest);
  const value = outcome.result as unknown as Answer;
  assert.equal(value.theorem.numDisagreements, 0);
  assert.ok(value.theorem.numInRange >= 100);
  assert.ok(value.plan.plans.every((plan) => plan.isProved && plan.gap === '0'));
});

test('max answers 13 by theorem for n = 5, 3|1,2 and 6 without the closed form for n = 3, 2|2', async () => {
  const closed = (await runVerbInTest(manifest, 'max', { n: 5, sets: '3|1,2' })).result as unknown as Answer;
  assert.deepEqual([closed.value, closed.status], ['13', 'exact-closed']);
  const free = (await runVerbInTest(manifest, 'max', { n: 3, sets: '2|2' })).result as unknown as Answer;
  assert.equal(free.value, '6');
  assert.notEqual(free.status, 'exact-closed');
});

test('every example of the room that needs no file runs', async () => {
  const cases: readonly [string, Record<string, unknown>][] = [
    ['extremal', { n: 8, sets: '4|4', list: 5 }],
    ['max', { n: 8, sets: '5|3,4|2,6' }],
    ['max', { n: 6, sets: '3|3', objective: 'product' }],
    ['theorem', { id: 'HM67', n: 8, k: 3 }],
    ['operate', { operator: 'compress', n: 5, families: '23 45 | 25 34' }],
    ['threshold', { n: 20, k: 5 }],
    ['q-analogue', { n: 4, sets: '2|2|2' }],
    ['export', { n: 5, sets: '3|1,2', format: 'wcnf' }],
    ['quorum compare', { size: 9 }],
    ['quorum pareto', { size: 4 }],
    ['quorum search', { size: 4 }],
    ['quorum thresholds', { size: 7, model: 'masking', faults: 1 }],
    ['quorum strategy', { reads: 'a*b*c + d*e*f', readFraction: '0.25' }],
  ];
  for (const [verb, params] of cases) {
    const outcome = await runVerbInTest(manifest, verb, params);
    assert.equal(outcome.status, 'done', `${verb}: ${outcome.report?.verdict.text}`);
  }
});

test('the first tuples of a list of 2^70 − 2 come at once and are extremal', async () => {
  const outcome = await runVerbInTest(manifest, 'extremal', { n: 8, sets: '4|4', list: 3 });
  const value = outcome.result as unknown as Answer;
  assert.equal(value.labelled, String(2n ** 70n - 2n));
  assert.equal(value.tuples.length, 3);
  assert.equal(value.isListComplete, false);
});

test('listed extremal tuples are different, legal and reach the maximum', async () => {
  for (const sizes of [
    [[2], [2]],
    [
      [1, 2, 4],
      [2, 3, 4],
    ],
    [[2], [1, 2]],
  ]) {
    const { problem } = normaliseProblem({ n: 4, sizes });
    const solution = await solve(problem, { want: 'count' });
    const seen = new Set<string>();
    for (const tuple of extremalTuples(problem)!) {
      seen.add(JSON.stringify(tuple.map((family) => family.map((set) => set.join()).sort())));
      const certificate = { ...solution.certificate, tuple: tuple.map((sets) => ({ sets })) };
      assert.deepEqual(verifyCertificate(certificate).failures, []);
    }
    assert.equal(BigInt(seen.size), solution.labelled);
  }
});

test('a cancelled search answers with proved bounds', async () => {
  const abort = new AbortController();
  const { problem } = normaliseProblem({
    n: 7,
    sizes: [
      [2, 3, 4, 5],
      [3, 4],
      [3, 4],
    ],
  });
  setTimeout(() => abort.abort(), 300);
  const { solution } = await solveCancellably(problem, { want: 'count', signal: abort.signal, onProgress: () => {} });
  assert.equal(solution.status, 'bounds');
  assert.ok(solution.value > 0n && solution.value <= solution.upper);
  assert.deepEqual(verifyCertificate(solution.certificate).failures, []);
});

test('problems beyond the exact methods get bounds that a certificate holds, never a closed form', async () => {
  const solution = await solve(normaliseProblem({ n: 20, sizes: [[12, 3], [11, 9], [5]] }).problem);
  assert.equal(solution.status, 'bounds');
  assert.ok(solution.value < solution.upper);
  assert.deepEqual(verifyCertificate(solution.certificate).failures, []);
});

test('broken problems give one clear error with its place', async () => {
  const message = async (params: Record<string, unknown>): Promise<string> => {
    try {
      await runVerbInTest(manifest, 'max', params);
    } catch (error) {
      return (error as Error).message;
    }
    return 'nothing was thrown';
  };
  assert.equal(
    await message({ n: 5, sets: '3|' }),
    'normaliseProblem: at least one size, got none (sets[1]). TF-FAMILIES-001',
  );
  assert.equal(
    await message({ n: 5, sets: '3|6' }),
    'normaliseProblem: sizes to be integers in 0..5, got 6 (sets[1]). TF-FAMILIES-001',
  );
  assert.equal(
    await message({ n: 5, sets: '3|x' }),
    'normaliseProblem: sizes like 3 or 2-4, got "x" (sets[1]). TF-FAMILIES-001',
  );
  assert.equal(
    await message({ n: 5, sets: '3|0' }),
    'normaliseProblem: a size of at least 1, got 0 only (sets[1]). The empty set meets nothing; give a positive size. TF-FAMILIES-002',
  );
  assert.equal(
    await message({ n: 5, sets: '3|2', t: 9 }),
    'normaliseProblem: t to be an integer in 1..5, got 9 (t). TF-FAMILIES-001',
  );
  assert.match(await message({ n: 5, sets: '3|2', t: 3 }), /families 0 and 1 with sets of at least t = 3 elements/);
  assert.equal(
    await message({ n: 5, sets: '3|2', weights: '1|-2' }),
    'parseParams: whole weights of at least 0, got -2 (weights[1]). TF-FAMILIES-001',
  );
  assert.match(await message({ n: -1, sets: '1|1' }), /TF-/);
});

test('repeated sizes and size 0 are dropped with a note', async () => {
  const outcome = await runVerbInTest(manifest, 'max', { n: 5, sets: '3,3|0,1,2' });
  const value = outcome.result as unknown as Answer;
  assert.equal(value.value, '13');
  assert.deepEqual(value.notes, [
    'family 0: repeated sizes were dropped',
    'family 1: size 0 was dropped, since the empty set meets nothing',
  ]);
});

test('times that nobody gave are neither shown nor optimised, and limits are never ignored', async () => {
  const shown = JSON.stringify(
    (await runVerbInTest(manifest, 'quorum strategy', { reads: 'majority(a, b, c)' })).report?.blocks,
  );
  assert.doesNotMatch(shown, /latency/);
  const front = JSON.stringify((await runVerbInTest(manifest, 'quorum pareto', { size: 4 })).report?.blocks[0]);
  assert.doesNotMatch(front, /"latency"|"unavailable"/);
  await assert.rejects(
    runVerbInTest(manifest, 'quorum strategy', { reads: 'majority(a, b, c)', objective: 'latency' }),
    {
      code: 'TF-FAMILIES-011',
      expected: 'a latency for node "a"',
    },
  );
  await assert.rejects(runVerbInTest(manifest, 'quorum search', { size: 3, latencyLimitMs: 5 }), {
    code: 'TF-FAMILIES-011',
  });
  await assert.rejects(runVerbInTest(manifest, 'quorum search', { size: 7, loadLimit: 0.001 }), {
    code: 'TF-FAMILIES-003',
    actual: '--load-limit',
  });
  await assert.rejects(runVerbInTest(manifest, 'quorum thresholds', { size: 5, model: 'masking', faults: 3 }), {
    expected: 'at least 7 nodes, so that a read and a write can share 7',
  });
});
