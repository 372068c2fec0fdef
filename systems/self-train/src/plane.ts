/** Feature space as a picture: the two directions of largest spread, turned so that rounds can be compared. */
import { createRng } from '@tenfold/core/base';
import type { Features } from './types.ts';

export interface PlaneMap {
  /** [N, 2] */
  readonly points: Float64Array;
  /** [K, 2] */
  readonly bases: Float64Array;
}

const POWER_STEPS = 60;

/** Principal plane of the features; bases are placed in the same plane.
 *  @param previous  points of the same samples one round before: the new picture is turned and mirrored towards them
 *  Cost: O(steps · d²) after one pass over the rows. */
export function mapToPlane(features: Features, bases: Float64Array, previous?: Float64Array): PlaneMap {
  const { numRows, width, data } = features;
  const mean = new Float64Array(width);
  for (let i = 0; i < data.length; i++) mean[i % width] += data[i] / numRows;
  const covariance = new Float64Array(width * width);
  for (let n = 0; n < numRows; n++) {
    for (let a = 0; a < width; a++) {
      const value = data[n * width + a] - mean[a];
      for (let b = 0; b <= a; b++) covariance[a * width + b] += value * (data[n * width + b] - mean[b]);
    }
  }
  for (let a = 0; a < width; a++) for (let b = 0; b < a; b++) covariance[b * width + a] = covariance[a * width + b];
  const first = leadingDirection(covariance, width, []);
  const second = leadingDirection(covariance, width, [first]);
  const place = (rows: ArrayLike<number>, count: number) => {
    const placed = new Float64Array(2 * count);
    for (let n = 0; n < count; n++) {
      for (let a = 0; a < width; a++) {
        const value = rows[n * width + a] - mean[a];
        placed[2 * n] += value * first[a];
        placed[2 * n + 1] += value * second[a];
      }
    }
    return placed;
  };
  const [points, placed] = [place(data, numRows), place(bases, bases.length / width)];
  if (previous?.length === points.length) {
    const change = turnTowards(points, previous);
    for (const rows of [placed, points]) turn(rows, change);
  }
  return { points, bases: placed };
}

/** Power iteration, kept orthogonal to the directions found before. */
function leadingDirection(matrix: Float64Array, width: number, found: readonly Float64Array[]): Float64Array {
  const rng = createRng(1, `plane/${found.length}`);
  let vector = Float64Array.from({ length: width }, () => rng.normal());
  for (let step = 0; step < POWER_STEPS; step++) {
    const next = new Float64Array(width);
    for (let a = 0; a < width; a++) for (let b = 0; b < width; b++) next[a] += matrix[a * width + b] * vector[b];
    for (const other of found) {
      const overlap = next.reduce((sum, value, a) => sum + value * other[a], 0);
      for (let a = 0; a < width; a++) next[a] -= overlap * other[a];
    }
    const norm = Math.sqrt(next.reduce((sum, value) => sum + value * value, 0));
    vector = norm > 0 ? next.map((value) => value / norm) : next;
  }
  return vector;
}

/** The best rotation or reflection of the plane (orthogonal Procrustes, closed form in two dimensions). */
function turnTowards(points: Float64Array, target: Float64Array): readonly [number, number, number, number] {
  const sums = [0, 0, 0, 0];
  for (let i = 0; i < points.length; i += 2) {
    sums[0] += points[i] * target[i];
    sums[1] += points[i] * target[i + 1];
    sums[2] += points[i + 1] * target[i];
    sums[3] += points[i + 1] * target[i + 1];
  }
  const [xx, xy, yx, yy] = sums;
  const rotation = Math.hypot(xx + yy, xy - yx);
  const reflection = Math.hypot(xx - yy, xy + yx);
  if (rotation === 0 && reflection === 0) return [1, 0, 0, 1];
  if (rotation >= reflection) {
    const [cosine, sine] = [(xx + yy) / rotation, (xy - yx) / rotation];
    return [cosine, -sine, sine, cosine];
  }
  const [cosine, sine] = [(xx - yy) / reflection, (xy + yx) / reflection];
  return [cosine, sine, sine, -cosine];
}

/** Mutates: rows. */
function turn(rows: Float64Array, [a, b, c, d]: readonly [number, number, number, number]): void {
  for (let i = 0; i < rows.length; i += 2) {
    const [x, y] = [rows[i], rows[i + 1]];
    rows[i] = a * x + b * y;
    rows[i + 1] = c * x + d * y;
  }
}
