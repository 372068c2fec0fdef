/** Bayes repair: the true class given features and given label.
 *  Math: p(k | x, s) ∝ P[x, k] · Q[s | k] with Q the noise matrix: given class s, true class k. */
import { runInMemory } from '../passes.ts';
import type { Passes } from '../passes.ts';
import type { Probabilities } from '../types.ts';
import { createPowerTable, powerOf } from './power-table.ts';
import type { PowerTable } from './power-table.ts';

export interface Posterior {
  /** [N] class with the largest posterior. */
  readonly suggested: Uint16Array;
  /** [N] posterior of the given label: the probability that it is right. */
  readonly givenProbability: Float64Array;
}

export interface PosteriorOptions {
  /** Rows are raised to it and scaled to 1 first: 1/T of a fitted temperature, default 1. */
  readonly exponent?: number;
}

/** @param noiseMatrix  [given · K + true]
 *  Differs: where label and row exclude each other (all products 0) the row alone decides. */
export function posteriorOfTruth(
  labels: ArrayLike<number>,
  probabilities: Probabilities,
  noiseMatrix: Float64Array,
  options: PosteriorOptions = {},
): Posterior {
  return runInMemory(posteriorPass(labels, noiseMatrix, options), probabilities);
}

/** As posteriorOfTruth, in one pass. Only classes that the noise matrix turns into the given label are looked at. */
export function* posteriorPass(
  labels: ArrayLike<number>,
  noiseMatrix: Float64Array,
  { exponent = 1 }: PosteriorOptions = {},
): Passes<Posterior> {
  const suggested = new Uint16Array(labels.length);
  const givenProbability = new Float64Array(labels.length);
  const numClasses = Math.round(Math.sqrt(noiseMatrix.length));
  const sources = Array.from({ length: numClasses }, (_, given) => {
    const possible: number[] = [];
    for (let k = 0; k < numClasses; k++) if (noiseMatrix[given * numClasses + k] > 0) possible.push(k);
    return Int32Array.from(possible);
  });
  const table = createPowerTable(exponent);
  const from: PosteriorInputs = { labels, noiseMatrix, numClasses, sources, exponent, table };
  yield (block, start) => fillPosterior({ suggested, givenProbability }, block, start, from);
  return { suggested, givenProbability };
}

interface PosteriorInputs {
  readonly labels: ArrayLike<number>;
  readonly noiseMatrix: Float64Array;
  readonly numClasses: number;
  /** For each given label the true classes that can carry it. */
  readonly sources: readonly Int32Array[];
  readonly exponent: number;
  readonly table: PowerTable;
}

/** A function of its own, as its loop runs twice as fast with locals as with the variables of a generator.
 *  Mutates: the posterior of the block's rows. */
function fillPosterior(
  { suggested, givenProbability }: Posterior,
  { data, numRows }: Probabilities,
  start: number,
  { labels, noiseMatrix, numClasses, sources, exponent, table }: PosteriorInputs,
): void {
  const bits = data instanceof Float32Array ? new Uint32Array(data.buffer, data.byteOffset, data.length) : undefined;
  const { octaves, mantissas } = table;
  const weights = new Float64Array(numClasses);
  for (let i = start, row = 0; i < start + numRows; i++, row += numClasses) {
    const given = labels[i];
    const possible = sources[given];
    const noise = given * numClasses;
    // One go over the classes without branches, then one that only compares.
    let total = 0;
    if (bits === undefined) {
      for (let t = 0; t < possible.length; t++) {
        const k = possible[t];
        total += weights[k] = data[row + k] ** exponent * noiseMatrix[noise + k];
      }
    } else if (possible.length === numClasses) {
      for (let k = 0; k < numClasses; k++)
        total += weights[k] = powerOf(octaves, mantissas, bits[row + k]) * noiseMatrix[noise + k];
    } else {
      for (let t = 0; t < possible.length; t++) {
        const k = possible[t];
        total += weights[k] = powerOf(octaves, mantissas, bits[row + k]) * noiseMatrix[noise + k];
      }
    }
    // Most labels are right, so the search starts at the given one; of equal classes the lowest is taken.
    let best = given;
    let largest = noiseMatrix[noise + given] > 0 ? weights[given] : 0;
    for (let t = 0; t < possible.length; t++) {
      const k = possible[t];
      if (weights[k] < largest || (weights[k] === largest && k >= best)) continue;
      largest = weights[k];
      best = k;
    }
    if (total > 0) givenProbability[i] = noiseMatrix[noise + given] > 0 ? weights[given] / total : 0;
    else {
      best = given;
      for (let k = 0; k < numClasses; k++) {
        if (data[row + k] <= largest) continue;
        largest = data[row + k];
        best = k;
      }
      givenProbability[i] = data[row + given];
    }
    suggested[i] = best;
  }
}
