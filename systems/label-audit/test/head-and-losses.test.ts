import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { centreEnergy, labelLoss, mixtureReconstruction, negativeSquaredDistances } from '../src/index.ts';
import type { LabelLoss } from '../src/index.ts';
import { assertGradients, doubles, evaluate } from './float64.ts';

const CENTRES = [1, 0, 0, 0, 2, 0, 0, 0, 0.5, 1, 1, 1];

function assertClose(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  assert.equal(actual.length, expected.length);
  actual.forEach((value, i) => assert.ok(Math.abs(value - expected[i]!) <= tolerance, `${value} and ${expected[i]}`));
}

test('logits are minus squared distances, as in the specification', async () => {
  const values = { x: doubles([1, 3], [0.2, -0.1, 0.3]), c: doubles([4, 3], CENTRES) };
  const logits = await evaluate(values, (g, { x, c }) => negativeSquaredDistances(g, x!, c!));
  assertClose(logits, [-0.74, -4.54, -0.09, -2.34], 1e-12);
  const p = await evaluate(values, (g, { x, c }) => g.softmax(negativeSquaredDistances(g, x!, c!)));
  assertClose(p, [0.3184908, 0.00712489, 0.61008213, 0.06430218], 1e-7);
  const loss = await evaluate(values, (g, { x, c }) =>
    mixtureReconstruction(g, x!, negativeSquaredDistances(g, x!, c!), c!),
  );
  assertClose(loss, [0.023367520410339463], 1e-12);
});

test('the distance head predicts what a linear layer with W = 2C and b = −‖c‖² predicts', async () => {
  const rng = createRng(4);
  const x = doubles(
    [6, 5],
    Array.from({ length: 30 }, () => rng.normal()),
  );
  const c = doubles(
    [3, 5],
    Array.from({ length: 15 }, () => rng.normal()),
  );
  const distance = await evaluate({ x, c }, (g, v) => g.softmax(negativeSquaredDistances(g, v['x']!, v['c']!)));
  const linear = await evaluate({ x, c }, (g, v) => {
    const bias = g.neg(g.reduceSum(g.square(v['c']!), { axes: [1] }));
    return g.softmax(g.add(g.gemm(v['x']!, g.mul(v['c']!, 2), undefined, { transB: 1 }), bias));
  });
  assertClose(distance, linear, 1e-6);
});

const LOGITS = doubles([2, 3], [2, 0, -1, 0.5, 0.5, 0.5]);
const LABELS = { dtype: 'int64' as const, shape: [2], data: BigInt64Array.of(0n, 2n) };

test('symmetric cross entropy of the fixture is 3.852888204397503', async () => {
  const loss = async (kind: LabelLoss, options = {}) =>
    (await evaluate({ z: LOGITS, y: LABELS }, (g, { z, y }) => labelLoss(g, kind, z!, y!, options)))[0]!;
  // Losses compute in f32.
  assert.ok(Math.abs((await loss('ce')) - 0.6342291541121977) < 1e-6);
  assert.ok(Math.abs((await loss('sce', { alpha: 0, beta: 1 })) - 3.789465288986283) < 1e-6);
  assert.ok(Math.abs((await loss('sce')) - 3.852888204397503) < 1e-6);
});

test('every label loss falls when the logit of the label rises', async () => {
  const raised = doubles([2, 3], [3, 0, -1, 0.5, 0.5, 1.5]);
  for (const kind of ['ce', 'sce', 'gce', 'mae', 'nce+rce', 'forward'] as const) {
    const noiseMatrix = [0.8, 0.1, 0.1, 0.1, 0.8, 0.1, 0.1, 0.1, 0.8];
    const at = async (z: typeof LOGITS) => {
      const feeds = { z, y: LABELS };
      return (
        await evaluate(feeds, (g, v) => labelLoss(g, kind, g.cast(v['z']!, 'float32'), v['y']!, { noiseMatrix }))
      )[0]!;
    };
    assert.ok((await at(raised)) < (await at(LOGITS)), kind);
  }
});

test('reconstruction, distances and energy together pass finite differences', async () => {
  const rng = createRng(9);
  const normals = (count: number) => Array.from({ length: count }, () => rng.normal());
  const feeds = { x: doubles([4, 6], normals(24)), c: doubles([3, 6], normals(18)) };
  const numCompared = await assertGradients(feeds, (g, { x, c }) => {
    const logits = negativeSquaredDistances(g, x!, c!);
    const label = g.neg(g.reduceMean(g.logSoftmax(logits)));
    return g.add(g.add(label, g.mul(centreEnergy(g, c!), 2)), mixtureReconstruction(g, x!, logits, c!));
  });
  assert.equal(numCompared, 42);
});
