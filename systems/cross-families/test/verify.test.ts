/** The verifier accepts true certificates and rejects every mutation. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normaliseProblem } from '../src/problem.ts';
import { solve } from '../src/solve.ts';
import type { Certificate } from '../src/types.ts';
import { parseCertificate, verifyCertificate } from '../src/verify/verify.ts';

async function certificateOf(n: number, sizes: number[][], t = 1): Promise<Certificate> {
  return (await solve(normaliseProblem({ n, sizes, t }).problem)).certificate;
}

const closed = await certificateOf(5, [[3], [1, 2]]);
const searched = await certificateOf(4, [
  [1, 2, 4],
  [2, 3, 4],
]);
const covered = await certificateOf(5, [
  [1, 4],
  [1, 3],
]);
const shared = await certificateOf(5, [[2, 3, 4, 5], [3]], 2);

/** A certificate that may be spoilt: every field can be written. */
interface Spoilt {
  problem: { n: number; sizes: number[][]; t?: number; objective?: string };
  claim: { value: string; upper: string };
  tuple: { sets: number[][] }[];
  upper: { id: string; pairs: { cover: number[][][] }[] };
}

/** A copy with one field changed. */
function changed(certificate: Certificate, change: (copy: Spoilt) => void): Certificate {
  const copy = structuredClone(certificate) as unknown as Spoilt;
  change(copy);
  return copy as unknown as Certificate;
}

test('true certificates are accepted', () => {
  assert.equal(closed.upper.type, 'theorem');
  assert.equal(covered.upper.type, 'vertexCover');
  for (const certificate of [closed, searched, covered, shared])
    assert.deepEqual(verifyCertificate(certificate).failures, []);
});

const setsOf = (certificate: Spoilt, family: number): number[][] => certificate.tuple[family]!.sets;

const MUTATIONS: readonly [string, Certificate, (copy: Spoilt) => void, RegExp][] = [
  ['a set of a wrong size', covered, (c) => void (setsOf(c, 0)[0] = [1, 2]), /size outside/],
  [
    'a disjoint pair',
    covered,
    (c) => {
      c.tuple = [{ sets: [[1]] }, { sets: [[3, 4, 5]] }];
      c.claim.value = '2';
    },
    /share 0 elements/,
  ],
  ['an empty family', covered, (c) => void (c.tuple[1] = { sets: [] }), /is empty/],
  [
    'a value one too high',
    covered,
    (c) => void (c.claim.value = String(BigInt(c.claim.value) + 1n)),
    /adds up to|above the upper/,
  ],
  [
    'a value one too low',
    covered,
    (c) => void (c.claim.value = String(BigInt(c.claim.value) - 1n)),
    /equal value and upper/,
  ],
  [
    'an upper bound one too low',
    covered,
    (c) => {
      c.claim.upper = String(BigInt(c.claim.upper) - 1n);
      c.claim.value = c.claim.upper;
    },
    /proves|adds up/,
  ],
  ['a set outside R', closed, (c) => void (c.tuple[1] = { sets: [[1, 2, 3]] }), /size outside/],
  ['a wrong n', closed, (c) => void (c.problem.n = 6), /theorem gives|adds up/],
  ['a set with a point outside [n]', covered, (c) => void (setsOf(c, 0)[0] = [1, 9]), /not an ascending set of points/],
  ['a duplicate set', covered, (c) => void setsOf(c, 0).push([...setsOf(c, 0)[0]!]), /listed twice/],
  ['a missing family', closed, (c) => void c.tuple.pop(), /families/],
  ['a bad cover', covered, (c) => c.upper.pairs.forEach((pair) => (pair.cover = [[], []])), /misses|proves/],
  ['a missing pair kind', covered, (c) => void c.upper.pairs.pop(), /no cover for pairs/],
  ['a wrong t', shared, (c) => void (c.problem.t = 3), /share|fewer|proves|above/],
  [
    'forged theorem hypotheses',
    closed,
    (c) =>
      void (c.problem.sizes = [
        [3, 4],
        [1, 2],
      ]),
    /hypothesis fails/,
  ],
  ['an unknown theorem', closed, (c) => void (c.upper.id = 'wishful'), /unknown to the verifier/],
  [
    'a theorem for the wrong question',
    closed,
    (c) => void (c.problem.objective = 'product'),
    /hypotheses fail|adds up/,
  ],
];

