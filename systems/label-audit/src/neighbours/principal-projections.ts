/** Projections on directions of large spread: block power iteration on a part of the rows, then Gram-Schmidt. */
import { createRng } from '@tenfold/core/base';
import type { Features } from '../types.ts';
import { rowsPerStep } from './steps.ts';
import type { Steps } from './steps.ts';

const MAX_FITTED_ROWS = 1000;
const ITERATIONS = 8;

/** Orthonormal directions, widest first as far as the iteration got.
 *  @returns [N, numDirections] f64; numDirections ≤ wanted and ≤ d */
export function* principalProjections(
  { numRows, width, data }: Features,
  wanted: number,
): Steps<{ projected: Float64Array; numDirections: number }> {
  const numDirections = Math.min(wanted, width);
  const rng = createRng(1, 'label-audit/directions');
  let directions = Array.from({ length: numDirections }, () =>
    Float64Array.from({ length: width }, () => rng.normal()),
  );
  const mean = new Float64Array(width);
  const stride = Math.max(1, Math.floor(numRows / MAX_FITTED_ROWS));
  let numFitted = 0;
  for (let i = 0; i < numRows; i += stride, numFitted++) for (let a = 0; a < width; a++) mean[a] += data[i * width + a];
  for (let a = 0; a < width; a++) mean[a] /= Math.max(numFitted, 1);
  orthonormalise(directions);
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    const next = directions.map(() => new Float64Array(width));
    yield;
    for (let i = 0; i < numRows; i += stride) addProducts(next, directions, mean, data, i * width);
    // A direction without spread (fewer distinct rows than directions) keeps its old place.
    directions = next.map((direction, d) => (direction.some((value) => value !== 0) ? direction : directions[d]));
    orthonormalise(directions);
  }
  const projected = new Float64Array(numRows * numDirections);
  const perStep = rowsPerStep(width * numDirections);
  for (let first = 0; first < numRows; first += perStep) {
    yield;
    for (let i = first; i < Math.min(first + perStep, numRows); i++) projectRow(projected, i, directions, data);
  }
  return { projected, numDirections };
}

/** One row's part of the covariance times each direction.  Mutates: next. */
function addProducts(
  next: readonly Float64Array[],
  directions: readonly Float64Array[],
  mean: Float64Array,
  data: Float32Array,
  row: number,
): void {
  for (let d = 0; d < directions.length; d++) {
    const direction = directions[d];
    const sum = next[d];
    let product = 0;
    for (let a = 0; a < mean.length; a++) product += direction[a] * (data[row + a] - mean[a]);
    for (let a = 0; a < mean.length; a++) sum[a] += product * (data[row + a] - mean[a]);
  }
}

/** Mutates: projected. */
function projectRow(projected: Float64Array, i: number, directions: readonly Float64Array[], data: Float32Array): void {
  for (let d = 0; d < directions.length; d++) {
    const direction = directions[d];
    const width = direction.length;
    let product = 0;
    for (let a = 0; a < width; a++) product += direction[a] * data[i * width + a];
    projected[i * directions.length + d] = product;
  }
}

/** Twice, so that rounding leaves no overlap; a vector that vanishes becomes 0.  Mutates: vectors. */
function orthonormalise(vectors: readonly Float64Array[]): void {
  vectors.forEach((vector, d) => {
    for (let pass = 0; pass < 2; pass++) {
      const before = Math.hypot(...vector);
      for (let e = 0; e < d; e++) {
        const product = vector.reduce((sum, value, a) => sum + value * vectors[e][a], 0);
        for (let a = 0; a < vector.length; a++) vector[a] -= product * vectors[e][a];
      }
      const length = Math.hypot(...vector);
      const isVanished = length <= 1e-12 * before || length === 0;
      for (let a = 0; a < vector.length; a++) vector[a] = isVanished ? 0 : vector[a] / length;
    }
  });
}
