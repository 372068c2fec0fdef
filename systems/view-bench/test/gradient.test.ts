/** Gradients against central differences in f64. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { createCloud } from '../src/cloud.ts';
import { renderCloud, renderGradient } from '../src/splat/render.ts';
import type { RenderOptions } from '../src/splat/options.ts';
import { PARAMETER_KINDS, type GaussianCloud, type PinholeCamera } from '../src/types.ts';

const CAMERA: PinholeCamera = {
  widthPx: 24,
  heightPx: 20,
  fx: 22,
  fy: 25,
  cx: 13.3,
  cy: 8.9,
  rotation: Float64Array.of(0.96, 0, 0.28, 0, 1, 0, -0.28, 0, 0.96),
  translation: Float64Array.of(0.1, -0.2, 0.3),
};

function randomCloud(seed: number, count: number, shDegree: number): GaussianCloud {
  const rng = createRng(seed);
  const cloud = createCloud(count, shDegree, new Float64Array(0));
  const { means, quats, logScales, opacityLogits, sh } = cloud;
  for (let i = 0; i < count; i++) {
    means.set([1.6 * rng.normal(), 1.2 * rng.normal(), 4 + rng.uniform() * 2], 3 * i);
    // The first sits far to the side, so that the linearisation is clamped.
    if (i === 0) means.set([5.5, 3.9, 4.2], 0);
    opacityLogits[i] = i === 1 ? 6 : rng.normal();
  }
  for (const array of [quats, sh]) for (let k = 0; k < array.length; k++) array[k] = 0.6 * rng.normal();
  for (let k = 0; k < logScales.length; k++) logScales[k] = (k < 3 ? 0.6 : -0.9) + 0.3 * rng.normal();
  return cloud;
}

interface Case {
  readonly name: string;
  readonly shDegree: number;
  readonly options: RenderOptions;
}

const CASES: readonly Case[] = [
  ...[0, 1, 2, 3].map((shDegree) => ({ name: `degree ${shDegree}`, shDegree, options: {} })),
  { name: 'antialiased', shDegree: 1, options: { isAntialiased: true } },
  { name: 'depth channel and background', shDegree: 1, options: { hasDepth: true, background: [0.3, 0.7, 0.5] } },
];

for (const { name, shDegree, options } of CASES) {
  test(`gradients of every parameter agree with central differences (${name})`, () => {
    const cloud = randomCloud(11 + shDegree, 9, shDegree);
    const rng = createRng(5);
    const numPixels = CAMERA.widthPx * CAMERA.heightPx;
    const rgb = Float64Array.from({ length: 3 * numPixels }, () => rng.normal());
    const alpha = Float64Array.from({ length: numPixels }, () => rng.normal());
    const extra = Float64Array.from({ length: numPixels }, () => rng.normal());
    const loss = () => {
      const out = renderCloud(cloud, CAMERA, options);
      let sum = 0;
      for (let k = 0; k < rgb.length; k++) sum += rgb[k] * out.rgb[k];
      for (let k = 0; k < numPixels; k++)
        sum += alpha[k] * (1 - out.transmittance[k]) + (options.hasDepth ? extra[k] * out.extra[k] : 0);
      return sum;
    };
    const out = renderCloud(cloud, CAMERA, options);
    const lists = out.lasts.slice();
    const gradient = renderGradient(cloud, CAMERA, out, { rgb, alpha, ...(options.hasDepth ? { extra } : {}) });
    for (const kind of PARAMETER_KINDS) {
      const values = cloud[kind];
      const numeric = new Float64Array(values.length);
      let worst = 0;
      for (let k = 0; k < values.length; k++) {
        const step = 1e-7;
        const kept = values[k];
        values[k] = kept + step;
        const up = loss();
        values[k] = kept - step;
        const down = loss();
        values[k] = kept;
        numeric[k] = (up - down) / (2 * step);
      }
      const scale = Math.max(...numeric.map(Math.abs));
      for (let k = 0; k < values.length; k++) {
        const error = Math.abs(numeric[k] - gradient[kind][k]) / scale;
        worst = Math.max(worst, error);
      }
      assert.ok(scale > 1e-3, `${kind}: no gradient`);
      assert.ok(worst < 1e-5, `${kind}: relative error ${worst}`);
    }
    assert.ok(Math.abs(gradient.means[0]) > 1e-6, 'the clamped Gaussian is seen');
    assert.deepEqual(renderCloud(cloud, CAMERA, options).lasts, lists);
  });
}
