/** Families that meet all others are set aside: the rest answers, and the verifier follows. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runVerbInTest } from '../../../core/src/system/test-kit.ts';
import { searchExact } from '../src/exact/search.ts';
import { manifest } from '../src/manifest.ts';
import { normaliseProblem } from '../src/problem.ts';
import { extremalTuples, solve } from '../src/solve.ts';
import { sizeMultisets } from '../src/theorem-check.ts';
import type { Certificate } from '../src/types.ts';
import { parseCertificate, verifyCertificate } from '../src/verify/verify.ts';

interface TableRow {
  readonly n: number;
  readonly sizes: string;
  readonly value: string;
  readonly labelled: string;
  readonly status: string;
}

test('with a family set aside, value, count and list agree with the search over all families', async () => {
  let numSetAside = 0;
  for (const sizes of sizeMultisets(5, 3, true)) {
    const { problem } = normaliseProblem({ n: 5, sizes });
    const solution = await solve(problem, { want: 'orbits' });
    if (solution.regime !== 'theorem-for-rest') continue;
    numSetAside++;
    const search = searchExact(problem);
    assert.deepEqual([solution.value, solution.labelled], [search.value, search.labelled], JSON.stringify(sizes));
    assert.deepEqual(verifyCertificate(solution.certificate), { ok: true, failures: [], upper: 'proved' });
    let numListed = 0n;
    for (const tuple of extremalTuples(problem)!) {
      const listed = { ...solution.certificate, tuple: tuple.map((sets) => ({ sets })) };
      assert.deepEqual(verifyCertificate(listed).failures, []);
      if (++numListed >= 40n) break;
    }
    assert.equal(numListed, solution.labelled! < 40n ? solution.labelled : 40n);
    if (solution.orbits && solution.numOrbits === BigInt(solution.orbits.length))
      assert.equal(
        solution.orbits.reduce((sum, orbit) => sum + orbit.size, 0n),
        solution.labelled,
      );
  }
  assert.ok(numSetAside >= 5, `${numSetAside} problems`);
});

test('a family of 999-sets costs no search: n = 1000 is answered by the theorem and verified without lists', async () => {
  const { problem } = normaliseProblem({ n: 1000, sizes: [[3, 4], [2], [999]] });
  const solution = await solve(problem, { want: 'count' });
  assert.equal(solution.status, 'exact-closed');
  const alone = await solve(normaliseProblem({ n: 1000, sizes: [[3, 4], [2]] }).problem, { want: 'count' });
  assert.equal(solution.value, alone.value + 1000n);
  assert.equal(solution.labelled, alone.labelled);
  assert.deepEqual(verifyCertificate(solution.certificate), { ok: true, failures: [], upper: 'proved' });
});

test('a claim that leaves the full family out, or counts it twice, is rejected', async () => {
  const { certificate } = await solve(normaliseProblem({ n: 8, sizes: [[3], [4], [6]] }).problem);
  assert.deepEqual(verifyCertificate(certificate), { ok: true, failures: [], upper: 'proved' });
  for (const step of [-28n, -1n, 1n, 28n]) {
    const value = String(BigInt(certificate.claim.value) + step);
    const { ok, upper } = verifyCertificate({ ...certificate, claim: { ...certificate.claim, value, upper: value } });
    assert.deepEqual([ok, upper], [false, 'failed']);
  }
});

test('a free family of weight 0 is not counted as full', async () => {
  const weights = [[1n], [1n], [0n]];
  const { problem } = normaliseProblem({ n: 4, sizes: [[2], [2], [3]], weights });
  const solution = await solve(problem, { want: 'count' });
  assert.equal(solution.value, 6n);
  assert.equal(solution.labelled, undefined);
});

test('a product answers with families that may be empty and with families of weight 0', async () => {
  const open = await solve(
    normaliseProblem({ n: 4, sizes: [[3, 4], [3], [2], [1]], objective: 'product', allowEmpty: true }).problem,
  );
  assert.deepEqual([open.value, open.status], [36n, 'exact-mip']);
  const star = await solve(
    normaliseProblem({ n: 4, sizes: [[2], [1]], objective: 'product', allowEmpty: true }).problem,
  );
  assert.deepEqual(verifyCertificate(star.certificate), { ok: true, failures: [], upper: 'proved' });
  const weights = [[0n], [2n]];
  const none = await solve(normaliseProblem({ n: 4, sizes: [[2], [1]], objective: 'product', weights }).problem);
  assert.deepEqual([none.value, none.status], [0n, 'exact-trivial']);
  assert.deepEqual(verifyCertificate(none.certificate), { ok: true, failures: [], upper: 'proved' });
});

test('table answers every uniform problem of three families on eight points exactly', async () => {
  const outcome = await runVerbInTest(manifest, 'table', { minN: 8, maxN: 8, families: 3, uniform: true });
  const rows = outcome.result as unknown as TableRow[];
  assert.equal(rows.length, 120);
  assert.ok(rows.every(({ status }) => status.startsWith('exact')));
  // 3|3 alone: C(8,3) − C(5,3) + 1 = 47 beats the star 2·C(7,2) = 42; the family of all 6-sets adds 28.
  const row = rows.find(({ sizes }) => sizes === '3|3|6')!;
  assert.deepEqual([row.value, row.labelled], ['75', '112']);
});

test('a cancelled table keeps the rows it has and says so', async () => {
  const abort = new AbortController();
  let numUpdates = 0;
  const outcome = await runVerbInTest(
    manifest,
    'table',
    { minN: 8, maxN: 9, families: 3 },
    {
      signal: abort.signal,
      onProgress: ({ note }) => {
        assert.match(note ?? '', /^n = 8, 1\|/);
        if (++numUpdates === 20) setTimeout(() => abort.abort(), 1);
      },
    },
  );
  const rows = outcome.result as unknown as TableRow[];
  assert.ok(rows.length >= 19 && rows.length < 3000, `${rows.length} rows`);
  assert.match(outcome.report!.verdict.text, /The table was cancelled here\.$/);
});

test('a search log is run again, and one that was changed by hand is found out', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'families-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const check = async (certificate: Certificate): Promise<{ ok: boolean; searchLog: string; failures: string[] }> => {
    writeFileSync(join(folder, 'c.json'), JSON.stringify(certificate));
    const outcome = await runVerbInTest(manifest, 'verify', { file: 'c.json' }, { workingFolder: folder });
    return outcome.result as unknown as Awaited<ReturnType<typeof check>>;
  };
  const { problem } = normaliseProblem({ n: 5, sizes: [[2, 3], [2, 3], [2]] });
  for (const want of ['value', 'count'] as const) {
    const { certificate } = await solve(problem, { want });
    assert.ok(certificate.upper.type === 'search');
    const { upper } = certificate;
    assert.deepEqual((({ ok, searchLog }) => ({ ok, searchLog }))(await check(certificate)), {
      ok: true,
      searchLog: 'reproduced',
    });
    for (const change of [{ nodes: upper.nodes + 1 }, { logHash: '0123abcd' }]) {
      const forged = await check({ ...certificate, upper: { ...upper, ...change } });
      assert.deepEqual([forged.ok, forged.searchLog], [false, 'different']);
      assert.match(forged.failures.join(), /leaves other nodes or another hash/);
    }
    const older = await check({ ...certificate, upper: { ...upper, version: 'tenfold-search/1' } });
    assert.deepEqual([older.ok, older.searchLog], [true, 'other-version']);
    for (const [change, words] of [
      [{ nodes: 0 }, 'upper.nodes'],
      [{ logHash: 'xyz' }, 'not eight hexadecimal digits at upper.logHash'],
      [{ version: 'none' }, 'no version like tenfold-search/3 at upper.version'],
    ] as const)
      assert.throws(
        () => parseCertificate(JSON.stringify({ ...certificate, upper: { ...upper, ...change } }), 'c.json'),
        (error: Error) => error.message.includes(words) && error.message.endsWith('TF-FAMILIES-004'),
      );
  }
});

test('a check that takes long ends when it is cancelled', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'families-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const { certificate } = await solve(normaliseProblem({ n: 5, sizes: [[2, 3], [2, 3], [2]] }).problem);
  writeFileSync(join(folder, 'c.json'), JSON.stringify(certificate));
  const abort = new AbortController();
  await assert.rejects(
    runVerbInTest(
      manifest,
      'verify',
      { file: 'c.json' },
      { workingFolder: folder, signal: abort.signal, onProgress: () => abort.abort() },
    ),
    { code: 'TF-BASE-001' },
  );
});

test('sets of weight 0 may be in or out, so nothing is counted where every layer is free', async () => {
  const weights = [[1n], [0n]];
  const solution = await solve(normaliseProblem({ n: 4, sizes: [[3], [2]], weights }).problem, { want: 'orbits' });
  assert.deepEqual([solution.value, solution.status, solution.labelled], [4n, 'exact-trivial', undefined]);
});
