/** Energy of all class centres: every centre with the origin, and every pair.
 *  Math: U(C) = mean_k E(‖c_k‖) + mean_{i<j} E(‖c_i − c_j‖).  U ≥ 2 E*, reached by a regular simplex of origin and
 *  centres with edge r*, which exists iff d ≥ K.  Source: arXiv 2405.01186. */
import type { GraphBuilder, GraphValue } from '@tenfold/core/graph';
import { CLAMP, DEFAULT_POTENTIAL, pairPotential } from './potential.ts';
import type { PotentialParams } from './potential.ts';

export interface CentreEnergyOptions extends PotentialParams {
  /** Count the origin as one more particle that does not move. Default true. */
  readonly hasOrigin?: boolean;
}

/** Centres nearer than this count as one point and are parted along an axis. */
const COINCIDENT = 1e-8;

/** U and its gradient in float64, without a graph.
 *  @param centres  [K, d] row-major  @returns energy and [K, d] gradient.  Cost: O(K²·d). */
export function centreEnergyOf(
  centres: ArrayLike<number>,
  numClasses: number,
  options: CentreEnergyOptions = {},
): { energy: number; gradient: Float64Array } {
  const { hasOrigin = true } = options;
  const width = centres.length / numClasses;
  const gradient = new Float64Array(centres.length);
  const direction = new Float64Array(width);
  let energy = 0;
  const addPair = (i: number, j: number, weight: number) => {
    let square = 0;
    for (let a = 0; a < width; a++) {
      direction[a] = centres[i * width + a] - (j < 0 ? 0 : centres[j * width + a]);
      square += direction[a] ** 2;
    }
    let r = Math.sqrt(square);
    if (r < COINCIDENT) {
      direction.fill(0);
      direction[axisOf(i, j, width)] = r = COINCIDENT;
    }
    const pair = pairPotential(r, options);
    energy += weight * pair.energy;
    for (let a = 0; a < width; a++) {
      const force = (weight * pair.slope * direction[a]) / r;
      gradient[i * width + a] += force;
      if (j >= 0) gradient[j * width + a] -= force;
    }
  };
  const numPairs = (numClasses * (numClasses - 1)) / 2;
  for (let i = 0; i < numClasses; i++) {
    if (hasOrigin) addPair(i, -1, 1 / numClasses);
    for (let j = i + 1; j < numClasses; j++) addPair(i, j, 1 / numPairs);
  }
  return { energy, gradient };
}

/** U as a node. @param centres  [K, d] */
export function centreEnergy(g: GraphBuilder, centres: GraphValue, options: CentreEnergyOptions = {}): GraphValue {
  const { hasOrigin = true } = options;
  const [numClasses, width] = centres.shape as [number, number];
  const first: number[] = [];
  const second: number[] = [];
  for (let i = 0; i < numClasses; i++) {
    for (let j = i + 1; j < numClasses; j++) {
      first.push(i);
      second.push(j);
    }
  }
  const pairs = g.sub(g.gather(centres, indices(g, first)), g.gather(centres, indices(g, second))); // [K(K−1)/2, d]
  const pairAxes = first.map((i, p) => axisOf(i, second[p], width));
  const energy = g.reduceMean(potentialOf(g, lengths(g, pairs, pairAxes), options));
  if (!hasOrigin) return energy;
  const originAxes = Array.from({ length: numClasses }, (_, i) => axisOf(i, -1, width));
  return g.add(energy, g.reduceMean(potentialOf(g, lengths(g, centres, originAxes), options)));
}

function axisOf(i: number, j: number, width: number): number {
  return (i + Math.max(j, 0)) % width;
}

function indices(g: GraphBuilder, values: readonly number[]): GraphValue {
  return g.constant({ dtype: 'int64', shape: [values.length], data: BigInt64Array.from(values, BigInt) });
}

/** [n] lengths of the rows of [n, d]; a row of length 0 gets a tiny length along its axis, and so a direction. */
function lengths(g: GraphBuilder, rows: GraphValue, axes: readonly number[]): GraphValue {
  const squares = g.reduceSum(g.square(rows), { axes: [1], keepdims: true });
  const isZero = g.cast(g.less(squares, COINCIDENT ** 2), rows.dtype); // [n, 1]
  const unit = g.cast(g.oneHot(indices(g, axes), rows.shape[1]), rows.dtype); // [n, d]
  const nudged = g.add(rows, g.mul(unit, g.mul(isZero, COINCIDENT)));
  return g.sqrt(g.reduceSum(g.square(nudged), { axes: [1] }));
}

function potentialOf(g: GraphBuilder, r: GraphValue, params: PotentialParams): GraphValue {
  const { s, t, softCore, isClamped } = { ...DEFAULT_POTENTIAL, ...params };
  const outside = isClamped ? r : g.max(r, softCore);
  const energy = g.sub(g.pow(outside, -s), g.pow(outside, -t));
  if (isClamped) return g.clip(energy, ...CLAMP);
  return g.add(energy, g.mul(g.sub(g.min(r, softCore), softCore), pairPotential(softCore, params).slope));
}
