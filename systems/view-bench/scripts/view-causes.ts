/** What a test view would score if one cause of its error were taken away. All of these look at the test photograph: they are diagnoses. */
import { rotationFromQuaternion, worldFromPixel } from '../src/camera.ts';
import type { Frame, PinholeCamera } from '../src/types.ts';

/** A surface hidden behind something nearer than this share of its depth is not seen. */
const HIDDEN_SHARE = 0.8;

/** [H, W] 1 where the surface lies inside the picture of at least so many views and is not hidden there. Depths may be rough: the test is wide. */
export function seenPixels(frame: Frame, train: readonly Frame[], minViews: number): Uint8Array {
  const seen = new Uint8Array(frame.depthM!.length);
  for (let p = 0; p < seen.length; p++) {
    const point = worldFromPixel(frame.camera, p, frame.depthM![p]);
    let numViews = 0;
    for (const { camera, depthM } of train) {
      const { rotation: R, translation: t, fx, fy, cx, cy, widthPx, heightPx } = camera;
      const [x, y, z] = [0, 1, 2].map(
        (r) => R[3 * r] * point[0] + R[3 * r + 1] * point[1] + R[3 * r + 2] * point[2] + t[r],
      ) as [number, number, number];
      const [u, v] = [Math.floor((fx * x) / z + cx), Math.floor((fy * y) / z + cy)];
      if (!(z > 0) || u < 0 || v < 0 || u >= widthPx || v >= heightPx) continue;
      if (depthM![v * widthPx + u] >= HIDDEN_SHARE * z) numViews++;
    }
    if (numViews >= minViews) seen[p] = 1;
  }
  return seen;
}

/** [H, W, 3] every channel times the factor that fits the photograph best over the mask: Σ r t / Σ r². */
export function gainFit(render: Float32Array, target: Float32Array, mask?: Uint8Array): Float32Array {
  const [products, squares] = [new Float64Array(3), new Float64Array(3)];
  for (let k = 0; k < render.length; k++) {
    if (mask && mask[Math.floor(k / 3)] === 0) continue;
    products[k % 3] += render[k] * target[k];
    squares[k % 3] += render[k] ** 2;
  }
  return render.map((value, k) => (value * products[k % 3]) / Math.max(1e-12, squares[k % 3]));
}

const FIRST_TURN_RAD = 0.01;
const FIRST_SHIFT = 0.04;
const NUM_ROUNDS = 6;

/** The pose near the given one that scores best, by steps along each of six directions that halve. */
export function poseFit(camera: PinholeCamera, scoreOf: (moved: PinholeCamera) => number) {
  let place = [0, 0, 0, 0, 0, 0];
  let best = scoreOf(camera);
  for (let round = 0; round < NUM_ROUNDS; round++) {
    for (let axis = 0; axis < 6; axis++) {
      for (const sign of [-1, 1]) {
        for (;;) {
          const step = (sign * (axis < 3 ? FIRST_TURN_RAD : FIRST_SHIFT)) / 2 ** round;
          const next = place.map((value, k) => (k === axis ? value + step : value));
          const score = scoreOf(movedCamera(camera, next));
          if (!(score > best + 1e-4)) break;
          [best, place] = [score, next];
        }
      }
    }
  }
  const turnDeg = (Math.hypot(place[0]!, place[1]!, place[2]!) * 180) / Math.PI;
  return { best, turnDeg, shift: Math.hypot(place[3]!, place[4]!, place[5]!) };
}

/** Turned by a small rotation vector and shifted, both in camera axes. */
function movedCamera({ rotation, translation, ...rest }: PinholeCamera, place: readonly number[]): PinholeCamera {
  const turn = rotationFromQuaternion([1, place[0]! / 2, place[1]! / 2, place[2]! / 2]);
  const rowTimes = (r: number, values: Float64Array, c: number, stride: number) =>
    turn[3 * r] * values[c] + turn[3 * r + 1] * values[c + stride] + turn[3 * r + 2] * values[c + 2 * stride];
  return {
    ...rest,
    rotation: Float64Array.from({ length: 9 }, (_, k) => rowTimes(Math.floor(k / 3), rotation, k % 3, 3)),
    translation: Float64Array.from({ length: 3 }, (_, r) => rowTimes(r, translation, 0, 1) + place[3 + r]!),
  };
}
