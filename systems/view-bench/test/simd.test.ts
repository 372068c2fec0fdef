/** The SIMD kernels against compositing one pixel at a time in float64. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { assembleModule, i32, i32x4 } from '@tenfold/core/wasm';
import { createCloud } from '../src/cloud.ts';
import {
  compositePart,
  compositePartScalar,
  compositeTiles,
  createComposite,
  type CompositeInput,
  type CompositeTarget,
} from '../src/splat/composite.ts';
import {
  addCompositeGradient,
  addCompositeGradientScalar,
  createProjectionGradient,
  type CompositeGradient,
  type ProjectionGradient,
} from '../src/splat/composite-gradient.ts';
import { renderCloud } from '../src/splat/render.ts';
import { findTileKernels } from '../src/splat/simd-records.ts';
import { CHUNK, MAX_EXTRA } from '../src/splat/simd-layout.ts';

const IMAGE_TOLERANCE = 1e-5;
/** Of the largest value of its kind. */
const GRADIENT_TOLERANCE = 1e-4;

interface SceneForm {
  readonly name: string;
  readonly count: number;
  readonly widthPx: number;
  readonly heightPx: number;
  /** ln of the size in metres at 4 to 6 m, and its spread along each axis */ readonly size: readonly [number, number];
  readonly opacityLogit: number;
  readonly maxAlpha: number;
  readonly numExtra: number;
}

const ORDINARY: SceneForm = {
  name: 'ordinary Gaussians, an image of no whole tiles',
  count: 400,
  widthPx: 53,
  heightPx: 38,
  size: [-2, 0.5],
  opacityLogit: 0,
  maxAlpha: 0.99,
  numExtra: 0,
};
const FORMS: readonly SceneForm[] = [
  ORDINARY,
  { ...ORDINARY, name: 'an image narrower than four pixels', widthPx: 3, heightPx: 2 },
  { ...ORDINARY, name: 'saturated pixels and clamped opacities', count: 300, size: [-0.5, 0.4], opacityLogit: 6 },
  { ...ORDINARY, name: 'opacities clamped far below 1', opacityLogit: 3, maxAlpha: 0.3 },
  { ...ORDINARY, name: 'long lists of faint Gaussians', count: 5 * CHUNK, size: [0, 0.3], opacityLogit: -3 },
  { ...ORDINARY, name: 'needles', size: [-2.5, 2.5] },
  { ...ORDINARY, name: 'points below a pixel', size: [-6, 0.5], opacityLogit: 2 },
  { ...ORDINARY, name: 'mostly empty tiles', count: 3, widthPx: 200, heightPx: 130 },
  { ...ORDINARY, name: 'no Gaussian', count: 0 },
  { ...ORDINARY, name: 'one further channel', numExtra: 1 },
  { ...ORDINARY, name: 'four further channels', numExtra: 4 },
  { ...ORDINARY, name: 'as many further channels as there are kernels for', numExtra: MAX_EXTRA },
];

function sceneOf({ count, widthPx, heightPx, size, opacityLogit, maxAlpha, numExtra }: SceneForm, seed = 1) {
  const rng = createRng(seed, 'simd');
  const cloud = createCloud(count, 0);
  for (let i = 0; i < count; i++) {
    const z = 4 + 2 * rng.uniform();
    cloud.means.set([2.4 * z * (rng.uniform() - 0.5), 2 * z * (rng.uniform() - 0.5), z], 3 * i);
    for (let k = 0; k < 4; k++) cloud.quats[4 * i + k] = rng.normal();
    for (let k = 0; k < 3; k++) cloud.logScales[3 * i + k] = size[0] + size[1] * rng.normal();
    for (let k = 0; k < 3; k++) cloud.sh[3 * i + k] = rng.normal();
    cloud.opacityLogits[i] = opacityLogit + rng.normal();
  }
  const focal = widthPx / 2;
  const camera = {
    widthPx,
    heightPx,
    fx: focal,
    fy: focal,
    cx: widthPx / 2 + 0.3,
    cy: heightPx / 2 - 0.2,
    rotation: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
    translation: new Float64Array(3),
  };
  const normals = (length: number) => Float32Array.from({ length }, () => rng.normal());
  const { input } = renderCloud(cloud, camera, {
    background: [0.2, 0.5, 0.9],
    maxAlpha,
    ...(numExtra > 0 ? { extra: normals(count * numExtra), numExtra } : {}),
  });
  const numPixels = widthPx * heightPx;
  const gradient: CompositeGradient = {
    rgb: normals(3 * numPixels),
    alpha: normals(numPixels),
    ...(numExtra > 0 ? { extra: normals(numExtra * numPixels) } : {}),
  };
  return { input, gradient };
}

const emptyImage = ({ projection, widthPx, heightPx, numExtra }: CompositeInput) =>
  createComposite(projection.uv, widthPx * heightPx, numExtra);
const emptyGradient = ({ projection, numExtra }: CompositeInput) =>
  createProjectionGradient(projection.uv, projection.count, numExtra);

