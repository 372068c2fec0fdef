/** Start of the bases without a network of their own: class means weighed by predictions. */
import { selfTrainError } from './self-train-errors.ts';
import type { Rng } from '@tenfold/core/base';
import { argmaxRow } from './selection.ts';
import type { Features, Probabilities } from './types.ts';

/** Features divided by one number, so that their overall standard deviation about the mean vector is one.
 *  @returns scale 1 and isConstant where all features are equal: they then carry no information
 *  @throws TF-SELF-003 naming the first row that is not finite */
export function scaleFeatures({ numRows, width, data }: Features): {
  readonly features: Features;
  readonly scale: number;
  readonly isConstant: boolean;
} {
  const mean = new Float64Array(width);
  for (let n = 0; n < numRows; n++) {
    for (let a = 0; a < width; a++) {
      const value = data[n * width + a];
      if (!Number.isFinite(value)) {
        throw selfTrainError('TF-SELF-003', {
          subject: 'scaleFeatures',
          expected: 'finite features',
          actual: `${value}`,
          location: `row ${n}, column ${a}`,
        });
      }
      mean[a] += value / numRows;
    }
  }
  let square = 0;
  for (let n = 0; n < numRows; n++) {
    for (let a = 0; a < width; a++) square += (data[n * width + a] - mean[a]) ** 2;
  }
  const deviation = Math.sqrt(square / (numRows * width));
  const isConstant = !(deviation > 1e-12);
  const scale = isConstant ? 1 : 1 / deviation;
  return { features: { numRows, width, data: data.map((value) => value * scale) }, scale, isConstant };
}

/** μ_c = Σ_n p_nc f_n / Σ_n p_nc over the target features.
 *  @returns [C, d] and the classes that no sample is predicted as */
export function weightedClassMeans(
  { numRows, width, data }: Features,
  { numClasses, data: probabilities }: Probabilities,
): { readonly bases: Float64Array; readonly absentClasses: readonly number[] } {
  const bases = new Float64Array(numClasses * width);
  const mass = new Float64Array(numClasses);
  const isPredicted = new Uint8Array(numClasses);
  for (let n = 0; n < numRows; n++) {
    let best = 0;
    for (let c = 0; c < numClasses; c++) {
      const p = probabilities[n * numClasses + c];
      if (p > probabilities[n * numClasses + best]) best = c;
      mass[c] += p;
      for (let a = 0; a < width; a++) bases[c * width + a] += p * data[n * width + a];
    }
    isPredicted[best] = 1;
  }
  for (let c = 0; c < numClasses; c++) {
    for (let a = 0; a < width; a++) bases[c * width + a] /= Math.max(mass[c], 1e-9);
  }
  const absentClasses = Array.from(isPredicted.keys()).filter((c) => isPredicted[c] === 0);
  return { bases, absentClasses };
}

/** Several bases a class: m rows of each predicted class, spread by k-means++ seeding; basis c·m + j belongs to class c.
 *  A class that fewer than m rows are predicted as repeats its weighted mean, moved by a little noise.
 *  @returns [C·m, d] */
export function spreadBases(
  features: Features,
  probabilities: Probabilities,
  perClass: number,
  rng: Rng,
): Float64Array {
  const { width, data } = features;
  const { numClasses } = probabilities;
  const means = weightedClassMeans(features, probabilities).bases;
  const bases = new Float64Array(numClasses * perClass * width);
  const rowsOf: number[][] = Array.from({ length: numClasses }, () => []);
  for (let n = 0; n < features.numRows; n++) rowsOf[argmaxRow(probabilities.data, n, numClasses)].push(n);
  rowsOf.forEach((rows, c) => {
    const at = (j: number) => (c * perClass + j) * width;
    if (rows.length < perClass) {
      for (let j = 0; j < perClass; j++) {
        for (let a = 0; a < width; a++) bases[at(j) + a] = means[c * width + a] + TINY_MOVE * rng.normal();
      }
      return;
    }
    const nearest = new Float64Array(rows.length).fill(1);
    for (let j = 0; j < perClass; j++) {
      const chosen = drawBy(nearest, rng);
      for (let a = 0; a < width; a++) bases[at(j) + a] = data[rows[chosen] * width + a];
      rows.forEach((row, i) => {
        let square = 0;
        for (let a = 0; a < width; a++) square += (data[row * width + a] - bases[at(j) + a]) ** 2;
        nearest[i] = j === 0 ? square : Math.min(nearest[i], square);
      });
    }
  });
  return bases;
}

/** Shift of repeated bases, in units of the features' deviation. */
const TINY_MOVE = 1e-2;

function drawBy(weights: Float64Array, rng: Rng): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (!(total > 0)) return rng.integer(weights.length);
  let rest = rng.uniform() * total;
  for (let i = 0; i < weights.length; i++) if ((rest -= weights[i]) < 0) return i;
  return weights.length - 1;
}
