/** Answers say no more than was computed: assumed figures are not shown, unchecked ones say so, impossible ones are refused. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runVerbInTest } from '../../../core/src/system/test-kit.ts';
import { manifest } from '../src/manifest.ts';
import { formatAvailability, formatYearlyOutage } from '../src/quorum/nines.ts';
import { normaliseProblem } from '../src/problem.ts';
import { solve } from '../src/solve.ts';

const folder = mkdtempSync(join(tmpdir(), 'tenfold-honesty-'));
after(() => rmSync(folder, { recursive: true }));

type Params = Readonly<Record<string, unknown>>;
const valueOf = async (verb: string, params: Params) =>
  (await runVerbInTest(manifest, verb, params)).result as Record<string, unknown>;
const verdictOf = async (verb: string, params: Params) => (await runVerbInTest(manifest, verb, params)).report!.verdict;

function nodeFile(nodes: readonly object[]): string {
  const path = join(folder, 'nodes.json');
  writeFileSync(path, JSON.stringify(nodes));
  return path;
}

test('no JSON and no export holds a latency that nobody gave', async () => {
  const reads = 'majority(a, b, c)';
  const strategy = await valueOf('quorum strategy', { reads });
  assert.equal('latencyMs' in (strategy['metrics'] as object), false);
  for (const [verb, params] of [
    ['quorum strategy', {}],
    ['quorum export', { format: 'json' }],
    ['quorum export', { format: 'quoracle' }],
  ] as const)
    assert.doesNotMatch(JSON.stringify(await valueOf(verb, { reads, ...params })), /1000|latency|isLatencyAssumed/);
  const nodes = nodeFile([...'abc'].map((id) => ({ id, latencyMs: 7 })));
  const given = JSON.stringify(await valueOf('quorum strategy', { reads, nodes }));
  assert.match(given, /"latencyMs":7/);
  assert.match(
    String((await valueOf('quorum export', { reads, nodes, format: 'quoracle' }))['text']),
    /milliseconds=7/,
  );
});

test('the exported models hold the sets that meet all others', async () => {
  const params = { n: 3, sets: '2,3|1,2' };
  const { value } = await solve(
    normaliseProblem({
      n: 3,
      sizes: [
        [2, 3],
        [1, 2],
      ],
    }).problem,
  );
  const lp = String((await valueOf('export', { ...params, format: 'lp' }))['text']);
  const variables = [...lp.split('Binary')[1]!.matchAll(/F\d_[\d_]+/g)].map(([name]) => name);
  const rows = [...lp.matchAll(/^ (.+) (<=|>=) 1$/gm)].map(([, left, sign]) => ({ names: left!.split(' + '), sign }));
  const constant = Number(/\+ (\d+) always$/m.exec(lp)?.[1] ?? 0);
  let best = 0;
  for (let state = 0; state < 2 ** variables.length; state++) {
    const isIn = (name: string): number => (state >> variables.indexOf(name)) & 1;
    const holds = rows.every(({ names, sign }) => {
      const sum = names.reduce((total, name) => total + isIn(name), 0);
      return sign === '<=' ? sum <= 1 : sum >= 1;
    });
    if (holds) best = Math.max(best, constant + variables.reduce((sum, name) => sum + isIn(name), 0));
  }
  assert.ok(constant > 0);
  assert.equal(BigInt(best), value);
  for (const format of ['wcnf', 'dimacs'])
    assert.match(
      String((await valueOf('export', { ...params, format }))['text']),
      /^c \d+ more for sets that meet all/,
    );
});

test('fields whose order is no prime power do not exist', async () => {
  for (const q of [6, 10, 77])
    await assert.rejects(runVerbInTest(manifest, 'q-analogue', { n: 8, sets: '2|2', q }), { code: 'TF-FAMILIES-001' });
  await assert.rejects(runVerbInTest(manifest, 'theorem', { id: 'WZ13', n: 8, k: 2, l: 2, q: 6 }), {
    expected: 'q is a power of a prime',
  });
  assert.equal((await valueOf('q-analogue', { n: 8, sets: '2|2', q: 49 }))['status'], 'derived-formula');
});

test('a theorem is compared with a search, never with the closed form it states', async () => {
  const small = await verdictOf('theorem', { id: 'NON-UNIFORM', n: 5, sets: '3|1,2' });
  assert.match(small.text, /the solver \(exact-search\) agrees/);
  const { tone, text } = await verdictOf('theorem', { id: 'NON-UNIFORM', n: 40, sets: '20|20' });
  assert.equal(tone, 'info');
  assert.match(text, /too large/);
});

test('a theorem that was not compared says so, and one without n is not answered with the catalogue', async () => {
  assert.match((await verdictOf('theorem', { id: 'HM67', n: 8, k: 3 })).text, /the solver .* agrees/);
  for (const params of [
    { id: 'HM67', n: 8, k: 3, check: false },
    { id: 'ZW24', n: 12, k: 4, t: 3 },
  ]) {
    const { tone, text } = await verdictOf('theorem', params);
    assert.equal(tone, 'info');
    assert.match(text, /not compared/);
  }
  await assert.rejects(runVerbInTest(manifest, 'theorem', { id: 'HM67' }), { actual: 'no n' });
});

test('one-element sets never give the star a lead, and empty grids are refused', async () => {
  assert.match((await verdictOf('threshold', { n: 8, k: 1 })).text, /never wins/);
  await assert.rejects(runVerbInTest(manifest, 'table', { minN: 5, maxN: 4 }), { code: 'TF-FAMILIES-001' });
});

test('points beyond n and sets with a repeated element are refused, and printed families are read again', async () => {
  const shift = { operator: 'shift', n: 5, families: '23 45' };
  await assert.rejects(runVerbInTest(manifest, 'operate', { ...shift, i: 9 }), { location: 'i' });
  await assert.rejects(runVerbInTest(manifest, 'operate', { ...shift, j: 6 }), { location: 'j' });
  await assert.rejects(runVerbInTest(manifest, 'operate', { operator: 'dual', n: 12, families: '11 2.3' }), {
    actual: '"11"',
  });
  await assert.rejects(runVerbInTest(manifest, 'operate', { operator: 'dual', n: 20, families: '1' }), {
    code: 'TF-FAMILIES-003',
    actual: String(2 ** 19),
  });
  const { families } = await valueOf('operate', { operator: 'minimal', n: 12, families: '11. 2.3 2.3 2.3.4' });
  assert.deepEqual(families, [[[2, 3], [11]].sort((a, b) => a.length - b.length)]);
});

test('the most available pair is claimed only where its rule holds', async () => {
  const reads = 'a + b + c';
  const availability = (nodes: readonly object[], params: Params = {}) =>
    runVerbInTest(manifest, 'quorum availability', { reads, nodes: nodeFile(nodes), ...params });
  const up = [0.9, 0.4, 0.4].map((p, x) => ({ id: 'abc'[x], up: p, zone: 'eu' }));
  // At a share of 0.99 reads of any node beat those of node a alone, which the rule without weak nodes would choose.
  const weak = await availability(up, { readFraction: '0.99' });
  const value = weak.result as { readonly value: number; readonly best?: object };
  assert.ok(value.value > 0.99 * 0.9 + 0.01 * 0.9);
  assert.equal(value.best, undefined);
  assert.match(JSON.stringify(weak.report), /The most available pair is not given: node \\"b\\" is up less than half/);
  const spare = [...[0.9, 0.8, 0.7].map((p, x) => ({ id: 'abc'[x], up: p })), { id: 'spare' }];
  assert.match(JSON.stringify((await availability(spare)).report), /\\"spare\\" has no up-probability/);
  await assert.rejects(availability(up, { zonesUp: 'us=0.9' }), { expected: 'zones of the node table' });
  await assert.rejects(availability(up, { zonesUp: 'eu=' }), { code: 'TF-FAMILIES-011' });
  await assert.rejects(availability(up, { readFraction: '' }), { code: 'TF-FAMILIES-011' });
  await assert.rejects(availability(up, { readFraction: '0.9:1:5' }), { code: 'TF-FAMILIES-011' });
});

test('exports keep names apart and refuse servers in two groups', async () => {
  const nodes = nodeFile([{ id: 'system' }, { id: 'n2' }, { id: 'a' }, { id: 'b' }]);
  const reads = 'majority(system, n2, a)';
  const text = String((await valueOf('quorum export', { reads, nodes, format: 'quoracle' }))['text']);
  assert.match(text, /^n0 = Node\("system"/m);
  assert.match(text, /^n1 = Node\("n2"/m);
  const zookeeper = String((await valueOf('quorum export', { reads, nodes, format: 'zookeeper' }))['text']);
  assert.doesNotMatch(zookeeper, /weight\.4/);
  await assert.rejects(
    runVerbInTest(manifest, 'quorum export', {
      reads: 'majority(majority(a, b, c), majority(c, d, e), majority(e, f, a))',
      writes: 'majority(majority(a, b, c), majority(c, d, e), majority(e, f, a))',
      format: 'zookeeper',
    }),
    { code: 'TF-FAMILIES-015', actual: '"c" in more than one group' },
  );
});

test('an availability is never rounded up to 100 %', async () => {
  assert.equal(formatAvailability(1 - 2.1e-9), '99.99999979 %');
  assert.equal(formatAvailability(0.99), '99.0000 %');
  assert.equal(formatAvailability(1), '>99.99999999 %');
  assert.match(formatAvailability(1 - 2 ** -52), /^>99\.9{8} %$/);
  assert.equal(formatYearlyOutage(0.99), '87 h 36 min');
  const nodes = nodeFile([...'abcde'].map((id) => ({ id, up: 0.999 })));
  const { text } = await verdictOf('quorum availability', { reads: 'majority(a, b, c, d, e)', nodes });
  // 10 · 0.001³ of all times, to first order
  assert.match(text, /^Reads 99\.99999900 % /);
});