function scalarImage(input: CompositeInput): CompositeTarget {
  const target = emptyImage(input);
  compositePartScalar(input, target, 0, 1);
  return target;
}

function worstDifference(left: ArrayLike<number>, right: ArrayLike<number>): number {
  assert.equal(left.length, right.length);
  let worst = 0;
  for (let k = 0; k < left.length; k++) worst = Math.max(worst, Math.abs(left[k]! - right[k]!));
  assert.ok(Number.isFinite(worst));
  return worst;
}

const anyVector = i32x4.bitmask(i32x4.splat(i32.const(1)));
const hasSimd = WebAssembly.validate(
  assembleModule({
    memory: { module: 'host', name: 'memory' },
    functions: [{ name: 'signs', params: [], body: [], result: anyVector }],
  }),
);
const skip = hasSimd ? false : 'this machine has no WebAssembly SIMD';

for (const form of FORMS) {
  test(`SIMD composites and differentiates as one pixel at a time does (${form.name})`, { skip }, () => {
    const { input, gradient } = sceneOf(form);
    assert.ok(findTileKernels(input));
    const image = compositeTiles(input);
    const exact = scalarImage(input);
    assert.ok(worstDifference(image.rgb, exact.rgb) < IMAGE_TOLERANCE);
    assert.ok(worstDifference(image.transmittance, exact.transmittance) < IMAGE_TOLERANCE);
    assert.ok(worstDifference(image.extra, exact.extra) < IMAGE_TOLERANCE);
    assert.deepEqual(image.lasts, exact.lasts);
    const ours = emptyGradient(input);
    const wanted = emptyGradient(input);
    addCompositeGradient(input, image, gradient, ours, 0, 1);
    addCompositeGradientScalar(input, exact, gradient, wanted, 0, 1);
    for (const key of Object.keys(wanted) as (keyof ProjectionGradient)[]) {
      const largest = worstDifference(wanted[key], new Float32Array(wanted[key].length));
      if (wanted[key].length > 0) assert.ok(largest > 0, `${key} has a gradient`);
      const worst = worstDifference(ours[key], wanted[key]);
      assert.ok(worst <= GRADIENT_TOLERANCE * largest, `${key}: ${worst} of ${largest}`);
    }
  });
}

test('the scenes of these tests hold finished pixels, clamped opacities and lists longer than a chunk', () => {
  const saturated = sceneOf(FORMS.find(({ name }) => name.startsWith('saturated'))!).input;
  const { lists } = saturated;
  const image = compositeTiles(saturated);
  let numEarly = 0;
  for (let y = 0; y < saturated.heightPx; y++) {
    for (let x = 0; x < saturated.widthPx; x++) {
      const tile = (y >> 4) * lists.columns + (x >> 4);
      const at = y * saturated.widthPx + x;
      if (image.transmittance[at] < 0.01 && image.lasts[at] < lists.starts[tile + 1] - CHUNK / 2) numEarly++;
    }
  }
  assert.ok(numEarly > 100, `${numEarly} pixels end early`);
  assert.ok(saturated.projection.opacities.some((opacity) => opacity > 0.99));
  const long = sceneOf(FORMS.find(({ name }) => name.startsWith('long'))!).input;
  const { starts } = long.lists;
  assert.ok(starts.some((start, tile) => starts[tile + 1]! - start > 2 * CHUNK));
});

test('parts of an image, each by itself, give the bits of the whole', () => {
  const { input, gradient } = sceneOf(ORDINARY, 2);
  const whole = compositeTiles(input);
  const parted = emptyImage(input);
  for (const part of [2, 0, 1]) compositePart(input, parted, part, 3);
  assert.deepEqual(parted, whole);
  const [first, second] = [emptyGradient(input), emptyGradient(input)];
  for (const result of [first, second]) addCompositeGradient(input, whole, gradient, result, 1, 2);
  assert.deepEqual(first, second);
});

test('scenes in float64 or with more channels than there are kernels for are composited one pixel at a time', () => {
  const { input } = sceneOf({ ...ORDINARY, numExtra: MAX_EXTRA + 1 });
  assert.equal(findTileKernels(input), undefined);
  assert.deepEqual(compositeTiles(input), scalarImage(input));
  const uv = Float64Array.from(input.projection.uv);
  assert.equal(findTileKernels({ ...input, numExtra: 0, projection: { ...input.projection, uv } }), undefined);
});

test('a machine that compiles no SIMD composites one pixel at a time', () => {
  const { Module } = WebAssembly;
  Object.assign(WebAssembly, {
    Module() {
      throw new WebAssembly.CompileError('no SIMD here');
    },
  });
  try {
    // No other scene here has five channels, so that their kernels are not known yet.
    const { input } = sceneOf({ ...ORDINARY, numExtra: 5 });
    assert.deepEqual(compositeTiles(input), scalarImage(input));
    assert.equal(findTileKernels(input), undefined);
  } finally {
    WebAssembly.Module = Module;
  }
});
