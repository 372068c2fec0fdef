import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { blockGraph, type BlockSizes } from '../src/exec/block-graph.ts';
import { measureBlock } from '../src/exec/measured-run.ts';
import { runStep, type Exchange } from '../src/exec/step.ts';
import type { Value } from '../src/exec/values.ts';
import { stepOps } from '../src/step-ops.ts';

const SMALL = { batch: 4, seq: 6, hidden: 8, inner: 16, expertsPerRank: 2, capacity: 8 } as const;

for (const gate of ['switch', 'bpr'] as const) {
  for (const skew of [0, 0.8]) {
    test(`two workers, gate ${gate}, skew ${skew}: outputs and all gradients of every mode are equal bit for bit`, async () => {
      const { modes, numDropped, numGradients, numOutputs } = await measureBlock({
        sizes: { ...SMALL, gate },
        seed: 3,
        skew,
        ratio: 4,
        rounds: 1,
        warmUps: 0,
      });
      assert.deepEqual(
        modes.filter(({ isBitEqual }) => !isBitEqual).map(({ mode }) => mode),
        [],
      );
      assert.deepEqual([numGradients, numOutputs], [11, 3]);
      assert.ok(skew === 0 || numDropped > 0);
    });
  }
}

test('gradients of the block agree with finite differences in float64', () => {
  const sizes: BlockSizes = { ...SMALL, batch: 2, seq: 3, hidden: 4, inner: 6, numRanks: 1, gate: 'switch' };
  const ops = stepOps(blockGraph(sizes).ops, new Map());
  const rng = createRng(8, 'block');
  const random = (length: number, scale: number) => Float64Array.from({ length }, () => scale * rng.normal());
  const { hidden: h, inner: f, expertsPerRank: e } = sizes;
  const weights = new Map<string, Float64Array>();
  for (let l = 0; l < 3; l++) {
    const copies = l === 1 ? e : 1;
    weights.set(`w.${l}.o`, random(h * h, 0.5));
    weights.set(`w.${l}.fc1`, random(copies * h * f, 0.5));
    weights.set(`w.${l}.fc2`, random(copies * f * h, 0.5));
  }
  weights.set('w.1.gate', random(h * e, 0.5));
  const tokens = sizes.batch * sizes.seq;
  const x0: Value = { kind: 'rows', width: h, data: random(tokens * h, 1) };
  const dy: Value = { kind: 'rows', width: h, data: random(tokens * h, 1) };
  const alone: Exchange = { issue: (buffer) => ({ wait: () => buffer }) };
  const step = () =>
    runStep({
      ops,
      sizes,
      weights,
      inputs: new Map([
        ['x0', x0],
        ['dy', dy],
      ] as const),
      exchange: alone,
      nowMs: () => 0,
    }).values;
  const dataOf = (values: ReturnType<typeof step>, name: string) => (values.get(name) as { data: Float64Array }).data;
  // The loss whose gradient with respect to the output is dy.
  const loss = (): number =>
    dataOf(step(), 'x3').reduce((sum, value, i) => sum + value * dataOf(new Map([['dy', dy]]), 'dy')[i]!, 0);
  const values = step();
  const places = () => (step().get('1.places') as { place: Int32Array }).place.join();
  const routed = places();
  let numChecked = 0;
  for (const [target, gradient] of [
    [dataOf(new Map([['x0', x0]]), 'x0'), dataOf(values, 'd.x0')],
    ...[...weights].map(([name, data]) => [data, dataOf(values, name.replace('w.', 'g.'))] as const),
  ] as const) {
    for (let i = 0; i < target.length; i += 3) {
      const before = target[i]!;
      const delta = 1e-6;
      target[i] = before + delta;
      const isRoutedAlike = places() === routed;
      const up = loss();
      target[i] = before - delta;
      const down = loss();
      target[i] = before;
      if (!isRoutedAlike) continue;
      numChecked++;
      const numeric = (up - down) / (2 * delta);
      assert.ok(Math.abs(numeric - gradient[i]!) < 1e-6 * Math.max(1, Math.abs(numeric)), `${numeric} ${gradient[i]}`);
    }
  }
  assert.ok(numChecked > 60);
});
