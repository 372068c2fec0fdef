/** Losses on normals, depths and planes against central differences in f64. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { levelCamera, worldFromPixel } from '../src/camera.ts';
import { createCloud } from '../src/cloud.ts';
import { resolveRenderOptions } from '../src/splat/options.ts';
import { addPlaneGradient, NUM_PLANE_CHANNELS, writePlaneChannels } from '../src/splat/plane-channels.ts';
import { projectCloud } from '../src/splat/project.ts';
import { renderCloud, renderGradient } from '../src/splat/render.ts';
import { SURFEL_CHANNELS } from '../src/splat/surfel-composite.ts';
import { normalsFromDepth } from '../src/train/depth-normals.ts';
import { addMultiViewGradient, relativePose, roundTrip } from '../src/train/multi-view-loss.ts';
import { writePlaneLoss } from '../src/train/plane-loss.ts';
import { writeSurfelLoss } from '../src/train/surfel-loss.ts';
import { PARAMETER_KINDS, type PinholeCamera } from '../src/types.ts';

const CAMERA: PinholeCamera = {
  widthPx: 12,
  heightPx: 10,
  fx: 11,
  fy: 12,
  cx: 6.3,
  cy: 4.8,
  rotation: Float64Array.of(0.96, 0, 0.28, 0, 1, 0, -0.28, 0, 0.96),
  translation: Float64Array.of(0.1, -0.2, 0.3),
};
const NUM_PIXELS = 120;
const INTRINSICS = { widthPx: 12, heightPx: 10, fx: 11, fy: 12, cx: 6.3, cy: 4.8 };

/** Largest error of a gradient against central differences, as a share of the largest derivative. */
function worstError(values: Float64Array, gradient: ArrayLike<number>, loss: () => number): number {
  const numeric = values.map((kept, k) => {
    const step = 1e-6;
    values[k] = kept + step;
    const up = loss();
    values[k] = kept - step;
    const down = loss();
    values[k] = kept;
    return (up - down) / (2 * step);
  });
  const scale = Math.max(...numeric.map(Math.abs));
  assert.ok(scale > 0);
  return Math.max(...numeric.map((value, k) => Math.abs(value - gradient[k]!) / scale));
}

test('normals of a plane seen aslant are the plane’s normal', () => {
  const normal = [0.36, -0.48, -0.8] as const;
  const depths = Float64Array.from({ length: NUM_PIXELS }, (_, p) => {
    const x = ((p % 12) + 0.5 - CAMERA.cx) / CAMERA.fx;
    const y = (Math.floor(p / 12) + 0.5 - CAMERA.cy) / CAMERA.fy;
    return -2 / (normal[0] * x + normal[1] * y + normal[2]);
  });
  const normals = normalsFromDepth(CAMERA, depths);
  for (const p of [13, 50, 101]) {
    for (let k = 0; k < 3; k++) assert.ok(Math.abs(normals[3 * p + k] - normal[k]!) < 1e-9, `${p}`);
  }
  assert.equal(normals[0], 0);
});

test('gradients of the normal and distortion losses of disks agree with central differences', () => {
  const rng = createRng(2);
  const extra = Float64Array.from({ length: SURFEL_CHANNELS.count * NUM_PIXELS }, (_, k) =>
    k % SURFEL_CHANNELS.count === SURFEL_CHANNELS.depth ? 2 + rng.uniform() : rng.normal(),
  );
  const transmittance = Float64Array.from({ length: NUM_PIXELS }, () => 0.1 + 0.3 * rng.uniform());
  const [byExtra, byAlpha] = [new Float64Array(extra.length), new Float64Array(NUM_PIXELS)];
  const weights = { normal: 0, distortion: 3 };
  const value = (given: typeof weights) =>
    writeSurfelLoss(CAMERA, extra, transmittance, given, new Float64Array(extra.length), new Float64Array(NUM_PIXELS));
  for (const given of [weights, { normal: 0.5, distortion: 3 }]) {
    writeSurfelLoss(CAMERA, extra, transmittance, given, byExtra, byAlpha);
    assert.ok(worstError(extra, byExtra, () => value(given)) < 1e-6);
  }
  // The coverage of the normal loss is held fixed, so that α is checked for the distortion alone.
  writeSurfelLoss(CAMERA, extra, transmittance, weights, byExtra, byAlpha);
  assert.ok(
    worstError(
      transmittance,
      byAlpha.map((v) => -v),
      () => value(weights),
    ) < 1e-6,
  );
});

