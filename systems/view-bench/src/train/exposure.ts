/** A colour matrix (3×4, affine) for every training image, learnt along with the cloud. */
import { cameraCenter } from '../splat/project.ts';
import type { Frame, PinholeCamera, Reals } from '../types.ts';
import { BETA1, BETA2, EPSILON } from './adam.ts';

const FIRST_RATE = 0.01;
const LAST_RATE = 0.001;

export interface Exposures {
  /** [H, W, 3] colours A c + b of an image. */
  apply(frameIndex: number, rgb: Reals): Float32Array;
  /** Steps the matrix of an image. @returns the gradient by the colours before it */
  learn(frameIndex: number, rgb: Reals, gradient: Float32Array, step: number): Float32Array;
  /** [F, 3, 4] */
  readonly matrices: Float64Array;
}

/** Decays log-linearly. */
export function exposureRateAt(step: number, numSteps: number): number {
  return FIRST_RATE * (LAST_RATE / FIRST_RATE) ** (step / numSteps);
}

export function createExposures(numFrames: number, numSteps: number): Exposures {
  const matrices = new Float64Array(12 * numFrames);
  for (let f = 0; f < numFrames; f++) for (let c = 0; c < 3; c++) matrices[12 * f + 5 * c] = 1;
  const first = new Float64Array(12 * numFrames);
  const second = new Float64Array(12 * numFrames);
  const visits = new Uint32Array(numFrames);
  return {
    matrices,
    apply(frameIndex, rgb) {
      return exposedColors(rgb, matrices.subarray(12 * frameIndex, 12 * frameIndex + 12));
    },
    learn(frameIndex, rgb, gradient, step) {
      const base = 12 * frameIndex;
      const A = matrices.slice(base, base + 12);
      const dA = new Float64Array(12);
      const out = new Float32Array(rgb.length);
      for (let k = 0; k < rgb.length; k += 3) {
        for (let c = 0; c < 3; c++) {
          const g = gradient[k + c];
          for (let d = 0; d < 3; d++) {
            dA[4 * c + d] += g * rgb[k + d];
            out[k + d] += A[4 * c + d] * g;
          }
          dA[4 * c + 3] += g;
        }
      }
      const visit = ++visits[frameIndex];
      const rate = exposureRateAt(step, numSteps);
      for (let k = 0; k < 12; k++) {
        const m = (first[base + k] = BETA1 * first[base + k] + (1 - BETA1) * dA[k]);
        const v = (second[base + k] = BETA2 * second[base + k] + (1 - BETA2) * dA[k] ** 2);
        matrices[base + k] -= (rate * (m / (1 - BETA1 ** visit))) / (Math.sqrt(v / (1 - BETA2 ** visit)) + EPSILON);
      }
      return out;
    },
  };
}

/** Colour matrix [3, 4] for a view: its own if it was trained on, else that of the two nearest training views, weighted by 1 / distance.
 *  No colour of the view itself is read. */
export function exposureAt(
  name: string,
  camera: PinholeCamera,
  train: readonly Frame[],
  matrices: Float64Array,
): Float64Array {
  const own = train.findIndex((frame) => frame.name === name);
  if (own >= 0) return matrices.slice(12 * own, 12 * own + 12);
  const center = cameraCenter(camera);
  const nearest = train
    .map((frame, index) => ({
      index,
      distance: Math.hypot(...cameraCenter(frame.camera).map((value, k) => value - center[k]!)),
    }))
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, 2);
  const result = new Float64Array(12);
  const weights = nearest.map(({ distance }) => 1 / Math.max(1e-9, distance));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  nearest.forEach(({ index }, n) => {
    for (let k = 0; k < 12; k++) result[k] += (weights[n]! / sum) * matrices[12 * index + k];
  });
  return result;
}

/** [H, W, 3] A c + b. */
export function exposedColors(rgb: Reals, matrix: Float64Array): Float32Array {
  const out = new Float32Array(rgb.length);
  for (let k = 0; k < rgb.length; k += 3) {
    for (let c = 0; c < 3; c++) {
      out[k + c] =
        matrix[4 * c] * rgb[k] + matrix[4 * c + 1] * rgb[k + 1] + matrix[4 * c + 2] * rgb[k + 2] + matrix[4 * c + 3];
    }
  }
  return out;
}
