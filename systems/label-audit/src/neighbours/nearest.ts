/** Nearest neighbours in feature space, exact among a reference set. */
import type { Rng } from '@tenfold/core/base';
import type { Features } from '../types.ts';
import { rowsPerStep } from './steps.ts';
import type { Steps } from './steps.ts';

export interface Neighbours {
  /** [N, k] rows, nearest first. */
  readonly rows: Uint32Array;
  /** [N, k] Euclidean distances. */
  readonly distances: Float32Array;
  readonly k: number;
  /** How many samples could be neighbours: N, or a random part of them. */
  readonly numReferences: number;
}

/** Multiply-adds that are spent; above, neighbours are sought in a random part of the samples. */
const MAX_PRODUCTS = 1e9;

/** k nearest other samples of every sample. Cost: O(N · references · d). */
export function* nearestNeighbours(features: Features, k: number, rng: Rng): Steps<Neighbours> {
  const { numRows, width, data } = features;
  const numReferences = Math.max(
    Math.min(numRows, k + 1),
    Math.min(numRows, Math.floor(MAX_PRODUCTS / (numRows * width))),
  );
  const references =
    numReferences === numRows
      ? Uint32Array.from({ length: numRows }, (_, i) => i)
      : rng
          .shuffle(Uint32Array.from({ length: numRows }, (_, i) => i))
          .slice(0, numReferences)
          .sort();
  const used = Math.min(k, numReferences - 1);
  const squares = new Float64Array(numRows);
  for (let i = 0; i < numRows; i++) for (let a = 0; a < width; a++) squares[i] += data[i * width + a] ** 2;
  const rows = new Uint32Array(numRows * used);
  const distances = new Float32Array(numRows * used);
  const found = { rows, distances, best: new Float64Array(used) };
  const perStep = rowsPerStep(numReferences * width);
  for (let first = 0; first < numRows; first += perStep) {
    yield;
    for (let i = first; i < Math.min(first + perStep, numRows); i++)
      findNearest(found, i, features, squares, references);
  }
  return { rows, distances, k: used, numReferences };
}

/** Mutates: found. */
function findNearest(
  found: { readonly rows: Uint32Array; readonly distances: Float32Array; readonly best: Float64Array },
  i: number,
  { width, data }: Features,
  squares: Float64Array,
  references: Uint32Array,
): void {
  const { rows, distances, best } = found;
  const used = best.length;
  const base = i * used;
  best.fill(Infinity);
  for (let r = 0; r < references.length; r++) {
    const j = references[r];
    if (j === i) continue;
    const square = squares[i] + squares[j] - 2 * innerProduct(data, i * width, j * width, width);
    if (square >= best[used - 1]) continue;
    let place = used - 1;
    while (place > 0 && best[place - 1] > square) {
      best[place] = best[place - 1];
      rows[base + place] = rows[base + place - 1];
      place--;
    }
    best[place] = square;
    rows[base + place] = j;
  }
  for (let n = 0; n < used; n++) distances[base + n] = Math.sqrt(Math.max(best[n], 0));
}

/** Four sums at once, so that one addition need not wait for the other. */
function innerProduct(data: Float32Array, p: number, q: number, width: number): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let a = 0;
  for (; a + 3 < width; a += 4) {
    s0 += data[p + a] * data[q + a];
    s1 += data[p + a + 1] * data[q + a + 1];
    s2 += data[p + a + 2] * data[q + a + 2];
    s3 += data[p + a + 3] * data[q + a + 3];
  }
  for (; a < width; a++) s0 += data[p + a] * data[q + a];
  return s0 + s1 + s2 + s3;
}

/** Wide features in 64 random directions, distances kept on average.
 *  Source: Johnson & Lindenstrauss 1984; signs instead of normals, Achlioptas 2003.
 *  @returns the features themselves if they have no more columns */
export function* projectFeatures(features: Features, rng: Rng): Steps<Features> {
  const { numRows, width } = features;
  if (width <= PROJECTED_WIDTH) return features;
  const signs = Float32Array.from(
    { length: width * PROJECTED_WIDTH },
    () => (rng.integer(2) * 2 - 1) / Math.sqrt(PROJECTED_WIDTH),
  );
  const projected = new Float32Array(numRows * PROJECTED_WIDTH);
  const sums = new Float64Array(PROJECTED_WIDTH);
  const perStep = rowsPerStep(width * PROJECTED_WIDTH);
  for (let first = 0; first < numRows; first += perStep) {
    yield;
    for (let i = first; i < Math.min(first + perStep, numRows); i++) {
      projectRow(sums, features, i, signs);
      projected.set(sums, i * PROJECTED_WIDTH);
    }
  }
  return { numRows, width: PROJECTED_WIDTH, data: projected };
}

/** Mutates: sums. */
function projectRow(sums: Float64Array, { width, data }: Features, i: number, signs: Float32Array): void {
  sums.fill(0);
  for (let a = 0; a < width; a++) {
    const value = data[i * width + a];
    if (value === 0) continue; // pictures and texts are mostly zeros
    for (let b = 0, at = a * PROJECTED_WIDTH; b < PROJECTED_WIDTH; b++) sums[b] += value * signs[at++];
  }
}

const PROJECTED_WIDTH = 64;

/** Share of the neighbours that carry the same label. @returns [N] */
export function neighbourAgreement({ rows, k }: Neighbours, labels: ArrayLike<number>): Float32Array {
  return Float32Array.from({ length: k === 0 ? 0 : rows.length / k }, (_, i) => {
    let same = 0;
    for (let n = 0; n < k; n++) if (labels[rows[i * k + n]] === labels[i]) same++;
    return same / k;
  });
}

/** Mean distance to the neighbours over the median of all such means: far above 1 lies an outlier. @returns [N] */
export function outlierRatios({ distances, k }: Neighbours): Float32Array {
  const means = Float32Array.from({ length: k === 0 ? 0 : distances.length / k }, (_, i) => {
    let sum = 0;
    for (let n = 0; n < k; n++) sum += distances[i * k + n];
    return sum / k;
  });
  const median = means.slice().sort()[means.length >> 1];
  return means.map((mean) => (median > 0 ? mean / median : 0));
}