test('the gradient of the single-view plane loss agrees with central differences', () => {
  const rng = createRng(3);
  const extra = Float64Array.from({ length: NUM_PLANE_CHANNELS * NUM_PIXELS }, (_, k) =>
    k % 4 === 3 ? 1.5 + 0.5 * rng.uniform() : k % 4 === 2 ? -0.7 - 0.2 * rng.uniform() : 0.2 * rng.normal(),
  );
  const transmittance = Float64Array.from({ length: NUM_PIXELS }, () => 0.3 * rng.uniform());
  const edges = Float64Array.from({ length: NUM_PIXELS }, () => rng.uniform());
  const gradient = new Float64Array(extra.length);
  writePlaneLoss(CAMERA, extra, transmittance, edges, 0.5, gradient);
  const value = () => writePlaneLoss(CAMERA, extra, transmittance, edges, 0.5, new Float64Array(extra.length));
  assert.ok(worstError(extra, gradient, value) < 1e-6);
});

test('the way into a neighbouring view and back ends where it began on a common surface, and its slope agrees with differences', () => {
  const here = levelCamera(INTRINSICS, [0, 0, 0], Math.PI / 2);
  const other = levelCamera(INTRINSICS, [0.5, 0.2, 0.1], Math.PI / 2 + 0.1);
  // A wall y = 4 + 0.3 x, seen by both.
  const wallDepth = (camera: PinholeCamera, p: number) => {
    const [near, far] = [worldFromPixel(camera, p, 1), worldFromPixel(camera, p, 2)];
    const slope = far[1] - near[1] - 0.3 * (far[0] - near[0]);
    return 1 + (4 + 0.3 * near[0] - near[1]) / slope;
  };
  const depths = Float64Array.from({ length: NUM_PIXELS }, (_, p) => wallDepth(other, p));
  const there = { camera: other, depths };
  const pose = relativePose(here, other);
  let numSeen = 0;
  for (let p = 0; p < NUM_PIXELS; p++) {
    const depth = wallDepth(here, p);
    const exact = roundTrip(here, there, pose, p, depth);
    if (!exact) continue;
    numSeen++;
    assert.ok(exact.errorPx < 0.02, `${p}: ${exact.errorPx}`);
    const off = roundTrip(here, there, pose, p, 1.05 * depth);
    const [up, down] = [1e-6, -1e-6].map((step) => roundTrip(here, there, pose, p, 1.05 * depth + step));
    if (!off || !up || !down) continue;
    const numeric = (up.errorPx - down.errorPx) / 2e-6;
    assert.ok(Math.abs(numeric - off.slope) < 1e-5 * Math.max(1, Math.abs(numeric)), `${p}: ${numeric}, ${off.slope}`);
  }
  assert.ok(numSeen > 40, `${numSeen}`);
  const shifted = Float64Array.from({ length: NUM_PIXELS }, (_, p) => 1.02 * wallDepth(here, p));
  const gradient = new Float64Array(NUM_PIXELS);
  const loss = addMultiViewGradient({ camera: here, depths: shifted }, there, 0.5, gradient);
  assert.ok(loss > 0);
  const nearer = shifted.map((depth, p) => depth - 0.01 * Math.sign(gradient[p]));
  assert.ok(addMultiViewGradient({ camera: here, depths: nearer }, there, 0.5, new Float64Array(NUM_PIXELS)) < loss);
});

test('gradients of composited plane channels reach every parameter that they depend on', () => {
  const rng = createRng(7);
  const cloud = createCloud(8, 0, new Float64Array(0));
  for (let i = 0; i < 8; i++) cloud.means.set([1.3 * rng.normal(), rng.normal(), 4 + rng.uniform() * 2], 3 * i);
  for (const array of [cloud.quats, cloud.sh, cloud.opacityLogits])
    for (let k = 0; k < array.length; k++) array[k] = 0.6 * rng.normal();
  for (let k = 0; k < 24; k++) cloud.logScales[k] = -0.4 - 0.4 * (k % 3) + 0.05 * rng.normal();
  const weights = Float64Array.from({ length: NUM_PLANE_CHANNELS * NUM_PIXELS }, () => rng.normal());
  const render = () => {
    const extra = new Float64Array(4 * cloud.count);
    const projection = projectCloud(cloud, CAMERA, resolveRenderOptions({}, 0));
    writePlaneChannels(cloud, CAMERA, projection, extra);
    return { projection, rendering: renderCloud(cloud, CAMERA, { extra, numExtra: NUM_PLANE_CHANNELS }) };
  };
  const loss = () => Float64Array.from(render().rendering.extra).reduce((sum, value, k) => sum + value * weights[k], 0);
  const { projection, rendering } = render();
  const gradient = renderGradient(cloud, CAMERA, rendering, { rgb: new Float64Array(3 * NUM_PIXELS), extra: weights });
  addPlaneGradient(cloud, CAMERA, projection, gradient.projected.extra, gradient);
  for (const kind of PARAMETER_KINDS.filter((name) => name !== 'sh')) {
    assert.ok(worstError(cloud[kind] as Float64Array, gradient[kind], loss) < 1e-5, kind);
  }
});