for (const [name, certificate, change, message] of MUTATIONS)
  test(`${name} is rejected`, () => {
    const verification = verifyCertificate(changed(certificate, change));
    assert.equal(verification.ok, false);
    assert.match(verification.failures.join('; '), message);
  });

test('conditions on families that do not exist, and covers of families that need not meet, are rejected', () => {
  // Without a pair that has to meet the maximum is the number of all sets; the cover speaks of another question.
  const free = changed(covered, (c) => void (c.problem = { ...c.problem, conflicts: [] } as Spoilt['problem']));
  assert.deepEqual(verifyCertificate(free), {
    ok: false,
    failures: ['covers prove plain sums of two families that have to meet only'],
    upper: 'failed',
  });
  const spoilt = [
    [{ conflicts: [[0, 5]] }, /0-5 is no pair/],
    [{ conflicts: [[1, 1]] }, /1-1 is no pair/],
    [{ selfIntersecting: [2] }, /there is no family 2/],
    [{ weights: [['1']] }, /not one a size/],
    [{ t: 9 }, /no two sets share 9 of 5/],
  ] as const;
  for (const [fields, message] of spoilt) {
    const { ok, failures } = verifyCertificate(
      changed(covered, (c) => void (c.problem = { ...c.problem, ...fields } as unknown as Spoilt['problem'])),
    );
    assert.equal(ok, false);
    assert.match(failures.join(), message);
  }
});

test('a bound that is taken on trust is rejected where a star or ball exceeds it', async () => {
  for (const input of [
    { n: 5, sizes: [[2, 3], [2]], objective: 'product' as const },
    { n: 9, sizes: [[4, 5], [5, 6], [3]] },
  ]) {
    const { certificate } = await solve(normaliseProblem(input).problem);
    assert.deepEqual(verifyCertificate(certificate), { ok: true, failures: [], upper: 'trusted' });
    const { ok, failures, upper } = verifyCertificate(changed(certificate, (c) => void c.problem.n++));
    assert.equal(ok, false);
    assert.equal(upper, 'failed');
    assert.match(failures.join(), /stars and balls reach \d+, above the claimed/);
  }
});

test('a program bound below the value it is said to bound is rejected', () => {
  const forged = {
    ...searched,
    upper: { type: 'mip' as const, gap: 0, bound: String(BigInt(searched.claim.value) - 1n), nodes: 1 },
  };
  assert.match(verifyCertificate(forged).failures.join(), /lies below the claimed value/);
});

test('a closed form claimed out of its range is rejected even when value and tuple agree', () => {
  const forged: Certificate = {
    schema: 'families/1',
    problem: { n: 5, sizes: [[3], [3]] },
    claim: { value: '12', upper: '12', kind: 'maximum' },
    tuple: [{ contains: [1] }, { contains: [1] }],
    upper: { type: 'theorem', id: 'non-uniform' },
  };
  assert.match(verifyCertificate(forged).failures.join(), /hypothesis fails: n ≥ K1 \+ K2/);
});

test('a searched maximum that is too small is found out by the replay', async () => {
  const solution = await solve(normaliseProblem({ n: 4, sizes: [[2], [2], [1, 2]] }).problem);
  const forged: Certificate = {
    ...solution.certificate,
    upper: { type: 'search', nodes: 1, logHash: '00000000', version: 'none' },
    claim: { value: '1', upper: '1', kind: 'maximum' },
  };
  const { ok, failures, upper } = verifyCertificate(forged);
  assert.equal(ok, false);
  assert.equal(upper, 'failed');
  assert.match(failures.join('; '), /a second search finds/);
});

test('certificate files that are not certificates give one clear error', () => {
  assert.throws(() => parseCertificate('{', 'c.json'), {
    message: /^parseCertificate: JSON, got Expected property name .* \(c\.json\)\. TF-FAMILIES-004$/,
  });
  assert.throws(() => parseCertificate('{"schema":"families/2"}', 'c.json'), /families\/1.*TF-FAMILIES-004$/);
  assert.deepEqual(
    parseCertificate(JSON.stringify({ result: { certificate: closed } }), 'c.json'),
    JSON.parse(JSON.stringify(closed)),
  );
});
