/** The image loss, its gradient and its profiles. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { computeImageLoss, writeImageLossRows } from '../src/train/loss.ts';

const SIZE = { widthPx: 14, heightPx: 33 };
const NUM_PIXELS = SIZE.widthPx * SIZE.heightPx;
const rng = createRng(2, 'loss');
const render = Float64Array.from({ length: 3 * NUM_PIXELS }, () => rng.uniform());
const target = Float32Array.from(render, (value) => value + 0.2 * rng.normal());
const mask = Uint8Array.from({ length: NUM_PIXELS }, () => (rng.uniform() < 0.3 ? 0 : 1));

for (const [name, options] of [
  ['whole image', { ssimWeight: 0.2, profile: 'correct' }],
  ['masked', { ssimWeight: 0.2, profile: 'correct', mask }],
] as const) {
  test(`the gradient of the loss agrees with central differences (${name})`, () => {
    const { gradient } = computeImageLoss(render, target, SIZE, options);
    const valueAt = (k: number, step: number) => {
      const moved = render.slice();
      moved[k] += step;
      return computeImageLoss(moved, target, SIZE, options).value;
    };
    for (let k = 5; k < render.length; k += 97) {
      // Masked pixels stand in for the target and are held constant: they pull nothing.
      if ('mask' in options && mask[Math.floor(k / 3)] === 0) {
        assert.equal(gradient[k], 0);
        continue;
      }
      const numeric = (valueAt(k, 1e-6) - valueAt(k, -1e-6)) / 2e-6;
      assert.ok(Math.abs(numeric - gradient[k]) < 1e-7 + 1e-4 * Math.abs(numeric), `${k}: ${numeric} ${gradient[k]}`);
    }
  });
}

test('the released profile passes no gradient of L1', () => {
  const released = computeImageLoss(render, target, SIZE, { ssimWeight: 0, profile: 'euvs-released' });
  assert.ok(released.value > 0.05);
  assert.ok(released.gradient.every((value) => value === 0));
  const correct = computeImageLoss(render, target, SIZE, { ssimWeight: 0, profile: 'correct' });
  assert.ok(correct.gradient.some((value) => value !== 0));
});

test('bands of rows give the loss and the gradient of the whole image', () => {
  for (const profile of ['correct', 'euvs-released'] as const) {
    const options = { ssimWeight: 0.2, profile, mask };
    const whole = computeImageLoss(render, target, SIZE, options);
    const gradient = new Float32Array(whole.gradient.length);
    const numOpen = mask.reduce((sum, value) => sum + value, 0);
    let value = 0;
    for (const [start, end] of [
      [0, 9],
      [9, 20],
      [20, 33],
    ] as const) {
      value += writeImageLossRows(render, target, SIZE, options, numOpen, start, end, gradient);
    }
    assert.ok(Math.abs(value - whole.value) < 1e-9);
    gradient.forEach((one, k) => assert.ok(Math.abs(one - whole.gradient[k]) < 1e-9));
  }
});
