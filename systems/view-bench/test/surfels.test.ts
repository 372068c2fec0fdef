/** Disks: gradients against central differences in f64, and rays cut where they should be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { createCloud } from '../src/cloud.ts';
import { renderSurfels, surfelGradient } from '../src/splat/surfels.ts';
import { SURFEL_CHANNELS } from '../src/splat/surfel-composite.ts';
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
    opacityLogits[i] = i === 1 ? 6 : rng.normal();
  }
  for (const array of [quats, sh]) for (let k = 0; k < array.length; k++) array[k] = 0.6 * rng.normal();
  for (let k = 0; k < logScales.length; k++) logScales[k] = -0.7 + 0.3 * rng.normal();
  // The last is smaller than a pixel, so that the low-pass decides.
  for (let k = 0; k < 3; k++) logScales[3 * (count - 1) + k] = -5;
  means.set([0.3, 0.2, 3], 3 * (count - 1));
  return cloud;
}

for (const shDegree of [0, 2]) {
  test(`gradients of disks agree with central differences in colour, normal, depth and mapped depth (degree ${shDegree})`, () => {
    const cloud = randomCloud(4 + shDegree, 9, shDegree);
    const rng = createRng(5);
    const numPixels = CAMERA.widthPx * CAMERA.heightPx;
    const noise = (length: number) => Float64Array.from({ length }, () => rng.normal());
    const [rgb, alpha] = [noise(3 * numPixels), noise(numPixels)];
    const extra = noise(SURFEL_CHANNELS.count * numPixels);
    const options = { background: [0.3, 0.7, 0.5] } as const;
    const loss = () => {
      const out = renderSurfels(cloud, CAMERA, options);
      let sum = 0;
      for (let k = 0; k < rgb.length; k++) sum += rgb[k] * out.rgb[k];
      for (let k = 0; k < extra.length; k++) sum += extra[k] * out.extra[k];
      for (let k = 0; k < numPixels; k++) sum += alpha[k] * (1 - out.transmittance[k]);
      return sum;
    };
    const gradient = surfelGradient(cloud, CAMERA, renderSurfels(cloud, CAMERA, options), { rgb, alpha, extra });
    for (const kind of PARAMETER_KINDS) {
      const values = cloud[kind];
      const numeric = Float64Array.from(values, (kept, k) => {
        const step = 1e-7;
        values[k] = kept + step;
        const up = loss();
        values[k] = kept - step;
        const down = loss();
        values[k] = kept;
        return (up - down) / (2 * step);
      });
      const scale = Math.max(...numeric.map(Math.abs));
      assert.ok(scale > 1e-3, `${kind}: no gradient`);
      numeric.forEach((value, k) => {
        const error = Math.abs(value - gradient[kind][k]) / scale;
        assert.ok(error < 1e-5, `${kind} ${k}: ${value} against ${gradient[kind][k]}`);
      });
    }
  });
}

test('a disk that faces the camera falls off as its own Gaussian and shows its depth and normal', () => {
  const cloud = createCloud(1, 0, new Float64Array(0));
  cloud.means.set([0, 0, 2]);
  cloud.quats[0] = 1;
  cloud.logScales.fill(Math.log(0.5));
  cloud.opacityLogits[0] = 1;
  const camera = {
    ...CAMERA,
    cx: 12,
    cy: 10,
    rotation: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
    translation: new Float64Array(3),
  };
  const { transmittance, extra } = renderSurfels(cloud, camera);
  const opacity = 1 / (1 + Math.exp(-1));
  for (const [x, y] of [
    [12, 10],
    [15, 10],
    [10, 13],
  ] as const) {
    const [u, v] = [((x + 0.5 - 12) / 22) * 4, ((y + 0.5 - 10) / 25) * 4];
    const alpha = opacity * Math.exp(-(u * u + v * v) / 2);
    const p = y * camera.widthPx + x;
    assert.ok(Math.abs(1 - transmittance[p] - alpha) < 1e-9, `${x}, ${y}`);
    assert.ok(Math.abs(extra[p * SURFEL_CHANNELS.count + SURFEL_CHANNELS.depth] - 2 * alpha) < 1e-9);
    assert.ok(Math.abs(extra[p * SURFEL_CHANNELS.count + 2] + alpha) < 1e-9);
  }
});
