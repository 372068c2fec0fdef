import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import type { GraphBuilder } from '@tenfold/core/graph';
import { backward } from '@tenfold/core/autodiff';
import { centreEnergy, centreEnergyOf, pairPotential, potentialMinimum } from '../src/index.ts';
import { descend } from '../src/pemm/descend.ts';
import { assertGradients, doubles, evaluate } from './float64.ts';
import type { Values } from './float64.ts';

const FIXTURE = [1, 0, 0, 0, 2, 0, 0, 0, 0.5, 1, 1, 1];

test('the pair potential rests at 1.5 with energy −4/27 and vanishes at 1', () => {
  assert.ok(Math.abs(pairPotential(1.5).energy + 4 / 27) < 1e-12);
  assert.ok(Math.abs(pairPotential(1.5).slope) < 1e-12);
  assert.ok(Math.abs(pairPotential(1).energy) < 1e-12);
  const curvature = (pairPotential(1.5 + 1e-6).slope - pairPotential(1.5 - 1e-6).slope) / 2e-6;
  assert.ok(Math.abs(curvature - (12 * 1.5 ** -5 - 6 * 1.5 ** -4)) < 1e-6);
  const lennardJones = potentialMinimum({ s: 12, t: 6 });
  assert.ok(Math.abs(lennardJones.distance - 2 ** (1 / 6)) < 1e-12);
  assert.ok(Math.abs(lennardJones.energy + 1 / 4) < 1e-12);
});

test('below the soft core the curve goes on as its tangent, the published form stops pushing', () => {
  const edge = pairPotential(0.1);
  const inside = pairPotential(0.04);
  assert.ok(Math.abs(inside.energy - (edge.energy + edge.slope * (0.04 - 0.1))) < 1e-9);
  assert.equal(inside.slope, edge.slope);
  assert.deepEqual(pairPotential(0.05, { isClamped: true }), { energy: 1000, slope: 0 });
});

test('energy and gradient of four centres are those of the specification', () => {
  const { energy, gradient } = centreEnergyOf(FIXTURE, 4);
  assert.ok(Math.abs(energy - 0.8082536499118583) < 1e-12);
  const expected = [
    [-0.31849431, -0.00372311, 0.0414967],
    [-0.00935108, 0.03941887, -0.00747545],
    [0.07288337, -0.01005373, -8.03392825],
    [0.01240506, -0.002574, 0.00735004],
  ].flat();
  expected.forEach((value, i) => assert.ok(Math.abs(gradient[i]! - value) < 1e-7, `entry ${i}: ${gradient[i]}`));
});

test('the graph has the energy and gradient of the plain function, which are those of finite differences', async () => {
  const rng = createRng(3);
  for (const options of [{}, { s: 12, t: 6 }, { hasOrigin: false }, { isClamped: true }]) {
    const centres = Float64Array.from({ length: 5 * 4 }, () => rng.normal());
    const feeds = { c: doubles([5, 4], centres) };
    const build = (g: GraphBuilder, { c }: Values) => centreEnergy(g, c!, options);
    assert.equal(await assertGradients(feeds, build), 20);
    const plain = centreEnergyOf(centres, 5, options);
    const [energy] = await evaluate(feeds, build);
    assert.ok(Math.abs(energy! - plain.energy) < 1e-9 * Math.max(1, Math.abs(plain.energy)));
    const gradient = await evaluate(feeds, (g, values) => backward(g, build(g, values), [values['c']!])[0]!);
    plain.gradient.forEach((value, i) => {
      assert.ok(Math.abs(gradient[i]! - value) < 1e-8 * Math.max(1, Math.abs(value)), `entry ${i}`);
    });
  }
});

test('in the graph coincident centres get a force too', async () => {
  const feeds = { c: doubles([2, 3], [0.4, 0.1, 0.2, 0.4, 0.1, 0.2]) };
  const gradient = await evaluate(
    feeds,
    (g, { c }) => backward(g, centreEnergy(g, c!, { hasOrigin: false }), [c!])[0]!,
  );
  assert.ok(
    gradient.some((value) => Math.abs(value) > 1),
    `${gradient}`,
  );
});

test('gradient descent on the energy alone ends at −8/27 with every distance 1.5 where d ≥ K', () => {
  const rng = createRng(1);
  for (const [numClasses, width] of [
    [10, 64],
    [10, 10],
  ] as const) {
    const { energy, distances } = descend(startCentres(numClasses, width, rng), numClasses);
    assert.ok(Math.abs(energy + 8 / 27) < 1e-5, `K ${numClasses} d ${width}: ${energy}`);
    assert.equal(distances.length, 55);
    for (const distance of distances) assert.ok(Math.abs(distance - 1.5) < 1e-3, `${distance}`);
  }
});

test('below d = K the energy stays above the bound', () => {
  const rng = createRng(2);
  for (const [numClasses, width, best] of [
    [4, 2, -0.2671],
    [4, 3, -0.28872],
    [3, 2, -0.27924],
  ] as const) {
    const { energy } = descend(startCentres(numClasses, width, rng), numClasses);
    assert.ok(energy >= best, `${energy}`);
    assert.ok(energy < -0.2, `${energy}`);
  }
});

test('without the origin the centres form a simplex of edge 1.5 with energy −4/27', () => {
  const { energy } = descend(startCentres(10, 16, createRng(5)), 10, { hasOrigin: false });
  assert.ok(Math.abs(energy + 4 / 27) < 1e-5, `${energy}`);
});

test('coincident centres part with the soft core and stay together with the clamp', () => {
  const together = Float64Array.from([0.4, 0.1, 0.2, 0.4, 0.1, 0.2]);
  const { distances } = descend(together.slice(), 2);
  assert.ok(Math.abs(distances.at(-1)! - 1.5) < 1e-3, `${distances}`);
  assert.ok(centreEnergyOf(together, 2).gradient.some((value) => Math.abs(value) > 1));
  const { gradient } = centreEnergyOf(together, 2, { isClamped: true, hasOrigin: false });
  assert.ok(gradient.every((value) => value === 0));
});

test('the default start has an energy of about 2.5', () => {
  for (const [numClasses, width] of [
    [10, 64],
    [14, 2048],
  ] as const) {
    const { energy } = centreEnergyOf(startCentres(numClasses, width, createRng(7)), numClasses);
    assert.ok(Math.abs(energy - 2.49) < 0.5, `${energy}`);
  }
});

function startCentres(numClasses: number, width: number, rng: ReturnType<typeof createRng>): Float64Array {
  return Float64Array.from({ length: numClasses * width }, () => (2 * rng.uniform() - 1) / Math.sqrt(width));
}
