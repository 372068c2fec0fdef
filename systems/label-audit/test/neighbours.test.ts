import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { gatherEvidence } from '../src/evidence.ts';
import { nearDuplicates, tfIdf } from '../src/index.ts';
import { nearestNeighbours, neighbourAgreement } from '../src/neighbours/nearest.ts';
import { runAtOnce, runWithPauses } from '../src/neighbours/steps.ts';
import type { Features } from '../src/index.ts';

function normals(numRows: number, width: number, seed: number): Features {
  const rng = createRng(seed, 'neighbours');
  return { numRows, width, data: Float32Array.from({ length: numRows * width }, () => rng.normal()) };
}

test('near-duplicates are exactly the sets that comparing all pairs gives', () => {
  for (const width of [1, 3, 20]) {
    const features = normals(300, width, width);
    const epsilon = width === 20 ? 4 : 0.05 * width;
    const parent = Array.from({ length: 300 }, (_, i) => i);
    const rootOf = (i: number): number => (parent[i] === i ? i : rootOf(parent[i]!));
    for (let i = 0; i < 300; i++) {
      for (let j = 0; j < i; j++) {
        let square = 0;
        for (let a = 0; a < width; a++) square += (features.data[i * width + a]! - features.data[j * width + a]!) ** 2;
        if (square <= epsilon ** 2) parent[Math.max(rootOf(i), rootOf(j))] = Math.min(rootOf(i), rootOf(j));
      }
    }
    const sets = new Map<number, number[]>();
    for (let i = 0; i < 300; i++) sets.set(rootOf(i), [...(sets.get(rootOf(i)) ?? []), i]);
    const expected = [...sets.values()].filter((rows) => rows.length > 1);
    assert.ok(expected.length > 0);
    assert.deepEqual(
      nearDuplicates(features, epsilon).map(({ rows }) => rows),
      expected,
    );
  }
});

test('neighbours are those of a full sort, and agreement counts equal labels', () => {
  const features = normals(120, 5, 9);
  const { rows, k } = runAtOnce(nearestNeighbours(features, 4, createRng(1)));
  const distance = (i: number, j: number) =>
    Math.hypot(...Array.from({ length: 5 }, (_, a) => features.data[i * 5 + a]! - features.data[j * 5 + a]!));
  for (let i = 0; i < 120; i++) {
    const sorted = Array.from({ length: 120 }, (_, j) => j)
      .filter((j) => j !== i)
      .sort((a, b) => distance(i, a) - distance(i, b));
    assert.deepEqual([...rows.subarray(i * k, i * k + k)], sorted.slice(0, 4));
  }
  const labels = Int32Array.from({ length: 120 }, () => 1);
  assert.ok(
    neighbourAgreement({ rows, k, distances: new Float32Array(), numReferences: 120 }, labels).every(
      (share) => share === 1,
    ),
  );
});

test('a copied sample with another label is a conflicting set and a far one an outlier', () => {
  const features = normals(200, 6, 3);
  features.data.copyWithin(6 * 10, 0, 6); // row 10 is row 0
  features.data.fill(30, 6 * 50, 6 * 51);
  const labels = Int32Array.from({ length: 200 }, (_, i) => i % 3);
  const evidence = runAtOnce(gatherEvidence(features, labels, createRng(2)));
  assert.equal(evidence.duplicateSet[0], evidence.duplicateSet[10]);
  assert.ok(evidence.duplicateSet[0]! > 0);
  assert.equal(evidence.numConflictingSets, 1);
  assert.ok(evidence.outlierRatio[50]! > 3);
});

test('TF-IDF rows have length one and common words weigh less', () => {
  const { features, terms } = tfIdf(['the cat', 'the dog', 'the bird the']);
  assert.deepEqual(terms.slice(0, 1), ['the']);
  const row = features.data.subarray(0, features.width);
  assert.ok(Math.abs(Math.hypot(...row) - 1) < 1e-6);
  assert.ok(row[terms.indexOf('the')]! < row[terms.indexOf('cat')]!);
});

test('the search for neighbours lets other work through and stops when it is cancelled', async () => {
  const features = normals(2000, 80, 4);
  const labels = new Int32Array(2000);
  let numTurns = 0;
  const timer = setInterval(() => numTurns++, 1);
  const evidence = await runWithPauses(gatherEvidence(features, labels, createRng(3)));
  clearInterval(timer);
  assert.ok(numTurns >= 3, `${numTurns}`);
  assert.deepEqual(evidence, runAtOnce(gatherEvidence(features, labels, createRng(3))));
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 5);
  await assert.rejects(runWithPauses(gatherEvidence(features, labels, createRng(3)), abort.signal), {
    code: 'TF-BASE-001',
  });
});
